# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the EST client reaches a server: one small interface, so that more than one way can carry the requests.

``https.py`` is the way of this library (``requests``); an Ansible action plugin carries the same requests through the
``uri`` module of a managed host instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional

try:
    from typing import Protocol
except ImportError:  # pragma: no cover
    Protocol = object  # type: ignore[assignment]


@dataclass(frozen=True)
class Credentials:
    """A user name and a password for HTTP authentication. The password never shows in ``repr()``."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Peer:
    """What is known of the server at the other end of a verified connection.

    :param trust: ``"explicit"`` (configured anchors) or ``"system"`` (the host's store): RFC 7030 section 3.3.1.
    :param tls_version: such as ``"TLSv1.3"``; ``None`` where the transport cannot know it.
    :param authorised_by: ``"host name"`` or ``"id-kp-cmcRA"`` (RFC 7030 section 3.6.1).
    :param certificate: the server's certificate, DER; ``None`` where the transport cannot know it.
    :param cipher: the cipher suite by OpenSSL's name; ``None`` where the transport cannot know it.
    """

    trust: str
    tls_version: Optional[str] = None
    authorised_by: str = "host name"
    certificate: Optional[bytes] = field(default=None, repr=False)
    cipher: Optional[str] = None


@dataclass(frozen=True)
class Response:
    """An HTTP response, read whole.

    :param headers: names in lower case; repeated headers joined by ``", "``.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = ""


class Transport(Protocol):
    """Carries HTTP requests to one EST server whose identity it has verified before it sends any of them."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[bytes] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status. Redirects are not followed.

        :param authenticate: send the configured credentials (preemptive HTTP Basic), and nothing where there are none.
        :raises TransportError: with ``stage`` one of resolve, connect, tls; for what happens after the TLS handshake
            the stage is left to the caller and ``request_received`` is ``"yes"``, ``"no"`` or ``"unknown"``.
        """

    @property
    def peer(self) -> Optional[Peer]:
        """The server of the last connection, once there has been one."""

    def close(self) -> None:
        """Close what is open. May be called twice."""
