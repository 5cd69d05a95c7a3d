# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ``ansible-playbook`` on hosts that are this machine, each with a store of its own, and what they said."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet.playbook import PLAYBOOK, environment
from support import returned

HERE = Path(__file__).parent
COLLECTION = "estfleet.cloud_extender"
_LIMIT_SECONDS = 600
_MARK = "EST_FAULTS_RUN"


@dataclass(frozen=True)
class Told:
    """What a run said of one task on one host: ``ok``, ``failed`` or ``unreachable``, and the result."""

    host: str
    task: str
    ended: str
    result: Mapping[str, Any]


class Running:
    """One run of a playbook, in a process group of its own; its environment marks all that it starts.

    :param folder: a folder of this run alone.
    :param plays: the playbook, as data.
    :param hosts: the variables of each host.
    :param settings: further environment variables.
    """

    def __init__(
        self,
        folder: Path,
        plays: Sequence[Mapping[str, Any]],
        hosts: Mapping[str, Mapping[str, Any]],
        *options: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "playbook.yml").write_text(json.dumps(plays), encoding="utf-8")
        common = {
            "ansible_connection": "local",
            "ansible_pipelining": True,
            "ansible_python_interpreter": sys.executable,
            "ansible_remote_tmp": str(folder / "remote"),
        }
        inventory = {"all": {"hosts": hosts, "vars": common}}
        (folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        self._mark = uuid.uuid4().hex
        self._record = folder / "record"
        self._record.write_text("", encoding="utf-8")
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [str(PLAYBOOK), "playbook.yml", "-i", "inventory.json", *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={
                    **environment(folder),
                    "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join([str(HERE / "callback_plugins"), returned.CALLBACKS]),
                    "ANSIBLE_CALLBACKS_ENABLED": "record",
                    "ANSIBLE_FORKS": "4",
                    "RECORD_PATH": str(self._record),
                    _MARK: self._mark,
                    **(settings or {}),
                },
                start_new_session=True,
            )

    def wait(self) -> Running:
        """Wait until it has ended."""
        try:
            self._process.wait(_LIMIT_SECONDS)
        finally:
            self.kill()
        return self

    def wait_for_task(self) -> float:
        """Wait until its first task begins, and return the time."""
        while self._process.poll() is None and "begins" not in self._record.read_text(encoding="utf-8"):
            time.sleep(0.005)
        return time.monotonic()

    def kill(self) -> None:
        """Kill its process group, and wait until all that it started has gone, be it in another group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + 30
        while _marked(self._mark):
            assert time.monotonic() < deadline, "a process of a killed run does not end"
            time.sleep(0.01)

    @property
    def status(self) -> int:
        """The exit status."""
        return self._process.returncode

    @property
    def output(self) -> str:
        """Everything that it printed."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def told(self) -> list[Told]:
        """What it said of its tasks, in their order."""
        entries = []
        for line in self._record.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                entry = json.loads(line)
                if "ended" in entry:
                    entries.append(Told(entry["host"], entry["task"], entry["ended"], entry["result"]))
        return entries


def _marked(mark: str) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if f"{_MARK}={mark}".encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
    return found


def play(hosts: str, *tasks: Mapping[str, Any]) -> dict[str, Any]:
    """Return a play on these hosts, in which each task goes on whatever became of the one before."""
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}


def task(name: str, module: str, **options: Any) -> dict[str, Any]:
    """Return a task with a module of the collection."""
    return {"name": name, f"{COLLECTION}.{module}": {"store_path": "{{ store }}", **options}}
