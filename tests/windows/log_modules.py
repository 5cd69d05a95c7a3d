# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_find and win_tempfile, done in Python on a ``Machine``: what it takes to find and copy logs."""

from __future__ import annotations

import fnmatch
import os
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from windows.machine import Fail, Machine

Result = dict[str, Any]

#: Tells of a file or folder: machine, path, arguments.
Info = Callable[[Machine, str, Result], Result]


def win_find(machine: Machine, arguments: Result, info: Info) -> Result:
    """Find files or folders. Sizes are those that folders tell, and times are local ones."""
    files: list[Result] = []
    examined, warnings = 0, []
    for path in arguments["paths"]:
        real = machine.real(path)
        if not real.is_dir():
            what = "is a file not a directory" if real.exists() else "does not exist or is not accessible"
            warnings.append(f"Argument path '{path}' {what}, skipping")
            continue
        for child in _below(machine, machine.full(path), arguments["recurse"], arguments["depth"] or 0):
            examined += 1
            is_folder = machine.real(child).is_dir()
            if arguments["file_type"] != "any" and is_folder != (arguments["file_type"] == "directory"):
                continue
            if not _matches(child.rpartition("\\")[2], arguments):
                continue
            found = info(machine, child, arguments)
            if not is_folder:
                found["size"] = machine.shown_size(child)
            for name in ("creationtime", "lastaccesstime", "lastwritetime"):
                found[name] += machine.told("utc_offset", 0)
            files.append(found)
    files.sort(key=lambda entry: str(entry["path"]).lower())
    result: Result = {"examined": examined, "matched": len(files), "files": files}
    if warnings:
        result["warnings"] = warnings
    return result


def _below(machine: Machine, folder: str, recurse: bool, depth: int) -> Iterator[str]:
    for name in os.listdir(machine.real(folder)):
        child = f"{folder}\\{name}"
        # Without a depth it begins at 0, goes down, and is never 1.
        if recurse and depth != 1 and machine.real(child).is_dir():
            yield from _below(machine, child, recurse, depth - 1)
        yield child


def _matches(name: str, arguments: Result) -> bool:
    patterns = arguments["patterns"]
    if not patterns:
        return True
    if arguments["use_regex"]:
        return any(re.search(pattern, name, re.IGNORECASE) for pattern in patterns)
    return any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in patterns)


def win_tempfile(machine: Machine, arguments: Result, check: bool) -> Result:
    """Make a file or folder with a random name."""
    path = f"{arguments['path']}\\{arguments['prefix'] or ''}{uuid.uuid4().hex[:8]}{arguments['suffix'] or ''}"
    if arguments["state"] != "directory":
        raise Fail("the double makes temporary folders only")
    if not machine.real(arguments["path"]).is_dir():
        raise Fail("No random temporary file worked in 5 attempts. Error: Could not find a part of the path.")
    if not check:
        machine.make_folder(path)
    return {"changed": True, "path": machine.full(path)}
