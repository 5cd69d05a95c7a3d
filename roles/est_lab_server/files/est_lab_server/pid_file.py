# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pid file. It is locked while its server lives, so a number that a dead server left misleads nobody."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from typing import Optional

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02


@contextlib.contextmanager
def held_pid_file(path: str) -> Iterator[None]:
    """Write this process's id, and hold the file until the end of the block; then remove it.

    Raises OSError where another server holds it.
    """
    with open(path, "a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OSError(f"another server is running with the pid file {path}") from error
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def running_process(path: str) -> Optional[int]:
    """The id of the server that holds the pid file; None when none does."""
    try:
        with open(path, encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(stream.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def stop_process(path: str) -> None:
    """End the server that holds the pid file: SIGTERM, and SIGKILL when it takes longer than ten seconds."""
    deadline = time.monotonic() + _STOP_SECONDS
    number = signal.SIGTERM
    process = running_process(path)
    if process is not None:
        os.kill(process, number)
    while process is not None:
        if number == signal.SIGTERM and time.monotonic() > deadline:
            number = signal.SIGKILL
            os.kill(process, number)
        time.sleep(_POLL_SECONDS)
        process = running_process(path)
