# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base64 in which EST carries its messages (RFC 7030 section 4, RFC 8951 section 3).

RFC 8951 makes base64 the only encoding whatever a Content-Transfer-Encoding header says: no header is looked at here.
"""

from __future__ import annotations

import base64
import re
from typing import List

from .errors import ParseError
from .plain_text import preview

#: OpenSSL's decoder, in its default mode, wants line breaks, and 64 columns are what it writes itself.
_COLUMNS = 64
_WHITE_SPACE = b" \t\r\n\v\f"
_FOREIGN = rb"[^A-Za-z0-9+/= \t\r\n\v\f]"
_AFTER_PADDING = rb"=[ \t\r\n\v\f]*([A-Za-z0-9+/])"
_PEM_BEGIN, _PEM_END, _PEM_DASHES = b"-----BEGIN ", b"-----END ", b"-----"


def encode_body(der: bytes) -> bytes:
    """Encode a request body: bare base64 in lines of 64 columns that end in LF, the last one too.

    That is the one form that all servers read: libest refuses base64 without line breaks, others refuse PEM armour and
    raw DER. LF is what libest's own client sends; Go's decoder, behind globalsign, skips CR and LF alike.
    """
    text = base64.b64encode(der)
    return b"".join(text[start : start + _COLUMNS] + b"\n" for start in range(0, len(text), _COLUMNS))


def decode_body(body: bytes) -> bytes:
    """Decode a response body, whatever shape a real server gave its base64.

    Taken as well: white space anywhere, no line breaks, missing padding, NULs at the end, PEM armour (several PEM
    blocks are put one after another), base64 of a PEM file, raw DER or BER. All of these can be told apart, as what
    EST carries is always an ASN.1 SEQUENCE.

    :raises ParseError: empty, or neither of these; the error names the first byte that does not belong there.
    """
    # 0x30 begins a SEQUENCE; as a base64 digit it could only begin what is no SEQUENCE.
    if body[:1] == b"\x30":
        return body
    text = body[3:] if body.startswith(b"\xef\xbb\xbf") else body
    if _PEM_BEGIN in text:
        return _decode_pem(text)
    decoded = _decode_base64(text, len(body) - len(text))
    return _decode_pem(decoded) if decoded.startswith(_PEM_BEGIN) else decoded


def _decode_pem(text: bytes) -> bytes:
    """RFC 7468, also where the line breaks got lost. What stands outside of the armour is left out."""
    parts: List[bytes] = []
    begin = text.find(_PEM_BEGIN)
    while begin != -1:
        start = text.find(_PEM_DASHES, begin + len(_PEM_BEGIN))
        end = text.find(_PEM_END, start + len(_PEM_DASHES)) if start != -1 else -1
        if end == -1:
            raise ParseError(
                f"the PEM block that begins at byte {begin} of the server's answer has no end: it is truncated"
            )
        start += len(_PEM_DASHES)
        parts.append(_decode_base64(text[start:end], start))
        begin = text.find(_PEM_BEGIN, end)
    return b"".join(parts)


def _decode_base64(text: bytes, offset: int) -> bytes:
    """RFC 4648 section 4.

    :param offset: where the text stands in the body, for the error message.
    """
    text = text.rstrip(_WHITE_SPACE + b"\0")
    wrong = re.search(_FOREIGN, text)
    if wrong:
        raise ParseError(_complaint(text, wrong.start(), offset))
    digits = text.translate(None, _WHITE_SPACE).rstrip(b"=")
    if not digits:
        raise ParseError("the server's answer has an empty body where base64 should be")
    early = re.search(_AFTER_PADDING, text)
    if early:
        raise ParseError(
            f"the server's answer is not base64: there is more at byte {offset + early.start(1)}, after the padding"
        )
    if len(digits) % 4 == 1:
        raise ParseError(f"the server's answer is not base64, or is truncated: it ends after {len(digits)} digits")
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _complaint(text: bytes, position: int, offset: int) -> str:
    if text.lstrip(_WHITE_SPACE)[:1] == b"<":
        return f"the server's answer is HTML or XML where base64 should be; it begins with {preview(text)}"
    byte = text[position]
    shown = f"{chr(byte)!r}" if 0x20 <= byte < 0x7F else f"0x{byte:02x}"
    return f"the server's answer is not base64: byte {offset + position} is {shown}; it begins with {preview(text)}"
