# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sealing key on the host, and how a new one takes its place together with the document that it seals.

Two files cannot be replaced in one step. So a new key waits in ``sealing.key.next``, with the SHA-256 of the document
that it seals beside it: the moment that document is in its place, and not before, the new key is the one in force.
``sealing.key`` follows then. A writer that is killed at any moment leaves a document whose key is found.

Before that the new key waits without a document, while the controller seals with it: that takes a round trip, during
which others may read and write.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time

from .._value import Value, field
from .document import KEY_NAME, NEXT_KEY_NAME
from .files import keep_aside, look_at, read_file, replace_file

#: Seconds after which nobody will come back for a new key that waits.
WAITING_SECONDS = 600.0

_HEX_DIGITS = 64


class Keys(Value):
    """The sealing keys that were found.

    :param status: of ``sealing.key``, or None where there is none.
    :param key: the key in force, or None.
    :param damage: why ``sealing.key`` cannot be used, or an empty string.
    :param next_status: of ``sealing.key.next``, or None where there is none.
    :param next_key: the key in ``sealing.key.next``, where that is usable.
    :param next_in_force: the document that is in place is the one that the next key seals.
    :param next_waits: the next key has been made a short time ago, and its document may still come.
    """

    status: os.stat_result | None = None
    key: bytes | None = field(default=None, repr=False)
    damage: str = ""
    next_status: os.stat_result | None = None
    next_key: bytes | None = field(default=None, repr=False)
    next_in_force: bool = False
    next_waits: bool = False

    @property
    def next_left(self) -> bool:
        """Whether a writer that was killed left ``sealing.key.next``. True only where the lock is held."""
        return self.next_status is not None and not self.next_waits


def read_keys(folder: str, document_sha256: str) -> Keys:
    """Read the sealing keys of a store.

    :param document_sha256: hex digest of the document that is in place, or an empty string.
    :raises StoreError: when a file is there and cannot be read.
    """
    # The next key first: where it has gone in the meantime, sealing.key is what it was.
    next_status, next_text, _damage = _read(folder, NEXT_KEY_NAME)
    next_key_text, _space, sealed_document = next_text.partition(b" ")
    next_key = _parse(next_key_text)
    in_force = next_key is not None and bool(document_sha256) and sealed_document == document_sha256.encode("ascii")
    status, text, damage = _read(folder, KEY_NAME)
    key = _parse(text)
    if status is not None and key is None and not damage:
        damage = f"is not a key of {_HEX_DIGITS} hex digits" if text else "is empty"
    return Keys(
        status,
        next_key if in_force else key,
        damage,
        next_status,
        next_key,
        in_force,
        next_waits=next_status is not None
        and next_key is not None
        and not sealed_document
        and 0 <= time.time() - next_status.st_mtime < WAITING_SECONDS,
    )


def write_next_key(folder: str, key: bytes, document_sha256: str = "") -> None:
    """Let a new key wait, under the lock: for any document, or for the one with this digest."""
    replace_file(folder, NEXT_KEY_NAME, f"{key.hex()} {document_sha256}".strip().encode("ascii") + b"\n")


def settle_keys(folder: str, keys: Keys) -> None:
    """Finish, under the lock, what a writer began: a next key in force becomes ``sealing.key``, one that is left goes.

    :param keys: as they are found now.
    """
    if keys.next_in_force and keys.key is not None:
        put_key(folder, keys, keys.key)
    elif keys.next_left and keys.next_status is not None:
        _remove_next(folder, keys.next_status)


def put_key(folder: str, keys: Keys, key: bytes) -> None:
    """Make a key the only one, under the lock. What was in the place of ``sealing.key`` and is none is kept.

    :param keys: as they were found.
    """
    if keys.status is not None and keys.damage:
        keep_aside(os.path.join(folder, KEY_NAME), keys.status)
    replace_file(folder, KEY_NAME, key.hex().encode("ascii") + b"\n")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, NEXT_KEY_NAME))


def _remove_next(folder: str, status: os.stat_result) -> None:
    path = os.path.join(folder, NEXT_KEY_NAME)
    if stat.S_ISDIR(status.st_mode):
        keep_aside(path, status)
    else:
        os.unlink(path)


def _read(folder: str, name: str) -> tuple[os.stat_result | None, bytes, str]:
    path = os.path.join(folder, name)
    status = look_at(path)
    if status is None:
        return None, b"", ""
    content, damage = read_file(path, status)
    return status, (content or b"").strip(), damage


def _parse(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii")) if len(text) == _HEX_DIGITS else None
    except ValueError:
        return None
