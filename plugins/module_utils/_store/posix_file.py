# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on a POSIX host: reading it as it is at one moment, and replacing the document atomically.

This runs on the host with the standard library only, and is all that runs there when templates are managed.

The folder is 0700 and holds ``templates.json`` and ``sealing.key``, both 0600. A write holds a lock on the folder, so
that no two writers meet, and replaces the document by a rename, so that a process that is killed at any moment leaves
the old or the new one. Symbolic links in the place of the files are never followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from typing import Any

from .._answer import mask
from .._files.folder import Folder
from .._files.lock import locked
from .errors import StoreError
from .files import keep_aside, open_store, put_key, replace_file, settle_keys, write_next_key
from .found import Files, cannot, read_files
from .look import describe, nothing_found, with_masked_key
from .parts import DOCUMENT_NAME, FILE_MODE, FOLDER_MODE, KEY_NAME, KEY_OCTETS, key_fingerprint


def as_pad(text: str | None) -> bytes | None:
    """Return the octets of the option ``key_pad``, or None where it is not given.

    :raises StoreError: it is something else.
    """
    if not text:
        return None
    if not re.fullmatch(f"[0-9A-Fa-f]{{{2 * KEY_OCTETS}}}", text):
        raise StoreError(f"key_pad is not {KEY_OCTETS} octets in hexadecimal", code="invalid_option")
    return bytes.fromhex(text)


def read_store(store_path: str, key_pad: bytes | None = None) -> dict[str, Any]:
    """Read the store; change nothing.

    :param store_path: the folder of the store.
    :param key_pad: random octets as long as the key. The key is returned only as ``masked_key``, key XOR pad in hex,
        because a connection may log what a module prints.
    :returns: plain data: ``exists``, ``content``, ``sha256``, ``damage``, ``drift``, ``key_fingerprint``,
        ``key_damage``, ``masked_key``, ``folder_mode``, ``document_mode``, ``owner``, ``last_tests``,
        ``kept_documents``; see ``Observed`` for their meaning.
    :raises StoreError: when something is there and cannot be read.
    """
    return with_masked_key(*read_store_and_key(store_path), key_pad)


def read_store_and_key(store_path: str) -> tuple[dict[str, Any], bytes | None]:
    """Read the store with the sealing key in clear, for what runs on this host; see ``read_store()``."""
    try:
        store = open_store(store_path)
    except FileNotFoundError:
        return nothing_found(), None
    except OSError as error:
        raise StoreError(cannot("read", store_path, error)) from None
    with store:
        files = _read_snapshot(store)
        return describe(store, files), files.keys.key


def make_key(store_path: str, key_pad: bytes, replaced_key: str = "") -> str:
    """Make a new sealing key on this host, which ``write_store()`` puts in force together with a document.

    A new key that already waits is returned again: no document has been sealed with it.

    :param key_pad: random octets as long as the key.
    :param replaced_key: fingerprint of the key that the new one is to replace, or an empty string where there is none.
    :returns: the new key XOR pad, in hex: it never leaves the host in clear. An empty string where another key is in
        force, and nothing was made.
    :raises StoreError: when it cannot be written.
    """
    try:
        with open_store(store_path, make=True) as store, locked(store):
            keys = read_files(store).keys
            if _fingerprint(keys.key) != replaced_key:
                return ""
            settle_keys(store, keys)
            waiting = None if keys.next_in_force else keys.next_key
            key = os.urandom(KEY_OCTETS) if waiting is None else waiting
            write_next_key(store, key)  # one that waits already too: its time begins anew
    except OSError as error:
        raise StoreError(cannot("write", store_path, error)) from None
    return mask(key, key_pad).hex()


def write_store(
    store_path: str,
    content: str,
    *,
    expected_sha256: str,
    expected_key: str = "",
    use_new_key: bool = False,
    replaced_key: str = "",
    keep_old: bool = False,
) -> dict[str, Any]:
    """Replace the document if it is still the one that was read, and put modes and owners right.

    :param store_path: the folder of the store; made with its parents where it does not exist.
    :param content: the new document.
    :param expected_sha256: ``sha256`` of what ``read_store()`` returned.
    :param expected_key: fingerprint of the key that the document was sealed with, or an empty string.
    :param use_new_key: that key is the one that ``make_key()`` made: it comes into force with the document.
    :param replaced_key: fingerprint of the key that the new one replaces, or an empty string where there is none.
    :param keep_old: keep what is in the document's place under another name.
    :returns: ``{"conflict": bool, "kept": path or ""}``. On a conflict nothing was written.
    :raises StoreError: when the store cannot be written. The old document is still there then, and no half-written one.
    """
    try:
        with open_store(store_path, make=True) as store, locked(store):
            files = read_files(store)
            keys = files.keys
            new_key = keys.next_key if use_new_key and not keys.next_in_force else None
            sealing = new_key if use_new_key else keys.key
            conflict = (
                files.sha256 != expected_sha256
                or (use_new_key and (new_key is None or _fingerprint(keys.key) != replaced_key))
                or (expected_key != "" and _fingerprint(sealing) != expected_key)
            )
            if conflict:
                return {"conflict": True, "kept": ""}
            return {"conflict": False, "kept": _write(store, content.encode("utf-8"), files, new_key, keep_old)}
    except OSError as error:
        raise StoreError(cannot("write", store_path, error)) from None


def _write(store: Folder, content: bytes, files: Files, new_key: bytes | None, keep_old: bool) -> str:
    store.put_right(FOLDER_MODE)
    # What an earlier writer left undone first: it goes by the document that is there now.
    settle_keys(store, files.keys)
    for name in files.half_written:
        store.unlink(name)
    if new_key is not None:
        write_next_key(store, new_key, hashlib.sha256(content).hexdigest())
    elif files.keys.file.status is not None and not files.keys.damage:
        store.put_right(FILE_MODE, KEY_NAME)
    kept = ""
    if files.file.status is not None and (keep_old or not files.file.is_regular):
        kept = keep_aside(store, DOCUMENT_NAME, files.file)
    try:
        replace_file(store, DOCUMENT_NAME, content)  # from this moment on the new document and key are in force
    except OSError:
        if kept:
            _put_back(store, kept)
        raise
    if new_key is not None:
        # Whatever goes wrong here, nothing is lost any more, and the next write finishes it.
        with contextlib.suppress(OSError):
            put_key(store, files.keys, new_key)
    return store.path_of(kept) if kept else ""


def _put_back(store: Folder, kept: str) -> None:
    """Undo keeping the old document aside, where no new one took its place: each attempt would leave one more."""
    with contextlib.suppress(OSError):
        aside, there = store.look(kept), store.look(DOCUMENT_NAME)
        if there is None:
            store.rename(kept, DOCUMENT_NAME)
        elif aside is not None and os.path.samestat(aside, there):
            store.unlink(kept)


def _read_snapshot(store: Folder) -> Files:
    """Read document and key as they are at one moment."""
    try:
        files = read_files(store)
        if files.at_rest(store):
            return files
        # Somebody is writing just now, or was killed while writing: the lock tells the one from the other.
        with locked(store, looking=True):
            return read_files(store)
    except OSError as error:
        raise StoreError(cannot("read", store.path, error)) from None


def _fingerprint(key: bytes | None) -> str:
    return "" if key is None else key_fingerprint(key)
