# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through an HTTP proxy: a CONNECT tunnel (RFC 9110 section 9.3.6), inside which TLS goes to the EST server."""

from __future__ import annotations

import re
import socket
from typing import Callable

from ..._value import Value
from .failures import Failed
from .url import read_proxy

_ANSWER_LIMIT = 16384
_STATUS_LINE = rb"HTTP/1\.[01] (\d{3})(?: ([\x20-\x7e]*))?"


class Proxy(Value):
    """An HTTP proxy. Make one with ``parse()``."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read the option ``proxy``: ``http://host:port``.

        :raises InputError: anything else; a user name or password, which this option must not hold.
        """
        return cls(*read_proxy(text))


def open_tunnel(connection: socket.socket, target: str, limit: Callable[[], float]) -> None:
    """Ask a proxy for a tunnel to ``target`` (``host:port``). No credentials of any kind are sent.

    :param connection: to the proxy.
    :param limit: the seconds that a step may take from now on; raises ``socket.timeout`` where none are left.
    :raises Failed: the proxy refused, or gave no answer.
    """
    try:
        connection.settimeout(limit())
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))
        answer = _read_head(connection, limit)
    except socket.timeout:
        raise Failed("proxy", "proxy_failed", "timeout") from None
    except OSError as error:
        raise Failed("proxy", "proxy_failed", "closed", said=error.strerror or "") from None
    status = re.match(_STATUS_LINE, answer)
    if status is None:
        raise Failed("proxy", "proxy_failed", "not_http" if answer else "closed")
    if not status[1].startswith(b"2"):
        words = (status[1] + b" " + (status[2] or b"")[:80]).decode("ascii").strip()
        raise Failed("proxy", "proxy_failed", "refused", proxy_status=int(status[1]), said=words)


def _read_head(connection: socket.socket, limit: Callable[[], float]) -> bytes:
    """The answer up to its empty line, byte by byte: what follows belongs to TLS."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < _ANSWER_LIMIT:
        connection.settimeout(limit())
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head
