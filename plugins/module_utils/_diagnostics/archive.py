# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a host: a tar.gz whose members have an order, in a file that appears whole or not at all.

Platform-neutral as far as the host goes; written on the controller.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
from typing import Optional, Sequence, Set, Tuple

from .._files.folder import Folder
from .._files.paths import open_folder

# ----------------------------------------------------------------------------------------------------------------------
# File names that are safe on any system, made of the names of hosts, templates and log files.

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


# ----------------------------------------------------------------------------------------------------------------------

#: A member: its path below the folder of the archive, when it was modified (seconds since the epoch), its content.
Member = Tuple[str, int, bytes]


def pack(folder: str, members: Sequence[Member]) -> bytes:
    """Make a tar.gz of the members in their order. Equal content gives equal bytes.

    :param folder: the one folder that is in the archive; nothing is unpacked outside of it.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, modified, content in members:
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size, member.mtime, member.mode = len(content), max(0, modified), 0o600
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


class ArchiveFile:
    """A file of mode 0600 that appears under its name when it is whole, and never in place of another.

    Entering makes the folder where it is missing and tries to write to it, so a folder that cannot be written to is
    known before anything else is done.

    :param folder: made 0700 where it does not exist, and so are those above it.
    :param name: without its end ``.tar.gz``.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._path = folder
        self._name = name
        self._folder: Optional[Folder] = None

    def __enter__(self) -> ArchiveFile:
        """:raises OSError: the folder cannot be made or written to."""
        self._folder = open_folder(self._path, make=0o700, parents=0o700)
        self._folder.try_to_write()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._folder is not None:
            self._folder.close()

    def save(self, content: bytes) -> str:
        """Write the content and return the path that it has now.

        :raises OSError: the disk is full, or the like.
        """
        if self._folder is None:
            raise ValueError("the file has not been entered")
        number = 1
        while True:
            name = archive_name(self._name, number)
            try:
                self._folder.create(name, content)
                return os.path.join(self._path, name)
            except FileExistsError:  # another run has written within the same second
                number += 1


def archive_name(name: str, number: int = 1) -> str:
    """The file name of the archive; ``number`` tells those of one second apart."""
    return f"{name}.tar.gz" if number == 1 else f"{name}-{number}.tar.gz"
