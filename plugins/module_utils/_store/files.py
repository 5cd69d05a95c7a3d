# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the folder of a store: read without following links, replaced atomically, under a lock on the folder.

This runs on the host, with the standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator

from .document import FILE_MODE, FOLDER_MODE, KEPT_INFIX
from .errors import StoreError

#: A file larger than this is none of ours (a template takes about 2 KB of the document).
MAX_FILE_OCTETS = 16 * 1024 * 1024
#: Seconds to wait for another writer.
LOCK_SECONDS = 30.0

_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISLNK, "is a symbolic link"),
    (stat.S_ISREG, ""),
)


def look_at(path: str) -> os.stat_result | None:
    """Return the status of what is at a path, a link not followed, or None where nothing is.

    :raises StoreError: when one may not know.
    """
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(cannot("read", path, error)) from None


def look_at_folder(path: str) -> os.stat_result | None:
    """Return the status of the folder of a store, or None where it does not exist.

    :raises StoreError: when something else is in its place.
    """
    status = look_at(path)
    if status is not None and not stat.S_ISDIR(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise StoreError(f"store_path {path} is {kind}; name a folder, or a path that does not exist yet")
    return status


def read_file(path: str, status: os.stat_result) -> tuple[bytes | None, str]:
    """Return the content of a regular file, or None and what is in its place.

    :raises FileNotFoundError: when it has gone since its status was taken.
    :raises StoreError: when it cannot be read.
    """
    for is_kind, words in _KINDS:
        if is_kind(status.st_mode):
            if words:
                return None, words
            break
    else:
        return None, "is a device, socket or pipe"
    if status.st_size > MAX_FILE_OCTETS:
        return None, f"is larger than {MAX_FILE_OCTETS // (1024 * 1024)} MiB"
    try:
        # Not followed, not blocked by a pipe: what is there may have been exchanged since the status was taken.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MAX_FILE_OCTETS), ""
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(cannot("read", path, error)) from None


def make_folder(path: str) -> None:
    """Make the folder of a store, and those above it, where they do not exist."""
    if look_at_folder(path) is None:
        parent = os.path.dirname(os.path.abspath(path))
        os.makedirs(parent, mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another writer was faster
            os.mkdir(path, FOLDER_MODE)
        sync_folder(parent)


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the lock on a folder that all writers of its files take.

    :raises StoreError: when another process does not let go of it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() > deadline:
                raise StoreError(
                    f"another process has held the lock on the template store {folder} for {LOCK_SECONDS:.0f} seconds; "
                    "try again when it has ended"
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def new_name(name: str) -> str:
    """Return what a file is called while it is written."""
    return f".{name}.new"


def replace_file(folder: str, name: str, content: bytes) -> None:
    """Replace a file in one step, under the lock: whoever reads it, and a killed writer, finds the old or the new one.

    :raises OSError: the old one is still there then, and nothing else is left. Only where the folder could not be
        flushed to the disk, the new one is in its place.
    """
    new_path = os.path.join(folder, new_name(name))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new_path)  # left by a writer that was killed; under the lock it is nobody else's
    try:
        descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)  # whatever the umask says
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(new_path, os.path.join(folder, name))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new_path)
        raise
    sync_folder(folder)


def keep_aside(path: str, status: os.stat_result) -> str:
    """Keep what is at ``path`` under another name, and return that name."""
    if not stat.S_ISREG(status.st_mode):
        kept = _free_name(path, KEPT_INFIX)
        os.rename(path, kept)
        return kept
    os.chmod(path, FILE_MODE)  # while it has one name only
    return give_second_name(path, KEPT_INFIX)


def give_second_name(path: str, infix: str) -> str:
    """Keep a file under another name, ``path``, the infix and the time, and return that name.

    It stays in its place as well until another one replaces it, unless the file system knows no hard links.

    :param path: of a regular file, not of a link to one: the system would make another link.
    """
    kept = _free_name(path, infix)
    try:
        os.link(path, kept)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise  # the others say that this file system knows no hard links
        os.rename(path, kept)
    return kept


def _free_name(path: str, infix: str) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name, number = f"{path}{infix}{stamp}", 1
    while os.path.lexists(name):
        name, number = f"{path}{infix}{stamp}-{number}", number + 1
    return name


def put_right(path: str, status: os.stat_result, mode: int) -> None:
    """Give a file or folder the mode that it should have, and to the user that this runs as."""
    if status.st_uid != os.geteuid():
        os.chown(path, os.geteuid(), -1)
    if stat.S_IMODE(status.st_mode) != mode:
        os.chmod(path, mode)


def cannot(verb: str, path: str, error: OSError) -> str:
    """Say in words that something cannot be read or written, why, and what helps."""
    hint = {
        errno.ENOSPC: "free some space on that file system",
        errno.EDQUOT: "free some of the user's disk quota",
        errno.EROFS: "the file system is mounted read-only",
        errno.EACCES: "run the task as the store's owner, for example with become: true",
        errno.EPERM: "run the task as the store's owner, for example with become: true",
    }.get(error.errno or 0, "")
    words = f"cannot {verb} the template store {path}: {error.strerror or error}"
    return f"{words}; {hint}" if hint else words


def sync_folder(folder: str) -> None:
    """Have the file system keep the names in a folder, where it can.

    :raises OSError: the disk does not take it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
