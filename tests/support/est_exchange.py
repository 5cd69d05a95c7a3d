# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST transport against scripted peers: shared by the tests of https.py."""

from __future__ import annotations

import ssl
from typing import Any, Optional

import pytest
from support.tls_certificates import authority
from support.tls_peer import Peer, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials, Response
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl

CA = authority()
SERVER = CA.issue("server", dns=["localhost"])
CREDENTIALS = Credentials("estuser", "canary-password")
POST_HEADERS = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}


def context(**options: Any) -> ssl.SSLContext:
    """The context of a server that ``transport`` accepts."""
    return server_context(SERVER, **options)


def transport(port: int, *, host: str = "localhost", trust: Optional[Trust] = None, **options: Any) -> HttpsTransport:
    """A transport to a peer with limits that only what hangs runs into."""
    limits = {"connect_timeout": 30, "read_timeout": 30, "timeout": 50}
    return HttpsTransport(EstUrl.build(host, port), trust or Trust.explicit(CA.pem), **{**limits, **options})


def get(line: HttpsTransport, port: int, *, host: str = "localhost", **options: Any) -> Response:
    """GET /cacerts."""
    return line.request("GET", EstUrl.build(host, port).operation("cacerts"), {"Accept": "*/*"}, **options)


def post(line: HttpsTransport, port: int, body: bytes = b"TUlJQg==\n", **options: Any) -> Response:
    """POST to /simpleenroll."""
    url = EstUrl.build("localhost", port).operation("simpleenroll")
    return line.request("POST", url, POST_HEADERS, body, **options)


def failure(peer: Peer, method: str = "GET", **options: Any) -> TransportError:
    """The error of one request that must fail; it must have a hint and show no secret."""
    line = transport(peer.port, credentials=CREDENTIALS, **options)
    with pytest.raises(TransportError) as caught:
        get(line, peer.port) if method == "GET" else post(line, peer.port, authenticate=True)
    line.close()
    return checked(caught.value)


def checked(error: TransportError) -> TransportError:
    """The error again, once it is clear that it has a hint and holds no secret."""
    assert error.reason
    assert error.hint
    words = f"{error.reason} {error.hint} {error.__context__!r} {error.__cause__!r}"
    assert "canary" not in words
    assert "Y2FuYXJ5" not in words
    return error


def stages(timeline: Timeline) -> list[tuple[str, bool]]:
    """The stages of a timeline with their outcome."""
    return [(step["stage"], step["ok"]) for step in timeline.as_list()]
