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
from typing import Optional, Sequence, Tuple

from .attributes import Attributes
from .reading import READ, SELINUX, ReadableFolder, name_beside

#: Seconds after which nobody writes any more to a temporary file that has a name of its own.
_LEFT_SECONDS = 600.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: From so many files on, the whole file system is flushed in their place.
_MANY = 8
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Folder(ReadableFolder):
    """A folder that is open, and in which files can be changed; see ``paths.py``."""

    def __enter__(self) -> Folder:
        return self

    def write(
        self,
        name: str,
        content: bytes,
        *,
        part: str = "",
        mode: int = 0o600,
        like: str = "",
        attributes: Optional[Attributes] = None,
        durable: bool = True,
    ) -> None:
        """Replace a file, or make it, in one step. It has the SELinux context of the one that it replaces.

        Where this fails, the old one is still there, and nothing else is left. Only where the folder could not be
        flushed to the disk is the new one in its place.

        :param part: the name of the file while it is written, for those who hold the lock; else it has one of its own.
        :param mode: of a file that is not ``like`` another. Where it is the owner's alone, no other group gets to read
            one that is.
        :param like: give it the owner, mode and context of this file, where that is there.
        :param attributes: what it is to have whatever that one has.
        :param durable: it is on the disk before it replaces the old one; False for what does not outlive a run.
        """
        with self.about(name):
            ours = bool(part)
            part = part or self._beside(name)
            old = self.look(like) if like else None
            try:
                self._fill(part, content, mode, old, (self, like or name), attributes, durable=durable)
            except FileExistsError:
                if not ours:
                    raise
                self.unlink(part)  # left by a run that was killed; under the lock it is nobody else's
                self._fill(part, content, mode, old, (self, like or name), attributes, durable=durable)
            try:
                os.rename(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
            except OSError:
                self._forget(part)
                raise
            if durable:
                self.sync()

    def add(
        self,
        name: str,
        content: bytes,
        *,
        mode: int = 0o600,
        like: Optional[Tuple[Folder, Optional[os.stat_result]]] = None,
        attributes: Optional[Attributes] = None,
    ) -> None:
        """Make a file in a folder that nobody looks into yet: it is there while it is written.

        :param mode: see ``write()``, as for ``attributes``.
        :param like: give it owner, mode and context of the file of this name in another folder, by its status there.
        """
        with self.about(name):
            if like is None:
                self._fill(name, content, mode, attributes=attributes)
            else:
                self._fill(name, content, mode, like[1], (like[0], name), attributes)

    def take_along(self, name: str, source: Folder, limit: int) -> None:
        """Have a file or link of another folder in this one as well, in which nobody looks yet.

        It is the same file, or where the file system cannot do that, one with the same content, owner and mode.

        :param limit: octets; a larger file is not copied.
        """
        with source.about(name):
            try:
                # A link is not followed: it is one here as well.
                os.link(name, name, src_dir_fd=source.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)
                return
            except OSError as error:
                if error.errno not in (*_NO_HARD_LINKS, errno.EXDEV):
                    raise
            found = source.read(name, limit)
            if found.content is None:
                words = f"{found.problem or 'is not there any more'}, and cannot be taken along"
                raise OSError(errno.EINVAL, words)
        # Content and owner are those of one open file, whatever has its name meanwhile.
        self.add(name, found.content, like=(source, found.status))

    def take_after(self, other: Folder) -> None:
        """Give this folder owner, mode and SELinux context of another one."""
        with self.about():
            os.fchmod(self.descriptor, _give(self.descriptor, other.status, private=False))
            if hasattr(os, "getxattr"):
                with contextlib.suppress(OSError):
                    os.setxattr(self.descriptor, SELINUX, os.getxattr(other.descriptor, SELINUX))

    def symlink(self, target: str, name: str, *, like: str) -> None:
        """Make a symbolic link, which has the SELinux context of the one that it is to replace."""
        with self.about(name):
            os.symlink(target, name, dir_fd=self.descriptor)
            if hasattr(os, "getxattr"):
                old, new = (f"/proc/self/fd/{self.descriptor}/{each}" for each in (like, name))
                with contextlib.suppress(OSError):
                    context = os.getxattr(old, SELINUX, follow_symlinks=False)
                    os.setxattr(new, SELINUX, context, follow_symlinks=False)

    def append(self, name: str, content: bytes, *, private: bool = False) -> None:
        """Add to the end of a file, which is made where there is none; under the lock, where others do so too.

        :param private: nobody else may be able to read what is added.
        :raises PermissionError: somebody else could.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with self.about(name):
            descriptor = os.open(name, flags, 0o600, dir_fd=self.descriptor)
            try:
                if private and not is_private(os.fstat(descriptor)):
                    raise PermissionError(errno.EPERM, "is not a file of this user alone; remove it")
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

    def reserve(self, name: str, octets: int) -> None:
        """Make a file that takes so much room on the disk, in place of an older one.

        :raises OSError: there is not so much; the file is not there then.
        """
        with self.about(name):
            self.unlink(name)
            descriptor = os.open(name, _NEW, 0o600, dir_fd=self.descriptor)
            try:
                try:
                    if hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(descriptor, 0, octets)
                    else:
                        _write_all(descriptor, bytes(octets))
                finally:
                    os.close(descriptor)
            except OSError:
                self._forget(name)
                raise

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

    def put_right(self, mode: int, name: str = "") -> None:
        """Give the folder, or a file in it, to this user, and a mode."""
        with self.about(name):
            descriptor = os.open(name, READ, dir_fd=self.descriptor) if name else self.descriptor
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
        kept = self.free_name(beginning)
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

    def free_name(self, beginning: str) -> str:
        """Return a name that nothing has here, made of a beginning and the time."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        name, number = f"{beginning}{stamp}", 1
        while self.look(name) is not None:
            name, number = f"{beginning}{stamp}-{number}", number + 1
        return name

    def sync(self) -> None:
        """Have the file system keep the names in the folder, where it can."""
        with self.about():
            try:
                os.fsync(self.descriptor)
            except OSError as error:
                if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
                    raise

    def sync_file(self, name: str) -> None:
        """Have the content of a file be on the disk."""
        with self.about(name):
            descriptor = os.open(name, READ, dir_fd=self.descriptor)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def sync_all(self, names: Sequence[str]) -> None:
        """Have the content of files, and their names, be on the disk.

        For hundreds of files one call for their whole file system (syncfs(2)) costs less than one for each.
        """
        with self.about():
            if len(names) >= _MANY and _sync_file_system(self.descriptor):
                return
        for name in names:
            self.sync_file(name)
        self.sync()

    def _beside(self, name: str) -> str:
        """Return a name that a file has while it is written, where no lock is held."""
        self._remove_left(name)
        return name_beside(name, os.urandom(4).hex())

    def _fill(
        self,
        part: str,
        content: bytes,
        mode: int = 0o600,
        old: Optional[os.stat_result] = None,
        context: Optional[Tuple[Folder, str]] = None,
        attributes: Optional[Attributes] = None,
        *,
        durable: bool = True,
    ) -> None:
        """Make a file, complete and on the disk, or leave none.

        :param old: the status of the file that it is to be like, where that is a regular file.
        :param context: folder and name of the file whose SELinux context it is to have.
        """
        descriptor = os.open(part, _NEW, 0o600, dir_fd=self.descriptor)
        try:
            try:
                if old is not None and stat.S_ISREG(old.st_mode):
                    mode = _give(descriptor, old, private=not mode & 0o077)
                if context is not None:
                    _keep_context(*context, descriptor)
                if attributes is not None:
                    attributes.give(descriptor)
                    mode = mode if attributes.mode is None else attributes.mode
                os.fchmod(descriptor, mode)  # whatever the umask says
                _write_all(descriptor, content)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, KeyboardInterrupt):
            self._forget(part)
            raise

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

    def link(self, name: str, other: str) -> None:
        """Give a file another name as well."""
        with self.about(name):
            self._link(name, other)

    def _link(self, name: str, other: str) -> None:
        here = self.descriptor
        os.link(name, other, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)


def is_private(status: os.stat_result) -> bool:
    """Say whether a file is one that only root or this user can have made, and can open."""
    private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077 and status.st_nlink == 1
    return private and status.st_uid in (0, os.geteuid())


def _forget(name: str, descriptor: int) -> bool:
    """Remove a file or link in a folder if that is possible, and say whether it was."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=descriptor)
        return True
    return False


def _keep_context(folder: Folder, name: str, descriptor: int) -> None:
    """Give a new file the SELinux context of an old one."""
    if hasattr(os, "getxattr"):
        # There is no such call with a folder's descriptor, and to open the file one would have to be able to read.
        path = f"/proc/self/fd/{folder.descriptor}/{name}"
        with contextlib.suppress(OSError):
            os.setxattr(descriptor, SELINUX, os.getxattr(path, SELINUX, follow_symlinks=False))


def _sync_file_system(descriptor: int) -> bool:
    """Have a whole file system be on the disk, and say whether the system knows that.

    :raises OSError: something could not be written.
    """
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):  # not Linux, or a Python without it
        return False
    if call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


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
