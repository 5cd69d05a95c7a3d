# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at an EST server, and its result with the keys that playbooks rely on."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .._template.errors import TemplateError
from .._template.fields import argument_spec as template_argument_spec
from .._template.model import Template
from .._value import Value
from ..est.base.errors import EstError, Timeline
from ..est.server_info import server_info, unverified_server_info
from .connection import Connector, Destination, configured_trust, connected
from .hints import UNVERIFIED, hint_of
from .options import (
    RANGES,
    CheckFolder,
    ExchangeOptions,
    absolute_folder,
    exchange_argument_spec,
    read_exchange_options,
    stored_name,
)

# ----------------------------------------------------------------------------------------------------------------------
# The options of ``est_server_info``: Ansible's argument spec as plain data, and reading the values given.

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
#: Options that ``read_options()`` checks, whatever type they have.
CHECKED = ("template", *CONNECTION_OPTIONS, *RANGES)


class ServerInfoParameters(Value):
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
        "store_path": {"type": "str"},
        **exchange_argument_spec(),
        **{name: connection[name] for name in CONNECTION_OPTIONS},
    }


def read_options(options: Mapping[str, Any], check_folder: CheckFolder = absolute_folder) -> ServerInfoParameters:
    """Check the values of the options.

    :param options: by the names of ``argument_spec()``, with defaults; those of ``CHECKED`` may be of any type.
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
    return ServerInfoParameters(
        template_name=name,
        given=None if name is not None else Template.from_options({"name": "est_server_info", **given}),
        store_path=check_folder("store_path", options["store_path"]),
        exchange_options=exchange_options,
    )


# ----------------------------------------------------------------------------------------------------------------------


def look(template: Template, options: ExchangeOptions, connector: Connector, timeline: Timeline) -> Dict[str, Any]:
    """Ask the EST server of a template what it says of itself.

    Where the template says nothing of trust, only the CA certificates are fetched, over a connection that is not
    verified and on which nothing else can be sent.

    :returns: the result of ``est_server_info`` as plain data; see its documentation.
    :raises EstError: with the stage at which it failed; ``timeline`` has the stages up to there.
    """
    connector.refuse_unsupported(template, options)
    destination = Destination.of(template, options, timeline)
    trust = configured_trust(template, connector)
    if trust is None and destination.fingerprint is not None:
        trust = connector.bootstrap(destination, destination.fingerprint)
    if trust is None:
        found = unverified_server_info(destination.url, connector.fetch_unauthenticated(destination))
        found["hint"] = UNVERIFIED
    else:
        with connected(connector, destination, trust) as (client, transport):
            found = server_info(client, transport, trust)
    return {"changed": False, **found, "exchange": connector.exchange, "timeline": timeline.as_list()}


def failure(error: EstError, exchange: str, timeline: Timeline) -> Dict[str, Any]:
    """The result of a look that failed: where, why, and what to do next."""
    sentences = [f"Looking at the EST server failed at stage {error.stage}: {error.reason}."]
    if error.server_message:
        sentences.append(f"The server says: {error.server_message.rstrip('.')!r}.")
    hint = hint_of(error)
    if hint:
        sentences.append(hint)
    return {
        "failed": True,
        "changed": False,
        "msg": " ".join(sentences),
        "stage": error.stage,
        "reason": error.reason,
        "http_status": error.http_status,
        "server_message": error.server_message,
        "hint": hint,
        "exchange": exchange,
        "timeline": timeline.as_list(),
    }


def input_failure(reason: str, exchange: str) -> Dict[str, Any]:
    """The result where an option, the store or the template cannot be used: nothing was sent."""
    return {**failure(EstError(reason), exchange, Timeline()), "msg": reason}
