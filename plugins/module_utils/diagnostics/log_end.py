# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a log file, in bounded time and memory, whatever kind of file it is.

What the file system says of a size is never trusted: the product's newest log shows 0 while it is open, and a file of
/proc always does. A file is read until there is no more.
"""

from __future__ import annotations

import os
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Deque, Iterator

#: Octets that are read at most to come to the end of a file, before and after it was decompressed.
MAX_SCAN = 512 * 1024 * 1024

_BLOCK = 256 * 1024
_HEAD = 4096
_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31


@dataclass
class End:
    """The end of a file.

    :param head: the first octets of the file.
    :param data: the last octets.
    :param cut: whether something lies before ``data``.
    :param gzip: whether the file was compressed; head and data are not.
    :param trouble: why ``data`` is not the real end, or an empty string.
    """

    head: bytes = b""
    data: bytes = field(default=b"", repr=False)
    cut: bool = False
    gzip: bool = False
    trouble: str = ""


def read_end(descriptor: int, limit: int, deadline: float) -> End:
    """Read the last octets of an open file.

    :param descriptor: opened with ``O_NONBLOCK``.
    :param limit: how many octets, at most.
    :param deadline: by ``time.monotonic()``; what was read until then is returned.
    :raises OSError: it cannot be read.
    """
    end = End()
    first = _read(descriptor)
    end.gzip = first.startswith(_GZIP)
    if end.gzip:
        _keep_end(_decompressed(_blocks(descriptor, first), end), limit, deadline, end)
        return end
    end.head = first[:_HEAD]
    size = os.fstat(descriptor).st_size
    if size > limit + 2 * _BLOCK and len(first) == _BLOCK:
        os.lseek(descriptor, size - limit, os.SEEK_SET)
        first, end.cut = _read(descriptor), True
    _keep_end(_blocks(descriptor, first), limit, deadline, end)
    return end


def end_of(content: bytes, limit: int, deadline: float) -> End:
    """The last octets of a file that is in memory, as :func:`read_end` returns them.

    :param limit: how many octets, at most.
    :param deadline: by ``time.monotonic()``; what was decompressed until then is returned.
    """
    end = End(gzip=content.startswith(_GZIP))
    if not end.gzip:
        return End(content[:_HEAD], content[max(0, len(content) - limit) :], len(content) > limit)
    pieces = (content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK))
    _keep_end(_decompressed(pieces, end), limit, deadline, end)
    return end


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _BLOCK)
    except BlockingIOError:
        return b""  # a file of the kernel that has nothing more to say now


def _blocks(descriptor: int, first: bytes) -> Iterator[bytes]:
    block = first
    while block:
        yield block
        block = _read(descriptor)


def _keep_end(blocks: Iterator[bytes], limit: int, deadline: float, end: End) -> None:
    kept: Deque[bytes] = deque()
    kept_size = scanned = 0
    for block in blocks:
        if len(end.head) < _HEAD and not scanned:
            end.head = end.head or block[:_HEAD]
        kept.append(block)
        kept_size += len(block)
        scanned += len(block)
        while kept_size - len(kept[0]) >= limit:
            kept_size -= len(kept.popleft())
            end.cut = True
        if scanned >= MAX_SCAN or time.monotonic() > deadline:
            end.trouble = f"has no end that could be reached: it was read for {scanned} octets"
            break
    end.data = b"".join(kept)
    if kept_size > limit:
        end.data, end.cut = end.data[kept_size - limit :], True


def _decompressed(blocks: Iterator[bytes], end: End) -> Iterator[bytes]:
    """The content of a gzip file of one or more members, as far as it can be decompressed."""
    member, begun = zlib.decompressobj(_GZIP_FORMAT), False
    for block in blocks:
        pending = block
        while pending:
            begun = True
            try:
                piece = member.decompress(pending, _BLOCK)
            except zlib.error:
                end.trouble = "is damaged: what could be decompressed of it is in the archive"
                return
            if piece:
                yield piece
            pending = member.unconsumed_tail
            if member.eof:
                pending = member.unused_data.lstrip(b"\0")  # padding between members
                member, begun = zlib.decompressobj(_GZIP_FORMAT), False
    if begun:
        end.trouble = "is cut short: what could be decompressed of it is in the archive"
