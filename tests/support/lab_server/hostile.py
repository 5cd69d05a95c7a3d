# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a server that means harm: what they make a careless client spend is memory, time or its stack."""

from __future__ import annotations

import base64
import datetime
import gzip
from typing import Callable

from est_lab_server import der
from est_lab_server.authority.authority import Authority, certificate_der, now
from est_lab_server.est.answers import CERTS_ONLY_TYPE, certs_only
from est_lab_server.est.key_generation import Part, multipart
from est_lab_server.http.messages import Reply

_DEPTH = 100_000
_ELEMENTS = 200_000
_CERTIFICATES = 10_000
_MAZE = 12
_BOMB_MEMBER_BYTES = 10 * 1024 * 1024
_BOMB_MEMBERS = 100
_CHALLENGES = 1_500


def _deep_nesting() -> bytes:
    heads: list[bytes] = []
    size = 0
    for _unused in range(_DEPTH):
        head = der.tlv_head(der.SEQUENCE, size)
        heads.append(head)
        size += len(head)
    return b"".join(reversed(heads))


def _many_certificates() -> bytes:
    root = certificate_der(Authority.create("EST Lab Root CA", "ec").certificate)
    return certs_only([root] * _CERTIFICATES)


def _certificate_maze() -> bytes:
    # Authorities of one name, each certified by all the others: a search for paths without a bound does not end.
    authorities = [Authority.create("EST Lab Root CA", "ec") for _unused in range(_MAZE)]
    span = (now() - datetime.timedelta(days=1), now() + datetime.timedelta(days=30))
    crossed = [
        one.certify(other, *span).certificate for one in authorities for other in authorities if one is not other
    ]
    return certs_only([certificate_der(each) for each in crossed])


_ENCODED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "deep-nesting": (f"ASN.1 with {_DEPTH} levels, all lengths right", _deep_nesting),
    "deep-nesting-ber": (f"ASN.1 with {_DEPTH} levels of indefinite length, none ends", lambda: b"\x30\x80" * _DEPTH),
    "gigantic-length": ("ASN.1 that says it has 4 GB", lambda: b"\x30\x84\xff\xff\xff\xff\x30\x84\xff\xff\xff\xf0"),
    "gigantic-length-of-length": ("ASN.1 whose length has 126 octets", lambda: b"\x30\xfe" + b"\xff" * 126),
    "many-elements": (f"ASN.1 with {_ELEMENTS} elements", lambda: der.sequence(der.oid("2.5.4.3") * _ELEMENTS)),
    "many-certificates": (f"{_CERTIFICATES} times the same certificate", _many_certificates),
    "certificate-maze": (f"{_MAZE} authorities of one name, each certified by all others", _certificate_maze),
}


def _encoded_reply(operation: str, content: bytes) -> Reply:
    text = base64.encodebytes(content)
    if operation == "serverkeygen":
        content_type, text = multipart(Part("application/pkcs8", text), Part(CERTS_ONLY_TYPE, text), (), "base64")
    else:
        content_type = "application/csrattrs" if operation == "csrattrs" else CERTS_ONLY_TYPE
    return Reply(200, [("Content-Type", content_type)], text)


def _gzip_bomb(operation: str) -> Reply:
    member = gzip.compress(b"M" * _BOMB_MEMBER_BYTES)
    reply = _encoded_reply(operation, b"")
    return Reply(200, [*reply.headers, ("Content-Encoding", "gzip")], member * _BOMB_MEMBERS)


def _challenge_flood(operation: str) -> Reply:
    challenges = ", ".join(f'X{number} realm="a, b=\\"c"' for number in range(_CHALLENGES))
    return Reply(401, [("WWW-Authenticate", challenges), ("Content-Type", "text/plain")], b"No.\n")


def _retry_after_flood(operation: str) -> Reply:
    return Reply(503, [("Retry-After", "9" * 20_000), ("Content-Type", "text/plain")], b"Later.\n")


_OTHERS: dict[str, tuple[str, Callable[[str], Reply]]] = {
    "gzip-bomb": (
        f"Content-Encoding: gzip, which nobody asked for: {_BOMB_MEMBERS * _BOMB_MEMBER_BYTES >> 20} MB in 1 MB",
        _gzip_bomb,
    ),
    "challenge-flood": (f"status 401 with {_CHALLENGES} challenges in one header", _challenge_flood),
    "retry-after-flood": ("status 503 with a Retry-After of 20 000 digits", _retry_after_flood),
}


def hostile_faults() -> dict[str, str]:
    """Every hostile answer and what it is."""
    return {name: text for name, (text, _unused) in (*_ENCODED.items(), *_OTHERS.items())}


def hostile_reply(name: str, operation: str) -> Reply:
    """A hostile answer, with the Content-Type that the operation has."""
    if name in _OTHERS:
        return _OTHERS[name][1](operation)
    return _encoded_reply(operation, _ENCODED[name][1]())
