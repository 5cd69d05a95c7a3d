# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Pythons this machine has."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from venvs import CACHE, TOOLS, locked

# From the oldest that the collection's modules run on to the newest that any supported ansible-core runs on.
KNOWN = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

_PROBE = "import sys, ssl, ensurepip, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"


@functools.cache
def found() -> dict[str, str]:
    """Return the Pythons that can make virtual environments, as version to path of the real program."""
    running = "{}.{}".format(*sys.version_info[:2])
    pythons = {running: sys.executable}
    home = os.environ.get("HOME", os.devnull)
    roots = [Path(os.environ.get("PYENV_ROOT", os.path.join(home, ".pyenv"))) / "versions"]
    for version in KNOWN:
        if version in pythons:
            continue
        candidates = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
        for root in roots:
            candidates += sorted(root.glob(f"{version}.*/bin/python{version}"), reverse=True)
        for candidate in candidates:
            if not os.access(candidate, os.X_OK):
                continue
            # A shim of a version manager may stand there for a version that is not active: only an answer counts.
            answer = subprocess.run(
                [str(candidate), "-c", _PROBE], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
            )
            lines = answer.stdout.split("\n")
            if answer.returncode == 0 and lines[0] == version:
                pythons[version] = lines[1]
                break
    return dict(sorted(pythons.items(), key=lambda item: KNOWN.index(item[0]) if item[0] in KNOWN else -1))


def best(versions: tuple[str, ...]) -> str | None:
    """Return the path of the first of these versions that is there, or None."""
    return next((found()[version] for version in versions if version in found()), None)


@functools.cache
def search_folder() -> Path:
    """Return a folder of links to the Pythons found, so that ansible-test finds those that no PATH names."""
    folder = TOOLS / "pythons"
    with locked(CACHE / "locks" / "pythons.lock"):
        folder.mkdir(parents=True, exist_ok=True)
        for link in folder.iterdir():
            if not re.fullmatch(r"python3\.\d+", link.name) or os.readlink(link) != found().get(link.name[6:]):
                link.unlink()
        for version, path in found().items():
            link = folder / f"python{version}"
            if not link.is_symlink():
                link.symlink_to(path)
    return folder
