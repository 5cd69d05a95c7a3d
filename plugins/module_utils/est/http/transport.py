# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the EST client reaches a server: one small interface, so that more than one way can carry the requests.

``https.py`` is the way of this library (``requests``). An Ansible action plugin lets a managed host carry the octets of
the same requests (``plugin_utils/exchange/relay.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping, Optional, Protocol, Sequence, Tuple, Union

from ..._value import Value, field

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from .url import EstUrl


class Credentials(Value):
    """A user name and a password for HTTP authentication. The password never shows in ``repr()``."""

    username: str
    password: str = field(repr=False)


class Peer(Value):
    """What is known of the server at the other end of a verified connection.

    :param trust: ``"explicit"`` (configured anchors) or ``"system"`` (the host's store): RFC 7030 section 3.3.1.
    :param tls_version: such as ``"TLSv1.3"``; ``None`` where the transport cannot know it.
    :param authorized_by: what authorized the server: ``"host_name"``, or ``"cmc_ra"`` where its certificate has the
        key usage id-kp-cmcRA (RFC 7030 section 3.6.1).
    :param certificate: the server's certificate, DER; ``None`` where the transport cannot know it.
    :param cipher: the cipher suite by OpenSSL's name; ``None`` where the transport cannot know it.
    :param client_certificate_sent: whether the server got the TLS client certificate; ``None`` where there is none, or
        the transport cannot know it.
    """

    trust: str
    tls_version: Optional[str] = None
    authorized_by: str = "host_name"
    certificate: Optional[bytes] = field(default=None, repr=False)
    cipher: Optional[str] = None
    client_certificate_sent: Optional[bool] = None


class Binding(Value):
    """The connection that is about to carry a request, for a request that is linked to it (RFC 7030 section 3.5).

    :param tls_version: such as ``"TLSv1.2"``; ``None`` where the transport cannot know it.
    :param tls_unique: the channel binding of that name (RFC 5929 section 3). ``None`` where it is not defined, which is
        so in TLS 1.3 (RFC 9266 section 3), and where the transport cannot know it.
    """

    tls_version: Optional[str] = None
    tls_unique: Optional[bytes] = field(default=None, repr=False)


#: What to do where a request is to be linked to a connection that has no tls-unique.
NO_CHANNEL_BINDING = "Let the EST server speak TLS 1.2 too, or do without the proof of possession."
#: The body of a request, or what makes it once the connection is open: it is run anew for every connection.
Body = Union[bytes, Callable[[Binding], bytes]]

#: RFC 7030 section 6, of a password that is used where only the system's CAs say who the server is.
SYSTEM_TRUST_WARNING = (
    "a password is used although only the CA certificates of the system say who the EST server is: any of the many CAs "
    "in that store could name another server (RFC 7030 section 6)"
)


class Shown(Value):
    """What a client showed of itself with a request, and what the server offered: what the words of a refusal need.

    :param account: whether there is a user name and a password to give.
    :param scheme: the HTTP authentication in which they went out, ``"basic"`` or ``"digest"``; ``None`` where they did
        not.
    :param allowed: ``"auto"``, or the one scheme in which they may go out.
    :param offered: the schemes that the server has offered so far, by its names.
    :param client_certificate: whether the server got the TLS client certificate; ``None`` where nobody can tell.
    """

    account: bool = False
    scheme: Optional[str] = None
    allowed: str = "auto"
    offered: Tuple[str, ...] = ()
    client_certificate: Optional[bool] = False


class Response(Value):
    """An HTTP response, read whole.

    :param headers: names in lower case; repeated headers joined by ``", "``.
    :param shown: what the client showed; ``None`` where it is not known.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = ""
    shown: Optional[Shown] = None


class Transport(Protocol):
    """Carries HTTP requests to one EST server whose identity it has verified before it sends any of them."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status. Redirects are not followed.

        :param body: bytes, or a function that makes them for the connection on which they are sent. It is run
            each time the request is sent.
        :param authenticate: use the configured credentials, where there are any.
        :raises TransportError: with ``stage`` one of resolve, connect, tls; for what happens after the TLS handshake
            the stage is left to the caller and ``request_received`` is ``"received"``, ``"not_received"`` or
            ``"unknown"``.
        """

    @property
    def peer(self) -> Optional[Peer]:
        """The server of the last connection, once there has been one."""

    @property
    def authenticated_by(self) -> Optional[str]:
        """The HTTP authentication scheme of the last request that had one: ``"basic"`` or ``"digest"``."""

    @property
    def warnings(self) -> Tuple[str, ...]:
        """What is risky about how this transport was set up, and was done all the same."""

    def client_key(self) -> Optional[PrivateKeyTypes]:
        """The key of the TLS client certificate; ``None`` where there is none, or it cannot be read here."""

    def require_tls_unique(self) -> None:
        """See to it that ``Binding.tls_unique`` is defined from now on, by TLS 1.2 (RFC 7030 section 3.5).

        :raises InputError: this transport cannot do that.
        """

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> Transport:
        """A transport to another server, under the same trust, to which a redirect leads (RFC 7030 section 3.2.1).

        :param url: the other server, whose identity is verified as that of the first one was.
        :param with_credentials: let it use the user name and password and the TLS client certificate too.
        """

    def announce(self, urls: Sequence[str]) -> None:
        """Be told of requests that will follow: GET, with the same headers, and without credentials or a body.

        A transport to which each call costs much may ask for the others together with the first. Nobody relies on it:
        each of them is requested, or none.

        :param urls: in the order of the requests, the first one among them.
        """

    def close(self) -> None:
        """Close what is open. May be called twice."""
