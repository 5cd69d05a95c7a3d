# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lock of this collection: on a folder, for all runs that change files of it together.

It is a file that nobody else can open, so nobody else can hold it for ever, as everybody could who may open the folder.
It is there as long as it is held, and after a run that was killed; whoever finds it then takes it, and removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import Iterator, Optional

from .folder import Folder, is_private
from .paths import open_folder
from .reading import LOCK_NAME

#: Seconds to wait for another run.
LOCK_SECONDS = 30.0


@contextlib.contextmanager
def locked(folder: Folder, *, looking: bool = False) -> Iterator[None]:
    """Hold the lock on a folder.

    :param looking: most likely nothing will be changed: where this user can make no lock, go on without. Root's is
        waited for all the same; if it is still there then, it was left by a run that was killed.
    :raises TimeoutError: another process does not let go of it.
    :raises OSError: the folder cannot be written to.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    lock = None
    while lock is None:
        try:
            lock = _take(folder)
        except OSError as error:
            if looking and error.errno in (errno.EROFS, errno.EACCES):
                break
            raise
        if lock is None:
            if time.monotonic() > deadline:
                there = folder.look(LOCK_NAME)
                if looking and there is not None and there.st_uid != os.geteuid():
                    break
                words = f"another process has held the lock on it for {LOCK_SECONDS:.0f} seconds"
                raise TimeoutError(errno.ETIMEDOUT, f"{words}; try again when it has ended, or end it", folder.path)
            time.sleep(0.01)
    try:
        yield
    finally:
        if lock is not None:
            _release(folder, lock)


@contextlib.contextmanager
def locked_folder(path: str) -> Iterator[Folder]:
    """Open a folder and hold the lock on it; see ``locked()``."""
    with open_folder(path) as folder, locked(folder):
        yield folder


def _take(folder: Folder) -> Optional[int]:
    """Return the descriptor of the lock; ``None`` where another process has it."""
    with folder.about(LOCK_NAME):
        there = folder.look(LOCK_NAME)
        if there is not None and not is_private(there):
            folder.unlink(LOCK_NAME)  # others could hold it for ever
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(LOCK_NAME, flags, 0o600, dir_fd=folder.descriptor)
        except PermissionError:
            if folder.look(LOCK_NAME) is None:
                raise
            return None  # it is root's
        held = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status, there = os.fstat(descriptor), folder.look(LOCK_NAME)
            held = is_private(status) and there is not None and os.path.samestat(status, there)
        except BlockingIOError:
            pass
        except OSError:
            folder.remove(LOCK_NAME)  # there are no locks on this file system
            raise
        finally:
            if not held:
                os.close(descriptor)
        return descriptor if held else None


def _release(folder: Folder, lock: int) -> None:
    """Remove the lock while it is held: whoever has opened it meanwhile sees that it is none any more."""
    try:
        there = folder.look(LOCK_NAME)
        if there is not None and os.path.samestat(there, os.fstat(lock)):
            folder.remove(LOCK_NAME)
    finally:
        os.close(lock)
