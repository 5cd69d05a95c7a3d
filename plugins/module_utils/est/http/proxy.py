# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through an HTTP proxy: a CONNECT tunnel (RFC 9110 section 9.3.6), inside which TLS goes to the EST server."""

from __future__ import annotations

import re
import socket

from ..._value import Value
from ..base.errors import TransportError
from .deadline import Exchange
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


def open_tunnel(connection: socket.socket, proxy: Proxy, target: str, exchange: Exchange) -> None:
    """Ask a proxy for a tunnel to ``target`` (``host:port``). No credentials of any kind are sent.

    :raises TransportError: stage ``connect``: the proxy refused, or gave no answer.
    """
    where = f"the proxy {proxy.host}:{proxy.port}"
    try:
        connection.settimeout(exchange.deadline.limit(exchange.step_seconds))
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))
        answer = _read_head(connection, exchange)
    except socket.timeout:
        raise TransportError(
            f"{where} did not answer in time when asked for a connection to {target}",
            code="proxy_failed",
            stage="connect",
            hint="The proxy cannot reach the EST server, or the port is not the one of a proxy.",
        ) from None
    except OSError as error:
        raise TransportError(
            f"{where} broke the connection when asked for one to {target} ({error.strerror})",
            code="proxy_failed",
            stage="connect",
            hint="Check that proxy names an HTTP proxy and its port.",
        ) from None
    status = re.match(_STATUS_LINE, answer)
    if status is None:
        raise TransportError(
            f"{where} does not answer as an HTTP proxy does",
            code="proxy_failed",
            stage="connect",
            hint="Check that proxy names an HTTP proxy and its port (not an HTTPS or SOCKS proxy).",
        )
    if not status[1].startswith(b"2"):
        words = (status[1] + b" " + (status[2] or b"")[:80]).decode("ascii").strip()
        raise TransportError(
            f"{where} refused a connection to {target} (HTTP {words})",
            code="proxy_failed",
            stage="connect",
            hint="Allow this host to reach the EST server in the proxy's rules. Proxy passwords are not supported."
            if status[1] in (b"403", b"405", b"407")
            else "Check server and port: the proxy could not reach them.",
        )


def _read_head(connection: socket.socket, exchange: Exchange) -> bytes:
    """The answer up to its empty line, byte by byte: what follows belongs to TLS."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < _ANSWER_LIMIT:
        connection.settimeout(exchange.deadline.limit(exchange.step_seconds))
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head
