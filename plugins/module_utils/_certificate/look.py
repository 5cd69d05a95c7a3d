# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a quick look at certificates on a POSIX host tells, as plain data.

This is the end of the program of that look; see ``_files/reading.py``. It judges nothing: that is done on the
controller, by the code that the module has for it (``seen.py``). A private key stays on the host, and so does every
file in which there is anything else than certificates.
"""

from __future__ import annotations

import grp
import hashlib
import pwd
import time

from .._store.errors import StoreError
from .._store.found import open_to_read, read_file
from .._store.look import quick_look as look_at_store
from .._store.parts import CERTIFICATES_NAME
from ..est.x509.pair_reading import ReadablePair, ReadableVersions, without_key

# Only a type checker sees this: to load ``typing`` costs more than the look.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Optional

    Place = tuple[str, str, Sequence[str], bool, Sequence[str], Optional[tuple[str, str]]]

#: What is beside a certificate and its key: what it was issued for, and a request that waits for approval.
NOTE, PENDING = "note", "pending"

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def quick_look(
    store_path: str | None, pad: bytes | None, places: Sequence[Place], record_path: str | None = None
) -> dict[str, Any] | None:
    """Look at certificates, and at the template store, in one go.

    :param store_path: the folder of the store; ``None`` where no template is in one.
    :param pad: see ``_store/look.py``.
    :param places: of each certificate: its path, that of the key, those of all other files, and whether all are in a
        folder that is replaced as a whole; which of the others have the key in them too; and owner and group by name,
        where anything is asked of that, or of mode and context.
    :param record_path: the folder of the store where it is wanted what a purge goes by; see ``record.py``.
    :returns: ``clock``, the time of this host in seconds; ``store``, what there is of the store; ``certificates``, what
        there is of each, or ``None`` where that is not a plain matter; ``record``, the text of it, or ``None`` where it
        cannot be read or is not wanted. ``None`` where the store is none.
    """
    store = look_at_store(store_path, pad) if store_path is not None else None
    if store_path is not None and store is None:
        return None
    return {
        "clock": str(time.time()),
        "store": store,
        "certificates": [_look(*place) for place in places],
        "record": None if record_path is None else _record(record_path),
    }


def _record(store_path: str) -> str | None:
    try:
        with open_to_read(store_path) as store:
            found = read_file(store, CERTIFICATES_NAME)
    except FileNotFoundError:  # no store, and so nothing is noted
        return ""
    except (OSError, StoreError):
        return None
    return None if found.problem else (found.content or b"").decode("utf-8", "replace")


def _look(
    certificate_path: str,
    key_path: str,
    others: Sequence[str],
    versioned: bool,
    private: Sequence[str] = (),
    accounts: tuple[str, str] | None = None,
) -> dict[str, Any] | None:
    try:
        pair = (ReadableVersions if versioned else ReadablePair)(certificate_path, key_path, others)
        places = pair.places
        if any(one.is_at(other) for number, one in enumerate(places) for other in places[:number]):
            return None
        if pair.key_home.has(PENDING):
            return None
        note = pair.home.read(NOTE).content
        files = pair.read_at_rest()
        paths = (certificate_path, key_path, *others) if accounts is not None else ()
        states = [pair.at(path).state() for path in paths]
        numbers = _numbers(*accounts) if accounts is not None else []
    except (OSError, KeyError):
        return None
    if files is None or note is None:
        return None
    texts = {place: _text(file.content) for place, file in files.items()}
    rest, key = without_key(texts[pair.key] or "")
    if not key:
        return None
    if pair.key is pair.certificate:
        texts[pair.certificate] = rest
    found: dict[str, Any] = {
        "certificate": texts[pair.certificate],
        "key_sha256": key,
        "note": _text(note),
        "others": [None if path in private else texts[pair.others[path]] for path in others],
        "private": [_sha256(files[pair.others[path]].content) for path in private],
        "one_file": pair.key is pair.certificate,
        "states": states,
        "numbers": numbers,
    }
    shown = [text for text in (found["certificate"], *found["others"]) if text is not None]
    if found["certificate"] is None or "PRIVATE KEY" in note.decode("latin-1"):
        return None
    return found if all(map(_has_only_certificates, shown)) else None


def _has_only_certificates(text: str) -> bool:
    """Say whether there is nothing in a text but PEM certificates: a path may be that of a file of somebody else's."""
    inside = False
    for line in text.splitlines():
        if line == ("-----END CERTIFICATE-----" if inside else "-----BEGIN CERTIFICATE-----"):
            inside = not inside
        elif (inside and line.strip(_BASE64)) or (not inside and line):
            return False
    return not inside


def _numbers(owner: str, group: str) -> list[str]:
    """Return the numbers of an account and a group, each empty where none is asked for.

    :raises KeyError: this host does not know one of them.
    """
    user = owner if not owner or owner.isdecimal() else str(pwd.getpwnam(owner).pw_uid)
    return [user, group if not group or group.isdecimal() else str(grp.getgrnam(group).gr_gid)]


def _sha256(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("latin-1")
