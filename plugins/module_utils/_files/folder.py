# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which this collection changes files of a POSIX system: in a folder that is opened once.

A path that is used twice can lead to two places where somebody else owns a folder on the way. So a path is walked once,
folder by folder; a symbolic link on the way counts only where root or this user made it; and whatever happens in the
folder happens through its descriptor, where no link is followed any more.

A file is replaced by a rename, so that whoever reads it, and a run that is killed, finds the old or the new one. Runs
that must not meet hold the lock of the folder: a file that nobody else can open, so that nobody else can hold it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from typing import Iterator, List, Optional, Tuple

from .._value import Value, field
from .beside import name_beside

#: Seconds after which nobody writes any more to a temporary file that has a name of its own.
_LEFT_SECONDS = 600.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocked by a pipe: what is there may be anything.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_SELINUX = "security.selinux"


class File(Value):
    """What is under a name in a folder.

    :param status: its status, or ``None`` where nothing is there.
    :param content: the content of a regular file that is not too large.
    :param problem: why there is no content though something is there, or an empty string.
    """

    status: Optional[os.stat_result] = None
    content: Optional[bytes] = field(default=None, repr=False)
    problem: str = ""

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file."""
        return self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    def same_as(self, status: Optional[os.stat_result]) -> bool:
        """Say whether a status is still that of this file with this content."""
        return identity(self.status) == identity(status)


class Folder:
    """A folder that is open; see ``paths.py``. All names are names in it, without a slash.

    Every method may raise ``OSError``, with the whole path of what it is about.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder; it can be closed again."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def path_of(self, name: str) -> str:
        """Return the path of a file, for people."""
        return os.path.join(self.path, name)

    @property
    def status(self) -> os.stat_result:
        """The status of the folder itself."""
        return os.fstat(self.descriptor)

    def names(self) -> List[str]:
        """Return the names of what is in the folder."""
        with self.about():
            return os.listdir(self.descriptor)

    def look(self, name: str) -> Optional[os.stat_result]:
        """Return the status of what has a name, a link not followed, or ``None`` where nothing has it."""
        with self.about(name):
            try:
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def read(self, name: str, limit: int) -> File:
        """Read a file.

        :param limit: octets; a larger one is not read.
        """
        with self.about(name):
            try:
                descriptor = os.open(name, _READ, dir_fd=self.descriptor)
            except FileNotFoundError:
                return File()
            except OSError:
                status = self.look(name)
                if status is None or not _kind(status):
                    raise
                return File(status, None, _kind(status))
            try:
                status = os.fstat(descriptor)
                problem = _kind(status)
                if status.st_size > limit:
                    problem = problem or f"is larger than {_size(limit)}"
                if problem:
                    return File(status, None, problem)
                with open(descriptor, "rb", closefd=False) as file:
                    return File(status, file.read(min(limit, status.st_size)))
            finally:
                os.close(descriptor)

    def write(
        self,
        name: str,
        content: bytes,
        *,
        part: str = "",
        mode: int = 0o600,
        like: str = "",
        durable: bool = True,
    ) -> None:
        """Replace a file, or make it, in one step. It has the SELinux context of the one that it replaces.

        Where this fails, the old one is still there, and nothing else is left. Only where the folder could not be
        flushed to the disk is the new one in its place.

        :param part: the name of the file while it is written, for those who hold the lock; else it has one of its own.
        :param mode: of a file that is not ``like`` another. Where it is the owner's alone, no other group gets to read
            one that is.
        :param like: give it the owner, mode and context of this file, where that is there.
        :param durable: it is on the disk before it replaces the old one; False for what does not outlive a run.
        """
        with self.about(name):
            if part:
                self.unlink(part)  # left by a run that was killed; under the lock it is nobody else's
            else:
                part = self._beside(name)
            self._fill(part, content, mode, like, context_of=like or name, durable=durable)
            try:
                os.rename(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
            except OSError:
                self._forget(part)
                raise
            if durable:
                self.sync()

    def add(self, name: str, content: bytes) -> None:
        """Make a file of mode 0600 in a folder that nobody looks into yet: it is there while it is written."""
        with self.about(name):
            self._fill(name, content)

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file, which is made where there is none; under the lock, where others do so too."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with self.about(name):
            descriptor = os.open(name, flags, 0o600, dir_fd=self.descriptor)
            try:
                _write_all(descriptor, content)
            finally:
                os.close(descriptor)

    def create(self, name: str, content: bytes) -> None:
        """Make a file of mode 0600 that appears when it is whole, and never in place of another.

        :raises FileExistsError: the name is taken.
        """
        with self.about(name):
            part = self._beside(name)
            self._fill(part, content)
            try:
                try:
                    self._link(part, name)
                except OSError as error:
                    if error.errno not in _NO_HARD_LINKS:
                        raise
                    # The name is reserved, and then what reserves it is replaced.
                    os.close(os.open(name, _NEW, 0o600, dir_fd=self.descriptor))
                    os.rename(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
            finally:
                self._forget(part)
            self.sync()

    def try_to_write(self) -> None:
        """Find out whether a file can be made here. Only trying tells: root may do what a file system refuses."""
        with self.about():
            part = self._beside("try")
            self._fill(part, b"")
            self._forget(part)

    def rename(self, old: str, new: str) -> None:
        """Rename what is here, in place of a file that has the new name."""
        with self.about(new):
            os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a file or link, where it is there."""
        with self.about(name), contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all that is in it, as far as that is possible."""
        if not self._forget(name):
            with contextlib.suppress(OSError):
                for _path, folders, files, inside in os.fwalk(name, topdown=False, dir_fd=self.descriptor):
                    for entry in (*files, *folders):
                        if not _forget(entry, inside):
                            with contextlib.suppress(OSError):
                                os.rmdir(entry, dir_fd=inside)
                os.rmdir(name, dir_fd=self.descriptor)

    def make_folder(self, name: str) -> Folder:
        """Make a folder in this one that is for this user only, and open it."""
        with self.about(name):
            os.mkdir(name, 0o700, dir_fd=self.descriptor)
            return Folder(os.open(name, _FOLDER, dir_fd=self.descriptor), self.path_of(name))

    def folder(self, name: str) -> Optional[Folder]:
        """Open a folder in this one; ``None`` where there is nothing, or a file or a link."""
        with self.about(name), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return Folder(os.open(name, _FOLDER, dir_fd=self.descriptor), self.path_of(name))
        return None

    def put_right(self, mode: int, name: str = "") -> None:
        """Give the folder, or a file in it, to this user, and a mode."""
        with self.about(name):
            descriptor = os.open(name, _READ, dir_fd=self.descriptor) if name else self.descriptor
            try:
                status = os.fstat(descriptor)
                if status.st_uid != os.geteuid():
                    os.fchown(descriptor, os.geteuid(), -1)
                if stat.S_IMODE(status.st_mode) != mode:
                    os.fchmod(descriptor, mode)
            finally:
                if name:
                    os.close(descriptor)

    def keep_aside(self, name: str, beginning: str) -> str:
        """Keep what is here under another name, made of a beginning and the time, and return that name. A file stays
        in its place as well until another one replaces it, unless the file system knows no hard links."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept, number = f"{beginning}{stamp}", 1
        while self.look(kept) is not None:
            kept, number = f"{beginning}{stamp}-{number}", number + 1
        with self.about(name):
            status = self.look(name)
            if status is not None and stat.S_ISREG(status.st_mode):
                try:
                    self._link(name, kept)
                    return kept
                except OSError as error:
                    if error.errno not in _NO_HARD_LINKS:
                        raise
            self.rename(name, kept)
        return kept

    def sync(self) -> None:
        """Have the file system keep the names in the folder, where it can."""
        with self.about():
            try:
                os.fsync(self.descriptor)
            except OSError as error:
                if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
                    raise

    def _beside(self, name: str) -> str:
        """Return a name that a file has while it is written, where no lock is held."""
        self._remove_left(name)
        return name_beside(name, os.urandom(4).hex())

    def _fill(
        self,
        part: str,
        content: bytes,
        mode: int = 0o600,
        like: str = "",
        *,
        context_of: str = "",
        durable: bool = True,
    ) -> None:
        """Make a file, complete and on the disk, or leave none."""
        old = self.look(like) if like else None
        descriptor = os.open(part, _NEW, 0o600, dir_fd=self.descriptor)
        try:
            try:
                if old is not None and stat.S_ISREG(old.st_mode):
                    mode = _give(descriptor, old, private=not mode & 0o077)
                os.fchmod(descriptor, mode)  # whatever the umask says
                if context_of:
                    self._keep_context(context_of, descriptor)
                _write_all(descriptor, content)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, KeyboardInterrupt):
            self._forget(part)
            raise

    def _keep_context(self, name: str, descriptor: int) -> None:
        """Give a new file the SELinux context of the one that it will replace."""
        if hasattr(os, "getxattr"):
            # There is no such call with a folder's descriptor, and to open the file one would have to be able to read.
            path = f"/proc/self/fd/{self.descriptor}/{name}"
            with contextlib.suppress(OSError):
                os.setxattr(descriptor, _SELINUX, os.getxattr(path, _SELINUX, follow_symlinks=False))

    def _remove_left(self, name: str) -> None:
        """Remove what runs that were killed left half written of a file."""
        with contextlib.suppress(OSError):  # another run was faster, or the folder cannot be listed
            for entry in self.names():
                if re.fullmatch(rf"{re.escape(name_beside(name, ''))}[0-9a-f]{{8}}", entry):
                    left = self.look(entry)
                    if left is not None and time.time() - left.st_mtime > _LEFT_SECONDS:
                        self.unlink(entry)

    def _forget(self, name: str) -> bool:
        return _forget(name, self.descriptor)

    def _link(self, name: str, other: str) -> None:
        here = self.descriptor
        os.link(name, other, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)

    @contextlib.contextmanager
    def about(self, name: str = "") -> Iterator[None]:
        """Tell the whole path with an error: the system knows the name only, or of a full disk nothing at all."""
        try:
            yield
        except OSError as error:
            if not os.path.isabs(str(error.filename)):
                error.filename = self.path_of(name) if name else self.path
            raise


def _kind(status: os.stat_result) -> str:
    """Say what something is that is not a regular file; an empty string for one that is."""
    if stat.S_ISREG(status.st_mode):
        return ""
    kinds = {stat.S_IFDIR: "is a folder", stat.S_IFLNK: "is a symbolic link"}
    return kinds.get(stat.S_IFMT(status.st_mode), "is a device, socket or pipe")


def _size(octets: int) -> str:
    return f"{octets >> 20} MiB" if octets >> 20 else f"{octets} octets"


def identity(status: Optional[os.stat_result]) -> Tuple[int, ...]:
    """Return what is equal for two looks at the same file with the same content; nothing for no file."""
    return () if status is None else (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _forget(name: str, descriptor: int) -> bool:
    """Remove a file or link in a folder if that is possible, and say whether it was."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=descriptor)
        return True
    return False


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _give(descriptor: int, old: os.stat_result, *, private: bool) -> int:
    """Give a file to the owner and group of an old one, and return the mode that it shall have."""
    mode = stat.S_IMODE(old.st_mode)
    for owner in (old.st_uid, -1):  # nobody may give a file away but root
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, owner, old.st_gid)
            return mode
    # A group that is not the old one does not get to read a key.
    return mode & 0o700 if private else mode
