# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a store on a POSIX host: reading them, and replacing the document atomically.

This runs on the host with the standard library only, and is all that runs there when templates are managed.

The folder is 0700 and holds ``templates.json`` and ``sealing.key``, both 0600. A write holds a lock on the folder, so
that no two writers meet, and replaces the document by a rename, so that a process that is killed at any moment leaves
the old or the new one. Symbolic links in the place of the files are never followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import stat
import time
from collections.abc import Iterator
from typing import Any

from ..masking import mask
from .errors import StoreError
from .integrity import key_fingerprint
from .layout import DOCUMENT_NAME, FILE_MODE, FOLDER_MODE, KEY_NAME

#: A document larger than this is none of ours (a template takes about 2 KB).
MAX_DOCUMENT_OCTETS = 16 * 1024 * 1024
#: Seconds to wait for another writer.
LOCK_SECONDS = 30.0

_KEY_HEX_DIGITS = 64
_NEW_DOCUMENT = f".{DOCUMENT_NAME}.new"
_NEW_KEY = f".{KEY_NAME}.new"
_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISLNK, "is a symbolic link"),
    (stat.S_ISREG, ""),
)


def read_store(store_path: str, key_pad: bytes | None = None) -> dict[str, Any]:
    """Read the store; change nothing.

    :param store_path: the folder of the store.
    :param key_pad: random octets as long as the key. The key is returned only as ``masked_key``, key XOR pad in hex,
        because a connection may log what a module prints.
    :returns: plain data: ``exists``, ``content``, ``sha256``, ``damage``, ``drift``, ``key_fingerprint``,
        ``key_damage``, ``masked_key``, ``folder_mode``, ``document_mode``, ``owner``; see
        :class:`.adapter.Observed` for their meaning.
    :raises StoreError: when something is there and cannot be read.
    """
    result: dict[str, Any] = {
        "exists": False,
        "content": None,
        "sha256": "",
        "damage": "",
        "drift": [],
        "key_fingerprint": "",
        "key_damage": "",
        "masked_key": "",
        "folder_mode": "",
        "document_mode": "",
        "owner": "",
    }
    folder = _folder_status(store_path)
    if folder is None:
        return result
    result["folder_mode"] = _mode(folder)
    result["owner"] = _user(folder.st_uid)
    _add_drift(result["drift"], "the folder", folder, FOLDER_MODE)

    document = _status(os.path.join(store_path, DOCUMENT_NAME))
    if document is not None:
        result["exists"] = True
        result["owner"] = _user(document.st_uid)
        content, result["damage"] = _read_file(os.path.join(store_path, DOCUMENT_NAME), document)
        result["sha256"] = _sha256(content, result["damage"])
        if content is not None:
            result["document_mode"] = _mode(document)
            _add_drift(result["drift"], DOCUMENT_NAME, document, FILE_MODE)
            try:
                result["content"] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                result["damage"] = f"is not UTF-8 text (octet {error.start})"

    status, key, result["key_damage"] = _read_key(store_path)
    if status is not None and key is not None:
        _add_drift(result["drift"], KEY_NAME, status, FILE_MODE)
        result["key_fingerprint"] = key_fingerprint(key)
        if key_pad is not None and len(key_pad) == len(key):
            result["masked_key"] = mask(key, key_pad).hex()
    return result


def read_sealing_key(store_path: str) -> bytes:
    """Return the sealing key of a store.

    :raises StoreError: when there is no usable key, or it cannot be read.
    """
    status, key, damage = _read_key(store_path)
    if key is None:
        wrong = f"{damage}" if status is not None else "does not exist"
        raise StoreError(f"the sealing key {os.path.join(store_path, KEY_NAME)} {wrong}; apply the templates again")
    return key


def write_store(
    store_path: str,
    content: str,
    *,
    expected_sha256: str,
    expected_key: str = "",
    new_key: bytes | None = None,
    keep_old: bool = False,
) -> dict[str, Any]:
    """Replace the document if it is still the one that was read, and put modes and owners right.

    :param store_path: the folder of the store; made with its parents where it does not exist.
    :param content: the new document.
    :param expected_sha256: ``sha256`` of what :func:`read_store` returned.
    :param expected_key: fingerprint of the key that the document was sealed with, or an empty string.
    :param new_key: a key to write where there is no usable one. A usable key is never replaced; a damaged one is kept
        under another name.
    :param keep_old: keep what is in the document's place under another name.
    :returns: ``{"conflict": bool, "kept": path or ""}``. On a conflict nothing was written.
    :raises StoreError: when the store cannot be written. The old document is still there then, and no half-written one.
    """
    try:
        _make_folder(store_path)
        with _locked(store_path):
            return _write_locked(store_path, content, expected_sha256, expected_key, new_key, keep_old)
    except OSError as error:
        raise StoreError(_cannot("write", store_path, error)) from None


def _write_locked(
    store_path: str, content: str, expected_sha256: str, expected_key: str, new_key: bytes | None, keep_old: bool
) -> dict[str, Any]:
    path = os.path.join(store_path, DOCUMENT_NAME)
    status = _status(path)
    sha256 = "" if status is None else _sha256(*_read_file(path, status))
    key_status, key, _damage = _read_key(store_path)
    present = key if key is not None else new_key
    conflict = sha256 != expected_sha256 or (key is not None and new_key is not None and key != new_key)
    if conflict or (expected_key and (present is None or key_fingerprint(present) != expected_key)):
        return {"conflict": True, "kept": ""}

    _own(store_path, os.lstat(store_path), FOLDER_MODE)
    if key is None and new_key is not None:
        if key_status is not None:
            _keep(os.path.join(store_path, KEY_NAME), key_status)
        # The key before the document: a document whose key does not exist is useless, a key without one is harmless.
        _replace(store_path, _NEW_KEY, KEY_NAME, (new_key.hex() + "\n").encode("ascii"))
    elif key is not None and key_status is not None:
        _own(os.path.join(store_path, KEY_NAME), key_status, FILE_MODE)
    kept = ""
    if status is not None and (keep_old or not stat.S_ISREG(status.st_mode)):
        kept = _keep(path, status)
    _replace(store_path, _NEW_DOCUMENT, DOCUMENT_NAME, content.encode("utf-8"))
    return {"conflict": False, "kept": kept}


def _replace(folder: str, new_name: str, name: str, content: bytes) -> None:
    new_path = os.path.join(folder, new_name)
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
    _sync_folder(folder)


def _keep(path: str, status: os.stat_result) -> str:
    """Keep what is at ``path`` under another name, and return that name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept, number = f"{path}.damaged-{stamp}", 1
    while os.path.lexists(kept):
        kept, number = f"{path}.damaged-{stamp}-{number}", number + 1
    if stat.S_ISREG(status.st_mode):
        try:
            os.link(path, kept)  # the old document stays in its place until the new one replaces it
            os.chmod(kept, FILE_MODE)
            return kept
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise  # the others say that this file system knows no hard links
    os.rename(path, kept)
    return kept


def _make_folder(path: str) -> None:
    if _folder_status(path) is None:
        parent = os.path.dirname(os.path.abspath(path))
        os.makedirs(parent, mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another writer was faster
            os.mkdir(path, FOLDER_MODE)
        _sync_folder(parent)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
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
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _own(path: str, status: os.stat_result, mode: int) -> None:
    if status.st_uid != os.geteuid():
        os.chown(path, os.geteuid(), -1)
    if stat.S_IMODE(status.st_mode) != mode:
        os.chmod(path, mode)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(_cannot("read", path, error)) from None


def _folder_status(path: str) -> os.stat_result | None:
    status = _status(path)
    if status is not None and not stat.S_ISDIR(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise StoreError(f"store_path {path} is {kind}; name a folder, or a path that does not exist yet")
    return status


def _read_file(path: str, status: os.stat_result) -> tuple[bytes | None, str]:
    """Return the content of a regular file, or None and what is in its place."""
    for is_kind, words in _KINDS:
        if is_kind(status.st_mode):
            if words:
                return None, words
            break
    else:
        return None, "is a device, socket or pipe"
    if status.st_size > MAX_DOCUMENT_OCTETS:
        return None, f"is larger than {MAX_DOCUMENT_OCTETS // (1024 * 1024)} MiB"
    try:
        # Not followed, not blocked by a pipe: what is there may have been exchanged since the status was taken.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MAX_DOCUMENT_OCTETS), ""
    except OSError as error:
        raise StoreError(_cannot("read", path, error)) from None


def _read_key(store_path: str) -> tuple[os.stat_result | None, bytes | None, str]:
    path = os.path.join(store_path, KEY_NAME)
    status = _status(path)
    if status is None:
        return None, None, ""
    content, damage = _read_file(path, status)
    if content is None:
        return status, None, damage
    text = content.strip()
    try:
        if len(text) == _KEY_HEX_DIGITS:
            return status, bytes.fromhex(text.decode("ascii")), ""
    except ValueError:
        pass
    return status, None, "is empty" if not text else f"is not a key of {_KEY_HEX_DIGITS} hex digits"


def _sha256(content: bytes | None, damage: str) -> str:
    # What is no file has no content to compare: its kind stands for it.
    return hashlib.sha256(content if content is not None else damage.encode("ascii")).hexdigest()


def _add_drift(drift: list[str], what: str, status: os.stat_result, mode: int) -> None:
    if stat.S_IMODE(status.st_mode) != mode:
        drift.append(f"{what} has mode {_mode(status)}, not {mode:04o}")
    if status.st_uid != os.geteuid():
        drift.append(f"{what} belongs to {_user(status.st_uid)}, not {_user(os.geteuid())}")


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _cannot(verb: str, path: str, error: OSError) -> str:
    hint = {
        errno.ENOSPC: "free some space on that file system",
        errno.EDQUOT: "free some of the user's disk quota",
        errno.EROFS: "the file system is mounted read-only",
        errno.EACCES: "run the task as the store's owner, for example with become: true",
        errno.EPERM: "run the task as the store's owner, for example with become: true",
    }.get(error.errno or 0, "")
    words = f"cannot {verb} the template store {path}: {error.strerror or error}"
    return f"{words}; {hint}" if hint else words
