# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a path to a descriptor of its folder, walked once, folder by folder; and who can write to such a folder.

A symbolic link on the way is followed where root or this user made it (``/etc/ssl/certs`` is one on some systems), and
refused where another account did: it could lead anywhere.

This is part of the program of the quick look; see ``reading.py``.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat

from .reading import About, ReadableFolder

_MOST_LINKS = 40
#: To go through a folder one need not be allowed to list it, where the system knows the difference.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Walk:
    """A way through folders, to one of them or to a file in one. A subclass may make what is missing."""

    def to_folder(self, path: str, *, follow: bool = True) -> tuple[int, str]:
        """Return the descriptor of a folder, and its path.

        :param follow: the path itself may be a symbolic link; a folder above it may be one in any case.
        :raises OSError: there is none, it may not be opened, or somebody else's link is on the way to it.
        """
        here, at, _name = self._go(path, to_file=False, follow=follow)
        return opened(here, at), at

    def to_file(self, path: str) -> tuple[int, str, str]:
        """Return the descriptor of the folder of a file, its path, and the name of the file there.

        :raises OSError: see ``to_folder()``; the file need not exist.
        """
        here, at, name = self._go(path, to_file=True, follow=True)
        return opened(here, at), at, name

    def enter(self, here: int, name: str, *, last: bool) -> int:
        """Open a folder in the one that is open.

        :param last: it is the one that the path leads to, and not one on the way.
        """
        return os.open(name, _STEP, dir_fd=here)

    def _go(self, path: str, *, to_file: bool, follow: bool) -> tuple[int, str, str]:
        """Return the descriptor of the folder, its path, and the name in it of what is looked for if that is a file."""
        ahead = _parts(os.path.join(os.getcwd(), path))
        behind: list[str] = []
        links = 0
        here = os.open("/", _STEP)
        try:
            while ahead:
                name = ahead.pop()
                next_one = None
                with About("/" + "/".join([*behind, name]), always=True):
                    target = target_of(here, name) if ahead or follow else None
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
                        next_one = self.enter(here, name, last=not ahead)
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


def opened(step: int, path: str) -> int:
    """Return the descriptor of a folder to work in, in place of that of a step, which could only go through it."""
    try:
        with About(path, always=True):
            return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=step)
    finally:
        os.close(step)


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def target_of(here: int, name: str) -> str | None:
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


# ----------------------------------------------------------------------------------------------------------------------
# Which accounts can write to a folder.


def refuse_other_writers(folder: ReadableFolder) -> None:
    """Refuse a folder to which other accounts than root and this user can write: what is in it can be theirs.

    :raises PermissionError: they can.
    """
    writers = other_writers(folder)
    if writers:
        words = (
            f"{writers} can write to this folder, so nothing in it can be trusted; run the task as its owner, or look "
            f"through it and give it to {user_name(os.geteuid())} alone (chown, chmod 0700)"
        )
        raise PermissionError(errno.EPERM, words, folder.path)


def other_writers(folder: ReadableFolder) -> str:
    """Say which accounts can write to a folder besides root and this user; an empty string where there are none."""
    status = folder.status
    if status.st_uid not in (0, os.geteuid()):
        return f"user {user_name(status.st_uid)}"
    if status.st_mode & stat.S_IWOTH:
        return "every user"
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid):
        return f"group {group_name(status.st_gid)}"
    return ""


def user_name(uid: int) -> str:
    """Return the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return the name of a group, or its number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _is_own_group(gid: int) -> bool:
    """Say whether a group is that of root, or that of this user, and nobody else is said to be in it."""
    try:
        members, mine = grp.getgrgid(gid).gr_mem, pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return gid in (0, mine.pw_gid) and set(members) <= {"root", mine.pw_name}
