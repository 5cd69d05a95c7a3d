# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a path to a folder that is open, and in which files can be changed; ``walk.py`` has the way to it."""

from __future__ import annotations

import contextlib
import os
from typing import Optional, Tuple

from .folder import Folder
from .walk import Walk, opened


def open_folder(path: str, *, follow: bool = True, make: Optional[int] = None, parents: int = 0o777) -> Folder:
    """Open a folder.

    :param follow: the path itself may be a symbolic link; a folder above it may be one in any case.
    :param make: the mode to make it with where it does not exist.
    :param parents: the mode to make those above it with.
    :raises OSError: there is none, it may not be opened, or somebody else's link is on the way to it.
    """
    walk = Walk() if make is None else Making(make, parents)
    return Folder(*walk.to_folder(path, follow=follow))


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


def is_mount_point(path: str) -> bool:
    """Say whether something is mounted on a file, as containers do: no other file can take its place then.

    :param path: without links. Where the system does not tell what is mounted, the answer is no.
    """
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            return any(_unescaped(line.split(" ", 5)[4]) == path for line in mounts)
    except (OSError, IndexError):
        return False


def _unescaped(text: str) -> str:
    for character in " \t\n\\":
        text = text.replace(f"\\{ord(character):03o}", character)
    return text


def in_words(error: OSError) -> str:
    """Say which file, and what is wrong with it."""
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


class Making(Walk):
    """A way on which folders that are missing are made.

    :param mode: the mode to make the folder with that the path leads to.
    :param parents: the mode to make those above it with.
    """

    def __init__(self, mode: int, parents: int) -> None:
        self._mode = mode
        self._parents = parents

    def enter(self, here: int, name: str, *, last: bool) -> int:
        """See ``Walk.enter()``."""
        with contextlib.suppress(FileNotFoundError):
            return super().enter(here, name, last=last)
        with contextlib.suppress(FileExistsError):  # another run was faster
            os.mkdir(name, self._mode if last else self._parents, dir_fd=here)
        with Folder(opened(os.dup(here), ""), "") as folder:
            folder.sync()
        return super().enter(here, name, last=last)
