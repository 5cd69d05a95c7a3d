# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading files of a POSIX system in a folder that is opened once; ``folder.py`` changes them.

This and ``walk.py`` are part of the program of the quick look, which a host runs for every reading: they load nothing
that costs more than the reading itself (``typing``, ``contextlib``, ``re``).
"""

from __future__ import annotations

import os
import stat

# Only a type checker sees this: to load ``typing`` costs more than the reading.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Kind = TypeVar("Kind", bound="ReadableFolder")

#: Not blocked by a pipe: what is there may be anything.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
#: The file that is there while a run changes files of a folder; see ``lock.py``.
LOCK_NAME = ".est.lock"
#: What has the SELinux context of a file.
SELINUX = "security.selinux"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class File:
    """What is under a name in a folder.

    :param status: its status, or ``None`` where nothing is there.
    :param content: the content of a regular file that is not too large.
    :param problem: why there is no content though something is there, or an empty string.
    """

    def __init__(self, status: os.stat_result | None = None, content: bytes | None = None, problem: str = "") -> None:
        self.status = status
        self.content = content
        self.problem = problem

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file."""
        return self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    def same_as(self, status: os.stat_result | None) -> bool:
        """Say whether a status is still that of this file with this content."""
        return identity(self.status) == identity(status)


class About:
    """Tells a path with an error: the system knows the name only, or of a full disk nothing at all.

    :param path: the path.
    :param always: also where the error tells a whole path already.
    """

    def __init__(self, path: str, *, always: bool = False) -> None:
        self._path = path
        self._always = always

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError) and (self._always or not os.path.isabs(str(error.filename))):
            error.filename = self._path


class ReadableFolder:
    """A folder that is open; see ``walk.py``. All names are names in it, without a slash.

    Every method may raise ``OSError``, with the whole path of what it is about.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path

    def __enter__(self) -> ReadableFolder:
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

    def names(self) -> list[str]:
        """Return the names of what is in the folder."""
        with self.about():
            return os.listdir(self.descriptor)

    def look(self, name: str) -> os.stat_result | None:
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
                descriptor = os.open(name, READ, dir_fd=self.descriptor)
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

    def state(self, name: str) -> str | None:
        """Return owner, group, mode and SELinux context of what has a name, as one text; ``None`` where nothing has."""
        status = self.look(name)
        if status is None:
            return None
        # There is no such call with a folder's descriptor, and to open the file one would have to be able to read.
        context = context_of(f"/proc/self/fd/{self.descriptor}/{name}")
        return f"{status.st_uid} {status.st_gid} {stat.S_IMODE(status.st_mode):o} {context}"

    def folder(self: Kind, name: str) -> Kind | None:
        """Open a folder in this one; ``None`` where there is nothing, or a file or a link."""
        with self.about(name):
            try:
                return type(self)(os.open(name, _FOLDER, dir_fd=self.descriptor), self.path_of(name))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def about(self, name: str = "") -> About:
        """Tell the whole path with an error, of a file or of the folder itself."""
        return About(self.path_of(name) if name else self.path)


def is_locked(folder: ReadableFolder) -> bool:
    """Say whether a run is changing files of a folder, or was killed while it did."""
    return folder.look(LOCK_NAME) is not None


def context_of(place: str | int) -> str:
    """Return the SELinux context at a path, of which no last link is followed, or of an open file; empty for none."""
    if not hasattr(os, "getxattr"):
        return ""
    try:
        return os.getxattr(place, SELINUX, follow_symlinks=isinstance(place, int)).decode().rstrip("\0")
    except (OSError, ValueError):
        return ""


def identity(status: os.stat_result | None) -> tuple[int, ...]:
    """Return what is equal for two looks at the same file with the same content; nothing for no file."""
    return () if status is None else (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def name_beside(name: str, kind: str) -> str:
    """Return the name of a file of ours beside another one, such as ``.web.pem.est-note``.

    A dot file, as there are programs that take every other file of a folder for one of theirs: HAProxy, which is given
    a folder of certificates, does not start where one of them is none.

    :param name: of the file of the user's, without its folder.
    :param kind: what it is for.
    """
    return f".{name}.est-{kind}"


def _kind(status: os.stat_result) -> str:
    """Say what something is that is not a regular file; an empty string for one that is."""
    if stat.S_ISREG(status.st_mode):
        return ""
    kinds = {stat.S_IFDIR: "is a folder", stat.S_IFLNK: "is a symbolic link"}
    return kinds.get(stat.S_IFMT(status.st_mode), "is a device, socket or pipe")


def _size(octets: int) -> str:
    return f"{octets >> 20} MiB" if octets >> 20 else f"{octets} octets"
