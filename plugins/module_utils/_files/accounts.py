# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can write to a folder."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat

from .reading import ReadableFolder


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
        return f"group {_group_name(status.st_gid)}"
    return ""


def user_name(uid: int) -> str:
    """Return the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
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
