# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found of the store on a POSIX host: its folder, and its files as they are at one moment.

This is part of the program of the quick look; see ``_files/reading.py``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time

from .._files.reading import File, ReadableFolder, is_locked
from .._files.walk import Walk, refuse_other_writers
from .errors import StoreError
from .parts import DOCUMENT_NAME, KEY_NAME, LAST_TESTS_NAME, NEXT_KEY_NAME, new_name

#: A file larger than this is not ours (a template takes about 2 KB of the document).
MAX_FILE_OCTETS = 16 * 1024 * 1024
#: Seconds after which nobody will come back for a new key that waits.
WAITING_SECONDS = 600.0

_HEX_DIGITS = 64


class Keys:
    """The sealing keys that were found.

    :param file: ``sealing.key`` as it was found.
    :param key: the key in force, or None.
    :param damage: why ``sealing.key`` cannot be used, or an empty string.
    :param next_file: ``sealing.key.next`` as it was found.
    :param next_key: the key in ``sealing.key.next``, where that is usable.
    :param next_in_force: the document that is in place is the one that the next key seals.
    :param next_waits: the next key has been made a short time ago, and its document may still come.
    """

    def __init__(
        self,
        file: File,
        key: bytes | None,
        damage: str,
        next_file: File,
        next_key: bytes | None,
        *,
        next_in_force: bool,
        next_waits: bool,
    ) -> None:
        self.file = file
        self.key = key
        self.damage = damage
        self.next_file = next_file
        self.next_key = next_key
        self.next_in_force = next_in_force
        self.next_waits = next_waits

    @property
    def next_left(self) -> bool:
        """Whether a writer that was killed left ``sealing.key.next``. True only where the lock is held."""
        return self.next_file.status is not None and not self.next_waits


class Files:
    """The files of a store as they were read.

    :param file: the document.
    :param keys: the sealing keys.
    :param half_written: names of files that are being written, or were left by a writer that was killed.
    """

    def __init__(self, file: File, keys: Keys, half_written: tuple[str, ...]) -> None:
        self.file = file
        self.keys = keys
        self.half_written = half_written

    @property
    def sha256(self) -> str:
        """The digest of the document; an empty string where there is none."""
        return _digest(self.file)

    def at_rest(self, store: ReadableFolder) -> bool:
        """Say whether nobody has written while they were read. Only under the lock it can be told where this is not so.

        :raises OSError: it cannot be told.
        """
        left = self.keys.next_file.status is not None or self.half_written or is_locked(store)
        return not left and self.file.same_as(store.look(DOCUMENT_NAME))


def find_store(store_path: str, walk: Walk) -> tuple[int, str]:
    """Return the descriptor of the folder of a store, and its path.

    :param walk: how to get there.
    :raises FileNotFoundError: there is none.
    :raises StoreError: something else is in its place.
    :raises OSError: it cannot be opened.
    """
    try:
        return walk.to_folder(store_path, follow=False)
    except NotADirectoryError:
        status = os.lstat(store_path)
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise StoreError(
            f"store_path {store_path} is {kind}; name a folder, or a path that does not exist yet"
        ) from None


def open_to_read(store_path: str) -> ReadableFolder:
    """Open the folder of a store to read it.

    :raises FileNotFoundError: there is none.
    :raises StoreError: something else is in its place.
    :raises OSError: it cannot be opened, or other accounts can write to it.
    """
    store = ReadableFolder(*find_store(store_path, Walk()))
    refuse_other_writers(store)
    return store


def read_files(store: ReadableFolder) -> Files:
    """Read document and keys of a store.

    :raises StoreError: when a file is there and cannot be read.
    """
    file = read_file(store, DOCUMENT_NAME)
    names = (new_name(name) for name in (DOCUMENT_NAME, KEY_NAME, NEXT_KEY_NAME, LAST_TESTS_NAME))
    keys = read_keys(store, _digest(file))
    return Files(file, keys, tuple(name for name in names if store.look(name) is not None))


def read_keys(store: ReadableFolder, document_sha256: str) -> Keys:
    """Read the sealing keys of a store; see ``files.py``.

    :param document_sha256: hex digest of the document that is in place, or an empty string.
    :raises StoreError: when a file is there and cannot be read.
    """
    # The next key first: where it has gone in the meantime, sealing.key is what it was.
    next_file = read_file(store, NEXT_KEY_NAME)
    next_key_text, _space, sealed_document = (next_file.content or b"").strip().partition(b" ")
    next_key = _parse(next_key_text)
    in_force = next_key is not None and bool(document_sha256) and sealed_document == document_sha256.encode("ascii")
    file = read_file(store, KEY_NAME)
    text = (file.content or b"").strip()
    key, damage = _parse(text), file.problem
    if file.status is not None and key is None and not damage:
        damage = f"is not a key of {_HEX_DIGITS} hex digits" if text else "is empty"
    return Keys(
        file,
        next_key if in_force else key,
        damage,
        next_file,
        next_key,
        next_in_force=in_force,
        next_waits=next_file.status is not None
        and next_key is not None
        and not sealed_document
        and 0 <= time.time() - next_file.status.st_mtime < WAITING_SECONDS,
    )


def read_last_tests(store: ReadableFolder) -> str:
    """Return the text of the file of ``last_tests.py``; an empty text where there is none.

    :raises StoreError: it cannot be read.
    """
    return (read_file(store, LAST_TESTS_NAME).content or b"").decode("utf-8", "replace")


def read_file(store: ReadableFolder, name: str) -> File:
    """Read a file of a store.

    :raises StoreError: when it is there and cannot be read.
    """
    try:
        return store.read(name, MAX_FILE_OCTETS)
    except OSError as error:
        raise StoreError(cannot("read", store.path_of(name), error)) from None


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


def _digest(document: File) -> str:
    if document.status is None:
        return ""
    # What is not a file has no content to compare: its kind stands for it.
    content = document.content
    return hashlib.sha256(content if content is not None else document.problem.encode("ascii")).hexdigest()


def _parse(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii")) if len(text) == _HEX_DIGITS else None
    except ValueError:
        return None
