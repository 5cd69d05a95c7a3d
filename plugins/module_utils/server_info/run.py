# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at an EST server, and its result with the keys that playbooks rely on."""

from __future__ import annotations

from typing import Any, Dict

from ..est.errors import EstError
from ..est.server_info import server_info, unverified_server_info
from ..est.timeline import Timeline
from ..template.model import Template
from ..test_enroll.connection import Connector, Destination, configured_trust, connected
from ..test_enroll.exchange_options import ExchangeOptions


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
    else:
        with connected(connector, destination, trust) as (client, transport):
            found = server_info(client, transport, trust)
    return {"changed": False, **found, "exchange": connector.exchange, "timeline": timeline.as_list()}


def failure(error: EstError, exchange: str, timeline: Timeline) -> Dict[str, Any]:
    """The result of a look that failed: where, why, and what to do next."""
    sentences = [f"Looking at the EST server failed at stage {error.stage}: {error.reason}."]
    if error.server_message:
        sentences.append(f"The server says: {error.server_message.rstrip('.')!r}.")
    if error.hint:
        sentences.append(error.hint)
    return {
        "failed": True,
        "changed": False,
        "msg": " ".join(sentences),
        "stage": error.stage,
        "reason": error.reason,
        "http_status": error.http_status,
        "server_message": error.server_message,
        "hint": error.hint,
        "exchange": exchange,
        "timeline": timeline.as_list(),
    }


def input_failure(reason: str, exchange: str) -> Dict[str, Any]:
    """The result where an option, the store or the template cannot be used: nothing was sent."""
    return {**failure(EstError(reason), exchange, Timeline()), "msg": reason}
