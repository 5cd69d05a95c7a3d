# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bounded reader of multipart messages (RFC 2046 section 5.1), the answer to /serverkeygen (RFC 7030 section 4.4.2).

It is our own because the one of the standard library guesses where it should refuse: it takes a message that is cut off
for a whole one. A part can be a private key, so nothing of a body is ever in an error.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from .content_type import ContentType, parse_content_type
from .errors import ParseError
from .plain_text import printable
from .value import Value, not_shown

#: The most parts that are read; /serverkeygen has two.
MAX_PARTS = 8
#: The most bytes of the headers of a part, and of its boundary (RFC 2046 allows 70).
MAX_HEADER_BYTES = 8 * 1024
MAX_BOUNDARY = 200

_PADDING = b" \t"
_LINE_END = re.compile(rb"\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n[ \t]+")


class Part(Value):
    """One part of a message.

    :param headers: names in lower case; of two headers of one name the first.
    :param body: without the line break before the next boundary, which belongs to that.
    """

    headers: Mapping[str, str]
    body: bytes = not_shown()

    @property
    def content_type(self) -> ContentType:
        """What the part says that it is."""
        return parse_content_type(self.headers.get("content-type"))


def parse_multipart(content_type: Optional[str], body: bytes) -> Tuple[Part, ...]:
    """Take a multipart message apart, in one pass over its bytes.

    Lines end in CRLF or in LF alone. What stands before the first boundary and after the last is left out.

    :param content_type: the Content-Type header with the boundary, or ``None`` where the answer has none.
    :param body: the whole body.
    :raises ParseError: not a multipart message, no boundary, an end that is missing, more than :data:`MAX_PARTS` parts,
        longer headers than :data:`MAX_HEADER_BYTES`, or a multipart message inside a part.
    """
    kind = parse_content_type(content_type)
    if not kind.media_type.startswith("multipart/"):
        shown = f"of type {printable(kind.media_type, 100)}" if kind.media_type else "without a Content-Type"
        raise ParseError(f"the server's answer is {shown}, where a multipart message (multipart/mixed) is expected")
    boundary = kind.parameters.get("boundary", "")
    if not boundary:
        raise ParseError("the multipart message has a Content-Type without a boundary")
    if len(boundary) > MAX_BOUNDARY:
        raise ParseError(f"the boundary of the multipart message is longer than {MAX_BOUNDARY} characters")
    parts: List[Part] = []
    begin: Optional[int] = None
    for start, end, last in _delimiters(body, b"--" + boundary.encode("latin-1", "replace")):
        if begin is not None:
            if len(parts) == MAX_PARTS:
                raise ParseError(f"the multipart message has more than {MAX_PARTS} parts")
            # A part without anything in it has no line break of its own before the next boundary.
            parts.append(_part(body[begin : max(begin, start)], len(parts) + 1))
        if last:
            return tuple(parts)
        begin = end
    if begin is None:
        raise ParseError("the boundary that the Content-Type of the multipart message names is not in it")
    raise ParseError("the multipart message is cut off: the boundary that ends it is missing")


def _delimiters(body: bytes, delimiter: bytes) -> Iterator[Tuple[int, int, bool]]:
    """Where each boundary line begins, with the line break before it, and ends; and whether it is the last one."""
    position = body.find(delimiter)
    while position != -1:
        after = position + len(delimiter)
        last = body.startswith(b"--", after)
        end = after + 2 if last else after
        while end < len(body) and body[end] in _PADDING:
            end += 1
        line_end = _LINE_END.match(body, end)
        # A boundary stands alone on its line: otherwise it is text, or the begin of a longer boundary.
        if (position == 0 or body[position - 1 : position] == b"\n") and (line_end or (last and end == len(body))):
            start = max(0, position - 1)
            if body[start - 1 : start] == b"\r":
                start -= 1
            yield start, line_end.end() if line_end else end, last
        position = body.find(delimiter, max(after, end))


def _part(data: bytes, number: int) -> Part:
    head, body = _split(data, number)
    headers: Dict[str, str] = {}
    for line in _LINE_END.split(_FOLDED.sub(b" ", head)):
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.strip().decode("latin-1").lower(), value.strip().decode("latin-1"))
        elif line.strip():
            raise ParseError(f"part {number} of the multipart message has a line among its headers that is none")
    part = Part(headers, body)
    if part.content_type.media_type.startswith("multipart/"):
        raise ParseError(f"part {number} of the multipart message is a multipart message itself")
    return part


def _split(data: bytes, number: int) -> Tuple[bytes, bytes]:
    """Headers and body, at the first empty line."""
    empty_line = _LINE_END.match(data)
    if empty_line or not data:
        return b"", data[empty_line.end() if empty_line else 0 :]
    found = _EMPTY_LINE.search(data, 0, MAX_HEADER_BYTES)
    if found is None:
        problem = "no empty line after its headers"
        if len(data) > MAX_HEADER_BYTES:
            problem = f"headers of more than {MAX_HEADER_BYTES} bytes"
        raise ParseError(f"part {number} of the multipart message has {problem}")
    return data[: found.start()], data[found.end() :]
