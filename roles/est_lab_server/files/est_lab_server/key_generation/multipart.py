# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""multipart/mixed (RFC 2046 section 5.1), in the shapes that servers give it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

SHAPES = {
    "certificate-first": "the certificate comes before the key",
    "quoted-boundary": "a boundary that has to be quoted",
    "preamble": "text before the first part",
    "epilogue": "text after the last part",
    "lf": "lines of the parts end in LF, not CRLF",
    "no-part-encoding": "parts without Content-Transfer-Encoding",
    "part-headers": "header names in lower case, folded lines, and headers that nobody knows",
    "no-boundary": "the Content-Type has no boundary",
    "no-end": "the last boundary is missing",
    "no-key": "the part with the key is missing",
    "no-certificate": "the part with the certificate is missing",
    "many-parts": "ten thousand empty parts before the others",
}
_BOUNDARY = "estLabServerBoundary"
_BOUNDARY_TO_QUOTE = "=_est lab:(1/2)?"
_MANY = 10_000


class Part(NamedTuple):
    """The Content-Type and the body, text whose lines end in LF."""

    content_type: str
    body: bytes


def multipart(key: Part, certificate: Part, shapes: Collection[str], transfer_encoding: str) -> tuple[str, bytes]:
    """Content-Type and body of a message with two parts; `transfer_encoding` `none` leaves that header out."""
    parts = [part for part, name in ((key, "no-key"), (certificate, "no-certificate")) if name not in shapes]
    if "certificate-first" in shapes:
        parts.reverse()
    end = b"\n" if "lf" in shapes else b"\r\n"
    boundary = _BOUNDARY_TO_QUOTE if "quoted-boundary" in shapes else _BOUNDARY
    delimiter = b"--" + boundary.encode()
    encoding = "none" if "no-part-encoding" in shapes else transfer_encoding
    lines: list[bytes] = [b"This is the preamble. --It is to be ignored."] if "preamble" in shapes else []
    if "many-parts" in shapes:
        lines += [delimiter, b"", b""] * _MANY
    for part in parts:
        body = part.body.rstrip(b"\n").replace(b"\n", end) if part.body.isascii() else part.body
        lines += [delimiter, *_headers(part, encoding, "part-headers" in shapes), b"", body]
    if "no-end" not in shapes:
        lines.append(delimiter + b"--")
    if "epilogue" in shapes:
        lines.append(b"This is the epilogue. It is to be ignored too.")
    value = f'"{boundary}"' if "quoted-boundary" in shapes else boundary
    content_type = "multipart/mixed" + ("" if "no-boundary" in shapes else f"; boundary={value}")
    return content_type, end.join(lines) + end


def _headers(part: Part, encoding: str, odd: bool) -> Sequence[bytes]:
    encoded = [] if encoding == "none" else [f"Content-Transfer-Encoding: {encoding}".encode()]
    if not odd:
        return [f"Content-Type: {part.content_type}".encode(), *encoded]
    folded = part.content_type.replace("; ", ";\n ").encode().split(b"\n")
    return [b"x-lab: yes", b"content-type:  " + folded[0], *folded[1:], *(each.lower() for each in encoded)]
