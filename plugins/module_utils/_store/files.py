# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a store, opened for this user alone to change what is in it; ``found.py`` reads it.

This runs on the host, with the standard library only.
"""

from __future__ import annotations

from .._files.folder import Folder
from .._files.paths import Making
from .._files.reading import File
from .._files.walk import Walk, refuse_other_writers
from .found import Keys, find_store
from .parts import FILE_MODE, FOLDER_MODE, KEPT_INFIX, KEY_NAME, NEXT_KEY_NAME, new_name


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


# ----------------------------------------------------------------------------------------------------------------------
# How a new sealing key takes its place together with the document that it seals.
#
# Two files cannot be replaced in one step. So a new key waits in ``sealing.key.next``, with the SHA-256 of the document
# that it seals beside it: the moment that document is in its place, and not before, the new key is the one in force.
# ``sealing.key`` follows then. A writer that is killed at any moment leaves a document whose key is found.
#
# Before that the new key waits without a document, while the controller seals with it: that takes a round trip, during
# which others may read and write.


def write_next_key(store: Folder, key: bytes, document_sha256: str = "") -> None:
    """Let a new key wait, under the lock: for any document, or for the one with this digest."""
    replace_file(store, NEXT_KEY_NAME, f"{key.hex()} {document_sha256}".strip().encode("ascii") + b"\n")


def settle_keys(store: Folder, keys: Keys) -> None:
    """Finish, under the lock, what a writer began: a next key in force becomes ``sealing.key``, one that is left goes.

    :param keys: as they are found now.
    """
    if keys.next_in_force and keys.key is not None:
        put_key(store, keys, keys.key)
    elif keys.next_left and keys.next_file.is_folder:
        keep_aside(store, NEXT_KEY_NAME, keys.next_file)
    elif keys.next_left:
        store.unlink(NEXT_KEY_NAME)


def put_key(store: Folder, keys: Keys, key: bytes) -> None:
    """Make a key the only one, under the lock. What was in the place of ``sealing.key`` and is not a key is kept.

    :param keys: as they were found.
    """
    if keys.file.status is not None and keys.damage:
        keep_aside(store, KEY_NAME, keys.file)
    replace_file(store, KEY_NAME, key.hex().encode("ascii") + b"\n")
    store.unlink(NEXT_KEY_NAME)
