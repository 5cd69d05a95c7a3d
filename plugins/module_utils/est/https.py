# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TLS with requests: the transport for a Python process that reaches the EST server itself.

requests is used below its session layer: sessions read environment variables and netrc files, follow redirects, keep
cookies and load certifi's anchors, and none of that may happen here (RFC 7030 sections 3.2.1, 3.3.1 and 3.6).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import Any, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from .basic_auth import basic_authorization
from .deadline import Deadline, Exchange, TimedSocket
from .deps import require_libraries
from .dial import Dialler
from .errors import InputError, TransportError
from .proxy import Proxy
from .timeline import Timeline
from .tls import ClientCertificate, Trust, make_context
from .tls_failure import client_certificate_refused, is_client_certificate_alert
from .transport import Credentials, Peer, Response
from .url import EstUrl

try:
    from requests import Request
    from requests.adapters import HTTPAdapter
    from requests.exceptions import RequestException
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
    from urllib3.exceptions import HTTPError
except ImportError:  # told by deps.require_libraries()
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

_USER_AGENT = "maas360.cloud_extender"
_CHUNK = 65536


class _Line:
    """What the transport and its connections share: the way to the server, and the request under way."""

    def __init__(self, dialler: Dialler) -> None:
        self.dialler = dialler
        self.exchange: Optional[Exchange] = None
        self.connection: Optional[_Connection] = None


class _Connection(HTTPSConnection):
    """A connection of urllib3's that is opened, verified and authorised by :class:`Dialler` alone."""

    def __init__(self, *args: Any, line: _Line, **options: Any) -> None:
        super().__init__(*args, **options)
        self._line = line
        line.connection = self

    def connect(self) -> None:
        """Replaces urllib3's own, which would apply other anchors and another host name check."""
        assert self._line.exchange is not None
        self.sock = self._line.dialler.dial(self._line.exchange)
        self.is_verified = True

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, and note for what is said of a failure whether all of it went out."""
        exchange = self._line.exchange
        if exchange is not None and isinstance(self.sock, TimedSocket) and self.sock.exchange is not exchange:
            exchange.reused = True
            self.sock.exchange = exchange
        super().request(*args, **options)
        if exchange is not None:
            exchange.written = True


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """Hands every request to the one pool. requests' ways to a pool load anchors from certifi and the environment."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection(self, url: Any, proxies: Any = None) -> _Pool:
        """Up to requests 2.31."""
        return self._pool

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> _Pool:
        """From requests 2.32 on."""
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to set: the context has its anchors."""

    def close(self) -> None:
        super().close()
        self._pool.close()


class HttpsTransport:
    """Carries requests to one EST server over one connection that is kept alive. See :class:`.transport.Transport`.

    Not for use by more than one thread. Only :mod:`.bootstrap` derives from it.

    :param url: the server. Requests to any other origin are refused.
    :param trust: whom the server's certificate may come from.
    :param credentials: for HTTP Basic. With system trust too they go only to a server whose name matched.
    :param client_certificate: for TLS client authentication.
    :param proxy: ``http://host:port``. Environment variables such as ``HTTPS_PROXY`` count for nothing.
    :param connect_timeout: seconds, for each of resolving, connecting and the TLS handshake.
    :param read_timeout: seconds without a byte from the server.
    :param total_timeout: seconds for a request as a whole, connecting included.
    :param response_limit: the largest body that is read, in bytes.
    :param timeline: gets the stages resolve, connect and tls of each connection.
    :raises InputError: anchors, client certificate, credentials or proxy that cannot be used.
    :raises MissingLibrary: requests or cryptography is not there, or too old.
    """

    _dialler_class = Dialler
    _make_context = staticmethod(make_context)

    def __init__(
        self,
        url: EstUrl,
        trust: Trust,
        *,
        credentials: Optional[Credentials] = None,
        client_certificate: Optional[ClientCertificate] = None,
        proxy: Optional[str] = None,
        connect_timeout: float = 10,
        read_timeout: float = 30,
        total_timeout: float = 120,
        response_limit: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
    ) -> None:
        require_libraries()
        self._url = url
        self._authorization = basic_authorization(credentials) if credentials is not None else None
        self._read_timeout = read_timeout
        self._total_timeout = total_timeout
        self._response_limit = response_limit
        self._line = _Line(
            self._dialler_class(
                url,
                self._make_context(trust, client_certificate),
                trust,
                Proxy.parse(proxy) if proxy else None,
                connect_timeout,
                timeline if timeline is not None else Timeline(),
            )
        )
        self._adapter = _Adapter(_Pool(url.host, url.port, maxsize=1, line=self._line))

    @property
    def peer(self) -> Optional[Peer]:
        """The server of the last connection, once there has been one."""
        return self._line.dialler.peer

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._adapter.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[bytes] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request and read the whole answer. See :meth:`.transport.Transport.request`.

        The body goes out with a Content-Length, never chunked: some servers cannot read chunks. A request on a kept
        connection that the server has meanwhile closed is sent again on a new one, but only where that cannot make the
        server act twice: a GET without any answer, or a request that was not written whole.

        :raises TransportError: for what happens after the TLS handshake its ``stage`` is empty.
        """
        self._check_origin(url)
        sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
        if authenticate and self._authorization is not None:
            sent["Authorization"] = self._authorization
        prepared = Request(method, url, headers=sent, data=body).prepare()
        deadline = Deadline(self._total_timeout)
        response, failure, may_repeat = self._try_once(prepared, deadline)
        if may_repeat:
            response, failure, _may_repeat = self._try_once(prepared, deadline)
        # Raised here, outside of any except block: what requests raised holds the request with its credentials.
        if response is None:
            assert failure is not None
            raise failure
        return response

    def _check_origin(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != f"https://{self._url.authority}":
            raise InputError(
                f"this connection is for https://{self._url.authority} only",
                hint="Another server needs a transport of its own, with its own trust and credentials.",
            )

    def _try_once(self, prepared: Any, deadline: Deadline) -> Tuple[Optional[Response], Optional[TransportError], bool]:
        """The response or what went wrong; and whether the request may be sent a second time."""
        exchange = self._line.exchange = Exchange(deadline, self._read_timeout)
        response: Optional[Response] = None
        failure: Optional[TransportError] = None
        try:
            with contextlib.closing(self._adapter.send(prepared, stream=True, timeout=self._read_timeout)) as answer:
                if exchange.ended:
                    # http.client takes the end of the connection for the end of the headers.
                    failure = self._broken(exchange, f"{prepared.method} {prepared.path_url}")
                else:
                    response = self._read(answer.raw, prepared)
        except TransportError as error:
            failure = error
        except (RequestException, HTTPError, http.client.HTTPException, OSError):
            failure = self._broken(exchange, f"{prepared.method} {prepared.path_url}")
        finally:
            # After a 401 to a POST there are servers that leave its body unread and take it for the next request.
            if response is None or (response.status == 401 and prepared.body):
                self._hang_up()
        closed = not isinstance(exchange.failure, socket.timeout) and exchange.received == 0
        certain = prepared.method == "GET" or not exchange.written
        return response, failure, bool(response is None and exchange.reused and closed and certain)

    def _hang_up(self) -> None:
        if self._line.connection is not None:
            self._line.connection.close()

    def _read(self, raw: Any, prepared: Any) -> Response:
        """The whole answer, within the limit and as long as it says (RFC 9112 section 6.3)."""
        # requests asks for this check in some of its versions only; it is made below.
        raw.enforce_content_length = False
        headers = {name.lower(): raw.headers[name] for name in raw.headers}
        declared = self._declared_length(headers, raw.status)
        body = b""
        while True:
            part = raw.read(min(_CHUNK, self._response_limit + 1 - len(body)), decode_content=False)
            body += part
            if len(body) > self._response_limit:
                raise self._too_large(raw.status)
            if not part:
                break
        if declared is not None and len(body) < declared and prepared.method != "HEAD":
            raise self._unusable(
                raw.status,
                f"its answer is cut off: its Content-Length is {declared} bytes, and {len(body)} arrived",
                "Try again; if it happens again, look for a proxy or load balancer that breaks connections.",
            )
        return Response(raw.status, headers, body, prepared.url)

    def _declared_length(self, headers: Mapping[str, str], status: int) -> Optional[int]:
        """The length of the body, or ``None`` where chunks or the end of the connection tell it."""
        for name, usual in (("content-encoding", "identity"), ("transfer-encoding", "chunked")):
            if headers.get(name, usual).strip().lower() not in (usual, "identity", ""):
                raise self._unusable(
                    status,
                    f"its answer has a {name.title()} that was not asked for",
                    "Switch off compression for the EST paths, on the server or on a proxy before it.",
                )
        if status in (204, 304) or "transfer-encoding" in headers or "content-length" not in headers:
            return None
        values = {value.strip() for value in headers["content-length"].split(",")}
        value = values.pop()
        if values or not value.isascii() or not value.isdigit():
            raise self._unusable(
                status, "its answer has no usable Content-Length", "Look for a proxy that changes the server's answers."
            )
        if len(value) > 18 or int(value) > self._response_limit:
            raise self._too_large(status)
        return int(value)

    def _too_large(self, status: int) -> TransportError:
        return self._unusable(
            status,
            f"its answer is larger than {self._response_limit} bytes",
            "Check that server, port and label are those of an EST server.",
        )

    def _unusable(self, status: int, problem: str, hint: str) -> TransportError:
        return TransportError(
            f"{self._url.authority}: {problem}", stage="", hint=hint, request_received="yes", http_status=status
        )

    def _broken(self, exchange: Exchange, request: str) -> TransportError:
        """Why there is no answer, from what was seen on the wire: the libraries' exceptions differ by version."""
        where = f"{self._url.authority} ({request})"
        unanswered = "unknown" if exchange.written else "no"
        received = "yes" if exchange.received else unanswered
        if is_client_certificate_alert(exchange.failure) and received != "yes" and not exchange.reused:
            return client_certificate_refused(exchange.failure, self._url.authority)
        if isinstance(exchange.failure, socket.timeout):
            if exchange.deadline.passed:
                reason = f"{where} did not complete its answer within {self._total_timeout:g} seconds"
            else:
                reason = f"{where} sent nothing for {self._read_timeout:g} seconds"
            hint = "The server is overloaded or hangs: look at its log. Where it is known to be slow, allow more time."
        elif exchange.failure is not None or exchange.ended:
            moment = "in the middle of its answer" if exchange.received else "without an answer"
            reason = f"{where} closed the connection {moment}"
            hint = "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off."
        else:
            reason = f"{where} answered with something that is not valid HTTP"
            hint = "Check that server and port are those of an EST server."
        return TransportError(reason, stage="", hint=hint, request_received=received)
