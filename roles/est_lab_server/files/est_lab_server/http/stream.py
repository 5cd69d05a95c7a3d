# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's socket, with the ways to end it that clients must cope with."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import Optional

_CLOSING_SECONDS = 1.0


class Stream:
    """A connected socket, with or without TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._closing = threading.Lock()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands. Raises OSError, and ValueError for a connection that is closed already."""
        with self._closing:
            secured = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.socket = secured
        try:
            secured.do_handshake()
        except (OSError, ValueError):
            # Not reset: the client is to get the alert that tells it why.
            self._close()
            raise

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; none when the client has ended the connection. Raises OSError."""
        return self.socket.recv(size)

    def sendall(self, content: bytes) -> None:
        """Send everything. Raises OSError."""
        self.socket.sendall(content)

    def tls_version(self) -> str:
        """The TLS version agreed upon, empty without TLS."""
        return self.socket.version() or "" if isinstance(self.socket, ssl.SSLSocket) else ""

    def tls_unique(self) -> Optional[bytes]:
        """The channel binding tls-unique (RFC 5929 section 3); None under TLS 1.3, where it is not defined."""
        if not isinstance(self.socket, ssl.SSLSocket) or self.socket.version() == "TLSv1.3":
            return None
        return self.socket.get_channel_binding("tls-unique")

    def client_certificate(self) -> Optional[bytes]:
        """The certificate in DER that the client authenticated itself with, None without one."""
        return self.socket.getpeercert(binary_form=True) if isinstance(self.socket, ssl.SSLSocket) else None

    def close(self) -> None:
        """End the connection as TLS wants it, with a close_notify (RFC 8446 section 6.1).

        What the client still sends is read and dropped for a moment: a socket closed with unread data resets the
        connection, and the client might lose the answer.
        """
        plain = self.socket
        with contextlib.suppress(OSError, ValueError):
            self.socket.settimeout(_CLOSING_SECONDS)
            if isinstance(self.socket, ssl.SSLSocket):
                plain = self.socket.unwrap()
        with contextlib.suppress(OSError, ValueError):
            plain.settimeout(_CLOSING_SECONDS)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass
        self._close(plain)

    def reset(self) -> None:
        """Tear the connection down: the client gets a TCP reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close()

    def abort(self) -> None:
        """Make whatever another thread waits for on this connection fail at once. It has to close the socket."""
        with self._closing, contextlib.suppress(OSError):
            # Not the method of SSLSocket, which takes the TLS object away from under the other thread.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def _close(self, *more: socket.socket) -> None:
        # The lock keeps `abort` from shutting down a file descriptor that is somebody else's by then.
        with self._closing:
            for each in (*more, self.socket):
                each.close()
