# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log files of a POSIX host: which there are, newest first, and their ends as they are.

What they say is for the controller: it decodes, decompresses and takes secrets out, for every platform in one way. The
twin for Windows is ``Get-EstLogs`` of ``module_utils/_windows_diagnostics.psm1``.
"""

from __future__ import annotations

import base64
import glob
import gzip
import os
import re
import stat
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Sequence, Tuple

from .._value import Value

# ----------------------------------------------------------------------------------------------------------------------
# The end of a log file, in bounded time and memory, whatever kind of file it is.
#
# What the file system says of a size is never trusted: the product's newest log shows 0 while it is open, and a file of
# /proc always does. A file is read until there is no more.

#: Octets that are read at most to come to the end of a file.
MAX_SCAN = 512 * 1024 * 1024
#: Octets that are read before the part that is kept, so that no secret is cut in two by the cut.
OVERLAP = 8192
#: What a file begins with that gzip made.
GZIP = b"\x1f\x8b"

_BLOCK = 256 * 1024
_HEAD = 4096
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class End:
    """The end of a file.

    :param head: the first octets of the file.
    :param data: the last octets.
    :param cut: whether something lies before ``data``.
    """

    def __init__(self, head: bytes = b"") -> None:
        self.head, self.data, self.cut = head, b"", False
        #: Why ``data`` is not the real end, or an empty string.
        self.trouble = ""


def read_end(descriptor: int, limit: int, deadline: float) -> End:
    """Read the last octets of an open file.

    :param descriptor: opened with ``O_NONBLOCK``.
    :param limit: how many octets, at most.
    :param deadline: by ``time.monotonic()``; what was read until then is returned.
    :raises OSError: it cannot be read.
    """
    first = _read(descriptor)
    end = End(first[:_HEAD])
    size = os.fstat(descriptor).st_size
    if size > limit + 2 * _BLOCK and len(first) == _BLOCK:
        os.lseek(descriptor, size - limit, os.SEEK_SET)
        first, end.cut = _read(descriptor), True
    keep_end(_blocks(descriptor, first), limit, deadline, end)
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


def keep_end(blocks: Iterator[bytes], limit: int, deadline: float, end: End, most: int = MAX_SCAN) -> int:
    """Put the last octets of what comes into ``end``; returns how many came.

    :param most: octets after which it is given up.
    """
    kept: Deque[bytes] = deque()
    kept_size = scanned = 0
    for block in blocks:
        kept.append(block)
        kept_size += len(block)
        scanned += len(block)
        while kept_size - len(kept[0]) >= limit:
            kept_size -= len(kept.popleft())
            end.cut = True
        if scanned >= most or time.monotonic() > deadline:
            end.trouble = f"has no end that could be reached: it was read for {scanned} octets"
            break
    end.data = b"".join(kept)
    if kept_size > limit:
        end.data, end.cut = end.data[kept_size - limit :], True
    return scanned


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
_OF_THE_STORE = "is not a log: it is of the template store or a test"

#: Opens a file for reading and returns its descriptor, as ``os.open`` does.
Opener = Callable[[str, int], int]


class Logs:
    """What was collected so far, newest first, and what was left out: path and reason.

    A log is plain data: ``path``; ``name``, which is its path below the folder that was given; ``size`` and
    ``modified`` as the file system says; ``cut``, whether something lies before what is here; and in base64
    ``content``, in gzip, and ``head``, the first octets of a log that is cut.
    """

    def __init__(self) -> None:
        self.found: List[Dict[str, Any]] = []
        self.skipped_files: List[Tuple[str, str]] = []


class NotCollected(Exception):
    """Why a file is left out."""


class Candidate(Value):
    """A file that may be collected, and what its folder says of it.

    :param name: below the folder that was given.
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
    seconds: float,
    *,
    never: Sequence[str] = (),
    opener: Opener = os.open,
) -> None:
    """Collect logs, newest first, until the limits are reached.

    :param logs: gets what is found, one by one, so that it is there even where the time is over.
    :param patterns: folders (with what is below them), files, and globs.
    :param max_bytes: octets in all, as they are in the files. Of the one at which it is reached there are ``OVERLAP``
        more.
    :param seconds: after this time nothing more is read.
    :param never: folders from which nothing is collected, whatever the patterns mean: keys are in them.
    """
    deadline = time.monotonic() + seconds
    left = max_bytes
    for candidate in _newest_first(patterns, [os.path.realpath(path) for path in never], logs):
        if left <= 0:
            logs.skipped_files.append((candidate.path, f"the limit of {max_bytes} octets is reached (max_log_size)"))
            continue
        if time.monotonic() > deadline:
            logs.skipped_files.append((candidate.path, "the time for logs is over (time_limit)"))
            continue
        try:
            end = _read_log(candidate, left, deadline, opener)
        except NotCollected as error:
            logs.skipped_files.append((candidate.path, str(error)))
        except OSError as error:
            logs.skipped_files.append((candidate.path, _in_words(error)))
        else:
            left -= len(end.data)
            logs.found.append(
                {
                    "path": candidate.path,
                    "name": candidate.name,
                    "size": candidate.size,
                    "modified": int(candidate.modified),
                    "cut": end.cut,
                    "head": base64.b64encode(end.head if end.cut else b"").decode("ascii"),
                    "content": base64.b64encode(gzip.compress(end.data, mtime=0)).decode("ascii"),
                }
            )
            if end.trouble:
                logs.skipped_files.append((candidate.path, end.trouble))


def _newest_first(patterns: Sequence[str], never: Sequence[str], logs: Logs) -> List[Candidate]:
    found: Dict[str, Candidate] = {}
    for pattern in patterns:
        nothing = True
        for path, name in _paths(pattern):
            nothing = False
            try:
                status = os.lstat(path)
            except OSError as error:
                logs.skipped_files.append((path, _in_words(error)))
                continue
            kind = _kind(status) or _why_never(path, never)
            if kind:
                logs.skipped_files.append((path, kind))
            else:
                found.setdefault(path, Candidate(path, name, status.st_size, status.st_mtime))
        if nothing:
            logs.skipped_files.append((pattern, _why_nothing(pattern)))
    newest = sorted(found.values(), key=lambda one: (-one.modified, one.path))
    if len(newest) > MAX_FILES:
        reason = f"this and what is older: there are more than {MAX_FILES} files"
        logs.skipped_files.append((newest[MAX_FILES].path, reason))
    return newest[:MAX_FILES]


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
    return _OF_THE_STORE if any(os.path.commonpath([real, folder]) == folder for folder in never) else ""


def _why_nothing(pattern: str) -> str:
    if os.path.isdir(pattern):
        return "is an empty folder"
    return "there is nothing that matches" if glob.has_magic(pattern) else "does not exist"


def _kind(status: os.stat_result) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "")


def _read_log(candidate: Candidate, left: int, deadline: float, opener: Opener) -> End:
    # Not followed and not waited for: what is there may have been exchanged since it was looked at.
    descriptor = opener(candidate.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        kind = _kind(os.fstat(descriptor))
        if kind:
            raise NotCollected(kind)
        end = read_end(descriptor, left + OVERLAP, deadline)
    finally:
        os.close(descriptor)
    if end.head.startswith(GZIP):
        if end.cut:
            raise NotCollected(f"is compressed, and larger than the {left} octets that are left of max_log_size")
    elif _is_binary(end.head):
        raise NotCollected("is not text, and nobody could look for secrets in it")
    return end


def _is_binary(head: bytes) -> bool:
    """Whether it is no text in any encoding. The controller looks closer; this keeps its room for what is text."""
    # What a crash leaves in a file is a long row of NUL. UTF-16 without a mark has none where a character begins.
    return not head.startswith(_MARKS) and b"\0" in re.sub(rb"\0{8,}", b"", head)[0::2]


def _in_words(error: OSError) -> str:
    return error.strerror or type(error).__name__
