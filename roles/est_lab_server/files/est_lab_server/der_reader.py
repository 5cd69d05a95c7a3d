# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small DER reader (X.690), for what the library does not give as it was sent: names, attributes."""

from __future__ import annotations

from typing import NamedTuple


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
