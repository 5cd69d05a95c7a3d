# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double of a Windows host for these tests, in this process and behind ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import returned
from windows.direct import DirectHost
from windows.machine import Machine

HERE = Path(__file__).parent
STORE = "C:\\ProgramData\\CloudExtenderEST"

#: ansible-playbook of each core to test with, and the folder with the real ansible.windows: the suite gives both.
PLAYBOOKS: dict[str, str] = json.loads(os.environ.get("WINDOWS_CORES", "{}"))
COLLECTIONS = os.environ.get("WINDOWS_COLLECTIONS", "")


@pytest.fixture(scope="session")
def real_collection() -> Path:
    """The folder of the real ansible.windows."""
    if not COLLECTIONS:
        pytest.skip("WINDOWS_COLLECTIONS does not name a folder with ansible.windows; ./test.sh windows does")
    return Path(COLLECTIONS) / "ansible_collections" / "ansible" / "windows"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Windows host on which nothing has been done yet."""
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder)


@pytest.fixture
def host(machine: Machine, real_collection: Path) -> DirectHost:
    """The same, as the store needs it."""
    return DirectHost(machine, real_collection)


class Play:
    """Runs playbooks, and keeps what each task ended with.

    :param core: the minor release of ansible-core.
    :param folder: where the hosts and the playbooks are.
    :param collection: the folder of the real ansible.windows.
    """

    def __init__(self, core: str, folder: Path, collection: Path) -> None:
        self.folder = folder
        self.windows = Machine(_made(folder / "windows"))
        self._core = core
        self.is_newest = core == max(PLAYBOOKS)
        self._collection = collection
        self.posix_store = folder / "posix"

    def run(
        self,
        tasks: list[dict[str, Any]],
        *options: str,
        hosts: str = "all",
        variables: Mapping[str, Any] | None = None,
        collections: bool = True,
    ) -> tuple[dict[str, list[dict[str, Any]]], str]:
        """Run tasks; return the results of each host in their order, and all that was printed."""
        playbook = self.folder / "play.json"
        playbook.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
        return self.run_playbook(playbook, *options, variables=variables, collections=collections)

    def run_playbook(
        self,
        playbook: Path,
        *options: str,
        variables: Mapping[str, Any] | None = None,
        collections: bool = True,
    ) -> tuple[dict[str, list[dict[str, Any]]], str]:
        """Run a playbook; see ``run()``."""
        inventory, results = self.folder / "hosts.json", self.folder / "results.jsonl"
        windows = {
            "ansible_connection": "windows_double",
            "windows_double_folder": str(self.windows.folder),
            "windows_double_collection": str(self._collection),
        }
        posix = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "est_store": str(self.posix_store),
        }
        inventory.write_text(
            json.dumps({"all": {"hosts": {"windows": {**windows, "est_store": STORE}, "posix": posix}}})
        )
        results.unlink(missing_ok=True)
        self.windows.forget_calls()
        root = HERE.parents[1]
        paths = [str(root / ".cache" / "collections"), *([COLLECTIONS] if collections else [])]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection"),
            "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join([str(HERE / "callback"), returned.CALLBACKS]),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_results",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "KEEP_RESULTS": str(results),
            "PYTHONPATH": str(HERE.parent),
        }
        command = [PLAYBOOKS[self._core], "-i", str(inventory), str(playbook), *options]
        if variables:
            command += ["--extra-vars", json.dumps(variables)]
        ran = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=100, check=False
        )
        found: dict[str, list[dict[str, Any]]] = {"windows": [], "posix": []}
        for line in results.read_text().splitlines() if results.exists() else ():
            entry = json.loads(line)
            found[entry["host"]].append(entry["result"])
        assert any(found.values()), ran.stdout + ran.stderr
        return found, ran.stdout + ran.stderr

    @property
    def called(self) -> list[str]:
        """The names of the modules that the last run called on the Windows host."""
        return [call["call"] for call in self.windows.calls]


@pytest.fixture(params=sorted(PLAYBOOKS) or ["none"])
def play(request: pytest.FixtureRequest, tmp_path: Path, real_collection: Path) -> Play:
    """Playbooks on a Windows and a POSIX host that are new, with each core."""
    if request.param == "none":
        pytest.skip("WINDOWS_CORES names no ansible-playbook; ./test.sh windows does")
    return Play(request.param, tmp_path, real_collection)


@pytest.fixture
def newest_play(tmp_path: Path, real_collection: Path) -> Play:
    """The same, with one core: for what cannot differ between them."""
    if not PLAYBOOKS:
        pytest.skip("WINDOWS_CORES names no ansible-playbook; ./test.sh windows does")
    return Play(max(PLAYBOOKS), tmp_path, real_collection)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
