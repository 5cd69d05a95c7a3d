# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a path to a folder that is open: walked once, folder by folder.

A symbolic link on the way is followed where root or this user made it (``/etc/ssl/certs`` is one on some systems), and
refused where another account did: it could lead anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Iterator, List, Optional, Tuple

from .accounts import user_name
from .folder import Folder

_MOST_LINKS = 40
#: To go through a folder one need not be allowed to list it, where the system knows the difference.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_folder(path: str, *, follow: bool = True, make: Optional[int] = None, parents: int = 0o777) -> Folder:
    """Open a folder.

    :param follow: the path itself may be a symbolic link; a folder above it may be one in any case.
    :param make: the mode to make it with where it does not exist.
    :param parents: the mode to make those above it with.
    :raises OSError: there is none, it may not be opened, or somebody else's link is on the way to it.
    """
    here, at, _name = _walk(path, to_file=False, follow=follow, make=make, parents=parents)
    return _opened(here, at)


def locate(path: str) -> Tuple[Folder, str]:
    """Open the folder of a file, and return it with the name of the file there, which need not exist.

    Where the path is a symbolic link, it is the folder of the file that the link leads to.

    :raises OSError: see ``open_folder``.
    """
    here, at, name = _walk(path, to_file=True)
    return _opened(here, at), name


def folder_of(path: str) -> Tuple[Folder, str]:
    """Open the folder that a path is in, and return it with the name there; a link there is not followed.

    :raises OSError: see ``open_folder``.
    """
    folder, name = os.path.split(os.path.abspath(path))
    return open_folder(folder), name


def why_not_writable(folder: str) -> str:
    """Why nothing could be written into a folder that may have to be made, without trying it; empty where it could."""
    nearest = os.path.abspath(folder)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        return f"{nearest} is not a folder"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written to"
    return ""


def in_words(error: OSError) -> str:
    """Say which file, and what is wrong with it."""
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


def _walk(
    path: str, *, to_file: bool, follow: bool = True, make: Optional[int] = None, parents: int = 0o777
) -> Tuple[int, str, str]:
    """Return the descriptor of the folder, its path, and the name in it of what is looked for, where that is a file."""
    ahead = _parts(os.path.join(os.getcwd(), path))
    behind: List[str] = []
    links = 0
    here = os.open("/", _STEP)
    try:
        while ahead:
            name = ahead.pop()
            next_one = None
            with _about("/" + "/".join([*behind, name])):
                target = _target(here, name) if ahead or follow else None
                if target is not None:
                    links += 1
                    if links > _MOST_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                    ahead.extend(_parts(target))
                    if target.startswith("/"):
                        next_one, behind = os.open("/", _STEP), []
                elif to_file and not ahead:
                    return here, "/" + "/".join(behind), name
                else:
                    next_one = _enter(here, name, None if make is None else parents if ahead else make)
                    behind = behind[:-1] if name == ".." else [*behind, name]
            if next_one is not None:
                os.close(here)
                here = next_one
        if to_file:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return here, "/" + "/".join(behind), ""
    except BaseException:
        os.close(here)
        raise


def _enter(here: int, name: str, make: Optional[int]) -> int:
    """Open a folder in the one that is open, or make it with a mode where it is missing."""
    try:
        return os.open(name, _STEP, dir_fd=here)
    except FileNotFoundError:
        if make is None:
            raise
    with contextlib.suppress(FileExistsError):  # another run was faster
        os.mkdir(name, make, dir_fd=here)
    with _opened(os.dup(here), "") as folder:
        folder.sync()
    return os.open(name, _STEP, dir_fd=here)


@contextlib.contextmanager
def _about(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = path
        raise


def _parts(path: str) -> List[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _target(here: int, name: str) -> Optional[str]:
    """Return where a link leads; ``None`` for what is not a link, or is not there.

    :raises OSError: the link is somebody else's.
    """
    try:
        if not stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
            return None
    except FileNotFoundError:
        return None
    if not hasattr(os, "O_PATH"):
        status, target = os.stat(name, dir_fd=here, follow_symlinks=False), os.readlink(name, dir_fd=here)
    else:
        # Owner and target of one link: between two looks at its name it could be another one.
        link = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        try:
            status, target = os.fstat(link), os.readlink("", dir_fd=link)
        finally:
            os.close(link)
    if status.st_uid not in (0, os.geteuid()):
        owner = user_name(status.st_uid)
        words = f"this symbolic link belongs to {owner} and is not followed; give the path that it leads to"
        raise OSError(errno.ELOOP, words)
    return target


def _opened(step: int, path: str) -> Folder:
    """Open a folder to work in it: a step could only go through it."""
    try:
        with _about(path):
            return Folder(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=step), path)
    finally:
        os.close(step)
