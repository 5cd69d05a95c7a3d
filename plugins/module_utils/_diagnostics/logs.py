# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken into the archive of the logs that a host has sent: text without secrets, within the limits.

It runs on the controller, for every platform.
"""

from __future__ import annotations

import base64
import time
import zlib
from typing import Any, Iterable, Iterator, List, Mapping, Sequence, Tuple

from .._value import Value, field
from .archive import UniqueNames, safe_path
from .log_files import GZIP, MAX_SCAN, OVERLAP, End, keep_end
from .log_text import clean_log, keep_end_of_text, without_head

#: Seconds that compressed logs may take in all.
MAX_SECONDS = 60.0

_BLOCK = 256 * 1024
_GZIP_FORMAT = 31


class Log(Value):
    """A log without secrets.

    :param name: its path in the archive, safe and relative.
    :param path: where it is on the host.
    :param size: octets, as the file system says.
    :param modified: seconds since the epoch.
    :param data: UTF-8 text.
    """

    name: str
    path: str
    size: int
    modified: int
    data: bytes = field(repr=False)


def take_logs(
    files: Sequence[Mapping[str, Any]], max_bytes: int, secrets: Sequence[str]
) -> Tuple[List[Log], List[Tuple[str, str]]]:
    """Take logs into the archive until the limit is reached.

    :param files: as the host has sent them, newest first; see ``Logs``.
    :param max_bytes: octets of text in all.
    :param secrets: known passwords and the like, which are taken out; see ``clean()``.
    :returns: the logs; and path and reason of what is not there, or not whole.
    :raises KeyError, TypeError, ValueError: something else than a log.
    """
    taking = _Taking(max_bytes, tuple(secrets))
    for file in files:
        taking.take(file)
    return taking.found, taking.skipped_files


class _Damaged(Exception):
    """The octets of a log are not as they were sent."""


class _Taking:
    def __init__(self, max_bytes: int, secrets: Tuple[str, ...]) -> None:
        self.found: List[Log] = []
        self.skipped_files: List[Tuple[str, str]] = []
        self._max_bytes = self._left = max_bytes
        # What a host may send, and what it may decompress to: whoever answers there may send any amount.
        self._raw_left = max_bytes + OVERLAP
        self._scan_left = MAX_SCAN
        self._deadline = time.monotonic() + MAX_SECONDS
        self._secrets = secrets
        self._names = UniqueNames()

    def take(self, file: Mapping[str, Any]) -> None:
        path = str(file["path"])
        if self._left <= 0:
            self.skipped_files.append((path, f"the limit of {self._max_bytes} octets is reached (max_log_size)"))
            return
        try:
            end = self._end_of(file)
        except _Damaged as error:
            self.skipped_files.append((path, str(error)))
            return
        text = clean_log(end.data, end.head, self._secrets)
        if text is None:
            self.skipped_files.append((path, "is not text, and nobody could look for secrets in it"))
            return
        data = keep_end_of_text(without_head(text) if end.cut else text, self._left)
        if end.trouble:
            self.skipped_files.append((path, end.trouble))
        cut = end.cut or len(data) < len(text.encode("utf-8", "replace"))
        if cut:
            self.skipped_files.append((path, f"only its end is in the archive, {len(data)} octets"))
        self._left = 0 if cut else self._left - len(data)
        name = safe_path(str(file["name"]))
        name = self._names.take(f"logs/{name[:-3] if end.gzip and name.lower().endswith('.gz') else name}")
        self.found.append(Log(name, path, int(file["size"]), int(file["modified"]), data))

    def _end_of(self, file: Mapping[str, Any]) -> _Sent:
        """The end of a log as it is in the file, decompressed where that is compressed."""
        sent = _Sent()
        try:
            packed = base64.b64decode(file["content"], validate=True)
            head = base64.b64decode(file["head"], validate=True)
            content = _unpacked(packed, self._raw_left)
        except (ValueError, zlib.error):
            raise _Damaged("was damaged on its way") from None
        self._raw_left -= len(content)
        sent.gzip = content.startswith(GZIP) and not file["cut"]
        if not sent.gzip:
            sent.head, sent.data, sent.cut = head if file["cut"] else content[:4096], content, bool(file["cut"])
            return sent
        pieces = (content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK))
        blocks = _with_head(_decompressed(pieces, sent), sent)
        limit = self._left + OVERLAP
        self._scan_left -= keep_end(blocks, limit, self._deadline, sent, max(1, self._scan_left))
        return sent


class _Sent(End):
    """The end of a log, and whether its file is compressed."""

    gzip = False


def _unpacked(packed: bytes, limit: int) -> bytes:
    """The octets that a host has sent in gzip. No more than the limit is decompressed.

    :raises _Damaged: there are more.
    :raises ValueError, zlib.error: they are damaged.
    """
    unpacking = zlib.decompressobj(_GZIP_FORMAT)
    content = unpacking.decompress(packed, limit + 1)
    if len(content) > limit:
        raise _Damaged("is more than was asked for, and the host sent it all the same")
    if not unpacking.eof:
        raise ValueError("the octets are cut short")
    return content


def _with_head(blocks: Iterable[bytes], end: End) -> Iterator[bytes]:
    for block in blocks:
        end.head = end.head or block[:4096]
        yield block


def _decompressed(blocks: Iterable[bytes], end: End) -> Iterator[bytes]:
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
