# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ASN.1 writer (DER, and BER with indefinite lengths), and a reader for what libraries do not give as sent."""

from __future__ import annotations

from typing import NamedTuple

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


class Element(NamedTuple):
    """One element: the identifier octet, the content, and both with the length between them."""

    tag: int
    content: bytes
    whole: bytes


def read_elements(content: bytes) -> list[Element]:
    """The elements that follow each other in `content`. Raises ValueError."""
    found: list[Element] = []
    position = 0
    while position < len(content):
        element = _read_one(content, position)
        found.append(element)
        position += len(element.whole)
    return found


def read_element(content: bytes) -> Element:
    """The one element that `content` is. Raises ValueError."""
    found = read_elements(content)
    if len(found) != 1:
        raise ValueError(f"{len(found)} ASN.1 elements where one is expected")
    return found[0]


def read_oid(element: Element) -> str:
    """An OBJECT IDENTIFIER in dotted form. Raises ValueError."""
    numbers: list[int] = []
    value = 0
    for octet in element.content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        raise ValueError("an object identifier is empty")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (first, numbers[0] - 40 * first, *numbers[1:]))


def _read_one(content: bytes, start: int) -> Element:
    if start + 2 > len(content):
        raise ValueError("an ASN.1 element has no length")
    size, position = content[start + 1], start + 2
    if size >= 0x80:
        count = size & 0x7F
        if not 0 < count <= 4:
            raise ValueError("an ASN.1 length is indefinite or too long")
        size, position = int.from_bytes(content[position : position + count], "big"), position + count
    if position + size > len(content):
        raise ValueError("an ASN.1 element is longer than what holds it")
    return Element(content[start], content[position : position + size], content[start : position + size])
