# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host sees of one EST server: a GET of /cacerts through the relay, as a test begins with.

The module verifies the server before it sends anything, so an answer says that name, connection, TLS and trust are all
right; where there is none, its words say which is not. Only where they do not, ``win_wait_for`` tells of the
connection.
"""

from __future__ import annotations

import base64
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import (
    Connector,
    Destination,
    configured_trust,
    connected,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    Timeline,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import read_http_date
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.proxy import Proxy
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import is_self_signed

from ..base.host_answer import Execute
from .host import Refused, WindowsHost

_RELAY = "estfleet.cloud_extender.win_est_relay"
_WAY = ("resolve", "connect", "tls")
_BY_MODULE = f"by {_RELAY} on the host"
_LONGEST_WAIT = 30


class WindowsProbe:
    """Looks at EST servers from a Windows host.

    :param execute: runs a module on the host, in check mode too.
    :param make_connector: makes the way to a server from what runs a module.
    :param step_seconds: for a connection alone.
    """

    def __init__(
        self, host: WindowsHost, execute: Execute, make_connector: Callable[[Execute], Connector], step_seconds: int
    ) -> None:
        self._host = host
        self._execute = execute
        self._make_connector = make_connector
        self._step_seconds = step_seconds

    def __call__(self, fields: Mapping[str, Any], seconds: float, clock: Optional[Sequence[float]]) -> dict[str, Any]:
        """Look at the EST server of a template; see ``probe()``.

        :param fields: of the template, without account and secrets.
        :param seconds: that are left.
        :param clock: how far the host's clock is ahead of the controller's, at least and at most.
        """
        template = Template.from_fields(fields, {})
        url = EstUrl.build(template.server, template.port, template.label, template.base_path)
        heard = _Heard(self._execute)
        timeline = Timeline()
        steps: dict[str, dict[str, Any]] = {}
        try:
            require_libraries()
            found = self._ask(template, heard, timeline, seconds)
        except (EstError, StoreError) as error:
            answered = _is_answered(timeline)
            self._failed(error, template, url, heard.asked, answered, steps)
        else:
            answered = True
            steps["est"] = {"ok": True, "milliseconds": None, "found": found}
        if answered:
            steps.update({stage: _fine(_BY_MODULE) for stage in _WAY})
            steps["trust"] = {**_fine(_trusted_by(template)), "kind": "system"}
            steps["clock"] = _clock(heard, clock)
        order = (*_WAY, "trust", "clock", "est")
        return {
            "server": url.authority,
            "url": url.base,
            "proxy": template.proxy,
            "steps": {name: steps[name] for name in order if name in steps},
        }

    def _ask(self, template: Template, heard: _Heard, timeline: Timeline, seconds: float) -> dict[str, Any]:
        limit = max(1, min(_LONGEST_WAIT, int(seconds)))
        options = TestOptions(connect_timeout=min(self._step_seconds, limit), timeout=limit)
        connector = self._make_connector(heard)
        connector.refuse_unsupported(template, options)
        destination = Destination.of(template, options, timeline)
        trust = configured_trust(template, connector)
        if trust is None and destination.fingerprint is not None:
            trust = connector.bootstrap(destination, destination.fingerprint)
        if trust is None:
            connector.fetch_unauthenticated(destination)  # which refuses
        now = datetime.now(timezone.utc)
        with connected(connector, destination, trust) as (client, _transport):
            authorities = client.cacerts()
            described = authorities.describe(now)
        certificates = [
            {**words, "self_signed": is_self_signed(certificate)}
            for words, certificate in zip(described, authorities.certificates)
        ]
        return {
            "trusted": True,
            "ca_certificates": certificates,
            "authentication": None,
            "warnings": list(destination.url.warnings),
        }

    def _failed(
        self,
        error: EstError | StoreError,
        template: Template,
        url: EstUrl,
        asked: bool,
        answered: bool,
        steps: dict[str, dict[str, Any]],
    ) -> None:
        """Tell how far it came."""
        failure = {
            "ok": False,
            "milliseconds": None,
            "error_code": error.code,
            "reason": str(error),
            "hint": error.hint,
        }
        stage = getattr(error, "stage", "")
        if answered:
            steps["est"] = failure
        elif not asked:
            # Nothing was sent: the host does not have the trust of the template, or cannot do what it says.
            steps["connect"] = self._connect(template, url)
            steps["trust"] = failure
        elif stage in _WAY:
            steps.update({earlier: _fine(_BY_MODULE) for earlier in _WAY[: _WAY.index(stage)]})
            steps[stage] = failure
        else:
            steps["connect"] = self._connect(template, url)
            steps["est"] = failure

    def _connect(self, template: Template, url: EstUrl) -> dict[str, Any]:
        """Let the host connect, once, to the server or the proxy before it."""
        proxy = Proxy.parse(template.proxy) if template.proxy else None
        name, port = (proxy.host, proxy.port) if proxy else (url.host, url.port)
        arguments = {"host": name, "port": port, "connect_timeout": self._step_seconds, "timeout": 1}
        try:
            self._host.ask("win_wait_for", arguments)
        except Refused:
            return {
                "ok": False,
                "milliseconds": None,
                "error_code": "connection_failed",
                "reason": f"the host gets no connection to {name} port {port} in {self._step_seconds} seconds",
                "hint": "Check its name resolution, whether something listens there, and the firewalls on the way.",
            }
        return _fine(f"{name} port {port}, by ansible.windows.win_wait_for")


class _Heard:
    """Runs modules, and keeps what the last answer of an EST server told of its clock."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self.asked = False
        self.status: Optional[int] = None
        self.date: Optional[float] = None
        self.sent = self.received = 0.0

    def __call__(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        sent = time.time()
        result = self._execute(name, arguments)
        if name == _RELAY:
            self.asked = True
            head = _head(result)
            status = re.match(r"HTTP/1\.[01] ([0-9]{3})", head)
            if status is not None:
                self.status, self.sent, self.received = int(status[1]), sent, time.time()
                found = re.search(r"(?im)^date:([^\r\n]*)", head)
                date = read_http_date(found[1]) if found is not None else None
                self.date = None if date is None else date.timestamp()
        return result


def _head(result: Mapping[str, Any]) -> str:
    """The header of the last answer in a result of the relay."""
    with contextlib.suppress(IndexError, KeyError, TypeError, ValueError):
        return base64.b64decode(result["answers"][-1]["octets"]).partition(b"\r\n\r\n")[0].decode("latin-1")
    return ""


def _is_answered(timeline: Timeline) -> bool:
    """Say whether the EST server answered, and not a proxy before it: the transport then notes how it got there."""
    return any(part["stage"] == "tls" and part["ok"] for part in timeline.as_list())


def _fine(detail: str) -> dict[str, Any]:
    return {"ok": True, "milliseconds": None, "detail": detail}


def _trusted_by(template: Template) -> str:
    if template.ca_certificate or template.ca_path:
        return "is trusted by the trust store of the host, which has the trust anchors of the template"
    return "is trusted by the trust store of the host"


def _clock(heard: _Heard, clock: Optional[Sequence[float]]) -> dict[str, Any]:
    """Compare the host's clock with the server's, by way of the controller's. The header tells whole seconds."""
    step = {"milliseconds": None, "http_status": heard.status, "verified": True, "server_time": heard.date}
    if heard.date is None:
        return {**step, "ok": True, "host_ahead_seconds": None}
    if clock is None:
        reason = "the clock of the host is not known, so it cannot be compared with this EST server's"
        return {**step, "ok": False, "error_code": "not_collected", "reason": reason, "hint": ""}
    low, high = heard.sent - heard.date - 1 + clock[0], heard.received - heard.date + clock[1]
    ahead = low if low > 0 else min(high, 0.0)
    return {**step, "ok": True, "host_ahead_seconds": round(ahead, 1), "within_seconds": max(abs(low), abs(high))}
