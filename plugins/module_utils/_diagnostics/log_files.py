# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log files of a POSIX host: which there are, newest first, and their text without secrets."""

from __future__ import annotations

import base64
import glob
import gzip
import os
import stat
import time
import zlib
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Sequence, Tuple

from .._value import Value, field
from .archive import UniqueNames, safe_path
from .log_text import OVERLAP, clean_log, keep_end, without_head

# ----------------------------------------------------------------------------------------------------------------------
# The end of a log file, in bounded time and memory, whatever kind of file it is.
#
# What the file system says of a size is never trusted: the product's newest log shows 0 while it is open, and a file of
# /proc always does. A file is read until there is no more.

#: Octets that are read at most to come to the end of a file, before and after it was decompressed.
MAX_SCAN = 512 * 1024 * 1024

_BLOCK = 256 * 1024
_HEAD = 4096
_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31


class End:
    """The end of a file.

    :param head: the first octets of the file.
    :param data: the last octets.
    :param cut: whether something lies before ``data``.
    :param gzip: whether the file was compressed; head and data are not.
    :param trouble: why ``data`` is not the real end, or an empty string.
    """

    def __init__(self, head: bytes = b"", data: bytes = b"", cut: bool = False, gzip: bool = False) -> None:
        self.head, self.data, self.cut, self.gzip = head, data, cut, gzip
        self.trouble = ""


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
    """The last octets of a file that is in memory, as ``read_end()`` returns them.

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


# ----------------------------------------------------------------------------------------------------------------------

#: Files that are looked at.
MAX_FILES = 2000
#: Folders below one that is given are entered this deep.
MAX_DEPTH = 4

_KINDS = (
    (stat.S_ISLNK, "is a symbolic link, and those are not followed"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISDIR, "is a folder that was not entered: not permitted, or too deep"),
)

#: Opens a file for reading and returns its descriptor, as ``os.open`` does.
Opener = Callable[[str, int], int]


class Log(Value):
    """A log without secrets.

    :param name: its name in the archive, safe and relative.
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

    def as_plain(self) -> Dict[str, Any]:
        """The log as plain data, its text in gzip and base64."""
        return {
            "name": self.name,
            "path": self.path,
            "size": self.size,
            "modified": self.modified,
            "octets": len(self.data),
            "content": base64.b64encode(gzip.compress(self.data, mtime=0)).decode("ascii"),
        }


class Logs:
    """What was collected so far, newest first, and what was left out or cut: path and reason."""

    def __init__(self) -> None:
        self.found: List[Log] = []
        self.skipped_files: List[Tuple[str, str]] = []


class NotCollected(Exception):
    """Why a file is left out."""


class Candidate(Value):
    """A file that may be collected, and what its folder says of it.

    :param name: in the archive.
    :param size: octets.
    :param modified: seconds since 1970, UTC.
    """

    path: str
    name: str
    size: int
    modified: float


def collect_logs(
    logs: Logs,
    patterns: Sequence[str],
    max_bytes: int,
    secrets: Sequence[str],
    seconds: float,
    *,
    never: Sequence[str] = (),
    opener: Opener = os.open,
) -> None:
    """Collect logs, newest first, until the limits are reached.

    :param logs: gets what is found, one by one, so that it is there even where the time is over.
    :param patterns: folders (with what is below them), files, and globs.
    :param max_bytes: octets of text in all.
    :param secrets: known passwords and the like, which are taken out; see ``clean()``.
    :param seconds: after this time nothing more is read.
    :param never: folders from which nothing is collected, whatever the patterns mean: keys are in them.
    """
    deadline = time.monotonic() + seconds
    names, left = UniqueNames(), max_bytes
    for candidate in _newest_first(patterns, [os.path.realpath(path) for path in never], logs):
        if left <= 0:
            logs.skipped_files.append((candidate.path, f"the limit of {max_bytes} octets is reached (max_log_size)"))
            continue
        if time.monotonic() > deadline:
            logs.skipped_files.append((candidate.path, "the time for logs is over (time_limit)"))
            continue
        try:
            data, name, notes, cut = _read_log(candidate, left, secrets, deadline, opener)
        except NotCollected as error:
            logs.skipped_files.append((candidate.path, str(error)))
        except OSError as error:
            logs.skipped_files.append((candidate.path, _in_words(error)))
        else:
            left = 0 if cut else left - len(data)
            modified = int(candidate.modified)
            logs.found.append(Log(names.take(name), candidate.path, candidate.size, modified, data))
            logs.skipped_files.extend((candidate.path, note) for note in notes)


def _newest_first(patterns: Sequence[str], never: Sequence[str], logs: Logs) -> List[Candidate]:
    found: Dict[str, Candidate] = {}
    for pattern in patterns:
        nothing = True
        for path, name in _paths(pattern):
            nothing = False
            if len(found) >= MAX_FILES:
                logs.skipped_files.append((pattern, f"there are more than {MAX_FILES} files"))
                break
            try:
                status = os.lstat(path)
            except OSError as error:
                logs.skipped_files.append((path, _in_words(error)))
                continue
            kind = _kind(status) or _why_never(path, never)
            if kind:
                logs.skipped_files.append((path, kind))
            else:
                found.setdefault(path, Candidate(path, safe_path(name), status.st_size, status.st_mtime))
        if nothing:
            logs.skipped_files.append((pattern, _why_nothing(pattern)))
    return sorted(found.values(), key=lambda one: (-one.modified, one.path))


def _paths(pattern: str) -> Iterator[Tuple[str, str]]:
    """The files that a pattern means, each with its name below the folder that was given."""
    for given in [pattern] if os.path.lexists(pattern) else sorted(glob.iglob(pattern)):
        # The folder that was given may be a link, as a product's folder of logs often is. What is in it may not.
        if os.path.isdir(given):
            for path in _below(given, MAX_DEPTH):
                yield path, os.path.relpath(path, given)
        else:
            yield given, os.path.basename(given)


def _below(folder: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        entries = []  # told by _why_nothing() where it was given, and below
        yield os.path.join(folder, "")
    for entry in entries:
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, depth - 1)
        else:
            yield entry.path


def _why_never(path: str, never: Sequence[str]) -> str:
    real = os.path.realpath(path)
    if any(os.path.commonpath([real, folder]) == folder for folder in never):
        return "is not a log: it is of the template store or a test"
    return ""


def _why_nothing(pattern: str) -> str:
    if os.path.isdir(pattern):
        return "is an empty folder"
    return "there is nothing that matches" if glob.has_magic(pattern) else "does not exist"


def _kind(status: os.stat_result) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "")


def _read_log(
    candidate: Candidate, limit: int, secrets: Sequence[str], deadline: float, opener: Opener
) -> Tuple[bytes, str, List[str], bool]:
    """The end of a log as text without secrets, its name in the archive, what was changed, and whether it was cut."""
    # Not followed and not waited for: what is there may have been exchanged since it was looked at.
    descriptor = opener(candidate.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        kind = _kind(os.fstat(descriptor))
        if kind:
            raise NotCollected(kind)
        end = read_end(descriptor, limit + OVERLAP, deadline)
    finally:
        os.close(descriptor)
    return taken(end, candidate.name, limit, secrets)


def taken(end: End, name: str, limit: int, secrets: Sequence[str]) -> Tuple[bytes, str, List[str], bool]:
    """What is taken of a log into the archive.

    :param end: what was read of it: ``limit`` octets, and those of the overlap before.
    :param name: its name, safe and relative.
    :returns: its text without secrets as UTF-8, its name in the archive, what is not as it was, and whether it was cut.
    :raises NotCollected: it is not text.
    """
    text = clean_log(end.data, end.head, secrets)
    if text is None:
        raise NotCollected("is not text, and nobody could look for secrets in it")
    data = keep_end(without_head(text) if end.cut else text, limit)
    notes = [end.trouble] if end.trouble else []
    cut = end.cut or len(data) < len(text.encode("utf-8", "replace"))
    if cut:
        notes.append(f"only its end is in the archive, {len(data)} octets")
    return data, name[:-3] if end.gzip and name.lower().endswith(".gz") else name, notes, cut


def _in_words(error: OSError) -> str:
    return error.strerror or type(error).__name__
