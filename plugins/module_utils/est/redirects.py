# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects (RFC 7030 section 3.2.1): followed to the same server, and with care to another one.

The method never changes: a POST stays a POST with the same body, which HTTP clients otherwise turn into a GET.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urljoin, urlsplit, urlunsplit

from .base.errors import EstError, ServerError
from .base.text import printable, without_secrets
from .http.headers import send_patiently
from .http.transport import Body, Peer, Response, Transport
from .http.url import EstUrl

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_REDIRECTS = 5

_STATUSES = (301, 302, 303, 307, 308)
_URL_TEXT = r"[\x21-\x7e]+\Z"
_Origin = Tuple[str, int]


class FollowingTransport:
    """A transport that follows redirects, and waits for a busy server where that is wanted.

    To another origin (host and port) a GET is followed on a new connection, with the same trust, all checks, and
    neither credentials nor client certificate. A POST to another origin is an error that names it, unless the user has
    allowed that origin: then it gets the credentials too, since it could not enrol anybody without them.

    :param transport: to the server that the user named.
    :param home: that server.
    :param allowed: other servers that requests may be redirected to, written as ``EstUrl.build()`` takes them.
    :param busy_timeout: see ``send_patiently()``.
    :param sleep: waits for a number of seconds.
    :raises InputError: ``allowed`` has something that is not a server.
    """

    def __init__(
        self,
        transport: Transport,
        home: EstUrl,
        *,
        allowed: Iterable[str] = (),
        busy_timeout: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._home = _origin(home)
        self._transport = self._used = transport
        self._others: Dict[_Origin, Transport] = {}
        self._allowed = {_origin(EstUrl.build(server)) for server in allowed}
        self._busy_timeout = busy_timeout
        self._sleep = sleep
        self._notes: List[str] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request to where redirects lead. See ``Transport.request()``.

        :raises ServerError: a redirect that is not followed.
        """
        self._used = self._transport
        visited = {url}
        while True:
            response = self._send(method, url, headers, body, authenticate)
            if response.status not in _STATUSES or not response.headers.get("location", "").strip():
                return response
            server, url = redirect_target(response, url, method)
            if url in visited or len(visited) > MAX_REDIRECTS:
                words = "in a circle" if url in visited else f"more than {MAX_REDIRECTS} times"
                raise _refused(response, f"the server redirects {words}, at last to {printable(url, 200)}")
            visited.add(url)
            allowed = _origin(server) in self._allowed
            if _origin(server) != self._home and not allowed:
                if method != "GET":
                    raise _refused(
                        response,
                        f"the server redirects to another server, https://{server.authority}, which needs your consent "
                        "for an enrolment (RFC 7030 section 3.2.1)",
                        code="redirect_needs_consent",
                        values={"server": server.authority},
                        hint=f"Allow redirects to {server.authority}, or set server, port, label and base path to "
                        "where the server leads.",
                    )
                authenticate = False
            self._used = self._to(server, allowed)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Optional[Body], authenticate: bool
    ) -> Response:
        return send_patiently(
            lambda: self._used.request(method, url, headers, body, authenticate), self._busy_timeout, self._sleep
        )

    def _to(self, server: EstUrl, allowed: bool) -> Transport:
        origin = _origin(server)
        if origin == self._home:
            return self._transport
        if origin not in self._others:
            self._others[origin] = self._transport.for_origin(server, with_credentials=allowed)
            if not allowed:
                note = f"the server redirects to another server, https://{server.authority}"
                self._notes.append(without_secrets(note))
        return self._others[origin]

    @property
    def peer(self) -> Optional[Peer]:
        """The server that the last request led to."""
        return self._used.peer

    @property
    def authenticated_by(self) -> Optional[str]:
        """See ``Transport.authenticated_by``; of the transport of the last request."""
        return self._used.authenticated_by

    def client_key(self) -> Optional[PrivateKeyTypes]:
        """See ``Transport.client_key()``."""
        return self._transport.client_key()

    @property
    def warnings(self) -> Tuple[str, ...]:
        """See ``Transport.warnings``; and the servers that redirects led to without being allowed."""
        return (*self._transport.warnings, *self._notes)

    def require_tls_unique(self) -> None:
        """See ``Transport.require_tls_unique()``; for all servers."""
        for transport in (self._transport, *self._others.values()):
            transport.require_tls_unique()

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> Transport:
        """See ``Transport.for_origin()``."""
        return self._transport.for_origin(url, with_credentials=with_credentials)

    def announce(self, urls: Sequence[str]) -> None:
        """See ``Transport.announce()``."""
        self._transport.announce(urls)

    def close(self) -> None:
        """Close all connections. May be called twice."""
        for transport in (self._transport, *self._others.values()):
            transport.close()


def redirect_target(response: Response, url: str, method: str) -> Tuple[EstUrl, str]:
    """Where a redirect leads: the server, and the URL on it.

    :param url: what was asked for; a ``Location`` may be relative to it (RFC 9110 section 10.2.2).
    :raises ServerError: it leads to what is not HTTPS, to a URL with a password in it, or to a GET after a POST.
    """
    location = response.headers["location"].strip()
    reason = f"the server redirects to {printable(location, 200)}"
    if response.status == 303 and method != "GET":
        raise _refused(response, f"{reason}, to be asked by GET, which is not an answer to an enrolment")
    try:
        parts = urlsplit(urljoin(url, location)) if re.match(_URL_TEXT, location) else None
    except ValueError:
        parts = None
    if parts is None:
        raise _refused(response, f"{reason}, which is not a URL")
    if parts.scheme != "https":
        raise _refused(response, f"{reason}, but EST runs over https only (RFC 7030 section 3.3)")
    if "@" in parts.netloc or without_secrets(location) != location:
        raise _refused(response, "the server redirects to a URL with a user name or password in it")
    try:
        server = EstUrl.build(parts.netloc)
    except EstError:
        raise _refused(response, f"{reason}, whose host or port cannot be used") from None
    return server, urlunsplit(("https", server.authority, parts.path or "/", parts.query, ""))


_HINT = "If the server leads to the right place, set server, port, label and base path to it."


def _refused(
    response: Response,
    reason: str,
    *,
    code: str = "redirect_refused",
    values: Optional[Mapping[str, str]] = None,
    hint: str = _HINT,
) -> ServerError:
    # Imported here, because it is large and no good answer needs it.
    from .answers.server_message import clean_server_message

    return ServerError(
        f"{reason} (HTTP {response.status})",
        code=code,
        values=values,
        http_status=response.status,
        server_message=clean_server_message(response.headers.get("content-type"), response.body),
        hint=hint,
        request_received="received",
    )


def _origin(server: EstUrl) -> _Origin:
    return server.host, server.port
