# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ASN.1 writer: DER, and BER with indefinite lengths."""

from __future__ import annotations

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
SEQUENCE = 0x30
SET = 0x31
_END_OF_CONTENTS = b"\x00\x00"


def tlv(tag: int, content: bytes) -> bytes:
    """One element with a definite length (X.690 section 8.1.3)."""
    return tlv_head(tag, len(content)) + content


def tlv_head(tag: int, size: int) -> bytes:
    """The identifier and the length of an element, whose content has `size` bytes."""
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length


def indefinite(tag: int, content: bytes) -> bytes:
    """One constructed element with an indefinite length (X.690 section 8.1.3.6), which DER forbids."""
    return bytes((tag, 0x80)) + content + _END_OF_CONTENTS


def context(number: int) -> int:
    """The tag of a constructed, context-specific element."""
    return 0xA0 | number


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of elements that are encoded already."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """A SET OF elements that are encoded already, in the order given."""
    return tlv(SET, b"".join(parts))


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octet_string(value: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(OCTET_STRING, value)


def utf8_string(value: str) -> bytes:
    """A UTF8String."""
    return tlv(UTF8_STRING, value.encode("utf-8"))


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(number) for number in dotted.split("."))
    content = b""
    for number in (first * 40 + second, *rest):
        digits = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            digits.append(0x80 | (number & 0x7F))
        content += bytes(reversed(digits))
    return tlv(OBJECT_IDENTIFIER, content)


def bit_string(value: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return tlv(BIT_STRING, b"\0" + value)


def boolean(value: bool) -> bytes:
    """A BOOLEAN."""
    return tlv(BOOLEAN, b"\xff" if value else b"\0")


def null() -> bytes:
    """A NULL."""
    return tlv(NULL, b"")
