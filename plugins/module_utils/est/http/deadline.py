# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time limits that hold whatever a server does: a whole request is bounded, not only the wait for its next byte."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
from typing import Any, Optional

_LAST_WORDS_SECONDS = 0.2
# Linux only; other systems have no such switch.
_TCP_QUICKACK: Optional[int] = getattr(socket, "TCP_QUICKACK", None)


class Deadline:
    """A moment after which a request is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def limit(self, seconds: float) -> float:
        """How long a step may take that has ``seconds`` of its own.

        :raises socket.timeout: there is no time left at all.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("the deadline of the request has passed")
        return min(seconds, left)


class Exchange:
    """What happens on the wire during one request: the limits, and how far it came.

    :ivar written: the request went out whole.
    :ivar received: bytes of the answer so far.
    :ivar ended: the server has ended its side of the connection.
    :ivar reused: the connection had carried an earlier request.
    :ivar failure: what the socket raised last.
    """

    def __init__(self, deadline: Deadline, step_seconds: float) -> None:
        self.deadline = deadline
        self.step_seconds = step_seconds
        self.written = False
        self.received = 0
        self.ended = False
        self.reused = False
        self.failure: Optional[OSError] = None


class TimedSocket(ssl.SSLSocket):
    """A TLS socket that keeps the limits of an ``Exchange``, and notes in it what happens.

    A time limit of a Python TLS socket bounds one call as a whole, so a limit set anew before each call by what is left
    stops a server that sends a byte a second, be it of TLS records, of headers or of a body.
    """

    exchange: Optional[Exchange] = None
    _early = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """See ``SSLSocket.recv()``, which ``ssl`` calls itself where the server has gone before the handshake.

        An error there ends the making of this socket, which Python then leaves open.
        """
        try:
            return super().recv(buflen, flags)
        except OSError:
            if self.exchange is None:
                self.close()
            raise

    def recv_into(self, buffer: Any, nbytes: Optional[int] = None, flags: int = 0) -> int:
        """See ``SSLSocket.recv_into()``; all reads of ``http.client`` come through here."""
        exchange = self.exchange
        if exchange is None:
            return super().recv_into(buffer, nbytes, flags)
        if self._early:
            buffer[:1], self._early = self._early, b""
            exchange.received += 1
            return 1
        try:
            self.settimeout(exchange.deadline.limit(exchange.step_seconds))
            self._acknowledge_at_once()
            count = super().recv_into(buffer, nbytes, flags)
        except OSError as error:
            exchange.failure = error
            raise
        exchange.received += count
        exchange.ended = count == 0
        return count

    def _acknowledge_at_once(self) -> None:
        """Have the kernel acknowledge now what has arrived.

        A server that writes header and body one after the other, with Nagle's algorithm on, sends the body only when
        the header is acknowledged, which Linux delays by 40 ms. The kernel forgets the switch by itself, so it is set
        before every read.
        """
        if _TCP_QUICKACK is not None:
            with contextlib.suppress(OSError):  # the server has closed the connection
                self.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)

    def send(self, data: Any, flags: int = 0) -> int:
        """See ``SSLSocket.send()``; ``sendall`` comes through here.

        :raises BrokenPipeError: the server has answered and closed before it read everything; its answer can be read.
        """
        exchange = self.exchange
        if exchange is None:
            return super().send(data, flags)
        try:
            self.settimeout(exchange.deadline.limit(exchange.step_seconds))
            return super().send(data, flags)
        except socket.timeout as error:
            exchange.failure = error
            raise
        except OSError as error:
            exchange.failure = self._last_words() or error
            if self._early:
                # The one error after which http.client's callers still look for an answer.
                raise BrokenPipeError(errno.EPIPE, "the server stopped reading") from None
            raise

    def _last_words(self) -> Optional[OSError]:
        """The alert with which the server ended the connection, where there is one; an answer is kept for recv_into.

        In TLS 1.3 a server refuses a client certificate after the handshake; writing fails before its alert is read.
        """
        byte = bytearray(1)
        try:
            self.settimeout(_LAST_WORDS_SECONDS)
            self._early = bytes(byte[: super().recv_into(byte)])
        except ssl.SSLError as error:
            return error
        except OSError:
            pass
        return None
