# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs on a Windows host, next to a module of PowerShell that does nothing.

The host is a PowerShell of this machine: EST_TEST_PWSH, or pwsh on the PATH. The contenders take turns in each round;
what counts are the ratios within the rounds. The controller is measured apart, with hosts that are a script and answer
at once.

    venv=$(python3 tests/tools/suite/venvs.py bench tests/requirements/bench.txt)
    $venv/bin/python tests/bench/windows_host.py [--rounds 5] [--hosts 40]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.pop(0)  # or fleet.py beside this file would stand for the package "fleet"
sys.path.insert(0, str(HERE.parent))

from fleet.playbook import COLLECTIONS, run_playbook, write_playbook  # noqa: E402 (found on the path only now)

TEMPLATES = 20
SETTINGS = {
    "ANSIBLE_FORKS": "20",
    "ANSIBLE_LIBRARY": str(HERE / "library"),
    "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
}
TASKS: dict[str, dict[str, Any]] = {
    "module": {"win_nothing": {}},
    "est_templates": {
        "estfleet.cloud_extender.est_templates": {
            "templates": [
                {
                    "name": f"template {number}",
                    "server": "est.example.com",
                    "username": "estuser",
                    "password": f"password {number}",
                }
                for number in range(TEMPLATES)
            ],
            "store_path": "%EST_BENCH%\\store",
        }
    },
}
#: Answers as a host does, at once. The second line of what a look sends is what its answer has to stand between.
FAKE = """#!/bin/sh
mark=$(sed -n 2p)
cat <<END
{answer}
END
"""


class Bench:
    """The playbooks in a folder, and what runs of them took.

    :param folder: a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.environ["EST_BENCH"] = f"{folder}/"
        # The path of the store is one of Windows, and a backslash is no separator here.
        self._store = folder / "\\store"
        self._playbooks: dict[str, str] = {}
        for name, task in TASKS.items():
            (folder / name).mkdir()
            plays = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
            self._playbooks[name] = write_playbook(folder / name, plays)

    def run(self, name: str, program: str, hosts: int = 1) -> tuple[float, float]:
        """Run a contender; return the seconds that it took, and its CPU seconds with all that it started.

        :param program: the PowerShell of the hosts.
        """
        variables = {
            "ansible_connection": "bench_pwsh",
            "bench_pwsh_program": program,
            "ansible_pwsh_interpreter": program,
        }
        names: dict[str, Any] = {f"ce{number}": {} for number in range(hosts)}
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": names, "vars": variables}}), encoding="utf-8")
        before = _cpu()
        done = run_playbook(self._playbooks[name], inventory, folder=self.folder, settings=SETTINGS, limit=900)
        if done.status:
            sys.exit(f"{name} failed:\n{done.output[-4000:]}")
        return done.seconds, _cpu() - before

    def fake(self, name: str, answer: str) -> str:
        """Make a PowerShell that gives an answer to everything, and return its path."""
        path = self.folder / f"host_of_{name}"
        path.write_text(FAKE.format(answer=answer), encoding="utf-8")
        path.chmod(0o700)
        return str(path)

    def answer(self) -> str:
        """Return what a look at the store answers, between marks; all texts of it are in base64."""
        content = (self._store / "templates.json").read_text(encoding="utf-8")
        sys.path.append(str(COLLECTIONS))
        from support.looking import NO_STORE, in_base64

        from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import parts

        key = bytes.fromhex((self._store / "sealing.key").read_text(encoding="ascii").strip())
        told = {**NO_STORE, "exists": True, "content": content, "key_fingerprint": parts.key_fingerprint(key)}
        return f"$mark{json.dumps({name: in_base64(value) for name, value in told.items()})}$mark"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tell(what: str, rounds: list[dict[str, tuple[float, float]]], each: int) -> None:
    print(
        f"\n{what}, {len(rounds)} rounds\n{'':<16}{'wall ms/host':>14}{'CPU ms/host':>14}   x module: wall, CPU (range)"
    )
    for name in TASKS:
        wall, cpu = (1000 * statistics.median(one[name][kind] for one in rounds) / each for kind in (0, 1))
        ratios = [[one[name][kind] / one["module"][kind] for one in rounds] for kind in (0, 1)]
        told = f"{statistics.median(ratios[0]):.2f}, {statistics.median(ratios[1]):.2f}"
        print(
            f"{name:<16}{wall:>14.0f}{cpu:>14.0f}   {told} ({min(ratios[1]):.2f} to {max(ratios[1]):.2f})", flush=True
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=40, help="of the controller's part (default 40)")
    options = parser.parse_args()
    program = os.environ.get("EST_TEST_PWSH") or shutil.which("pwsh")
    if not program:
        sys.exit("there is no PowerShell: none on the PATH, and none named in EST_TEST_PWSH")
    with tempfile.TemporaryDirectory(prefix="est-bench-") as name:
        bench = Bench(Path(name))
        bench.run("est_templates", program)  # makes the store
        rounds = [{task: bench.run(task, program) for task in TASKS} for _number in range(options.rounds)]
        _tell(f"A host with {TEMPLATES} templates, nothing to change, the run of Ansible included", rounds, 1)
        fakes = {
            "module": bench.fake("module", json.dumps({"changed": False})),
            "est_templates": bench.fake("est_templates", bench.answer()),
        }
        rounds = [
            {task: bench.run(task, fakes[task], options.hosts) for task in TASKS} for _number in range(options.rounds)
        ]
        _tell(f"The controller alone, {options.hosts} hosts, {TEMPLATES} passwords", rounds, options.hosts)


if __name__ == "__main__":
    main()
