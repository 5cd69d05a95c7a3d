# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small, bounded reader of ASN.1 in BER and DER (ITU-T X.690) for bytes that a server sent, and a writer of DER.

Real EST servers send BER, unsorted sets and trailing bytes, which the parsers of ``cryptography`` refuse. RFC 7030
section 6 asks clients to check such input: every length is checked against what is there, nesting and total size
are limited, every byte is looked at a bounded number of times, and the only error is ``ParseError``.
"""

from __future__ import annotations

import functools
from typing import Dict, Iterator, List, Optional, Tuple

from ..base.errors import ParseError

#: The largest input that is read, in bytes. CA certificate bags are a few KiB.
MAX_BYTES = 4 * 1024 * 1024
#: How deep elements may nest. A certificate inside a CMS bag needs about twelve.
MAX_DEPTH = 32
#: The longest INTEGER and OBJECT IDENTIFIER that become Python values, in bytes. Python prints integers of up to
#: 4300 digits, which is 1785 bytes.
MAX_INTEGER_BYTES = 1024
MAX_OID_BYTES = 128

UNIVERSAL, APPLICATION, CONTEXT, PRIVATE = range(4)

BOOLEAN = 1
INTEGER = 2
BIT_STRING = 3
OCTET_STRING = 4
OBJECT_IDENTIFIER = 6
UTF8_STRING = 12
SEQUENCE = 16
SET = 17
PRINTABLE_STRING = 19
IA5_STRING = 22
UTC_TIME = 23
GENERALIZED_TIME = 24

_CLASS_NAMES = ("universal", "application", "context", "private")


class _Header:
    """Identifier and length octets of one element (X.690 sections 8.1.2 and 8.1.3)."""

    __slots__ = ("constructed", "length", "number", "start", "tag_class", "value_start")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        if start >= end:
            raise ParseError(f"the ASN.1 data is truncated: an element should begin at byte {start}, but the data ends")
        identifier = data[start]
        self.start = start
        self.tag_class = identifier >> 6
        self.constructed = bool(identifier & 0x20)
        self.number = identifier & 0x1F
        position = start + 1
        if self.number == 0x1F:
            self.number, position = _long_tag(data, position, end)
        #: ``None`` is the indefinite length.
        self.length: Optional[int]
        self.length, self.value_start = _length(data, position, end)
        if self.length is None and not self.constructed:
            raise ParseError(f"the ASN.1 element at byte {start} has an indefinite length but is not constructed")
        if self.length is not None and self.length > end - self.value_start:
            raise ParseError(
                f"the ASN.1 data is truncated: the element at byte {start} says that it has {self.length} bytes, "
                f"but {end - self.value_start} follow"
            )

    @property
    def is_end_of_contents(self) -> bool:
        return self.tag_class == UNIVERSAL and self.number == 0 and not self.constructed and self.length == 0


def _long_tag(data: bytes, position: int, end: int) -> Tuple[int, int]:
    number = 0
    for offset in range(4):
        if position + offset >= end:
            raise ParseError(f"the ASN.1 data is truncated inside the tag at byte {position - 1}")
        octet = data[position + offset]
        number = (number << 7) | (octet & 0x7F)
        if not octet & 0x80:
            return number, position + offset + 1
    raise ParseError(f"the ASN.1 tag at byte {position - 1} is longer than 4 bytes")


def _length(data: bytes, position: int, end: int) -> Tuple[Optional[int], int]:
    if position >= end:
        raise ParseError(f"the ASN.1 data is truncated: there is no length at byte {position}")
    first = data[position]
    position += 1
    if first < 0x80:
        return first, position
    if first == 0x80:
        return None, position
    count = first & 0x7F
    if count > 8:
        raise ParseError(f"the ASN.1 length at byte {position - 1} is {count} bytes long; at most 8 are read")
    if count > end - position:
        raise ParseError(f"the ASN.1 data is truncated inside the length at byte {position - 1}")
    return int.from_bytes(data[position : position + count], "big"), position + count


class _Buffer:
    """The input, and the ends of its elements of indefinite length, each searched for only once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._contents_end: Dict[int, int] = {}

    def contents_end(self, header: _Header, limit: int, depth: int) -> int:
        """Where the end-of-contents octets of an element of indefinite length begin (X.690 section 8.1.5).

        Nested elements of indefinite length are resolved in the same pass and remembered: reading all levels of an
        input stays linear in its size.
        """
        known = self._contents_end.get(header.value_start)
        if known is not None:
            return known
        open_elements = [header.value_start]
        position = header.value_start
        while True:
            inner = _Header(self.data, position, limit)
            if inner.is_end_of_contents:
                self._contents_end[open_elements.pop()] = position
                if not open_elements:
                    return position
                position += 2
            elif inner.length is None:
                open_elements.append(inner.value_start)
                if depth + len(open_elements) - 1 > MAX_DEPTH:
                    raise _too_deep(position)
                position = inner.value_start
            else:
                position = inner.value_start + inner.length


def _too_deep(position: int) -> ParseError:
    return ParseError(f"the ASN.1 data nests deeper than {MAX_DEPTH} levels at byte {position}")


class Element:
    """One element of the input: tag, value, and its place.

    :ivar tag_class: ``UNIVERSAL``, ``APPLICATION``, ``CONTEXT`` or ``PRIVATE``.
    :ivar number: the tag number.
    :ivar constructed: whether the value is made of elements, see ``children()``.
    :ivar start: index of the first identifier octet in the input.
    :ivar end: index after the last octet, end-of-contents octets included.
    """

    __slots__ = (
        "_buffer",
        "_depth",
        "_value_end",
        "_value_start",
        "constructed",
        "end",
        "number",
        "start",
        "tag_class",
    )

    def __init__(self, buffer: _Buffer, start: int, limit: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _too_deep(start)
        self._buffer = buffer
        self._depth = depth
        self.start = start
        if not self._is_plain(buffer.data, start, limit):
            self._read_header(limit)

    def _is_plain(self, data: bytes, start: int, limit: int) -> bool:
        """Read a header of the usual kind, with a short tag and a definite length, and say whether it is one."""
        value_start = start + 2
        if value_start > limit:
            return False
        identifier, length = data[start], data[start + 1]
        if length > 0x80:
            value_start += length & 0x7F
            if length > 0x84 or value_start > limit:
                return False
            length = int.from_bytes(data[start + 2 : value_start], "big")
        elif length == 0x80:
            return False
        if not identifier or identifier & 0x1F == 0x1F or value_start + length > limit:
            return False
        self.tag_class = identifier >> 6
        self.number = identifier & 0x1F
        self.constructed = identifier & 0x20 != 0
        self._value_start = value_start
        self._value_end = self.end = value_start + length
        return True

    def _read_header(self, limit: int) -> None:
        """Read any other header, or tell what is wrong with it."""
        buffer, start, depth = self._buffer, self.start, self._depth
        header = _Header(buffer.data, start, limit)
        if header.is_end_of_contents:
            raise ParseError(f"the ASN.1 data has end-of-contents octets at byte {start}, where an element should be")
        self.tag_class = header.tag_class
        self.number = header.number
        self.constructed = header.constructed
        self._value_start = header.value_start
        if header.length is None:
            self._value_end = buffer.contents_end(header, limit, depth)
            self.end = self._value_end + 2
        else:
            self._value_end = self.end = header.value_start + header.length

    def __repr__(self) -> str:
        return f"<Element {self.tag} at bytes {self.start}-{self.end}>"

    @property
    def tag(self) -> str:
        """The tag in words for error messages, such as ``universal 16`` or ``context 0``."""
        return f"{_CLASS_NAMES[self.tag_class]} {self.number}"

    @property
    def encoded(self) -> bytes:
        """The exact bytes of the whole element, as they stand in the input."""
        return self._buffer.data[self.start : self.end]

    @property
    def value(self) -> bytes:
        """The bytes between header and end."""
        return self._buffer.data[self._value_start : self._value_end]

    def is_universal(self, number: int) -> bool:
        """Whether this is the universal type with that number, such as ``SEQUENCE``."""
        return self.tag_class == UNIVERSAL and self.number == number

    def is_context(self, number: int) -> bool:
        """Whether this is tagged ``[number]``."""
        return self.tag_class == CONTEXT and self.number == number

    def expect(self, number: int, what: str) -> Element:
        """This element, if it is the universal type ``number``.

        :param what: what the element should be, for the error message.
        :raises ParseError: it is something else.
        """
        if not self.is_universal(number):
            raise ParseError(f"the ASN.1 element at byte {self.start} should be {what}, but its tag is {self.tag}")
        return self

    def children(self) -> Iterator[Element]:
        """The elements inside a constructed one, read one by one.

        :raises ParseError: (also while iterating) it is not constructed, or what is inside is malformed.
        """
        if not self.constructed:
            raise ParseError(f"the ASN.1 element at byte {self.start} ({self.tag}) should be constructed, but is not")
        position = self._value_start
        while position < self._value_end:
            child = Element(self._buffer, position, self._value_end, self._depth + 1)
            yield child
            position = child.end

    def integer(self) -> int:
        """The value of an INTEGER.

        :raises ParseError: no INTEGER, empty, or longer than ``MAX_INTEGER_BYTES``.
        """
        self.expect(INTEGER, "an INTEGER")
        if self.constructed or not 1 <= self._value_end - self._value_start <= MAX_INTEGER_BYTES:
            raise ParseError(f"the ASN.1 INTEGER at byte {self.start} is empty or too long")
        return int.from_bytes(self.value, "big", signed=True)

    def boolean(self) -> bool:
        """The value of a BOOLEAN: anything but zero is true (X.690 section 8.2).

        :raises ParseError: no BOOLEAN.
        """
        self.expect(BOOLEAN, "a BOOLEAN")
        if self.constructed or len(self.value) != 1:
            raise ParseError(f"the ASN.1 BOOLEAN at byte {self.start} does not have one byte")
        return self.value != b"\0"

    def bits(self) -> bytes:
        """The octets of a BIT STRING; those bits of the last one that do not count are zero.

        :raises ParseError: no BIT STRING, one in segments, or one that is malformed.
        """
        value = self.expect(BIT_STRING, "a BIT STRING").value
        if self.constructed or not value or value[0] > 7 or (value[0] and len(value) == 1):
            raise ParseError(f"the ASN.1 BIT STRING at byte {self.start} is malformed")
        return value[1:-1] + bytes([value[-1] >> value[0] << value[0]]) if value[0] else value[1:]

    def oid(self) -> str:
        """The value of an OBJECT IDENTIFIER in dotted form.

        :raises ParseError: no OBJECT IDENTIFIER, malformed, or longer than ``MAX_OID_BYTES``.
        """
        self.expect(OBJECT_IDENTIFIER, "an OBJECT IDENTIFIER")
        value = self.value
        if self.constructed or not 1 <= len(value) <= MAX_OID_BYTES or value[-1] & 0x80:
            raise ParseError(f"the ASN.1 OBJECT IDENTIFIER at byte {self.start} is malformed")
        return _dotted(value)

    def octets(self) -> bytes:
        """The value of an OCTET STRING; the segments of a constructed one are joined (X.690 section 8.7.3).

        :raises ParseError: no OCTET STRING, or a segment that is none.
        """
        self.expect(OCTET_STRING, "an OCTET STRING")
        if not self.constructed:
            return self.value
        segments: List[bytes] = []
        pending = [self.children()]
        while pending:
            segment = next(pending[-1], None)
            if segment is None:
                pending.pop()
            elif segment.expect(OCTET_STRING, "a segment of an OCTET STRING").constructed:
                pending.append(segment.children())
            else:
                segments.append(segment.value)
        return b"".join(segments)


@functools.lru_cache(maxsize=256)
def _dotted(value: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER that is well-formed."""
    arcs: List[int] = []
    arc = 0
    for octet in value:
        arc = (arc << 7) | (octet & 0x7F)
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(number) for number in [first, arcs[0] - 40 * first, *arcs[1:]])


def read_whole(data: bytes) -> Element:
    """Read the element that the data are, from the first byte to the last.

    :param data: BER or DER.
    :raises ParseError: see ``read()``; or something follows the element.
    """
    element = read(data)
    if element.end != len(data):
        raise ParseError(f"{len(data) - element.end} bytes follow the end of the ASN.1 data")
    return element


def read(data: bytes, start: int = 0) -> Element:
    """Read the element that begins at ``start``. What follows it is not read: see ``Element.end``.

    :param data: BER or DER.
    :raises ParseError: more than ``MAX_BYTES``, truncated, or malformed.
    """
    if len(data) > MAX_BYTES:
        raise ParseError(f"the ASN.1 data has {len(data)} bytes; at most {MAX_BYTES} are read")
    return Element(_Buffer(data), start, len(data), 1)


# ----------------------------------------------------------------------------------------------------------------------
# The writer: names, requests and messages that not every version of cryptography can write.


def encode(identifier: int, *contents: bytes) -> bytes:
    """Encode one element: the identifier octet, the length in its shortest form, and the contents one after another.

    :param identifier: the whole octet, such as 0x30 for SEQUENCE; tag numbers up to 30.
    """
    value = b"".join(contents)
    if len(value) < 0x80:
        return bytes([identifier, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([identifier, 0x80 | len(length)]) + length + value


@functools.lru_cache(maxsize=256)
def encode_oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER (X.690 section 8.19).

    :param dotted: such as ``1.2.840.113549.1.9.14``; at least two arcs.
    """
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    octets = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            groups.append(0x80 | (arc & 0x7F))
        octets += bytes(reversed(groups))
    return encode(0x06, bytes(octets))
