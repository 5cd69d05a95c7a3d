# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the Go toolchain builds from pinned modules, below .cache/go. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path(__file__).resolve().parent / "globalsign"
_FOLDER = ROOT / ".cache" / "go"
_BUILD_SECONDS = 600


def missing_toolchain() -> Optional[str]:
    """Why nothing can be built on this machine, or None where it can."""
    found = shutil.which("go")
    if found is None:
        return "no Go on this machine (https://go.dev)"
    # Asked outside of the module: within it an old Go does not answer, it complains of go.mod.
    answer = subprocess.run(
        [found, "version"], cwd=os.sep, env=_environment(), capture_output=True, text=True, check=False
    )
    have = re.search(r"\bgo(\d+)\.(\d+)", answer.stdout)
    needed = re.search(r"^go (\d+)\.(\d+)$", (MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert needed is not None
    if have is None:
        return f"{found} does not tell its version: {answer.stderr.strip()[:200]}"
    if [int(part) for part in have.groups()] < [int(part) for part in needed.groups()]:
        return f"{found} is {have.group()}, and go{'.'.join(needed.groups())} or newer is needed"
    return None


def estserver() -> str:
    """The program of the GlobalSign EST server, built when the pins have changed or it was never built."""
    pins = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    folder = _FOLDER / f"bin-{hashlib.sha256(pins).hexdigest()[:12]}"
    program = folder / "estserver"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            # By go.mod and not by "program@version": that would also need the list of all versions from the proxy.
            done = subprocess.run(
                ["go", "install", "github.com/globalsign/est/cmd/estserver"],
                cwd=MODULE,
                env={**_environment(), "GOBIN": str(folder)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_BUILD_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"Go cannot build the GlobalSign EST server:\n{done.stderr.strip()}")
    return str(program)


def _environment() -> dict[str, str]:
    """Everything below .cache/go; of the user's settings only what leads to the module proxy."""
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        **os.environ,
        "GOENV": os.environ.get("GOENV", str(user / "go" / "env")),
        "XDG_CONFIG_HOME": str(_FOLDER / "config"),  # where Go counts its own use
        "GOPATH": str(_FOLDER),
        "GOCACHE": str(_FOLDER / "build"),
        "GOFLAGS": "-mod=readonly -modcacherw",  # so that .cache/ can be removed like any folder
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
