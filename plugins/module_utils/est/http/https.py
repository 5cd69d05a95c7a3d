# Copyright (c) 2026, estfleet.cloud_extender contributors
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
import ssl
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from ..base.errors import EstError, InputError, Timeline, TransportError
from ..base.libraries import require_libraries
from .authentication import HttpAuthentication, Next
from .connection import Adapter, Dialler, Line, Pool
from .deadline import Deadline, Exchange
from .failure_words import broken
from .receiving import read_response
from .tls import Trust, make_context
from .transport import SYSTEM_TRUST_WARNING, Body, Credentials, Peer, Response, Shown
from .url import EstUrl, Proxy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..x509.client_certificate import ClientCertificate

try:
    from requests import Request
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError
except ImportError:  # require_libraries() reports it
    pass


_USER_AGENT = "estfleet.cloud_extender"
# The answer to a challenge, one more where its nonce was stale, and one more where the server had to be asked first.
_MAX_ANSWERS = 3
# What is posted to see what a server offers: nothing that it could carry out.
_EMPTY_BODY = b"\n"
# The answers that can refuse a TLS client certificate. nginx says 400 to any request.
_REFUSING = {"GET": (400, 401, 403), "POST": (401, 403)}


def _is_refusal_in_tls(failure: EstError) -> bool:
    """Whether the server ended the handshake, in which it can have been about the client certificate, so that it has
    carried out nothing. A revoked one it does not take in any form."""
    alert = failure.alert if isinstance(failure, TransportError) and failure.stage == "tls" else ""
    return alert not in ("", "certificate_revoked")


#: Makes what opens the connections; see ``Dialler``.
MakeDialler = Callable[[EstUrl, ssl.SSLContext, Trust, Optional[Proxy], float, Timeline], Dialler]


class HttpsTransport:
    """Carries requests to one EST server over one connection that is kept alive. See ``Transport``.

    Not for use by more than one thread. Only ``bootstrap.py`` derives from it.

    :param url: the server. Requests to any other origin are refused.
    :param trust: whom the server's certificate may come from.
    :param credentials: for HTTP authentication. They only ever go to the server of ``url``.
    :param http_authentication: how they are used: ``auto`` (Basic unasked, then the strongest that the server offers),
        ``basic``, or ``digest``, with which the password itself is never sent.
    :param unasked: whether the credentials go out before the server has asked for them. Where not, they only answer a
        challenge, of a server that has got the client certificate and wants the password as well.
    :param client_certificate: for TLS client authentication, also together with ``credentials``.
    :param proxy: ``http://host:port``. Environment variables such as ``HTTPS_PROXY`` are ignored.
    :param connect_timeout: seconds, for each of resolving, connecting and the TLS handshake.
    :param timeout: seconds for a request as a whole, connecting included.
    :param read_timeout: seconds without a byte from the server; where left out, only ``timeout`` counts.
    :param max_response_size: the largest body that is read, in bytes.
    :param timeline: gets the stages resolve, connect and tls of each connection.
    :param make_dialler: makes what opens the connections, in place of ``Dialler`` and with its parameters.
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
        http_authentication: str = "auto",
        unasked: bool = True,
        client_certificate: Optional[ClientCertificate] = None,
        proxy: Optional[str] = None,
        connect_timeout: float = 10,
        timeout: float = 30,
        read_timeout: Optional[float] = None,
        max_response_size: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
        make_dialler: Optional[MakeDialler] = None,
    ) -> None:
        require_libraries()
        self._url = url
        self._trust = trust
        self._with_credentials: Dict[str, Any] = {
            "credentials": credentials,
            "http_authentication": http_authentication,
            "unasked": unasked,
            "client_certificate": client_certificate,
        }
        self._limits: Dict[str, Any] = {
            "proxy": proxy,
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "timeout": timeout,
            "max_response_size": max_response_size,
            "timeline": timeline,
            "make_dialler": make_dialler,
        }
        self._authentication: Optional[HttpAuthentication] = None
        if credentials is not None:
            try:
                self._authentication = HttpAuthentication(credentials, http_authentication, unasked=unasked)
            except InputError:
                if unasked:  # else most servers never ask for what cannot be sent
                    raise
        self._allowed, self._unasked = http_authentication, unasked
        self._read_timeout = timeout if read_timeout is None else read_timeout
        self._timeout = timeout
        self._max_response_size = max_response_size
        self._line = Line(
            (make_dialler or self._dialler_class)(
                url,
                self._make_context(trust, client_certificate),
                trust,
                Proxy.parse(proxy) if proxy else None,
                connect_timeout,
                timeline if timeline is not None else Timeline(),
            )
        )
        self._client = client_certificate
        self._left_to_try_alone = set() if client_certificate is None else {"tls", "GET", "POST"}
        if client_certificate is not None:
            self._line.dialler.watch_client_certificate(client_certificate)
        self._last_head: Optional[Tuple[str, str, Mapping[str, str]]] = None
        self._last_prepared: Any = None
        self._adapter = Adapter(Pool(url.host, url.port, maxsize=1, line=self._line))

    @property
    def peer(self) -> Optional[Peer]:
        """The server of the last connection, once there has been one."""
        peer, sent = self._line.dialler.peer, self._line.dialler.client_certificate_sent
        return peer if peer is None or sent is None else peer.replace(client_certificate_sent=sent)

    @property
    def authenticated_by(self) -> Optional[str]:
        """The HTTP authentication scheme of the last request that had one: ``"basic"``, ``"digest"`` or ``None``."""
        return self._authentication.sent if self._authentication is not None else None

    @property
    def warnings(self) -> Tuple[str, ...]:
        """What is risky about trust and credentials together (RFC 7030 section 6)."""
        return (SYSTEM_TRUST_WARNING,) if self._authentication is not None and self._trust.kind == "system" else ()

    def client_key(self) -> Optional[PrivateKeyTypes]:
        """The key of the TLS client certificate. See ``Transport.client_key()``."""
        from ..x509.client_certificate import read_client_key

        return read_client_key(self._client) if self._client is not None else None

    def require_tls_unique(self) -> None:
        """Use TLS 1.2 from now on, where tls-unique is defined.

        RFC 9266 section 4.2 wants the extended master secret (RFC 7627) as well. OpenSSL negotiates it with every
        server that has it; Python cannot tell whether this one has.
        """
        self._line.dialler.use_tls_1_2()
        if self.peer is not None and self.peer.tls_version != "TLSv1.2":
            self._hang_up()

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> HttpsTransport:
        """A transport to another server. See ``Transport.for_origin()``."""
        other = HttpsTransport(url, self._trust, **self._limits, **(self._with_credentials if with_credentials else {}))
        if self._line.dialler.only_tls_1_2:
            other.require_tls_unique()
        return other

    def announce(self, urls: Sequence[str]) -> None:
        """Tell of requests that will follow. See ``Transport.announce()``."""
        self._line.dialler.announce([url[len(f"https://{self._url.authority}") :] for url in urls])

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._adapter.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request and read the whole answer. See ``Transport.request()``.

        The body goes out with a Content-Length, never chunked: some servers cannot read chunks. A request on a kept
        connection that the server has meanwhile closed is sent again on a new one, but only where that cannot make the
        server act twice: a GET without any answer, or a request that was not written whole.

        A 401 is answered where that may help (RFC 7030 section 3.2.3), and given back as it is where it does not.

        :raises InputError: the URL has another origin than the server.
        :raises TransportError: for what happens after the TLS handshake its ``stage`` is empty.
        """
        self._check_origin(url)
        deadline = Deadline(self._timeout)
        response = self._converse(method, url, headers, body, authenticate, deadline)
        is_question = response.status == 401 and self._authentication is not None and not authenticate
        refusing = _REFUSING.get(method, ())
        if response.status in refusing and not is_question and self._go_alone(method):
            try:
                again = self._converse(method, url, headers, body, authenticate, deadline)
            except TransportError as error:
                if error.stage != "tls":  # else it cannot do without them, and what it said with them stands
                    raise
            else:
                if again.status not in refusing:
                    return again
            self._show(self._client)
        return response

    def _converse(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body],
        authenticate: bool,
        deadline: Deadline,
    ) -> Response:
        authentication = self._authentication
        if authentication is None or not authenticate:
            response = self._send(method, url, headers, body, deadline, None)
            if authentication is not None and response.status == 401 and self._may_answer:
                authentication.learn(response.headers.get("www-authenticate"))
            return response
        response = self._send(method, url, headers, body, deadline, authentication)
        for _answer in range(_MAX_ANSWERS):
            if response.status != 401 or not self._may_answer:
                break
            step = authentication.refused(response.headers.get("www-authenticate"))
            if step is Next.ASK:
                asked = self._send(method, url, headers, _EMPTY_BODY if body is not None else None, deadline, None)
                known = asked.status == 401 and authentication.learn(asked.headers.get("www-authenticate"))
                step = Next.ANSWER if known else Next.GIVE_UP
            if step is Next.GIVE_UP:
                break
            response = self._send(method, url, headers, body, deadline, authentication)
        return response

    @property
    def _may_answer(self) -> bool:
        """Whether a challenge may be answered. Credentials that only go with the client certificate do not go to a
        server that did not want it: somebody else may have ended TLS, and chosen the password in its place."""
        return self._unasked or self._line.dialler.client_certificate_sent is not False

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body],
        deadline: Deadline,
        authentication: Optional[HttpAuthentication],
    ) -> Response:
        self._line.make_body = body if callable(body) else None
        prepared = self._prepare(method, url, headers)
        prepared.prepare_body(None if callable(body) else body, None)
        response, failure, may_repeat = self._try_once(prepared, deadline, authentication)
        if may_repeat:
            response, failure, _may_repeat = self._try_once(prepared, deadline, authentication)
        if failure is not None and _is_refusal_in_tls(failure) and self._go_alone("tls"):
            response, other, _may_repeat = self._try_once(prepared, deadline, authentication)
            if response is None:
                self._show(self._client)
                if other is not None and _is_refusal_in_tls(other):
                    failure.note("It does not take the certificate without its intermediates either.")
                elif other is not None and other.stage != "tls":
                    failure = other
        # Raised here, outside of any except block: what requests raised holds the request with its credentials.
        if response is None:
            raise failure or AssertionError("neither a response nor a failure")
        return response if response.status < 400 else response.replace(shown=self._shown(authentication))

    def _shown(self, authentication: Optional[HttpAuthentication]) -> Shown:
        known = self._authentication
        return Shown(
            known is not None,
            authentication.sent if authentication is not None else None,
            self._allowed,
            known.offered if known is not None else (),
            self._line.dialler.client_certificate_sent if self._client is not None else False,
        )

    def _go_alone(self, after: str) -> bool:
        """Show the TLS client certificate without its intermediates from the next connection on.

        There are servers that accept exactly one certificate.

        :param after: what was refused: ``tls``, ``GET`` or ``POST``. For each of them it is tried once.
        :returns: whether that changes anything.
        """
        if after not in self._left_to_try_alone or not self._line.dialler.shown.may_be_it:
            return False
        self._left_to_try_alone.discard(after)
        from ..x509.client_certificate import without_intermediates

        shown = self._line.dialler.shown.client
        alone = without_intermediates(shown) if shown is not None and not shown.alone else None
        if alone is not None:
            self._show(alone)
        return alone is not None

    def _show(self, client: Optional[ClientCertificate]) -> None:
        self._hang_up()
        if client is not None:
            self._line.dialler.use(self._make_context(self._trust, client), client)

    def _prepare(self, method: str, url: str, headers: Mapping[str, str]) -> Any:
        """The request without its body. Taking method, URL and headers apart costs requests more time than all the
        rest of a request, so what it made of the last ones is kept."""
        if self._last_head != (method, url, headers):
            sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
            self._last_head, self._last_prepared = (method, url, headers), Request(method, url, headers=sent).prepare()
        return self._last_prepared.copy()

    def _check_origin(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != f"https://{self._url.authority}":
            raise InputError(
                f"this connection is for https://{self._url.authority} only",
                hint="Another server needs a transport of its own, with its own trust and credentials.",
            )

    def _try_once(
        self, prepared: Any, deadline: Deadline, authentication: Optional[HttpAuthentication]
    ) -> Tuple[Optional[Response], Optional[EstError], bool]:
        """The response or what went wrong; and whether the request may be sent a second time."""
        exchange = self._line.exchange = Exchange(deadline, self._read_timeout)
        response: Optional[Response] = None
        failure: Optional[EstError] = None
        authorization = authentication.authorization(prepared.method, prepared.path_url) if authentication else None
        if authorization is not None:
            prepared.headers["Authorization"] = authorization
        if self._line.make_body is not None and self._line.connection is not None and self._line.connection.bound:
            # RFC 9266 section 4.2: a connection authenticates one request by its binding.
            self._hang_up()
        try:
            with contextlib.closing(self._adapter.send(prepared, stream=True, timeout=self._read_timeout)) as answer:
                if exchange.ended:
                    # http.client takes the end of the connection for the end of the headers.
                    failure = self._broken(exchange, prepared)
                else:
                    response = read_response(answer.raw, prepared, self._url.authority, self._max_response_size)
        except EstError as error:
            failure = error
        except (RequestException, HTTPError, http.client.HTTPException, OSError):
            failure = self._broken(exchange, prepared)
        finally:
            # After a 401 to a POST there are servers that leave its body unread and take it for the next request.
            unread = response is None or (response.status == 401 and prepared.method != "GET")
            if unread or not self._line.dialler.keeps_connections:
                self._hang_up()
        closed = not isinstance(exchange.failure, socket.timeout) and exchange.received == 0
        certain = prepared.method == "GET" or not exchange.written
        return response, failure, bool(response is None and exchange.reused and closed and certain)

    def _broken(self, exchange: Exchange, prepared: Any) -> TransportError:
        request = f"{prepared.method} {prepared.path_url}"
        return broken(exchange, self._url.authority, request, self._line.dialler.shown)

    def _hang_up(self) -> None:
        if self._line.connection is not None:
            self._line.connection.close()
