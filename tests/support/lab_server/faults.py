# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: answers and ways to end a connection that no proper server has, for the tests of clients."""

from __future__ import annotations

import base64
import gzip
import time
from collections.abc import Sequence
from typing import Callable, Optional

from est_lab_server.est.answers import CERTS_ONLY_TYPE
from est_lab_server.http.messages import Reply
from est_lab_server.http.stream import Stream

from .hostile import hostile_faults

HUGE_BYTES = 10 * 1024 * 1024
_DRIP_SECONDS = 0.2
_SHORT_BY = 245
_SILENCE_SECONDS = 600
_ENDLESS_HEADERS = 1_000_000
_MANY_PARTS = 10_000

# Faults of the authority; `issuing` commits them.
ISSUING = {
    "wrong-key": "a certificate for another key",
    "unrelated-issuer": "a certificate, or a CA certificate (cacerts), of an authority nobody knows",
    "empty-bag": "a certs-only answer without certificates",
    "other-name": "a certificate for the CN root, whatever CN is asked for",
    "ca-certificate": "a certificate with CA:TRUE, which can issue others",
    "other-key-type": "a key of another type than the one asked for (serverkeygen)",
}
# A fault that is worded as `--errors` says.
REFUSED = "refused"
REFUSING = {REFUSED: "status 400 in the form of --errors"}
# Faults of the connection, before there is a request.
CONNECTING = {
    "reset-on-connect": "every connection is reset at once, before TLS",
    "no-handshake": "every connection is taken and then nothing is said, not even TLS",
}
# A fault between the head of a request and its body.
RESET_BEFORE_ANSWER = "reset-before-answer"
READING = {RESET_BEFORE_ANSWER: "the connection is reset when the request's head was read, its body was not"}


def _certs_only_type() -> list[tuple[str, str]]:
    return [("Content-Type", CERTS_ONLY_TYPE)]


def _html() -> Reply:
    page = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"
    return Reply(200, [("Content-Type", "text/html; charset=utf-8")], page)


def _text() -> Reply:
    return Reply(200, [("Content-Type", "text/plain")], b"Enrolment is closed for maintenance.\n")


def _failure(status: int, text: str, **headers: str) -> Reply:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Reply(status, [("Content-Type", "text/plain"), *named], text.encode() + b"\n")


ANSWERING: dict[str, tuple[str, Callable[[], Reply]]] = {
    "html-200": ("an HTML page with status 200", _html),
    "text-200": ("plain text with status 200", _text),
    "empty-200": ("status 200, the right Content-Type, no body", lambda: Reply(200, _certs_only_type())),
    "not-base64": (
        "status 200, the right Content-Type, a body that is not base64",
        lambda: Reply(200, _certs_only_type(), b"~~~ this is not base64 ~~~\n"),
    ),
    "not-cms": (
        "status 200, base64 of bytes that are no CMS",
        lambda: Reply(200, _certs_only_type(), base64.encodebytes(bytes(range(256)))),
    ),
    "huge": (
        "a body of 10 MB",
        lambda: Reply(200, _certs_only_type(), (b"MIIB" * 16 + b"\n") * (HUGE_BYTES // 65 + 1)),
    ),
    "http-400": ("status 400", lambda: _failure(400, "The request is not to this server's taste.")),
    "http-403": ("status 403", lambda: _failure(403, "This user may not enrol.")),
    "http-404": ("status 404", lambda: _failure(404, "Not found.")),
    "http-500": ("status 500", lambda: _failure(500, "Something broke in the certificate authority.")),
    "http-501": ("status 501", lambda: _failure(501, "Not implemented.")),
    "http-503": ("status 503 with Retry-After", lambda: _failure(503, "Come back later.", Retry_After="2")),
    **{
        f"http-{status}": (f"status {status}", lambda status=status: _failure(status, "No."))  # type: ignore[misc]
        for status in (401, 405, 408, 415, 422, 429, 495, 496, 502, 504)
    },
    "garbage": (
        "CSR attributes that are not ASN.1",
        lambda: Reply(200, [("Content-Type", "application/csrattrs")], base64.encodebytes(b"\x30\x82\xff\xffgarbage")),
    ),
    "control-characters": (
        "status 400, a message with escape sequences and 100 000 characters",
        lambda: _failure(400, "\x1b[31mred\x07\x00 " + "long " * 20000),
    ),
    "redirect": (
        "status 302 to another host",
        lambda: _failure(302, "Moved.", Location="https://elsewhere.example.invalid/"),
    ),
}


def _parts(reply: Reply) -> tuple[bytes, list[bytes]]:
    """The delimiter of a multipart reply, and what is before, between and after: nothing, key, certificate, the end."""
    delimiter = b"--" + dict(reply.headers)["Content-Type"].rpartition("boundary=")[2].encode()
    return delimiter, reply.body.split(delimiter)


def _no_boundary(reply: Reply) -> Reply:
    return Reply(reply.status, [("Content-Type", "multipart/mixed")], reply.body)


def _no_end(reply: Reply) -> Reply:
    delimiter, parts = _parts(reply)
    return Reply(reply.status, reply.headers, delimiter.join(parts[:-1]))


def _without_part(number: int) -> Callable[[Reply], Reply]:
    def without(reply: Reply) -> Reply:
        delimiter, parts = _parts(reply)
        del parts[number]
        return Reply(reply.status, reply.headers, delimiter.join(parts))

    return without


def _many_parts(reply: Reply) -> Reply:
    delimiter, parts = _parts(reply)
    return Reply(reply.status, reply.headers, delimiter.join([parts[0], *[b"\r\n\r\n\r\n"] * _MANY_PARTS, *parts[1:]]))


# Faults of the answer of serverkeygen.
BREAKING: dict[str, tuple[str, Callable[[Reply], Reply]]] = {
    "no-boundary": ("the Content-Type of the multipart body has no boundary", _no_boundary),
    "no-end": ("the last boundary is missing", _no_end),
    "no-key": ("the part with the key is missing", _without_part(1)),
    "no-certificate": ("the part with the certificate is missing", _without_part(2)),
    "many-parts": ("ten thousand empty parts before the others", _many_parts),
}


def _truncated(stream: Stream, reply: Reply) -> None:
    stream.sendall(reply.head([("Content-Length", str(len(reply.body)))]) + reply.body[: len(reply.body) // 2])
    stream.close()


def _short_length(stream: Stream, reply: Reply) -> None:
    stream.sendall(reply.head([("Content-Length", str(max(0, len(reply.body) - _SHORT_BY)))]) + reply.body)
    stream.close()


def _reset_in_answer(stream: Stream, reply: Reply) -> None:
    stream.sendall(reply.head([("Content-Length", str(len(reply.body)))]) + reply.body[: len(reply.body) // 2])
    time.sleep(_DRIP_SECONDS)
    stream.reset()


def _slow_drip(stream: Stream, reply: Reply) -> None:
    message = reply.head([("Content-Length", str(len(reply.body)))]) + reply.body
    for position in range(len(message)):
        stream.sendall(message[position : position + 1])
        time.sleep(_DRIP_SECONDS)
    stream.close()


def _gzip(stream: Stream, reply: Reply) -> None:
    body = gzip.compress(reply.body)
    stream.sendall(reply.head([("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]) + body)
    stream.close()


def _never_answers(stream: Stream, reply: Reply) -> None:
    wait_for_the_client(stream)


def _endless_headers(stream: Stream, reply: Reply) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(_ENDLESS_HEADERS):
        stream.sendall(b"X-Endless-%d: and so on\r\n" % number)
    stream.close()


def _endless_body(stream: Stream, reply: Reply) -> None:
    stream.sendall(reply.head([("Transfer-Encoding", "chunked")]))
    for _unused in range(_ENDLESS_HEADERS):
        stream.sendall(b"40\r\n" + b"MIIB" * 16 + b"\r\n")
    stream.close()


def _bad_status_line(stream: Stream, reply: Reply) -> None:
    stream.sendall(b"EST/7030 fine\r\n\r\n")
    stream.close()


SENDING: dict[str, tuple[str, Callable[[Stream, Reply], None]]] = {
    "truncated": ("half of the body, then the connection is closed properly", _truncated),
    "short-length": (
        f"a Content-Length {_SHORT_BY} smaller than the body, as libest's serverkeygen had",
        _short_length,
    ),
    "reset-in-answer": ("half of the body, then the connection is reset", _reset_in_answer),
    "reset-after-request": (
        "the request is carried out, then the connection is reset",
        lambda stream, _unused: stream.reset(),
    ),
    "close-after-request": (
        "the request is carried out, then the connection is closed",
        lambda stream, _unused: stream.close(),
    ),
    "never-answers": ("the request is carried out, nothing is sent", _never_answers),
    "gzip": ("the proper answer with Content-Encoding: gzip, which nobody asked for", _gzip),
    "slow-drip": ("five bytes of the answer a second", _slow_drip),
    "endless-headers": ("a million header lines", _endless_headers),
    "endless-body": ("a chunked body of 64 MB", _endless_body),
    "bad-status-line": ("an answer that is not HTTP", _bad_status_line),
}


def names() -> dict[str, str]:
    """Every fault and what it does."""
    described = {**CONNECTING, **READING, **ISSUING, **REFUSING}
    described.update({name: text for name, (text, _unused) in ANSWERING.items()})
    described.update({name: text for name, (text, _unused) in (*BREAKING.items(), *SENDING.items())})
    described.update(hostile_faults())
    return described


class FaultPlan:
    """Which fault which operation has."""

    def __init__(self, flags: Sequence[str]) -> None:
        """`flags` are `NAME`, for every operation, or `OPERATION:NAME`. Raises ValueError for an unknown name."""
        self._of: dict[str, str] = {}
        for flag in flags:
            operation, colon, name = flag.rpartition(":")
            if name not in names():
                raise ValueError(f"there is no fault {name!r}; there are {', '.join(sorted(names()))}")
            if colon and name in CONNECTING:
                raise ValueError(f"the fault {name!r} comes before any operation: leave {operation!r} out")
            self._of[operation] = name

    def of(self, operation: str) -> Optional[str]:
        """The fault of an operation, None without one."""
        return self._of.get(operation) or self._of.get("")

    def of_connection(self) -> Optional[str]:
        """The fault that every connection has, None without one."""
        name = self._of.get("")
        return name if name in CONNECTING else None


def wait_for_the_client(stream: Stream) -> None:
    """Say nothing until the client closes the connection."""
    stream.socket.settimeout(_SILENCE_SECONDS)
    while stream.socket.recv(65536):
        pass
    stream.close()
