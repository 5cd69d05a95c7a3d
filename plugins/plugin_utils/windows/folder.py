# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of a Windows host that SYSTEM and Administrators have to themselves: what is secret lies in such a one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

#: The well-known identifiers of SYSTEM and Administrators: their names differ with the language of Windows.
SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"


class Host(Protocol):
    """What is needed of the host; see ``WindowsHost``."""

    @property
    def prepared(self) -> dict[str, str]:
        """What ``prepare_folder()`` has done in this task, and returned, by path."""

    def run(self, module: str, arguments: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Run a module."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""

    def fetch(self, path: str) -> bytes:
        """Read a file."""


def prepare_folder(host: Host, path: str) -> str:
    """Make a folder, and let only SYSTEM and Administrators have it and what will be in it; once in a task.

    :param path: can begin with a variable of the host's environment.
    :returns: the path without variables.
    :raises Refused: when that cannot be done.
    """
    if path in host.prepared:
        return host.prepared[path]
    host.run("win_file", {"path": path, "state": "directory"})
    full = full_path(host, path)
    # Their own entries first: with none, nobody could change the folder any more.
    for user in (SYSTEM, ADMINISTRATORS):
        entry = {"path": full, "user": user, "rights": "FullControl", "type": "allow", "state": "present"}
        host.run("win_acl", entry)
    # Every user can make a folder in ProgramData, and who owns one can always change its permissions.
    host.run("win_owner", {"path": full, "user": ADMINISTRATORS})
    host.run("win_acl_inheritance", {"path": full, "state": "absent", "reorganize": False})
    host.prepared[path] = full
    return full


def full_path(host: Host, path: str) -> str:
    """Return a path without variables, where it is there: not every module puts in their values.

    :raises Refused: when the host cannot tell.
    """
    if "%" not in path:
        return path
    stat = host.run("win_stat", {"path": path, "get_checksum": False})["stat"]
    return str(stat["path"]) if stat["exists"] else path
