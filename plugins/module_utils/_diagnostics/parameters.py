# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``est_diagnostics``: Ansible's argument spec as plain data, and reading the values given."""

from __future__ import annotations

import json
import posixpath
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .._exchange.options import CheckFolder, absolute_folder
from .._template.errors import TemplateError, show
from .._template.fields import FIELDS, SECRET_FIELDS
from .._template.model import Template
from .._template.names import check_text
from .._value import Value, field
from ..est.base.errors import EstError
from ..est.http.url import EstUrl

# ----------------------------------------------------------------------------------------------------------------------
# Which EST servers to look at: one look for all templates that reach the same server in the same way.

#: Servers that are looked at, at most.
MAX_SERVERS = 16

_ROUTE_FIELDS = (
    "server",
    "port",
    "label",
    "base_path",
    "proxy",
    "ca_certificate",
    "ca_path",
    "ca_fingerprint",
    "use_system_trust",
    "client_certificate_path",
    "client_key_path",
)


def find_targets(templates: Sequence[Mapping[str, Any]]) -> Tuple[List[Dict[str, Any]], List[Tuple[str, str, str]]]:
    """Group templates by how they reach their EST server.

    :param templates: as ``describe_store()`` describes them.
    :returns: targets, ``{"templates": [names], "fields": {...}}`` with fields that hold no account, and what cannot be
        looked at: the template's name, a code and why.
    """
    targets: Dict[str, Dict[str, Any]] = {}
    unusable: List[Tuple[str, str, str]] = []
    names = {field.name for field in FIELDS if field.name not in SECRET_FIELDS}
    for described in templates:
        fields = {name: value for name, value in described.items() if name in names and name != "username"}
        if described.get("client_key_passphrase_set"):
            # Without its passphrase, which is not given to the host for this, the key cannot be used.
            del fields["client_certificate_path"], fields["client_key_path"]
        try:
            template = Template.from_fields(fields, {})
            EstUrl.build(template.server, template.port, template.label, template.base_path)
        except (TemplateError, EstError) as error:
            unusable.append((str(described.get("name", "")), error.code, str(error)))
            continue
        plain = template.as_fields()
        key = json.dumps([plain[name] for name in _ROUTE_FIELDS])
        target = targets.setdefault(key, {"templates": [], "fields": plain})
        target["templates"].append(template.name)
    chosen = list(targets.values())
    for target in chosen[MAX_SERVERS:]:
        unusable.extend(
            (name, "not_collected", f"at most {MAX_SERVERS} EST servers are looked at") for name in target["templates"]
        )
    return chosen[:MAX_SERVERS], unusable


# ----------------------------------------------------------------------------------------------------------------------

#: Options that are numbers, with the smallest and largest value.
RANGES = {
    "max_log_size": (1024, 100 * 1024 * 1024),
    "connect_timeout": (1, 300),
    "time_limit": (10, 3600),
}


class DiagnosticsParameters(Value):
    """What is asked, checked.

    :param dest: the folder on the controller, as it was given.
    :param redact: further texts to take out.
    """

    dest: str
    store_path: str
    output_path: str
    log_paths: Tuple[str, ...]
    max_log_size: int
    connect_timeout: int
    time_limit: int
    redact: Tuple[str, ...] = field(repr=False)


class PathRules(Value):
    """How paths are written on a host.

    :param folder: checks the path of a folder, by the name of its option, and returns its one spelling. Raises
        TemplateError.
    :param log: the same for a folder, a file or a glob of logs.
    :param separator: what stands between two names.
    :param default_logs: where the logs of the product are.
    """

    folder: CheckFolder
    log: Callable[[str, str], str]
    separator: str
    default_logs: Tuple[str, ...]


def _posix_log(option: str, path: str) -> str:
    check_text(option, path)
    if not posixpath.isabs(path):
        raise TemplateError(
            option,
            "is not an absolute path",
            value=show(path),
            allowed="a folder, a file or a glob such as /var/log/product/*.log",
        )
    return path


#: The product has no build for POSIX hosts, so there is no place for its logs.
POSIX_PATHS = PathRules(absolute_folder, _posix_log, "/", ())


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_diagnostics``."""
    return {
        "dest": {"type": "path", "required": True},
        "store_path": {"type": "str"},
        "output_path": {"type": "str"},
        "log_paths": {"type": "list", "elements": "str"},
        "max_log_size": {"type": "int", "default": 10 * 1024 * 1024},
        "redact": {"type": "list", "elements": "str", "default": [], "no_log": True},
        "connect_timeout": {"type": "int", "default": 10},
        "time_limit": {"type": "int", "default": 120},
    }


def read_options(options: Mapping[str, Any], paths: PathRules = POSIX_PATHS) -> DiagnosticsParameters:
    """Check the values of the options.

    :param options: by the names of ``argument_spec()``, with types and defaults.
    :param paths: those of the host.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    check_text("dest", options["dest"])
    for name, (smallest, largest) in RANGES.items():
        if not smallest <= options[name] <= largest:
            raise TemplateError(name, "is out of range", value=show(options[name]), allowed=f"{smallest} to {largest}")
    given = options["log_paths"]
    log_paths = paths.default_logs if given is None else given
    store_path = paths.folder("store_path", options["store_path"])
    output_path = options["output_path"]
    return DiagnosticsParameters(
        dest=options["dest"],
        store_path=store_path,
        output_path=f"{store_path}{paths.separator}tests"
        if output_path is None
        else paths.folder("output_path", output_path),
        log_paths=tuple(paths.log(f"log_paths[{index}]", path) for index, path in enumerate(log_paths)),
        redact=tuple(text for text in options["redact"] if text.strip()),
        **{name: options[name] for name in RANGES},
    )
