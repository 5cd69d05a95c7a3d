# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that relays: the Python twins of the relay and of what reads a file, run in the process of a test."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import relay
from ansible_collections.estfleet.cloud_extender.plugins.modules import est_read_file
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import RelayConnector

PREFIX = "estfleet.cloud_extender."
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("proxy_host", "proxy_port", "anchors", "client_certificate", "client_key")),
    "connect_timeout": 10,
    "timeout": 30,
    "max_answer_size": 1114112,
}


class RelayHost:
    """Runs the modules, and remembers what was asked of the relay and what it said.

    :ivar change: changes what the relay says, where a test makes something up.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.change: Any = None

    def execute(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module, as an action does."""
        given = json.loads(json.dumps(arguments))
        if name.endswith("est_read_file"):
            octets, problem = est_read_file.read(given["path"], given["max_size"])
            return {"content": base64.b64encode(octets).decode(), "problem": problem}
        assert name in (f"{PREFIX}est_relay", f"{PREFIX}win_est_relay")
        assert set(given) <= {*DEFAULTS, "host", "port", "trust", "requests"}
        self.asked.append(given)
        result = relay.run({**DEFAULTS, **given})
        self.said.append(json.dumps(result))
        found: dict[str, Any] = json.loads(self.said[-1])
        return self.change(found) if self.change is not None else found

    def connector(self, prefix: str = "") -> RelayConnector:
        """Return what lets this host relay.

        :param prefix: ``win_`` for what the controller does with a Windows host.
        """
        return RelayConnector(self.execute, lambda module: f"{PREFIX}{prefix}{module}")

    def requests(self, call: int = -1) -> list[bytes]:
        """Return the requests of a call."""
        return [base64.b64decode(request) for request in self.asked[call]["requests"]]
