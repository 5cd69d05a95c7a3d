# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments under .cache/, one for each set of pinned packages, made once and used again.

Standard library only: this runs before anything is installed. As a program it makes one environment and prints its
folder: ``venvs.py NAME REQUIREMENTS_FILE [PYTHON]``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache"
MARKER = "complete"


def _tools_folder() -> Path:
    """Return where environments and copies go: .cache/, unless the programs made there could not be started.

    The first line of a script cannot name an interpreter whose path has a space, and ansible-test reads that line.
    """
    if not re.search(r"\s", str(CACHE)):
        return CACHE
    name = f"cloud_extender-{os.getuid()}-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        sys.exit(
            f"error: {folder} is not a folder of this user; remove it, or move the checkout to a path without spaces"
        )
    return folder


TOOLS = _tools_folder()


class VenvError(Exception):
    """An environment could not be made; the message says which one and why."""


def requirements_text(path: Path) -> str:
    """Return the text of a requirements file with the files that it names by ``-r`` put in its place."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            lines.append(requirements_text(path.parent / line[3:].strip()))
        elif line.strip() and not line.startswith("#"):
            lines.append(line.strip())
    return "\n".join(lines)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two parts that need the same environment do not make it twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure_venv(name: str, requirements: Path, python: str = sys.executable) -> Path:
    """Return the folder of a virtual environment of this Python that has exactly what the file pins.

    The folder's name holds a hash of the pins, of the Python and of the checkout's place, so a changed file or a moved
    checkout makes a new environment; older ones of the same name are removed.
    """
    text = requirements_text(requirements)
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version, sys.prefix)"], check=True, capture_output=True, text=True
    ).stdout
    digest = hashlib.sha256(f"{text}\n{version}\n{python}\n{TOOLS}".encode()).hexdigest()[:12]
    folder = TOOLS / f"venv-{name}-{digest}"
    with locked(CACHE / "locks" / f"venv-{name}.lock"):
        if (folder / MARKER).exists():
            return folder
        for old in TOOLS.glob(f"venv-{name}-*"):
            # The rest must be the hash: venv-core-2.1-* must not take venv-core-2.1-x-* with it.
            if len(old.name) == len(folder.name):
                shutil.rmtree(old)
        what = f"{requirements.relative_to(ROOT)} for {Path(python).name}"
        print(f"installing the packages of {what} ...", file=sys.stderr, flush=True)
        _make(folder, requirements, python)
        (folder / MARKER).write_text(text + "\n", encoding="utf-8")
    return folder


def _make(folder: Path, requirements: Path, python: str) -> None:
    """Make one environment and install into it, with uv or else with pip, which is slower and tells what is wrong."""
    uv = _uv()
    if uv is not None and _made_by_uv(uv, folder, requirements, python):
        return
    shutil.rmtree(folder, ignore_errors=True)
    # pip of a new environment is the one that came with Python; it installs what is pinned, so it need not be newer.
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)]
    for command in ([python, "-m", "venv", str(folder)], install):
        done = _run(command)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise VenvError(
                f"cannot make the environment of {requirements.relative_to(ROOT)} with {python}\n"
                f"command: {' '.join(command)}\n{done.stdout.strip()}\n"
                "Is the Python package index reachable from this machine (proxy, mirror: see pip's configuration)?"
            )


def _run(command: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command, with its output kept for the case that it fails."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=env,
        check=False,
    )


# -- uv ------------------------------------------------------------------------------------------------------------


def pip_venv() -> Path:
    """Return an environment that has pip, which those that uv makes have not; it has uv, too, if that can be had."""
    requirements = ROOT / "tests" / "requirements" / "uv.txt"
    text = requirements_text(requirements)
    digest = hashlib.sha256(f"{text}\n{sys.version}\n{sys.executable}\n{TOOLS}".encode()).hexdigest()[:12]
    folder = TOOLS / f"venv-uv-{digest}"
    with locked(CACHE / "locks" / "venv-uv.lock"):
        if (folder / MARKER).exists():
            return folder
        for old in TOOLS.glob("venv-uv-*"):
            shutil.rmtree(old)
        made = _run([sys.executable, "-m", "venv", str(folder)])
        if made.returncode != 0:
            raise VenvError(f"cannot make an environment with {sys.executable}\n{made.stdout.strip()}")
        # Never from source: that needs a Rust compiler and takes longer than it saves.
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        done = _run([*pip, "--requirement", str(requirements)])
        if done.returncode != 0:
            print(f"uv cannot be had, pip makes the environments: {_last_line(done.stdout)}", file=sys.stderr)
        (folder / MARKER).write_text(text + "\n", encoding="utf-8")
    return folder


def _uv() -> Path | None:
    """Return the program uv, or None where it cannot be had."""
    program = pip_venv() / "bin" / "uv"
    return program if program.exists() else None


def _made_by_uv(uv: Path, folder: Path, requirements: Path, python: str) -> bool:
    """Make an environment with uv; say so when it cannot."""
    options = ["--no-config", "--no-python-downloads", "--quiet"]
    made = [str(uv), "venv", *options, "--python", python, str(folder)]
    install = [str(uv), "pip", "install", *options, "--python", str(folder / "bin" / "python"), "--compile-bytecode"]
    env = _uv_environment()
    for command in (made, [*install, "--requirement", str(requirements)]):
        done = _run(command, env)
        if done.returncode != 0:
            print(f"uv failed, pip tries again: {_last_line(done.stdout)}", file=sys.stderr, flush=True)
            return False
    return True


def _uv_environment() -> dict[str, str]:
    """Return the environment for uv: downloads kept in .cache/, and the package index of pip's configuration."""
    env = {"UV_CACHE_DIR": str(TOOLS / "uv"), **os.environ}
    asked = _run([str(pip_venv() / "bin" / "python"), "-m", "pip", "config", "list"])
    settings = dict(re.findall(r"^\S+?\.([a-z-]+)='(.*)'$", asked.stdout, re.MULTILINE))
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "trusted-host": "UV_INSECURE_HOST",
        "cert": "SSL_CERT_FILE",
    }
    for setting, name in names.items():
        if setting in settings:
            # Several stand in lines of one value.
            env.setdefault(name, " ".join(settings[setting].split("\\n")).strip())
    return env


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def main() -> int:
    """Run as a program: see the top of the file."""
    if not 3 <= len(sys.argv) <= 4:
        print(f"usage: {Path(__file__).name} NAME REQUIREMENTS_FILE [PYTHON]", file=sys.stderr)
        return 2
    name, requirements, python = sys.argv[1], Path(os.path.abspath(sys.argv[2])), (*sys.argv[3:], sys.executable)[0]
    try:
        print(ensure_venv(name, requirements, python))
    except (VenvError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
