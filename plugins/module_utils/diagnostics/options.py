# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``est_diagnostics``: Ansible's argument spec as plain data, and reading the values given."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Tuple

from ..store.layout import DEFAULT_STORE_PATH
from ..template.errors import TemplateError, show
from ..template.naming import check_text
from ..test_enroll.options import absolute_folder

#: Options that are numbers, with the smallest and largest value.
RANGES = {
    "max_log_bytes": (1024, 100 * 1024 * 1024),
    "connect_timeout": (1, 300),
    "timeout": (10, 3600),
}


@dataclass(frozen=True)
class Asked:
    """What is asked, checked.

    :param dest: the folder on the controller, as it was given.
    :param redact: further texts to take out.
    """

    dest: str
    store_path: str
    output_path: str
    log_path: Tuple[str, ...]
    max_log_bytes: int
    connect_timeout: int
    timeout: int
    redact: Tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class PathRules:
    """How paths are written on a host.

    :param folder: checks the path of a folder, by the name of its option, and returns its one spelling. Raises
        TemplateError.
    :param log: the same for a folder, a file or a glob of logs.
    :param separator: what stands between two names.
    :param default_logs: where the logs of the product are.
    """

    folder: Callable[[str, str], str]
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
        "dest": {"type": "str", "required": True},
        "store_path": {"type": "str", "default": DEFAULT_STORE_PATH},
        "output_path": {"type": "str"},
        "log_path": {"type": "list", "elements": "str"},
        "max_log_bytes": {"type": "int", "default": 10 * 1024 * 1024},
        "redact": {"type": "list", "elements": "str", "default": [], "no_log": True},
        "connect_timeout": {"type": "int", "default": 10},
        "timeout": {"type": "int", "default": 120},
    }


def read_options(options: Mapping[str, Any], paths: PathRules = POSIX_PATHS) -> Asked:
    """Check the values of the options.

    :param options: by the names of :func:`argument_spec`, with types and defaults.
    :param paths: those of the host.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    check_text("dest", options["dest"])
    for name, (smallest, largest) in RANGES.items():
        if not smallest <= options[name] <= largest:
            raise TemplateError(name, "is out of range", value=show(options[name]), allowed=f"{smallest} to {largest}")
    given = options["log_path"]
    log_path = paths.default_logs if given is None else given
    store_path = paths.folder("store_path", options["store_path"])
    output_path = options["output_path"]
    return Asked(
        dest=options["dest"],
        store_path=store_path,
        output_path=f"{store_path}{paths.separator}tests"
        if output_path is None
        else paths.folder("output_path", output_path),
        log_path=tuple(paths.log(f"log_path[{index}]", path) for index, path in enumerate(log_path)),
        redact=tuple(text for text in options["redact"] if text.strip()),
        **{name: options[name] for name in RANGES},
    )
