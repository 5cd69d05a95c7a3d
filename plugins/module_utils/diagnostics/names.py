# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File names that are safe on any system, made of the names of hosts, templates and log files."""

from __future__ import annotations

import hashlib
import re
from typing import Set

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 100


def safe_name(text: str) -> str:
    """One part of a path: ``text`` where that is harmless, else made harmless and told apart by a hash.

    No separator, no blank, no control character, no leading dot or hyphen, 110 characters at most, never empty.
    """
    safe = _UNSAFE.sub("_", text)
    if safe == text and safe and safe[0] not in ".-" and len(safe) <= _LONGEST:
        return safe
    digits = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe.lstrip('.-')[:_LONGEST]}-{digits}"


def safe_path(path: str) -> str:
    """A relative path whose parts are all safe; parts that say nothing (``.``, ``..``, empty) are left out."""
    return (
        "/".join(safe_name(part) for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")) or "_"
    )


class UniqueNames:
    """Hands out every name once, whatever the case: archives are unpacked on Windows too."""

    def __init__(self) -> None:
        self._taken: Set[str] = set()

    def take(self, path: str) -> str:
        """``path``, with ``~2`` and so on at its end where it was handed out before."""
        found, number = path, 1
        while found.casefold() in self._taken:
            number += 1
            found = f"{path}~{number}"
        self._taken.add(found.casefold())
        return found
