# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a fleet, whatever has become of the process that started it.

As a program, ``ending.py FOLDER``, it waits until its standard input is closed and then ends the fleet in that folder.
The fleet starts it first: when the fleet's process goes, even by a signal that nothing can catch, the pipe is closed,
and no sshd and no ssh connection stays behind. It needs the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_END_SECONDS = 5.0


def end_fleet(folder: Path) -> None:
    """End every connection and every sshd of the fleet in this folder, and remove the folder."""
    for socket in folder.glob("control/*"):
        # The process of a ControlPersist connection is a child of nobody: it is asked through its own socket.
        command = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "fleet"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_END_SECONDS, check=False)
    processes = connection_processes(folder)
    for file in folder.rglob("sshd.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text(encoding="ascii"))
            if str(file.with_name("sshd_config")) in _command(pid):  # and not a later process of the same number
                processes += [*session_processes(pid), pid]
    end(processes)
    shutil.rmtree(folder, ignore_errors=True)


def connection_processes(folder: Path) -> list[int]:
    """Return the processes of the connections that ssh keeps open for the fleet in this folder."""
    return [pid for pid, command in _commands() if command.startswith(f"ssh: {folder}/control/")]


def session_processes(*processes: int) -> list[int]:
    """Return what these processes have started, and what that has, as long as they are its parents."""
    children: dict[int, list[int]] = {}
    for child, _command_line in _commands():
        with contextlib.suppress(OSError, ValueError):
            # The name, in parentheses, can hold anything; the state and the parent come after it.
            parent = int(Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(child)
    found, todo = [], list(processes)
    while todo:
        new = children.get(todo.pop(), [])
        found += new
        todo += new
    return found


def end(processes: Iterable[int]) -> None:
    """End processes by their ids: politely, then by force those that remain. Returns when all have gone."""
    remaining = set(processes)
    for force in (signal.SIGTERM, signal.SIGKILL):
        for pid in remaining:
            for signum in (force, signal.SIGCONT):  # one that is stopped takes the signal when it goes on
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
        deadline = time.monotonic() + _END_SECONDS
        while remaining and time.monotonic() < deadline:
            remaining = {pid for pid in remaining if _runs(pid)}
            time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Say whether a process is there and not only waits for its parent to look at its status."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    return False


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def _commands() -> Iterable[tuple[int, str]]:
    return [(int(entry), _command(int(entry))) for entry in os.listdir("/proc") if entry.isdigit()]


if __name__ == "__main__":
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # the fleet's end is what counts
    sys.stdin.buffer.read()
    end_fleet(Path(sys.argv[1]))
