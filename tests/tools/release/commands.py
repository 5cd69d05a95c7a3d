# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both commands of a release need: commands that are run, and the one error."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from venvs import ROOT


class ReleaseError(Exception):
    """The release cannot go on; the message says why, and what to do."""


def run(command: Sequence[str | Path], cwd: Path = ROOT, tools: Path | None = None) -> str:
    """Run a command and return its output; what it says is the error where it fails."""
    path = os.environ.get("PATH", os.defpath)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PATH": path if tools is None else f"{tools}{os.pathsep}{path}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(str(word) for word in command)}\n{done.stdout.strip()}")
    return done.stdout


def git(*arguments: str) -> str:
    """Run git in the work tree."""
    return run(["git", *arguments]).strip()
