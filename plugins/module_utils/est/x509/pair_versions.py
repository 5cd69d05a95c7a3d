# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate, its key and its chain in one folder that is replaced as a whole.

The folder of the user's, such as ``/etc/ssl/web``, is a symbolic link to ``.web.est-version-4`` beside it. Nothing in a
version changes any more once it is there: a new certificate, and every change of one of the files, makes a new one.

1. ``.web.est-version-part`` is made. What stays as it is goes into it as the same file, by a hard link; new files are
   written with owner and mode of the old ones. All of it is on the disk before the next step.
2. ``.web.est-next`` is made, a link to ``.web.est-version-5``, and then ``.web.est-version-part`` gets that name. From
   now on the new version counts.
3. The link is renamed to ``web``, in place of the old link: one step for all files.
4. Versions are removed, but for the new one and the one before: a program that is just reading that finds all of it.

A run that is killed before the end of step 2 leaves the old version as it was, and one that is killed later a whole new
one, which the next run puts in place. A program that opens the folder once, or finds out once where the link leads, and
reads all files there, never sees key and certificate apart.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Collection, Iterable, Mapping, Optional, Sequence

from ..._files.attributes import Attributes
from ..._files.folder import Folder
from ..._files.lock import locked
from ..._files.paths import is_mount_point
from ..base.errors import InputError
from .client_certificate import ClientCertificate
from .pair_files import ROOM, ROOM_OCTETS, Content, PairFiles, Place, Situation, mode_of_new
from .pair_reading import MAX_OCTETS, NEXT, PART_VERSION, VERSION, ReadableVersions

#: The mode of the first version; each further one is like the one before.
_FOLDER_MODE = 0o755
_FOLDER_INSIDE = "is a folder, and cannot be taken along into a new version: move it elsewhere"


class PairVersions(ReadableVersions, PairFiles):
    """The files of a pair in a folder that is replaced as a whole; see ``PairFiles``.

    :param files: as there; all paths are in one folder, which is the link, or is not there yet.
    :param others: likewise, as ``private`` and ``attributes``.
    :raises InputError: there is something else in place of the link.
    :raises OSError: see ``ReadablePlace``; the link itself can be somebody else's as well.
    """

    _home: Place

    def __init__(
        self,
        files: ClientCertificate,
        others: Sequence[str] = (),
        *,
        private: Collection[str] = (),
        attributes: Optional[Attributes] = None,
    ) -> None:
        self._passphrase = files.passphrase
        self._private = private
        self._wanted = attributes
        self._chain_path = None
        ReadableVersions.__init__(self, files.certificate_path, files.key_path, others)

    @property
    def home(self) -> Place:
        """The link; all that this class and its user keep for themselves is beside it."""
        return self._home

    @property
    def key_home(self) -> Place:
        """The same."""
        return self._home

    def targets(self, others: Optional[Sequence[str]] = None) -> Sequence[Place]:
        """The link: whatever changes, it is what is replaced."""
        return [self._home]

    def folders(self, place: Place) -> Sequence[Folder]:
        """That of the link, and the version."""
        return [place.folder, *([self.certificate.folder] if self.certificate.exists else ())]

    def obstacle(self, place: Place) -> str:
        """See ``PairFiles.obstacle()``."""
        version = self.certificate.folder if self.certificate.exists else None
        if version is None:
            return ""
        names = sorted(version.names())
        for name in ("", *names):
            if is_mount_point(os.path.join(version.path, name).rstrip("/")):
                what = os.path.join(place.path, name).rstrip("/")
                return f"{what} is a mount point, and stays as it is: mount {os.path.dirname(place.path)} in its stead"
        for name in names:
            status = version.look(name)
            if status is not None and stat.S_ISDIR(status.st_mode):
                return f"{os.path.join(place.path, name)} {_FOLDER_INSIDE}"
        return ""

    def keep(self, place: Place, kind: str) -> str:
        """See ``PairFiles.keep()``. It is kept beside the link."""
        content = place.read().content or b""
        folder = self._home.folder
        name = folder.free_name(self._home.beside(kind))
        folder.create(name, content)
        return folder.path_of(name)

    def reserve(self) -> None:
        """See ``PairFiles.reserve()``. What stays as it is must go into a new version as well, so that is tried."""
        folder = self._home.folder
        with locked(folder):
            self._recover()
            folder.reserve(self._home.beside(ROOM), (len(self.places) + 1) * ROOM_OCTETS)
            try:
                self._begin(()).close()
            finally:
                folder.remove(self._home.beside(PART_VERSION))

    def release(self) -> None:
        """See ``PairFiles.release()``."""
        if self._home.exists:
            self._home.folder.unlink(self._home.beside(ROOM))

    def mend(self, texts: Mapping[str, str]) -> None:
        """See ``PairFiles.mend()``."""
        with locked(self._home.folder):
            self._recover()
            self._put([(self.at(path), text) for path, text in texts.items()])

    def _put(self, contents: Sequence[Content]) -> None:
        folder, home = self._home.folder, self._home
        part, link = home.beside(PART_VERSION), home.beside(NEXT)
        known = map(self.number, (*self.versions(), self.version()))
        version = home.beside(f"{VERSION}{max(known) + 1}")
        try:
            with self._begin([place.name for place, _text in contents]) as new:
                for place, text in contents:
                    like = (place.folder, place.look()) if place.exists else None
                    mode, attributes = mode_of_new(self.is_private(place)), self.attributes(place)
                    new.add(place.name, text.encode("latin-1"), mode=mode, like=like, attributes=attributes)
                if self.certificate.exists:
                    new.take_after(self.certificate.folder)
                else:
                    new.put_right(_FOLDER_MODE)
                new.sync()
            folder.symlink(version, link, like=home.name)
            folder.rename(part, version)
        except OSError:
            folder.remove(part)
            folder.remove(link)
            raise
        folder.sync()
        self._take_version(version)

    def _begin(self, names: Iterable[str]) -> Folder:
        """Make the folder that is to be the next version, with all that stays as it is.

        :param names: of files that will be new.
        """
        new = self._home.folder.make_folder(self._home.beside(PART_VERSION))
        if self.certificate.exists:
            old = self.certificate.folder
            for name in sorted(set(old.names()).difference(names)):
                status = old.look(name)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    raise IsADirectoryError(errno.EISDIR, _FOLDER_INSIDE, os.path.join(self._home.path, name))
                new.take_along(name, old, MAX_OCTETS)
        return new

    def _take_version(self, version: str) -> None:
        """Rename the link to a new version into its place, and remove the versions that nobody reads any more."""
        folder, before = self._home.folder, self.version()
        folder.rename(self._home.beside(NEXT), self._home.name)
        folder.sync()
        for name in self.versions():
            if name not in (version, before):
                folder.remove(name)
        self.enter(version)

    def _recover(self) -> bool:
        if not self._home.exists:
            return False
        folder, situation = self._home.folder, self._situation()
        if situation.finished:
            self._take_version(situation.version)
        for name in self._situation().left:
            folder.remove(str(name))
        self.enter(self.version())
        return situation.finished

    def _situation(self) -> Situation:
        if not self._home.exists:
            return Situation((), False)
        left, coming = self.left(), ""
        with contextlib.suppress(OSError):  # somebody else's, which goes
            coming = self.link_target(self._home.beside(NEXT)) or ""
        if coming in self.versions():
            return Situation(left, True, coming)
        return Situation(left, False, self.version())

    def _kinds(self, situation: Situation) -> Mapping[Place, str]:
        self.enter(situation.version)
        return dict.fromkeys(self.places, "")

    def no_version(self, target: Optional[str]) -> InputError:
        """See ``ReadableVersions.no_version()``."""
        path, first = self._home.path, self._home.beside(f"{VERSION}1")
        if target is None:
            return InputError(
                f"{path} is a folder or a file, and not the link to a version of a certificate",
                hint=f"Name a folder that is not there yet, or make this one the first version: mv {path} "
                f"{self._home.folder.path_of(first)} && ln -s {first} {path}",
            )
        return InputError(
            f"{path} is a link to {target}, and not to a version of a certificate, such as {first}",
            hint="Name a folder that is not there yet.",
        )
