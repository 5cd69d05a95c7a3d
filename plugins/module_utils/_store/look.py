# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the store on a POSIX host tells, as plain data; see ``Observed`` in ``adapter.py``.

The module ``est_store_file`` looks in this way, and so does the quick look, whose program this is the end of.
"""

from __future__ import annotations

import os
import stat

from .._answer import mask
from .._files.reading import ReadableFolder
from .._files.walk import user_name
from .errors import StoreError
from .found import Files, cannot, open_to_read, read_files, read_last_tests
from .parts import DOCUMENT_NAME, FILE_MODE, FOLDER_MODE, KEPT_INFIX, KEY_NAME, NEXT_KEY_NAME, key_fingerprint

# Only a type checker sees this: to load ``typing`` costs more than the look.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def nothing_found() -> dict[str, Any]:
    """Return what is told where there is no store."""
    return {
        "exists": False,
        "content": None,
        "sha256": "",
        "damage": "",
        "drift": [],
        "key_fingerprint": "",
        "key_damage": "",
        "folder_mode": "",
        "document_mode": "",
        "owner": "",
        "last_tests": "",
        "kept_documents": [],
    }


def describe(store: ReadableFolder, files: Files) -> dict[str, Any]:
    """Return what is told of a store, and of its files as they were read.

    :raises StoreError: more that is to be told cannot be read.
    """
    result, folder = nothing_found(), store.status
    document, keys = files.file, files.keys
    result["folder_mode"] = _mode(folder)
    result["owner"] = user_name(folder.st_uid)
    _add_drift(result["drift"], "the folder", folder, FOLDER_MODE)
    if document.status is not None:
        result["exists"] = True
        result["owner"] = user_name(document.status.st_uid)
        result["sha256"] = files.sha256
        result["damage"] = document.problem
        if document.content is not None:
            result["document_mode"] = _mode(document.status)
            _add_drift(result["drift"], DOCUMENT_NAME, document.status, FILE_MODE)
            try:
                result["content"] = document.content.decode("utf-8")
            except UnicodeDecodeError as error:
                result["damage"] = f"is not UTF-8 text (octet {error.start})"
    if keys.key is None:
        result["key_damage"] = keys.damage
    else:
        result["key_fingerprint"] = key_fingerprint(keys.key)
        if keys.file.status is not None and not keys.damage:
            _add_drift(result["drift"], KEY_NAME, keys.file.status, FILE_MODE)
    if keys.next_left:
        result["drift"].append(f"{NEXT_KEY_NAME} was left by a run that ended while it made a new sealing key")
    for name in files.half_written:
        result["drift"].append(f"{name} was left by a run that was killed while it wrote")
    result["last_tests"] = read_last_tests(store)
    result["kept_documents"] = _kept_documents(store)
    return result


def with_masked_key(found: dict[str, Any], key: bytes | None, pad: bytes | None) -> dict[str, Any]:
    """Return what was found with ``masked_key``: the sealing key XOR pad in hex, because what is told can be logged.

    :param key: None where there is none.
    :param pad: random octets as long as the key; None where it was not asked for.
    """
    if key is None or pad is None or len(pad) != len(key):
        return {**found, "masked_key": ""}
    return {**found, "masked_key": mask(key, pad).hex()}


def quick_look(store_path: str, pad: bytes | None) -> dict[str, Any] | None:
    """Read the store if that is a plain matter, and return what ``read_store()`` would.

    :returns: None where it is not: somebody writes or was killed while writing, so that the lock would be needed, or
        something cannot be read. ``read_store()`` tells all of that.
    """
    try:
        store = open_to_read(store_path)
    except FileNotFoundError:
        return with_masked_key(nothing_found(), None, pad)
    except (OSError, StoreError):
        return None
    with store:
        try:
            files = read_files(store)
            if not files.at_rest(store):
                return None
            return with_masked_key(describe(store, files), files.keys.key, pad)
        except (OSError, StoreError):
            return None


def _kept_documents(store: ReadableFolder) -> list[str]:
    try:
        names = store.names()
    except OSError as error:
        raise StoreError(cannot("read", store.path, error)) from None
    return [store.path_of(name) for name in sorted(names) if name.startswith(DOCUMENT_NAME + KEPT_INFIX)]


def _add_drift(drift: list[str], what: str, status: os.stat_result, mode: int) -> None:
    if stat.S_IMODE(status.st_mode) != mode:
        drift.append(f"{what} has mode {_mode(status)}, not {mode:04o}")
    if status.st_uid != os.geteuid():
        drift.append(f"{what} belongs to {user_name(status.st_uid)}, not {user_name(os.geteuid())}")


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
