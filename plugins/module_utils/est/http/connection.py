# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an address to an authorised TLS connection: resolve, connect, tunnel where a proxy is set, handshake, authorise.

Nothing of HTTP is sent before ``Dialler.dial()`` returns (RFC 7030 section 3.6): credentials cannot reach a server
that is not the one that was asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple, Union

from ..base.errors import Step, Timeline, TransportError
from .deadline import Exchange, TimedSocket
from .headers import one_content_length
from .proxy import Proxy, open_tunnel
from .server_identity import authorize, authorized_words
from .tls import ShownClient, Trust, handshake_failure, is_version_alert, tls_1_2_refused
from .transport import Binding, Peer
from .url import EstUrl

if TYPE_CHECKING:
    from ..x509.client_certificate import ClientCertificate

# The longest Certificate message without a certificate in it (TLS 1.2: 7 octets, TLS 1.3: 8).
_EMPTY_CERTIFICATE = 8

_Addresses = List[Tuple[Any, ...]]


class Dialler:
    """Opens connections to one EST server.

    :param url: the server.
    :param context: from ``make_context()``, for the same ``trust``.
    :param proxy: the way to the server, where it is not direct.
    :param step_seconds: how long each of resolving, connecting and the handshake may take.
    :param timeline: gets the stages resolve, connect and tls of every connection.
    """

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
        """Open no connection with a later version from now on: tls-unique is not defined there (RFC 9266 section 3)."""
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.only_tls_1_2 = True

    def watch_client_certificate(self, client: ClientCertificate) -> None:
        """Find out whether servers ask for the TLS client certificate, which they may do after the handshake too.

        Python tells that only to a hook which it has for its own tests; without the hook it stays unknown.
        """
        self._client = client
        context: Any = self._context
        if hasattr(context, "_msg_callback"):
            context._msg_callback = self._handshake_message
            self.client_certificate_sent = False

    def use(self, context: ssl.SSLContext, client: ClientCertificate) -> None:
        """Open further connections with another context, which shows the client certificate in another way."""
        context.sslsocket_class = TimedSocket
        self._context = context
        if self.only_tls_1_2:
            self.use_tls_1_2()
        self.watch_client_certificate(client)

    @property
    def shown(self) -> ShownClient:
        """The TLS client certificate, and whether it went out on the last connection."""
        return ShownClient(self._client, self.client_certificate_sent)

    def _handshake_message(
        self, _connection: Any, direction: str, _version: Any, _content: Any, kind: Any, data: bytes
    ) -> None:
        if direction == "write" and getattr(kind, "name", "") == "CERTIFICATE" and len(data) > _EMPTY_CERTIFICATE:
            self.client_certificate_sent = True

    def dial(self, exchange: Exchange) -> TimedSocket:
        """Open a connection whose other end is the EST server that was asked for.

        :raises TransportError: stage resolve, connect or tls.
        """
        self._connections += 1
        self.client_certificate_sent = None if self.client_certificate_sent is None else False
        host, port = (self._proxy.host, self._proxy.port) if self._proxy else (self._url.host, self._url.port)
        with self._timeline.stage("resolve") as step:
            addresses = self._resolve(host, port, exchange)
            found = ", ".join(dict.fromkeys(str(address[4][0]) for address in addresses))
            self._note(step, f"the proxy {host} is {found}" if self._proxy else f"{host} is {found}")
        with self._timeline.stage("connect") as step:
            connection, address = self._connect(addresses, exchange)
            with self._closed_on_failure(connection):
                self._note(step, f"{address} port {port}")
                if self._proxy:
                    open_tunnel(connection, self._proxy, self._url.authority, exchange)
                    self._note(step, f"through the proxy {host}:{port} to {self._url.authority}")
        with self._timeline.stage("tls") as step, self._closed_on_failure(connection):
            secured = self._handshake(connection, exchange)
            with self._closed_on_failure(secured):
                peer = self._authorize(secured)
            alone = ", client certificate without its intermediates" if self._client and self._client.alone else ""
            words = authorized_words(peer.authorized_by)
            self._note(step, f"{peer.tls_version}, {peer.cipher}, {peer.trust} trust, {words}{alone}")
        self.peer = peer
        return secured

    def _note(self, step: Step, detail: str) -> None:
        step.detail = detail if self._connections == 1 else f"connection {self._connections}: {detail}"

    @staticmethod
    @contextlib.contextmanager
    def _closed_on_failure(connection: socket.socket) -> Any:
        try:
            yield
        except BaseException:
            connection.close()
            raise

    def _resolve(self, host: str, port: int, exchange: Exchange) -> _Addresses:
        answers: queue.SimpleQueue[Union[_Addresses, OSError]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except OSError as error:
                answers.put(error)

        # getaddrinfo has no time limit of its own; a thread that still waits for it does not hold up the exit.
        threading.Thread(target=ask, daemon=True).start()
        option = "proxy" if self._proxy else "server"
        try:
            answer = answers.get(timeout=self._limit(exchange))
        except (queue.Empty, socket.timeout):
            raise TransportError(
                f"the name service did not say within {self._step_seconds:g} seconds where {host} is",
                code="name_not_resolved",
                stage="resolve",
                hint="Check the name servers of the host from which the exchange leaves.",
            ) from None
        if isinstance(answer, OSError):
            again = answer.errno == getattr(socket, "EAI_AGAIN", None)
            raise TransportError(
                f"the name service gave no answer for {host}" if again else f"the host {host} is not known",
                code="name_not_resolved",
                stage="resolve",
                hint=f"Check the spelling of {option}, and that the host of the exchange can resolve it.",
            )
        return answer

    def _limit(self, exchange: Exchange, share: int = 1) -> float:
        return exchange.deadline.limit(self._step_seconds) / share

    def _connect(self, addresses: _Addresses, exchange: Exchange) -> Tuple[socket.socket, str]:
        """A connection to the first address that accepts one, and that address. Each gets an equal share of time."""
        failure: Optional[OSError] = None
        for family, kind, protocol, _name, address in addresses:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._limit(exchange, len(addresses)))
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection, str(address[0])
        raise self._not_connected(failure)

    def _not_connected(self, failure: Optional[OSError]) -> TransportError:
        where, checked = self._url.authority, "server and port"
        if self._proxy:
            where, checked = f"the proxy {self._proxy.host}:{self._proxy.port}", "proxy"
        code = "connection_failed"
        if isinstance(failure, ConnectionRefusedError):
            reason = f"nothing listens on {where} (connection refused)"
            code, hint = "connection_refused", f"Check {checked}, and that the EST server runs."
        elif isinstance(failure, socket.timeout):
            reason = f"{where} did not accept a connection within {self._step_seconds:g} seconds"
            hint = f"Check {checked}, and that no firewall stands between this host and the EST server."
        else:
            reason = f"{where} cannot be reached ({failure.strerror if failure else 'no address'})"
            hint = "Check the network between the host from which the exchange leaves and the EST server."
        return TransportError(reason, code=code, stage="connect", hint=hint)

    def _handshake(self, connection: socket.socket, exchange: Exchange) -> TimedSocket:
        try:
            secured = self._context.wrap_socket(
                connection, server_hostname=self._url.host, do_handshake_on_connect=False
            )
            with self._closed_on_failure(secured):
                secured.settimeout(self._limit(exchange))
                secured.do_handshake()
        except (OSError, ValueError) as error:
            where = self._url.authority
            if self.only_tls_1_2 and is_version_alert(error):
                raise tls_1_2_refused(where) from None
            raise handshake_failure(error, where, self._trust, self._step_seconds, self.shown) from None
        if not isinstance(secured, TimedSocket):
            raise AssertionError("the context makes no timed sockets")
        secured.exchange = exchange
        return secured

    def _authorize(self, secured: TimedSocket) -> Peer:
        certificate = secured.getpeercert(binary_form=True) or b""
        authorized_by = authorize(certificate, self._url.host, self._trust)
        return Peer(self._trust.kind, secured.version(), authorized_by, certificate, cipher_name(secured))


def cipher_name(secured: ssl.SSLSocket) -> str:
    """The cipher suite of a connection, by OpenSSL's name."""
    cipher = secured.cipher()
    return cipher[0] if cipher else "unknown cipher"


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


# More are longer than what is read of any answer.
_MOST_DIGITS = 18


class FinalResponse(http.client.HTTPResponse):
    """A response without the informational ones before it (RFC 9110 section 15.2), and with a length that is given
    more than once (section 8.6). Python passes over 100 alone, and would read to the end of the connection."""

    def begin(self) -> None:
        super().begin()
        header = self.headers.get("content-length")
        if self.length is None and header and not self.chunked:
            number = one_content_length(header)
            if number is not None and len(number) <= _MOST_DIGITS:
                self.length = int(number)
                self.will_close = self._check_close()  # type: ignore[attr-defined]

    def _read_status(self) -> Any:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, (100 if 101 < status < 200 else status), reason


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
