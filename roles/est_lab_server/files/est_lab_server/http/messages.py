# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 (RFC 9112): reads requests from a connection, within limits, and writes replies to it."""

from __future__ import annotations

import dataclasses
import email.utils
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Optional

from ..settings import Settings
from .stream import Stream


@dataclass
class Reply:
    """Status, headers and body. `close` ends the connection after it; the framing headers are added when it is sent."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    close: bool = False

    @property
    def reason(self) -> str:
        """The reason phrase of the status line."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Status"

    def head(self, framing: list[tuple[str, str]]) -> bytes:
        """The status line and all headers, up to and with the empty line."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", "Server: est-lab-server (for labs only)"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *framing)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Refusal(Exception):
    """A request that is answered with an error: the HTTP status and words for the user."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
_PIECE = 16 * 1024


@dataclass(frozen=True)
class Request:
    """The head of a request."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> Optional[str]:
        """The value of a header, whatever the case of its name; None where it is absent."""
        for each, value in self.headers:
            if each.lower() == name:
                return value
        return None

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks (RFC 9112 section 7.1)."""
        return "chunked" in (self.header("transfer-encoding") or "").lower()

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on using the connection."""
        connection = (self.header("connection") or "").lower()
        return "keep-alive" in connection if self.version == "HTTP/1.0" else "close" not in connection


class RequestReader:
    """Takes requests from one connection, one after the other."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = b""

    def read_head(self) -> Optional[Request]:
        """The next request's head; None when the client closed the connection. Raises Refusal and OSError."""
        self._buffer = self._buffer.lstrip(b"\r\n")
        while b"\r\n\r\n" not in self._buffer and b"\n\n" not in self._buffer:
            if self._buffer and not self._buffer[:1].isalpha():
                # Someone who speaks TLS to plain HTTP, for one, would wait for an answer and never end the line.
                raise Refusal(400, "this is not an HTTP/1.1 request")
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise Refusal(431, f"the request head is longer than {MAX_HEAD_BYTES} bytes")
            piece = self._stream.recv(_PIECE)
            if not piece:
                if self._buffer.strip():
                    raise Refusal(400, "the connection ended inside the request head")
                return None
            self._buffer += piece
            self._buffer = self._buffer.lstrip(b"\r\n")
        ends = [(self._buffer.index(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if mark in self._buffer]
        end, size = min(ends)
        head, self._buffer = self._buffer[:end], self._buffer[end + size :]
        return parse_head(head)

    def read_body(self, request: Request) -> bytes:
        """The body of `request`. Raises Refusal and OSError."""
        if (request.header("expect") or "").lower() == "100-continue":
            self._stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.chunked:
            return self._read_chunks()
        length = request.header("content-length")
        if length is None:
            if request.method == "POST":
                raise Refusal(411, "the request has neither a Content-Length nor chunks")
            return b""
        if not (length.isascii() and length.isdigit()):
            raise Refusal(400, f"the Content-Length {length[:40]!r} is not a number")
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            raise Refusal(413, f"the request body is longer than {MAX_BODY_BYTES} bytes")
        return self._take(int(length))

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            size_text = self._take_line().split(b";")[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError:
                raise Refusal(400, "a chunk of the request body has no size") from None
            if size < 0 or len(body) + size > MAX_BODY_BYTES:
                raise Refusal(413, f"the request body is longer than {MAX_BODY_BYTES} bytes")
            if size == 0:
                while self._take_line():
                    pass
                return body
            body += self._take(size)
            self._take_line()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = self._stream.recv(_PIECE)
            if not piece:
                raise Refusal(400, "the connection ended inside the request body")
            self._buffer += piece
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _take_line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise Refusal(400, "a line of the chunked request body is too long")
            piece = self._stream.recv(_PIECE)
            if not piece:
                raise Refusal(400, "the connection ended inside the request body")
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip(b"\r")


def parse_head(head: bytes) -> Request:
    """A request's head from its bytes, without the empty line. Raises Refusal."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[2].startswith("HTTP/1."):
        raise Refusal(400, "this is not an HTTP/1.1 request")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refusal(400, "a header line of the request is malformed")
        headers.append((name, value.strip()))
    return Request(words[0], words[1], words[2], tuple(headers))


TRANSFERS = ("content-length", "chunked", "close")
_CHUNK = 1000


def dated(reply: Reply) -> Reply:
    """The reply with the header Date (RFC 9110 section 6.6.1)."""
    return dataclasses.replace(reply, headers=[("Date", email.utils.formatdate(usegmt=True)), *reply.headers])


def send_reply(stream: Stream, reply: Reply, settings: Settings) -> bool:
    """Send the reply; gives whether the connection can be used again. Raises OSError."""
    framing: list[tuple[str, str]] = []
    body = reply.body
    unframed = reply.status == 202 and settings.pending_body == "unframed"
    transfer = "close" if unframed else settings.transfer
    keep_open = not reply.close and transfer != "close"
    if reply.status != 204 and transfer == "content-length":
        framing.append(("Content-Length", str(len(body))))
    elif reply.status != 204 and transfer == "chunked":
        framing.append(("Transfer-Encoding", "chunked"))
        body = _chunks(body)
    if not keep_open:
        framing.append(("Connection", "close"))
    head = reply.head(framing)
    stream.sendall(head + body)
    return keep_open


def _chunks(body: bytes) -> bytes:
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
