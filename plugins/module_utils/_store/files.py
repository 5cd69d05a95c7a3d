# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a store, opened for this user alone, and what is told where that cannot be.

This runs on the host, with the standard library only.
"""

from __future__ import annotations

import errno
import os
import stat

from .._files.accounts import refuse_other_writers
from .._files.folder import File, Folder
from .._files.paths import open_folder
from .document import FILE_MODE, FOLDER_MODE, KEPT_INFIX
from .errors import StoreError

#: A file larger than this is not ours (a template takes about 2 KB of the document).
MAX_FILE_OCTETS = 16 * 1024 * 1024


def open_store(store_path: str, *, make: bool = False) -> Folder:
    """Open the folder of a store.

    :param make: make it, and those above it, where it does not exist.
    :raises FileNotFoundError: there is none.
    :raises StoreError: something else is in its place.
    :raises OSError: it cannot be opened, or other accounts can write to it.
    """
    try:
        store = open_folder(store_path, follow=False, make=FOLDER_MODE if make else None, parents=0o755)
    except NotADirectoryError:
        status = os.lstat(store_path)
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise StoreError(
            f"store_path {store_path} is {kind}; name a folder, or a path that does not exist yet"
        ) from None
    refuse_other_writers(store)
    return store


def read_file(store: Folder, name: str) -> File:
    """Read a file of a store.

    :raises StoreError: when it is there and cannot be read.
    """
    try:
        return store.read(name, MAX_FILE_OCTETS)
    except OSError as error:
        raise StoreError(cannot("read", store.path_of(name), error)) from None


def new_name(name: str) -> str:
    """Return what a file is called while it is written."""
    return f".{name}.new"


def replace_file(store: Folder, name: str, content: bytes) -> None:
    """Replace a file in one step, under the lock; see ``Folder.write()``."""
    store.write(name, content, part=new_name(name), mode=FILE_MODE)


def keep_aside(store: Folder, name: str, file: File) -> str:
    """Keep what was found under another name, and return that name."""
    if file.is_regular:
        store.put_right(FILE_MODE, name)  # while it has one name only
    return store.keep_aside(name, f"{name}{KEPT_INFIX}")


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
    # Words of our own say themselves what helps.
    return f"{words}; {hint}" if hint and error.strerror == os.strerror(error.errno or 0) else words
