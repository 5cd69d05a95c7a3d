# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an address to an authorised TLS connection: resolve, connect, tunnel where a proxy is set, handshake, authorise.

Nothing of HTTP is sent before ``Dialler.dial()`` returns (RFC 7030 section 3.6): credentials cannot reach a server
that is not the one that was asked for.
"""

from __future__ import annotations

import contextlib
import io
import ssl
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Optional, Sequence

from ..base.errors import Step, Timeline
from .deadline import Exchange, TimedSocket
from .failure_words import ShownClient, Way, in_words
from .failures import Failed
from .opening import cipher_name, connect, open_tunnel, resolve, shake_hands, watch_client_certificate
from .receiving import FinalResponse
from .server_identity import authorize, authorized_words
from .tls import Trust
from .transport import Binding, Peer
from .url import EstUrl, Proxy

if TYPE_CHECKING:
    import socket

    from ..x509.client_certificate import ClientCertificate


class Dialler:
    """Opens connections to one EST server.

    :param url: the server.
    :param context: from ``make_context()``, for the same ``trust``.
    :param proxy: the way to the server, where it is not direct.
    :param step_seconds: how long each of resolving, connecting and the handshake may take.
    :param timeline: gets the stages resolve, connect and tls of every connection.
    :cvar keeps_connections: whether a connection can carry more than one request.
    """

    keeps_connections = True

    def __init__(
        self,
        url: EstUrl,
        context: ssl.SSLContext,
        trust: Trust,
        proxy: Optional[Proxy],
        step_seconds: float,
        timeline: Timeline,
    ) -> None:
        context.sslsocket_class = TimedSocket
        self._url = url
        self._context = context
        self._trust = trust
        self._proxy = proxy
        self._step_seconds = step_seconds
        self._timeline = timeline
        self._client: Optional[ClientCertificate] = None
        self._connections = 0
        #: Later versions are not offered.
        self.only_tls_1_2 = False
        #: Whether the TLS client certificate went out on the last connection; ``None`` where nobody watches.
        self.client_certificate_sent: Optional[bool] = None
        #: The server of the last connection.
        self.peer: Optional[Peer] = None

    def use_tls_1_2(self) -> None:
        """Open no connection with a later version from now on: tls-unique is not defined there (RFC 9266 section 3).

        :raises InputError: this way to a server knows nothing of tls-unique.
        """
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.only_tls_1_2 = True

    def watch_client_certificate(self, client: ClientCertificate) -> None:
        """Find out whether servers ask for the TLS client certificate; see the function of that name."""
        self._client = client
        if watch_client_certificate(self._context, self._note_client_certificate):
            self.client_certificate_sent = False

    def _note_client_certificate(self) -> None:
        self.client_certificate_sent = True

    def use(self, context: ssl.SSLContext, client: ClientCertificate) -> None:
        """Open further connections with another context, which shows the client certificate in another way."""
        context.sslsocket_class = TimedSocket
        self._context = context
        if self.only_tls_1_2:
            self.use_tls_1_2()
        self.watch_client_certificate(client)

    def announce(self, targets: Sequence[str]) -> None:
        """Be told of requests that will follow; see ``Transport.announce()``. A kept connection needs no more.

        :param targets: as they stand in the request lines.
        """

    @property
    def shown(self) -> ShownClient:
        """The TLS client certificate, and whether it went out on the last connection."""
        return ShownClient(self._client, self.client_certificate_sent)

    def dial(self, exchange: Exchange) -> Any:
        """Open a connection whose other end is the EST server that was asked for.

        :returns: a socket that notes in ``exchange`` what happens, such as ``TimedSocket``.
        :raises TransportError: stage resolve, connect or tls.
        """
        self._begin()
        host, port = (self._proxy.host, self._proxy.port) if self._proxy else (self._url.host, self._url.port)

        def limit() -> float:
            return exchange.deadline.limit(self._step_seconds)

        with self._timeline.stage("resolve") as step, self._explained():
            addresses = resolve(host, port, limit)
            self._note(step, self._resolved(dict.fromkeys(str(address[4][0]) for address in addresses)))
        with self._timeline.stage("connect") as step, self._explained():
            connection, address = connect(addresses, limit)
            with self._closed_on_failure(connection):
                reached = f"{address} port {port}"
                self._note(step, reached)
                if self._proxy:
                    target = self._url.authority
                    open_tunnel(connection, target, lambda: exchange.deadline.limit(exchange.step_seconds))
                    self._note(step, self._connected(reached))
        with self._timeline.stage("tls") as step, self._explained():
            secured = shake_hands(self._context, connection, self._url.host, limit)
            if not isinstance(secured, TimedSocket):
                raise AssertionError("the context makes no timed sockets")
            secured.exchange = exchange
            with self._closed_on_failure(secured):
                self.peer = self._authorize(secured)
            self._note(step, self._secured(self.peer))
        return secured

    def _begin(self) -> None:
        self._connections += 1
        self.client_certificate_sent = None if self.client_certificate_sent is None else False

    # What is told of the stages that went well.

    def _note(self, step: Step, detail: str) -> None:
        step.detail = self._numbered(detail)

    def _numbered(self, detail: str) -> str:
        return detail if self._connections == 1 else f"connection {self._connections}: {detail}"

    def _resolved(self, addresses: Iterable[str]) -> str:
        found = ", ".join(addresses)
        return f"the proxy {self._proxy.host} is {found}" if self._proxy else f"{self._url.host} is {found}"

    def _connected(self, reached: str) -> str:
        """:param reached: the address and the port."""
        proxy = self._proxy
        return f"through the proxy {proxy.host}:{proxy.port} to {self._url.authority}" if proxy else reached

    def _secured(self, peer: Peer) -> str:
        alone = ", client certificate without its intermediates" if self._client and self._client.alone else ""
        words = authorized_words(peer.authorized_by)
        return f"{peer.tls_version}, {peer.cipher}, {peer.trust} trust, {words}{alone}"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Failed as failed:
            raise in_words(failed, self._way) from None

    @property
    def _way(self) -> Way:
        return Way(self._url, self._proxy, self._trust.kind, self._step_seconds, self.shown, self.only_tls_1_2)

    @staticmethod
    @contextlib.contextmanager
    def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
        try:
            yield
        except BaseException:
            connection.close()
            raise

    def _authorize(self, secured: TimedSocket) -> Peer:
        certificate = secured.getpeercert(binary_form=True) or b""
        authorized_by = authorize(certificate, self._url.host, self._trust)
        return Peer(self._trust.kind, secured.version(), authorized_by, certificate, cipher_name(secured))


class CarriedConnection:
    """What ``http.client`` takes for a socket where a request is carried as a whole, and its answer is there at once.

    :param carry: takes the octets of a request, and returns those of its answer.
    :ivar exchange: see ``TimedSocket``.
    """

    def __init__(self, exchange: Exchange, carry: Callable[[bytes, Exchange], bytes]) -> None:
        self.exchange = exchange
        self._carry = carry
        self._answer = b""

    def sendall(self, message: bytes) -> None:
        """Carry a request."""
        self._answer = self._carry(bytes(message), self.exchange)

    def makefile(self, _mode: str) -> io.BytesIO:
        """Return the answer."""
        return io.BytesIO(self._answer)

    def version(self) -> None:
        """Return ``None``: the version of TLS is known when the request has been made, which is too late for a body."""

    def settimeout(self, seconds: Optional[float]) -> None:
        """Do nothing: who carries the requests has limits of his own."""

    def close(self) -> None:
        """Do nothing: the connection is not here."""


# ----------------------------------------------------------------------------------------------------------------------
# requests and urllib3 without what they decide by themselves: one connection, opened by ``Dialler``.

try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
except ImportError:  # require_libraries() reports it
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[assignment,misc]


class Line:
    """What the transport and its connections share: the way to the server, and the request under way."""

    def __init__(self, dialler: Dialler) -> None:
        self.dialler = dialler
        self.exchange: Optional[Exchange] = None
        self.make_body: Optional[Callable[[Binding], bytes]] = None
        self.connection: Optional[Connection] = None


class Connection(HTTPSConnection):
    """A connection of urllib3's that is opened, verified and authorised by ``Dialler`` alone."""

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
        """Send a request, and note whether all of it went out, for what is said of a failure.

        A body that is bound to its connection is made here, where the connection is certain.
        """
        exchange = self._line.exchange
        line: Any = self.sock
        if exchange is not None and line is not None and line.exchange is not exchange:
            exchange.reused = True
            line.exchange = exchange
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
        """Send bytes, but those of a request as a whole: ``http.client`` would send head and body apart, which
        costs one more TLS record and packet on both sides."""
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
    """A pool of urllib3's with connections that ``Dialler`` opens."""

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
