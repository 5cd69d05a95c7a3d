# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a store, opened for this user alone to change what is in it; ``found.py`` reads it.

This runs on the host, with the standard library only.
"""

from __future__ import annotations

from .._files.accounts import refuse_other_writers
from .._files.folder import Folder
from .._files.paths import Making
from .._files.reading import File
from .._files.walk import Walk
from .found import find_store
from .parts import FILE_MODE, FOLDER_MODE, KEPT_INFIX, new_name


def open_store(store_path: str, *, make: bool = False) -> Folder:
    """Open the folder of a store.

    :param make: make it, and those above it, where it does not exist.
    :raises FileNotFoundError: there is none.
    :raises StoreError: something else is in its place.
    :raises OSError: it cannot be opened, or other accounts can write to it.
    """
    store = Folder(*find_store(store_path, Making(FOLDER_MODE, 0o755) if make else Walk()))
    refuse_other_writers(store)
    return store


def replace_file(store: Folder, name: str, content: bytes) -> None:
    """Replace a file in one step, under the lock; see ``Folder.write()``."""
    store.write(name, content, part=new_name(name), mode=FILE_MODE)


def keep_aside(store: Folder, name: str, file: File) -> str:
    """Keep what was found under another name, and return that name."""
    if file.is_regular:
        store.put_right(FILE_MODE, name)  # while it has one name only
    return store.keep_aside(name, f"{name}{KEPT_INFIX}")
