# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where a program that is built on this server changes what it does.

The tests of clients have such a program, which misbehaves. The server that users get uses the class as it is here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable, Optional

from cryptography import x509

from .authority.authority import Authority
from .authority.server_certificate import GOOD, ServerCertificateKind
from .http.messages import Reply
from .http.stream import Stream

if TYPE_CHECKING:
    from .laboratory import Exchange, Lab


class Extension:
    """Every method does what a proper server does. `usual` is the next step, which a method may leave out."""

    #: What the server's own certificate is like.
    server_certificate: ServerCertificateKind = GOOD
    #: Whether there is TLS at all.
    tls = True
    #: What else tells one configuration from another: a server in the background is replaced when it changes.
    configured = ""

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add flags of its own to the command line."""

    def configure(self, values: dict[str, Any]) -> None:
        """Take the values of the command line by their names. Raises ValueError, whose text is told to the user."""

    def takes_over(self, stream: Stream) -> bool:
        """Whether it has dealt with a new connection, before TLS and before any request. Raises OSError."""
        return False

    def drops(self, exchange: Exchange) -> bool:
        """Whether to reset the connection when the head of a request has been read and its body has not."""
        return False

    def answer(self, lab: Lab, exchange: Exchange, usual: Callable[[], Reply]) -> Reply:
        """The reply to a request whose body has been read."""
        return usual()

    def certificates(
        self, lab: Lab, exchange: Exchange, certificates: Sequence[x509.Certificate]
    ) -> tuple[Authority, Sequence[x509.Certificate]]:
        """The certificates of an answer, the issued one or those of the authority, and the authority they are from."""
        return lab.authority, certificates

    def private_key(self, exchange: Exchange, private_key: Any) -> Any:
        """The private key that serverkeygen has made."""
        return private_key

    def send(
        self, stream: Stream, exchange: Optional[Exchange], reply: Reply, usual: Callable[[Stream, Reply], bool]
    ) -> bool:
        """Send a reply; gives whether the connection can be used again. A malformed request has no exchange."""
        return usual(stream, reply)
