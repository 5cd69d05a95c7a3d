# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at an EST server, and its result with the keys that playbooks rely on."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .._template.model import Template
from .._value import Value
from ..est.base.errors import Timeline
from ..est.server_info import server_info, unverified_server_info
from .connection import Connector, Destination, configured_trust, connected
from .hints import UNVERIFIED
from .options import (
    RANGES,
    CheckFolder,
    ExchangeOptions,
    absolute_folder,
    exchange_argument_spec,
    inline_template,
    read_exchange_options,
    stored_name,
    template_choice_argument_spec,
)

# ----------------------------------------------------------------------------------------------------------------------
# The options of ``est_server_info``: Ansible's argument spec as plain data, and reading the values given.

#: Options that ``read_options()`` checks, whatever type they have.
CHECKED = ("template", "inline", *RANGES)


class ServerInfoParameters(Value):
    """What is asked, checked.

    :param template_name: the template's name, from the store or inline.
    :param inline: the template where it is given inline, else it is in the store of the host.
    """

    template_name: str
    inline: Optional[Template]
    store_path: str
    exchange_options: ExchangeOptions


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_server_info``."""
    return {**template_choice_argument_spec(), **exchange_argument_spec()}


def read_options(options: Mapping[str, Any], check_folder: CheckFolder = absolute_folder) -> ServerInfoParameters:
    """Check the values of the options.

    :param options: by the names of ``argument_spec()``, with defaults; those of ``CHECKED`` may be of any type.
    :param check_folder: checks the path of a folder on the host.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    inline = inline_template(options)
    return ServerInfoParameters(
        template_name=inline.name if inline is not None else stored_name(options["template"]),
        inline=inline,
        store_path=check_folder("store_path", options["store_path"]),
        exchange_options=ExchangeOptions(**read_exchange_options(options)),
    )


# ----------------------------------------------------------------------------------------------------------------------


def look(template: Template, options: ExchangeOptions, connector: Connector, timeline: Timeline) -> Dict[str, Any]:
    """Ask the EST server of a template what it says of itself.

    Where the template says nothing of trust, only the CA certificates are fetched, over a connection that is not
    verified and on which nothing else can be sent.

    :returns: the result of ``est_server_info`` as plain data; see its documentation.
    :raises EstError: with the stage at which it failed; ``timeline`` has the stages up to there.
    """
    # No request is sent, so no enrolment code is needed, and an exchange that cannot have one will do.
    template = template.replace(challenge_password=None)
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
    return {
        "changed": False,
        "template": template.name,
        **found,
        "exchange": connector.exchange,
        "timeline": timeline.as_list(),
    }
