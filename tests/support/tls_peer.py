# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripted TLS servers in threads: what goes over the wire is what the test wrote, byte by byte.

A script has one list of steps for each connection that the server is to accept. A step is a callable
``step(connection, peer)``; ``answer()`` and the others below make the usual ones.
A connection beyond the script is accepted and closed at once, and counted in ``Peer.unexpected``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from support.effort import HANGS_SECONDS
from support.tls_certificates import Identity

# Longer than what hangs may take (support.effort), so that a client which waits for this server is seen to hang.
_FOREVER = 2 * HANGS_SECONDS

Step = Callable[[Any, "Peer"], None]


@dataclass
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes
    head: bytes = field(repr=False)
    connection: int = 0


class Peer:
    """A server on 127.0.0.1 (or ``::1``); use it as a context manager."""

    def __init__(
        self,
        script: Sequence[Sequence[Step]],
        *,
        context: Optional[ssl.SSLContext] = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.received: List[Received] = []
        self.plain: List[bytes] = []
        self.handshakes = 0
        self.unexpected = 0
        self._ended = threading.Semaphore(0)
        self._script = list(script)
        self._context = context
        self._stop = threading.Event()
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(8)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._open: List[Any] = []

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._thread.join(timeout=60)
        for connection in self._open:
            connection.close()

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than the test lasts. ``True`` where the test is over."""
        return self._stop.wait(seconds)

    def wait_for_the_end_of_a_connection(self) -> None:
        """Wait until the next connection of the script is closed by this side; at most a minute."""
        assert self._ended.acquire(timeout=60)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            connection.settimeout(60)
            self._open.append(connection)
            if number >= len(self._script):
                self.unexpected += 1
                connection.close()
                continue
            steps = self._script[number]
            number += 1
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                    self._open[-1] = connection
                    self.handshakes += 1
                for step in steps:
                    step(connection, self)
            except (OSError, ValueError):
                pass
            finally:
                connection.close()
                self._ended.release()


def server_context(
    identity: Identity,
    *,
    chain: Sequence[Identity] = (),
    version: Optional[ssl.TLSVersion] = None,
    ciphers: str = "",
    client_ca: Optional[Identity] = None,
) -> ssl.SSLContext:
    """A server's context. ``version``: the only one it speaks; ``client_ca``: client certificates are required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "server.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(identity.key_pem() + identity.pem + "".join(other.pem for other in chain))
        context.load_cert_chain(path)
    if version is not None:
        context.minimum_version = version
        context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if client_ca is not None:
        context.load_verify_locations(cadata=client_ca.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_request(connection: Any, peer: Peer) -> None:
    """Read one request with its body into ``Peer.received``."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("no request")
        head += byte
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:-2])}
    body = bytearray()
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, path, _version = lines[0].split(" ")
    peer.received.append(Received(method, path, headers, bytes(body), head, peer.handshakes))


def send(data: bytes) -> Step:
    """Send these bytes."""

    def step(connection: Any, _peer: Peer) -> None:
        connection.sendall(data)

    return step


def drip(data: Iterator[bytes], pause: float) -> Step:
    """Send piece after piece with a pause between, until the client goes away or the test is over."""

    def step(connection: Any, peer: Peer) -> None:
        end = time.monotonic() + _FOREVER
        for piece in data:
            connection.sendall(piece)
            if peer.wait(pause) or time.monotonic() > end:
                return

    return step


def stall(connection: Any, peer: Peer) -> None:
    """Do nothing until the test is over."""
    peer.wait(_FOREVER)


def reset(connection: Any, _peer: Peer) -> None:
    """Break the connection with a TCP reset instead of ending it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def note_plain(connection: Any, peer: Peer) -> None:
    """Read whatever comes within a moment into ``Peer.plain``: what a client says that should say nothing."""
    connection.settimeout(0.3)
    with contextlib.suppress(OSError):
        peer.plain.append(connection.recv(65536))


def tunnel(peer_port: int) -> Step:
    """Be a proxy: read a CONNECT request, agree, then carry bytes both ways to a port on 127.0.0.1."""

    def step(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        with socket.create_connection(("127.0.0.1", peer_port), timeout=60) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(target, connection), daemon=True)
            back.start()
            _copy(connection, target)
            back.join(timeout=60)

    return step


def _copy(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def response(body: bytes = b"", status: str = "200 OK", headers: str = "") -> bytes:
    """The bytes of a response with a Content-Length. ``headers`` are whole lines, each with its line end."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def answer(body: bytes = b"", status: str = "200 OK", headers: str = "") -> Step:
    """Read a request and answer it."""

    def step(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        connection.sendall(response(body, status, headers))

    return step


def closed_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
