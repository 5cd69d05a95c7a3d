# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done in a child process, in which the n-th call that changes something on disk goes wrong.

So every moment at which a process can be killed, or a disk can fail, is tried: deterministically, and all of them.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

#: The process is killed before the call, or in the middle of writing; or the call fails with an error of the system.
KILLED = ("killed", "killed half-way")
ERRORS = ("ENOSPC", "EIO", "EACCES")

_CALLS = (
    "chmod",
    "chown",
    "fchmod",
    "fchown",
    "fsync",
    "link",
    "mkdir",
    "open",
    "rename",
    "replace",
    "rmdir",
    "symlink",
    "unlink",
    "write",
)
_CLEANING = ("rmdir", "unlink")


@dataclass(frozen=True)
class Ended:
    """How the work ended.

    :param fault: whether the fault came: without it, the work has fewer calls than that.
    :param call: the call that it came at.
    :param error: the class and the words of what was raised; both are empty where nothing was, or nobody could say.
    :param value: what the work returned, as JSON can say it.
    """

    fault: bool
    call: str = ""
    error: tuple[str, str] = ("", "")
    value: Any = None


def every_fault(kind: str, prepare: Callable[[], None], work: Callable[[], Any]) -> Iterator[Ended]:
    """Do the work with the fault at its first call, its second ..., each time from the same beginning.

    :param kind: one of ``KILLED`` or ``ERRORS``.
    :param prepare: makes things as they are before the work.
    :returns: how each of them ended, when it has ended; the last one went well.
    """
    step = 1
    while True:
        prepare()
        ended = _in_child(kind, step, work)
        yield ended
        if not ended.fault:
            return
        step += 1


def _in_child(kind: str, step: int, work: Callable[[], Any]) -> Ended:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(kind, step, work, reading, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = [json.loads(line) for line in pipe]
    _pid, status = os.waitpid(child, 0)
    call = next((entry["call"] for entry in told if "call" in entry), "")
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return Ended(True, call)
    assert os.WEXITSTATUS(status) == 0, (status, told)
    return Ended(bool(call), call, tuple(told[-1]["error"]), told[-1]["value"])


def _work(kind: str, step: int, work: Callable[[], Any], reading: int, writing: int) -> None:
    """In the child process: it never returns to what the parent does."""
    status = 1
    real_write = os.write

    def tell(entry: dict[str, Any]) -> None:
        real_write(writing, json.dumps(entry).encode() + b"\n")

    try:
        os.close(reading)
        error, value = ("", ""), None
        _install(kind, step, tell)
        try:
            value = work()
        except Exception as raised:  # whatever it is, the parent says whether it may be
            error = (type(raised).__name__, str(raised))
        tell({"error": error, "value": value})
        status = 0
    finally:
        os._exit(status)


def _install(kind: str, step: int, tell: Callable[[dict[str, Any]], None]) -> None:
    count = 0
    real_open_file, real_write = builtins.open, os.write

    def comes(call: str) -> bool:
        nonlocal count
        count += 1
        if count == step:
            tell({"call": call})
        return count == step

    def go_wrong() -> None:
        if kind in KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, kind)
        raise OSError(number, os.strerror(number))

    def guarded(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if comes(name):
                go_wrong()
            return real(*arguments, **options)

        setattr(owner, name, call)

    def write(descriptor: int, data: Any) -> int:
        if comes("write"):
            if kind != "killed":
                real_write(descriptor, bytes(data)[: len(data) // 2])  # a full disk takes what it can
            go_wrong()
        return real_write(descriptor, data)

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            return write(self.fileno(), data)

    def open_file(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wxa"):
            return real_open_file(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener or _opener)
        buffered = io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    def _opener(path: str, flags: int) -> int:
        return os.open(path, flags, 0o666)

    for name in _CALLS:
        guarded(os, name)
    guarded(fcntl, "flock")
    os.write = write
    builtins.open = open_file


def is_cleaning(call: str) -> bool:
    """Say whether a call only removes something: where that fails, something may be left."""
    return call in _CLEANING
