# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of a certificate and its key are, and what lies beside them: all that reading needs.

``pair_files.py`` and ``pair_versions.py`` tell how they are replaced. This is part of the program of a quick look; see
``_files/reading.py``.
"""

from __future__ import annotations

import errno
import hashlib
import os

from ..._files.reading import File, ReadableFolder, is_locked, name_beside
from ..._files.walk import Walk, target_of

# Only a type checker sees this: to load ``typing`` costs more than the reading.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What a new file is until it takes the place of the old one.
NEXT = "next"
#: The second name of an old file while new ones take the places of the old.
OLD = "old"
#: A file of which not everything is written yet. Whoever writes it holds the lock on the folder of the certificate.
PART = "part"
#: A folder with the files of a certificate, with its number at the end, and one that is not complete yet.
VERSION, PART_VERSION = "version-", "version-part"
#: Octets; a larger file is none of a certificate.
MAX_OCTETS = 1024 * 1024

_DIGITS = 9
_BEGIN, _END, _KEY = "-----BEGIN ", "-----END ", "PRIVATE KEY-----"


class ReadablePlace:
    """Where a file is: its folder, which is opened once and stays open, and its name there.

    :param path: links to the file are followed now, and never again: they stay, and what they lead to is replaced.
    :param follow: False where the path itself may be a link, and that is what is meant.
    :raises OSError: the folder may not be opened, or somebody else's link is on the way. A missing one is no
        error yet.
    """

    #: What the folder is opened as.
    kind: type[ReadableFolder] = ReadableFolder

    def __init__(self, path: str, *, follow: bool = True) -> None:
        self.path = path
        self._folder: ReadableFolder | None = None
        self.name = os.path.basename(path)
        try:
            if follow:
                descriptor, folder, self.name = Walk().to_file(path)
            else:
                above, self.name = os.path.split(os.path.abspath(path))
                descriptor, folder = Walk().to_folder(above)
            self._folder = self.kind(descriptor, folder)
        except FileNotFoundError:
            pass

    def move_to(self, folder: ReadableFolder | None) -> None:
        """Have the file of the path's name in another folder that is open, or in none."""
        self._folder, self.name = folder, os.path.basename(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    @property
    def folder(self) -> ReadableFolder:
        """The folder.

        :raises FileNotFoundError: there is none.
        """
        if self._folder is None:
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), os.path.dirname(os.path.realpath(self.path))
            )
        return self._folder

    def beside(self, kind: str) -> str:
        """The name of a file of ours beside it; see ``name_beside()``."""
        return name_beside(self.name, kind)

    def has(self, kind: str = "") -> bool:
        """Say whether there is something at the place, or a file of ours beside it."""
        return self.look(kind) is not None

    def look(self, kind: str = "") -> os.stat_result | None:
        """Return the status of what is at the place, or of a file of ours beside it; ``None`` where nothing is."""
        return self._folder.look(self.beside(kind) if kind else self.name) if self._folder is not None else None

    def state(self) -> str | None:
        """Return owner, mode and context of what is at the place; see ``ReadableFolder.state()``."""
        return self._folder.state(self.name) if self._folder is not None else None

    def read(self, kind: str = "") -> File:
        """Read the file, or one of ours beside it.

        :raises OSError: it cannot be read.
        """
        if self._folder is None:
            return File()
        found = self._folder.read(self.beside(kind) if kind else self.name, MAX_OCTETS)
        if found.is_folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if found.problem:
            raise OSError(errno.EINVAL, found.problem, self.path)
        return found

    def is_at(self, other: ReadablePlace) -> bool:
        """Say whether it is the same as another place."""
        if not self.exists or not other.exists:
            return os.path.realpath(self.path) == os.path.realpath(other.path)
        return self.name == other.name and os.path.samestat(self.folder.status, other.folder.status)


class ReadablePair:
    """The files of a pair. All are files of their own, but for certificate and key.

    :param certificate_path: need not exist yet, as all of them.
    :param key_path: ``None`` where the key is in the same file.
    :param others: paths of files that go along with the pair.
    :raises OSError: see ``ReadablePlace``.
    """

    place: type[ReadablePlace] = ReadablePlace

    def __init__(self, certificate_path: str, key_path: str | None, others: Sequence[str] = ()) -> None:
        self.certificate = self.place(certificate_path)
        self.key = self.place(key_path) if key_path else self.certificate
        if self.key.is_at(self.certificate):
            self.key = self.certificate
        #: The files that go along with the pair, by path.
        self.others: Mapping[str, ReadablePlace] = {path: self.place(path) for path in others}
        #: All places, in the order in which the files are replaced: key and certificate directly after one another.
        self.places: Sequence[ReadablePlace] = [
            *self.others.values(),
            *(() if self.key is self.certificate else (self.key,)),
            self.certificate,
        ]

    def at(self, path: str) -> ReadablePlace:
        """The place of one of the paths."""
        return self.others.get(path) or (self.certificate if path == self.certificate.path else self.key)

    @property
    def home(self) -> ReadablePlace:
        """The place beside which our own files are kept; the lock is in its folder."""
        return self.certificate

    @property
    def key_home(self) -> ReadablePlace:
        """The same for what has a key in it."""
        return self.key

    def is_locked(self) -> bool:
        """Say whether a run is at the files, or was killed while it was."""
        return self.home.exists and is_locked(self.home.folder)

    def left(self) -> tuple[object, ...]:
        """Return what a run that was killed has left, or one that is at work has made."""
        return tuple((place, kind) for place in self.places for kind in (NEXT, PART, OLD) if place.has(kind))

    def version(self) -> str:
        """The folder that counts, where files are replaced in whole folders; else an empty string."""
        return ""

    def enter(self, version: str) -> None:
        """Have all places in a version."""

    def read_at_rest(self) -> dict[ReadablePlace, File] | None:
        """Read all files; ``None`` where a run is at them, or was killed while it was.

        :raises OSError: one cannot be looked at.
        """
        version = self.version()
        if self.is_locked() or self.left():
            return None
        self.enter(version)
        files = {place: place.read() for place in self.places}
        stayed = all(file.same_as(place.look()) for place, file in files.items()) and version == self.version()
        return files if stayed and not self.is_locked() and not self.left() else None


class ReadableVersions(ReadablePair):
    """The files of a pair in a folder that is replaced as a whole.

    :param certificate_path: like the others in one folder, which is the link, or is not there yet.
    :raises OSError: see ``ReadablePlace``; the link itself can be somebody else's as well, or something else.
    """

    def __init__(self, certificate_path: str, key_path: str | None, others: Sequence[str] = ()) -> None:
        self._home = self.place(os.path.normpath(os.path.dirname(certificate_path)), follow=False)
        self._opened = ""
        self.version()  # before any path is followed through it
        # Not that of the next class in order, which is made of other arguments where files are changed.
        ReadablePair.__init__(self, certificate_path, key_path, others)
        self.enter(self.version())

    @property
    def home(self) -> ReadablePlace:
        """The link; all that is kept for ourselves is beside it."""
        return self._home

    @property
    def key_home(self) -> ReadablePlace:
        """The same."""
        return self._home

    def left(self) -> tuple[object, ...]:
        """See ``ReadablePair.left()``. The version before the one that counts stays."""
        if not self._home.exists:
            return ()
        current = self.version()
        ours = (self._home.beside(kind) for kind in (NEXT, PART, PART_VERSION))
        names = [name for name in ours if self._home.folder.look(name) is not None]
        # One that was there before counts no less than one that would come after: somebody has gone back to it.
        others = sorted((name for name in self.versions() if name != current), key=self.number)
        return (*names, *others[:-1])

    def version(self) -> str:
        """The name of the version that the link leads to, which need not be there; empty where there is no link.

        :raises OSError, InputError: there is something else in place of the link.
        """
        if not self._home.exists or self._home.look() is None:
            return ""
        target = self.link_target(self._home.name)
        if target is None or not self.number(target):
            raise self.no_version(target)
        return target

    def no_version(self, target: str | None) -> Exception:
        """The error of something else in place of the link.

        :param target: where it leads to; ``None`` where it is no link.
        """
        return OSError(errno.EINVAL, "is not the link to a version of a certificate", self._home.path)

    def versions(self) -> list[str]:
        """The names of all versions."""
        return [name for name in self._home.folder.names() if self.number(name)]

    def number(self, name: str) -> int:
        """The number of a version, from 1; 0 for any other name."""
        beginning = self._home.beside(VERSION)
        digits = name[len(beginning) :]
        is_one = name.startswith(beginning) and digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
        return int(digits) if is_one else 0

    def link_target(self, name: str) -> str | None:
        """Return where a link beside the home leads to; ``None`` for what is not a link, or is not there.

        :raises OSError: it was made by another account than root and this user.
        """
        folder = self._home.folder
        with folder.about(name):
            return target_of(folder.descriptor, name)

    def enter(self, version: str) -> None:
        """Have all places in a version, or nowhere where there is none."""
        if version != self._opened or not self.certificate.exists:
            folder = self._home.folder.folder(version) if version else None
            for place in self.places:
                place.move_to(folder)
            self._opened = version


def without_key(text: str) -> tuple[str, str]:
    """Take the one private key out of a text.

    :returns: the rest, and what tells this key from another: SHA-256 over its PEM text, 64 hexadecimal digits. A key is
        as good as random, so this says nothing of it. It is empty where there is none, or more than one.
    """
    label_end = text.find(_KEY)
    begin = text.rfind(_BEGIN, 0, max(label_end, 0))
    label = text[begin + len(_BEGIN) : label_end]
    end = f"{_END}{label}{_KEY}"
    stop = text.find(end, label_end)
    if label_end < 0 or begin < 0 or stop < 0 or "\n" in label or text.count(_KEY) != 2:
        return text, ""
    stop += len(end)
    lines = "".join(f"{line.strip()}\n" for line in text[begin:stop].splitlines())
    return text[:begin] + text[stop:], hashlib.sha256(lines.encode("utf-8")).hexdigest()
