# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from a name to TLS: resolve, connect, a tunnel through a proxy, shake hands. What fails is told in codes.

``Dialler`` takes them for the EST client, and ``est_relay`` for a client on another machine. Both verify the server
with ``authorize()`` after the last one, before anything is sent.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import re
import socket
import ssl
import threading
from typing import Any, Callable, List, Tuple, Union

from .failures import Failed, handshake_failed

Addresses = List[Tuple[Any, ...]]
#: The seconds that a step may take from now on; raises ``socket.timeout`` where none are left.
Limit = Callable[[], float]

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
# The longest Certificate message without a certificate in it (TLS 1.2: 7 octets, TLS 1.3: 8).
_EMPTY_CERTIFICATE = 8
#: Octets of the answer of a proxy at most.
_ANSWER_LIMIT = 16384
_STATUS_LINE = rb"HTTP/1\.[01] (\d{3})(?: ([\x20-\x7e]*))?"


def resolve(host: str, port: int, limit: Limit) -> Addresses:
    """The addresses of a host.

    :raises Failed: it is not known, or nobody says.
    """
    answers: queue.SimpleQueue[Union[Addresses, Exception]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # getaddrinfo has no time limit of its own; a thread that still waits for it does not hold up the exit.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=limit())
    except (queue.Empty, socket.timeout):
        raise Failed("resolve", "name_not_resolved", "timeout") from None
    if isinstance(answer, Exception):
        again = getattr(answer, "errno", None) == getattr(socket, "EAI_AGAIN", None)
        raise Failed("resolve", "name_not_resolved", "no_answer" if again else "unknown_host")
    return answer


def connect(addresses: Addresses, limit: Limit) -> Tuple[socket.socket, str]:
    """A connection to the first address that accepts one, and that address. Each gets an equal share of the time.

    :raises Failed: as of the last address.
    """
    failed = Failed("connect", "connection_failed", "failed", said="no address")
    for family, kind, protocol, _name, address in addresses:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(limit() / len(addresses))
            connection.connect(address)
            with contextlib.suppress(OSError):  # reset meanwhile, as whoever uses it finds out
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection, str(address[0])
        except ConnectionRefusedError:
            failed = Failed("connect", "connection_refused")
        except socket.timeout:
            failed = Failed("connect", "connection_failed", "timeout")
        except OSError as error:
            detail = "unreachable" if error.errno in _UNREACHABLE else "failed"
            failed = Failed("connect", "connection_failed", detail, said=error.strerror or "")
        connection.close()
    raise failed


def open_tunnel(connection: socket.socket, target: str, limit: Limit) -> None:
    """Ask an HTTP proxy for a tunnel, inside which TLS goes to the EST server (RFC 9110 section 9.3.6).

    No credentials of any kind are sent.

    :param connection: to the proxy.
    :param target: ``host:port``.
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


def _read_head(connection: socket.socket, limit: Limit) -> bytes:
    """The answer up to its empty line, byte by byte: what follows belongs to TLS."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < _ANSWER_LIMIT:
        connection.settimeout(limit())
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head


def shake_hands(context: ssl.SSLContext, connection: socket.socket, host: str, limit: Limit) -> ssl.SSLSocket:
    """TLS with whom the context trusts. The name of the host is not compared.

    :param host: for the extension server_name.
    :raises Failed: there is none. The connection is closed.
    """
    secured = connection
    try:
        secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
        secured.settimeout(limit())
        secured.do_handshake()
        return secured
    except (OSError, ValueError) as error:
        secured.close()
        raise handshake_failed(error) from None


def watch_client_certificate(context: ssl.SSLContext, sent: Callable[[], None]) -> bool:
    """Find out whether servers ask for the TLS client certificate, which they may do after the handshake too.

    :param sent: called when it goes out.
    :returns: whether that can be known. Python tells it only to a hook which it has for its own tests.
    """
    hooked: Any = context
    if not hasattr(hooked, "_msg_callback"):
        return False

    def message(_connection: Any, direction: str, _version: Any, _content: Any, kind: Any, data: bytes) -> None:
        if direction == "write" and getattr(kind, "name", "") == "CERTIFICATE" and len(data) > _EMPTY_CERTIFICATE:
            sent()

    hooked._msg_callback = message
    return True


def cipher_name(secured: ssl.SSLSocket) -> str:
    """The cipher suite of a connection, by OpenSSL's name."""
    cipher = secured.cipher()
    return cipher[0] if cipher else "unknown cipher"
