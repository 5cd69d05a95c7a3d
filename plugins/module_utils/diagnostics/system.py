# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a POSIX host is: system, Python, libraries, name servers, space on its disks. Standard library only."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from typing import Any, Dict, List, Sequence

from ..est.deps import versions

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_LIMIT = 64 * 1024


def describe_system(paths: Sequence[str]) -> Dict[str, Any]:
    """Describe this host.

    :param paths: folders or files; told is the space on the file system of each, or of the nearest folder above.
    """
    return {
        "host_name": platform.node(),
        "operating_system": _operating_system(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": _user(),
        "python_path": sys.executable,
        "versions": versions(),
        "name_servers": _name_servers(),
        "disk_space": [_space(path) for path in paths],
    }


def _operating_system() -> str:
    for path in _OS_RELEASE:
        for line in _lines(path):
            name, _equals, value = line.partition("=")
            if name == "PRETTY_NAME":
                return value.strip("\"'")
    return platform.platform()


def _name_servers() -> List[str]:
    lines = [line.split() for line in _lines("/etc/resolv.conf")]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT).splitlines()
    except OSError:
        return []


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.geteuid())


def _space(path: str) -> Dict[str, Any]:
    found = os.path.abspath(path)
    while not os.path.exists(found) and found != os.path.dirname(found):
        found = os.path.dirname(found)
    try:
        space = os.statvfs(found)
    except OSError as error:
        return {"path": path, "problem": error.strerror}
    return {
        "path": path,
        "free_bytes": space.f_bavail * space.f_frsize,
        "free_files": space.f_favail if space.f_files else None,
    }
