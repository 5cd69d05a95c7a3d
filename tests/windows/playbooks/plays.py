# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ``ansible-playbook`` on a Windows-like host and on POSIX hosts, which are this machine, in one inventory."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet.playbook import Run, run_playbook
from twins.twin import WindowsHost

HERE = Path(__file__).resolve().parent
COLLECTION = "estfleet.cloud_extender"

#: ansible-playbook of each core to test with: the suite gives them.
PLAYBOOKS: dict[str, str] = json.loads(os.environ.get("WINDOWS_CORES", "{}")) or {
    "of this environment": str(Path(sys.executable).parent / "ansible-playbook")
}
# A call of the host takes some five seconds, and many times that on a machine that does other things as well.
_LIMIT_SECONDS = 900.0


def task(module: str, *, check: bool = False, diff: bool = False, **arguments: Any) -> dict[str, Any]:
    """A task with a module of the collection, on the store of each host; the play goes on where it fails."""
    if module != "est_diagnostics":
        arguments.setdefault("store_path", "{{ est_store }}")
    return {
        "name": module,
        f"{COLLECTION}.{module}": arguments,
        "ignore_errors": True,
        **({"check_mode": True} if check else {}),
        **({"diff": True} if diff else {}),
    }


def role(name: str, templates: list[dict[str, Any]], *, check: bool = False, **variables: Any) -> dict[str, Any]:
    """A task that applies the role, and goes on; ``variables`` are those of the role without ``est_integration_``."""
    given = {"store_path": "{{ est_store }}", "templates": templates, **variables}
    return {
        "name": name,
        "ansible.builtin.include_role": {
            "name": f"{COLLECTION}.est_integration",
            "apply": {"check_mode": check, "diff": check},
        },
        "vars": {f"est_integration_{variable}": value for variable, value in given.items()},
    }


def script(name: str, *, windows: str = "", posix: str = "") -> list[dict[str, Any]]:
    """Tasks that run a script of PowerShell on Windows-like hosts, and one of a shell on POSIX hosts."""
    return [
        {"name": name, "ansible.builtin.raw": text, "changed_when": False, "when": f"'{group}_hosts' in group_names"}
        for group, text in (("windows", windows), ("posix", posix))
        if text
    ]


@dataclass(frozen=True)
class Done:
    """What a run gave.

    :param run: its status, its output, and the numbers of its recap.
    :param results: the results of the tasks of each host, in their order, each with ``failed`` and ``task``, its name.
    :param calls: what was done on each Windows-like host: ``module`` or ``command``.
    """

    run: Run
    results: Mapping[str, list[dict[str, Any]]]
    calls: Mapping[str, list[str]]

    def of(self, host: str, name: str) -> dict[str, Any]:
        """The result of the one task of a host that has this name."""
        (found,) = self.all_of(host, name)
        return found

    def all_of(self, host: str, name: str) -> list[dict[str, Any]]:
        """The results of the tasks of a host that have this name."""
        found = [result for result in self.results[host] if result["task"] == name]
        assert found, (host, name, self.run.output)
        return found


class Plays:
    """Hosts on which nothing has been done yet, and the core that runs plays on them.

    :param program: the ansible-playbook.
    :param folder: a folder of the test's own.
    :param host: the Windows-like host.
    :param place: a folder of the test's own on its drive.
    :param windows: the names of hosts in the inventory that are all that one, each with a folder of its own.
    :param posix: the names of the POSIX hosts.
    """

    def __init__(
        self,
        program: str,
        folder: Path,
        host: WindowsHost,
        place: Path,
        windows: Iterable[str] = ("windows",),
        posix: Iterable[str] = ("posix",),
    ) -> None:
        self.folder = folder
        self.host = host
        self.place = place
        self.is_newest = program == PLAYBOOKS[max(PLAYBOOKS)]
        self._program = program
        self._windows = {name: self._windows_variables(name) for name in windows}
        self._posix = {name: self._posix_variables(name) for name in posix}

    def other_controller(self, folder: Path) -> Plays:
        """The same hosts, as another controller has them in a folder of its own."""
        other = copy.copy(self)
        other.folder = folder
        calls = {name: {"windows_like_calls": str(folder / f"{name}.calls")} for name in self._windows}
        other._windows = {name: {**variables, **calls[name]} for name, variables in self._windows.items()}
        return other

    def store(self, name: str) -> Path:
        """The folder of the template store of a host, as this process reaches it."""
        return (self.place if name in self._windows else self.folder) / name / "est"

    def store_path(self, name: str) -> str:
        """The same, as the host names it."""
        store = self.store(name)
        return self.host.path(store) if name in self._windows else str(store)

    def run(
        self,
        what: str | Path | list[dict[str, Any]],
        *options: str,
        hosts: str = "all",
        extra: Mapping[str, Any] | None = None,
    ) -> Done:
        """Run a playbook by its name or path, or tasks.

        :param hosts: where to run tasks.
        :param extra: extra variables.
        """
        name = str(what)
        if isinstance(what, list):
            name = str(self.folder / "tasks.json")
            play = {"hosts": hosts, "gather_facts": False, "tasks": what}
            Path(name).write_text(json.dumps([play], indent=1), encoding="utf-8")
        inventory = self.folder / "inventory.json"
        groups = {"windows_hosts": {"hosts": self._windows}, "posix_hosts": {"hosts": self._posix}}
        inventory.write_text(json.dumps({"all": {"children": groups}}), "utf-8")
        # In a file, for Ansible prints what is given on its command line.
        variables = self.folder / "extra.json"
        variables.write_text(json.dumps(extra or {}), "utf-8")
        kept = self.folder / "results.jsonl"
        for file in (kept, *self.folder.glob("*.calls")):
            file.unlink(missing_ok=True)
        settings = {
            "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join(
                [str(HERE / "callback_plugins"), os.environ["ANSIBLE_CALLBACK_PLUGINS"]]
            ),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_results",
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "KEEP_RESULTS": str(kept),
        }
        run = run_playbook(
            name,
            inventory,
            *options,
            "-e",
            f"@{variables}",
            folder=self.folder,
            settings=settings,
            limit=_LIMIT_SECONDS,
            program=self._program,
        )
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in (*self._windows, *self._posix)}
        for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
            entry = json.loads(line)
            results[entry["host"]].append(entry["result"])
        assert any(results.values()), run.output
        calls = {name: (self.folder / f"{name}.calls") for name in self._windows}
        return Done(
            run, results, {name: file.read_text().split() if file.exists() else [] for name, file in calls.items()}
        )

    def _windows_variables(self, name: str) -> dict[str, Any]:
        # Wine takes no inherited entries away: there must be none to inherit.
        (self.place / name).mkdir(mode=0o700)
        return {
            "ansible_connection": "windows_like",
            # From ansible-core 2.21 on a module names the program that runs it.
            "ansible_pwsh_interpreter": self.host.program,
            "windows_like_command": self.host.command,
            "windows_like_calls": str(self.folder / f"{name}.calls"),
            "est_store": self.host.path(self.place / name / "est"),
        }

    def _posix_variables(self, name: str) -> dict[str, Any]:
        (self.folder / name).mkdir(mode=0o700)
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        return {**local, "est_store": str(self.folder / name / "est")}
