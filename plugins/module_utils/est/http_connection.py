# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""requests and urllib3 without what they decide by themselves: one connection, opened by :class:`.dial.Dialler`."""

from __future__ import annotations

import http.client
from typing import Any, Callable, List, Optional

from .deadline import Exchange, TimedSocket
from .dial import Dialler
from .transport import Binding

try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
except ImportError:  # told by deps.require_libraries()
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[assignment,misc]


class Line:
    """What the transport and its connections share: the way to the server, and the request under way."""

    def __init__(self, dialler: Dialler) -> None:
        self.dialler = dialler
        self.exchange: Optional[Exchange] = None
        self.make_body: Optional[Callable[[Binding], bytes]] = None
        self.connection: Optional[Connection] = None


class FinalResponse(http.client.HTTPResponse):
    """A response without the informational ones before it (RFC 9110 section 15.2). Python passes over 100 alone."""

    def _read_status(self) -> Any:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, (100 if 101 < status < 200 else status), reason


class Connection(HTTPSConnection):
    """A connection of urllib3's that is opened, verified and authorised by :class:`Dialler` alone."""

    response_class = FinalResponse

    def __init__(self, *args: Any, line: Line, **options: Any) -> None:
        super().__init__(*args, **options)
        self._line = line
        self._unsent: Optional[List[bytes]] = None
        self.bound = False
        line.connection = self

    def connect(self) -> None:
        """Replaces urllib3's own, which would apply other anchors and another host name check."""
        if self._line.exchange is None:
            raise AssertionError("a connection is opened for a request only")
        self.bound = False
        self.sock = self._line.dialler.dial(self._line.exchange)
        self.is_verified = True

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, and note for what is said of a failure whether all of it went out.

        A body that is bound to its connection is made here, where the connection is certain.
        """
        exchange = self._line.exchange
        if exchange is not None and isinstance(self.sock, TimedSocket) and self.sock.exchange is not exchange:
            exchange.reused = True
            self.sock.exchange = exchange
        if self._line.make_body is not None:
            body = self._line.make_body(self._binding())
            options.update(body=body, headers={**options["headers"], "Content-Length": str(len(body))})
        self._unsent = []
        try:
            super().request(*args, **options)
            message, self._unsent = b"".join(self._unsent), None
            self.send(message)
        finally:
            self._unsent = None
        if exchange is not None:
            exchange.written = True

    def send(self, data: Any) -> None:
        """Send bytes, but those of a request as a whole: ``http.client`` would send its head and its body apart, which
        costs a TLS record and a packet more on both sides."""
        if self._unsent is None:
            super().send(data)
        else:
            self._unsent.append(data)

    def _binding(self) -> Binding:
        secured: Any = self.sock
        version = secured.version()
        # Python gives a value for TLS 1.3 too, where there is none (RFC 9266 section 3).
        unique = secured.get_channel_binding("tls-unique") if version == "TLSv1.2" else None
        self.bound = unique is not None
        return Binding(version, unique)


class Pool(HTTPSConnectionPool):
    ConnectionCls = Connection


class Adapter(HTTPAdapter):
    """Hands every request to the one pool. requests' ways to a pool load anchors from certifi and the environment."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection(self, url: Any, proxies: Any = None) -> Pool:
        """Up to requests 2.31."""
        return self._pool

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Pool:
        """From requests 2.32 on."""
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to set: the context has its anchors."""

    def close(self) -> None:
        super().close()
        self._pool.close()
