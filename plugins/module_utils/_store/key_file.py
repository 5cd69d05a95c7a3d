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

import time

from .._files.folder import File, Folder
from .._value import Value, field
from .document import KEY_NAME, NEXT_KEY_NAME
from .files import keep_aside, read_file, replace_file

#: Seconds after which nobody will come back for a new key that waits.
WAITING_SECONDS = 600.0

_HEX_DIGITS = 64


class Keys(Value):
    """The sealing keys that were found.

    :param file: ``sealing.key`` as it was found.
    :param key: the key in force, or None.
    :param damage: why ``sealing.key`` cannot be used, or an empty string.
    :param next_file: ``sealing.key.next`` as it was found.
    :param next_key: the key in ``sealing.key.next``, where that is usable.
    :param next_in_force: the document that is in place is the one that the next key seals.
    :param next_waits: the next key has been made a short time ago, and its document may still come.
    """

    file: File = File()
    key: bytes | None = field(default=None, repr=False)
    damage: str = ""
    next_file: File = File()
    next_key: bytes | None = field(default=None, repr=False)
    next_in_force: bool = False
    next_waits: bool = False

    @property
    def next_left(self) -> bool:
        """Whether a writer that was killed left ``sealing.key.next``. True only where the lock is held."""
        return self.next_file.status is not None and not self.next_waits


def read_keys(store: Folder, document_sha256: str) -> Keys:
    """Read the sealing keys of a store.

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
        in_force,
        next_waits=next_file.status is not None
        and next_key is not None
        and not sealed_document
        and 0 <= time.time() - next_file.status.st_mtime < WAITING_SECONDS,
    )


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


def _parse(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii")) if len(text) == _HEX_DIGITS else None
    except ValueError:
        return None
