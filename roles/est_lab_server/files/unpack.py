# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a folder hold exactly the files it is given: `unpack.py FOLDER [--check]`.

Takes JSON `{relative path: text}` from standard input and prints `changed` or `unchanged`. The role sends it, and the
program with it, in one round trip: Ansible's copy module takes two for every file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

# Python's own folder beside a program that has run. What is in it makes no difference.
COMPILED = "__pycache__"


def differences(folder: str, wanted: dict[str, str]) -> tuple[list[str], list[str]]:
    """The relative paths to write, and those to remove because they are not wanted."""
    found = {
        os.path.relpath(os.path.join(parent, name), folder)
        for parent, _unused, names in os.walk(folder)
        if os.path.basename(parent) != COMPILED
        for name in names
    }
    return [path for path in wanted if read(os.path.join(folder, path)) != wanted[path]], sorted(found - set(wanted))


def read(path: str) -> str | None:
    """The content of a file; None where it cannot be read as text."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, ValueError):
        return None


def remove_compiled(folder: str) -> None:
    """Python tells by size and second whether a compiled file is of the program that is there now, so make it anew."""
    for parent, folders, _unused in os.walk(folder):
        if COMPILED in folders:
            shutil.rmtree(os.path.join(parent, COMPILED))
            folders.remove(COMPILED)


def main() -> None:
    """Compare, and write unless only asked to check."""
    folder, check = os.path.expanduser(sys.argv[1]), "--check" in sys.argv
    wanted = json.load(sys.stdin)
    to_write, to_remove = differences(folder, wanted)
    if not check:
        for path in to_write:
            full = os.path.join(folder, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full + ".new", "w", encoding="utf-8", newline="") as stream:
                stream.write(wanted[path])
            os.replace(full + ".new", full)
        for path in to_remove:
            os.unlink(os.path.join(folder, path))
        if to_write or to_remove:
            remove_compiled(folder)
    print("changed" if to_write or to_remove else "unchanged")


main()
