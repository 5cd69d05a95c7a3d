# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``est_server_info``: Ansible's argument spec as plain data, and reading the values given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from ..template.errors import TemplateError
from ..template.fields import argument_spec as template_argument_spec
from ..template.model import Template
from ..test_enroll.exchange_options import RANGES, ExchangeOptions, exchange_argument_spec, read_exchange_options
from ..test_enroll.options import absolute_folder, stored_name

#: The options of a template that say how to reach its EST server.
CONNECTION_OPTIONS = (
    "server",
    "port",
    "label",
    "username",
    "password",
    "ca_certificate",
    "ca_path",
    "ca_fingerprint",
    "use_system_trust",
    "client_certificate_path",
    "client_key_path",
    "client_key_passphrase",
    "proxy",
)
#: Options that :func:`read_options` checks, whatever type they have.
CHECKED = ("template", *CONNECTION_OPTIONS, *RANGES)


@dataclass(frozen=True)
class Asked:
    """What is asked, checked.

    :param template_name: of a template in the store of the host; ``None`` where the server is given by options.
    :param given: a template that holds those options.
    """

    template_name: Optional[str]
    given: Optional[Template]
    store_path: str
    exchange_options: ExchangeOptions


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_server_info``."""
    connection = template_argument_spec()
    return {
        "template": {"type": "str"},
        "store_path": {"type": "str", "default": "/var/lib/cloud_extender/est"},
        **exchange_argument_spec(),
        **{name: connection[name] for name in CONNECTION_OPTIONS},
    }


def read_options(options: Mapping[str, Any], check_folder: Callable[[str, str], str] = absolute_folder) -> Asked:
    """Check the values of the options.

    :param options: by the names of :func:`argument_spec`, with defaults; those of :data:`CHECKED` may be of any type.
    :param check_folder: checks the path of a folder on the host.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    exchange_options = ExchangeOptions(**read_exchange_options(options))
    given = {name: options[name] for name in CONNECTION_OPTIONS if options[name] not in (None, False)}
    name = options["template"]
    if name is not None and given:
        raise TemplateError(
            next(iter(given)), "is given, and template too", allowed="a template, or a server and how to reach it"
        )
    if name is None and "server" not in given:
        raise TemplateError("server", "is missing", allowed="the name of an EST server, or template")
    if name is not None:
        name = stored_name(name)
    return Asked(
        template_name=name,
        given=None if name is not None else Template.from_options({"name": "est_server_info", **given}),
        store_path=check_folder("store_path", options["store_path"]),
        exchange_options=exchange_options,
    )
