# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed: every file that differs from where this work left the upstream branch, committed or not."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from venvs import ROOT

# The first of these that there is: the branch that this one follows, or what others begin from.
UPSTREAMS = ("@{upstream}", "origin/HEAD", "origin/main", "main")


@dataclass(frozen=True)
class Changes:
    """What has changed.

    since: the commit that it is compared with, in words.
    files: the names of the files, from the root of the checkout; None where it cannot be told.
    """

    since: str
    files: tuple[str, ...] | None

    def touch(self, patterns: Sequence[str]) -> bool:
        """Return whether one of the files, or what cannot be told, is what these patterns of fnmatch name."""
        return self.files is None or any(fnmatchcase(name, pattern) for name in self.files for pattern in patterns)


@functools.cache
def find_changes(since: str | None = None) -> Changes:
    """Return what has changed since a commit, or else since the upstream branch was left.

    Raises ValueError for a commit that there is not.
    """
    if since is not None and _git("rev-parse", "--verify", "--quiet", f"{since}^{{commit}}") is None:
        raise ValueError(f"git knows no commit {since}")
    for name in [since] if since is not None else UPSTREAMS:
        base = _git("merge-base", "HEAD", str(name))
        if base is None:
            continue
        commit = base.strip()
        differing = _git("diff", "--name-only", "--no-renames", "-z", commit)
        new = _git("ls-files", "-z", "--others", "--exclude-standard")
        if differing is not None and new is not None:
            upstream = (_git("rev-parse", "--abbrev-ref", str(name)) or "").strip() or str(name)
            files = sorted({file for file in f"{differing}\0{new}".split("\0") if file})
            return Changes(f"{upstream} ({commit[:9]})", tuple(files))
    return Changes("nothing that git can tell", None)


def _git(*arguments: str) -> str | None:
    """Return what git says, or None where it fails or there is none."""
    try:
        done = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
