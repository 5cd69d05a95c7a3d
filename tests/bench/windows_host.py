# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs on a Windows host, next to a module of PowerShell that does nothing.

The hosts are a PowerShell of this machine (EST_TEST_PWSH, or pwsh on the PATH) and a Windows-like one
(EST_TEST_WINDOWS_HOST). The contenders take turns in one run of a playbook, and what counts are the ratios within the
turns: of what the host did, and not of Ansible's own time. The controller is measured apart, with hosts that are a
script and answer at once.

Each comes twice in its turn. PowerShell notes what a process had compiled (StartupProfileData-NonInteractive in its
cache folder), and has the next one compile that beforehand, in a thread beside the others. So a look costs more
processor time right after a module, for that compiles the module's part too: with ansible-core 2.19 under Linux 1.0 s,
against 0.65 s after another look. No command can say that it does not want it. What is compared is what each costs
after one of its own, as in a play that changes nothing; what a look costs after a module is told beside it.

    venv=$(python3 tests/tools/suite/venvs.py bench tests/requirements/bench.txt)
    $venv/bin/python tests/bench/windows_host.py [--rounds 3] [--hosts 20]
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.pop(0)  # or fleet.py beside this file would stand for the package "fleet"
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / ".cache" / "collections")]

from fleet.playbook import run_playbook, write_playbook  # noqa: E402 (found on the path only now)
from support.looking import NO_STORE, in_base64  # noqa: E402
from twins.twin import MissingError, powershell, windows_host  # noqa: E402

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import parts  # noqa: E402

TEMPLATES = 20
SETTINGS = {
    "ANSIBLE_FORKS": "20",
    "ANSIBLE_LIBRARY": str(HERE / "library"),
    "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
}
#: Answers as a host does, at once. The second line of what a look sends is what its answer has to stand between.
FAKE = """#!/bin/sh
mark=$(sed -n 2p)
cat <<END
{answer}
END
"""
NOTHING: dict[str, Any] = {"win_nothing": {}}


def templates(store_path: str) -> dict[str, Any]:
    """The task that keeps templates as they are, each with a password of its own."""
    entries = [
        {
            "name": f"template {number}",
            "server": "est.example.com",
            "username": "estuser",
            "password": f"password {number}",
        }
        for number in range(TEMPLATES)
    ]
    return {"estfleet.cloud_extender.est_templates": {"templates": entries, "store_path": store_path}}


class Bench:
    """A folder for playbooks, and hosts that are a PowerShell of this machine.

    :param folder: a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: Sequence[str], interpreter: str, tasks: Sequence[Any], hosts: int = 1) -> tuple[Any, float]:
        """Run tasks; return what each command on the hosts took, wall and CPU, and the CPU of all of it, in seconds.

        :param command: what starts the PowerShell of the hosts.
        :param interpreter: how they name it.
        """
        log = self.folder / "log"
        log.write_text("", encoding="ascii")
        variables = {
            "ansible_connection": "bench_pwsh",
            "bench_pwsh_command": list(command),
            "bench_pwsh_log": str(log),
            "ansible_pwsh_interpreter": interpreter,
        }
        names: dict[str, Any] = {f"ce{number}": {} for number in range(hosts)}
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": names, "vars": variables}}), encoding="utf-8")
        playbook = write_playbook(self.folder, [{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}])
        before = _cpu()
        done = run_playbook(playbook, inventory, folder=self.folder, settings=SETTINGS, limit=900)
        if done.status:
            sys.exit(f"the run failed:\n{done.output[-4000:]}")
        lines = log.read_text(encoding="ascii").splitlines()
        return [tuple(map(float, line.split())) for line in lines], _cpu() - before

    def compare(self, command: Sequence[str], interpreter: str, store_path: str, rounds: int) -> str:
        """Compare the two on a host that has the templates in the end; return a line."""
        tasks = [templates(store_path), *[NOTHING, NOTHING, templates(store_path), templates(store_path)] * rounds]
        calls, _cpu_of_run = self.run(command, interpreter, tasks)
        if len(calls) < 4 * rounds + 2:
            sys.exit(f"nothing to change takes another number of calls than 1: there were {len(calls)}")
        turns = calls[-4 * rounds :]
        told = []
        for kind, unit in ((0, "s"), (1, "CPU s")):
            module, first, ours = ([turn[kind] for turn in turns[start::4]] for start in (1, 2, 3))
            ratio, after_module = (
                statistics.median(mine / other for mine, other in zip(looks, module, strict=True))
                for looks in (ours, first)
            )
            costs = f"{statistics.median(ours):.2f} of {statistics.median(module):.2f} {unit}"
            told.append(f"{costs}: {ratio:.2f}, right after a module {after_module:.2f}")
        return "; ".join(told)

    def fake(self, answer: str) -> list[str]:
        """Make a PowerShell that gives an answer to everything, and return what starts it."""
        path = Path(tempfile.mkdtemp(dir=self.folder)) / "host"
        path.write_text(FAKE.format(answer=answer), encoding="utf-8")
        path.chmod(0o700)
        return [str(path)]

    def controller(self, store: Path, rounds: int, hosts: int) -> str:
        """Compare the controller's CPU for both, with hosts that answer at once; return a line."""
        module, look = self.fake(json.dumps({"changed": False})), self.fake(_answer(store))
        costs = []
        for _number in range(rounds):
            nothing = self.run(module, "pwsh", [NOTHING], hosts)[1]
            costs.append((self.run(look, "pwsh", [templates("%EST_BENCH%\\store")], hosts)[1], nothing))
        ours, other = (1000 * statistics.median(cost[kind] for cost in costs) / hosts for kind in (0, 1))
        ratio = statistics.median(mine / theirs for mine, theirs in costs)
        return f"{ours:.0f} of {other:.0f} CPU ms a host: {ratio:.2f}"


def _answer(store: Path) -> str:
    """What a look at a store answers, between marks; all texts of it are in base64."""
    content = (store / "templates.json").read_text(encoding="utf-8")
    key = bytes.fromhex((store / "sealing.key").read_text(encoding="ascii").strip())
    told = {**NO_STORE, "exists": True, "content": content, "key_fingerprint": parts.key_fingerprint(key)}
    return f"$mark{json.dumps({name: in_base64(value) for name, value in told.items()})}$mark"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=20, help="of the controller's part (default 20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="est-bench-") as name:
        folder = Path(name)
        # The path of the store is one of Windows, and under Linux a backslash is no separator.
        os.environ["EST_BENCH"] = f"{folder}/"
        bench, store = Bench(folder), folder / "\\store"
        print(f"nothing to change with {TEMPLATES} templates, next to a module that does nothing: ratio", flush=True)
        try:
            program = powershell()
        except MissingError as error:
            sys.exit(str(error))
        print("under Linux:   ", bench.compare([program], program, "%EST_BENCH%\\store", options.rounds), flush=True)
        try:
            host = windows_host().made()
        except MissingError as error:
            print("in Wine:        not measured:", error)
        else:
            place = host.drive / f"est-bench-{os.getpid()}"
            try:
                with host.kept_up():
                    told = bench.compare(host.command, host.program, host.path(place), options.rounds)
            finally:
                shutil.rmtree(place, ignore_errors=True)
            print("in Wine:       ", told, flush=True)
        print("the controller:", bench.controller(store, options.rounds, options.hosts), flush=True)


if __name__ == "__main__":
    main()
