# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the templates of a fleet cost, next to ansible.builtin.ping on the same hosts in the same run.

The hosts are real sshd processes on this machine (tests/fleet) with warm connections. The contenders take turns in each
round, so a busy machine slows all of them; what counts are the ratios within the rounds. "CPU" is user and system time
of the controller, its forks, every ssh, every sshd, and the Python that runs on the hosts.

    venv=$(python3 tests/tools/suite/venvs.py bench tests/requirements/bench.txt)
    $venv/bin/python tests/bench/fleet.py                all parts, an hour
    $venv/bin/python tests/bench/fleet.py quick          a run that changes nothing, in a few minutes
    $venv/bin/python tests/bench/fleet.py no-change      one part
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)  # or this file would stand for the package "fleet"
sys.path.insert(0, str(ROOT / "tests"))

from fleet.fake_hosts import FakeHosts  # noqa: E402 (found on the path only now)
from fleet.measure import Cost, in_turns, measure, median, of_existing, play, table  # noqa: E402 (found on the path only now)
from fleet.playbook import PLAYBOOK, environment, run_playbook, write_playbook  # noqa: E402
from fleet.ssh_fleet import GROUP, Fleet  # noqa: E402
from support.lab import PASSWORD, USERNAME, LabProcess  # noqa: E402

SETTINGS = {"ANSIBLE_FORKS": "20", "ANSIBLE_STRATEGY": "linear"}
TEMPLATES = 20
EST_TEMPLATES = {
    "estfleet.cloud_extender.est_templates": {
        "templates": "{{ est_integration_templates }}",
        "store_path": "{{ est_integration_store_path }}",
    }
}
ROLE = {"ansible.builtin.import_role": {"name": "estfleet.cloud_extender.est_integration"}}
CERTIFICATE = {
    "estfleet.cloud_extender.est_certificate": {
        "template": "wifi",
        "store_path": "{{ est_integration_store_path }}-certificate",
        "certificate_path": "{{ est_integration_store_path | dirname }}/own.pem",
        "private_key_path": "{{ est_integration_store_path | dirname }}/own.key",
        "identity": {"user": "alex", "email": "alex@example.com"},
    }
}
INLINE = {
    "estfleet.cloud_extender.est_certificate": {
        "inline": "{{ est_template }}",
        "certificate_path": "{{ fleet_output_path }}/own.pem",
        "private_key_path": "{{ fleet_output_path }}/own.key",
        "fullchain_path": "{{ fleet_output_path }}/full.pem",
        "identity": {"user": "alex", "email": "alex@example.com"},
    }
}
EXCHANGES = ("host", "relay", "controller")
TESTS = {
    f"test, {exchange}": {
        "estfleet.cloud_extender.est_test_enroll": {
            "inline": "{{ est_template }}",
            "exchange": exchange,
            "store_path": "{{ est_integration_store_path }}-tests",
            "identity": {"user": "alex", "domain": "example.com", "email": "alex@example.com"},
        }
    }
    for exchange in EXCHANGES
}
TASKS: dict[str, dict[str, Any]] = {
    "no task": {"ansible.builtin.meta": "noop"},
    "ping": {"ansible.builtin.ping": {}},
    "est_templates": EST_TEMPLATES,
    "est_integration": ROLE,
    "est_certificate": CERTIFICATE,
    "est_certificate, inline": INLINE,
    **TESTS,
}
NO_CHANGE = ("no task", "ping", "est_templates", "est_integration", "est_certificate")
#: Settings of Ansible under which a run that changes nothing is measured.
WAYS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "pipelining": ({"ansible_pipelining": True}, {}),
    "no-pipelining": ({"ansible_pipelining": False}, {}),
    "5-forks": ({"ansible_pipelining": True}, {"ANSIBLE_FORKS": "5"}),
    "free": ({"ansible_pipelining": True}, {"ANSIBLE_STRATEGY": "free"}),
    "free-5-forks": ({"ansible_pipelining": True}, {"ANSIBLE_STRATEGY": "free", "ANSIBLE_FORKS": "5"}),
    "free-no-pipelining": ({"ansible_pipelining": False}, {"ANSIBLE_STRATEGY": "free"}),
    "local": ({"ansible_connection": "local", "ansible_pipelining": True}, {}),
}
QUICK = ("pipelining", "no-pipelining")


def templates(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Templates that differ in their names and passwords."""
    server = {"server": "est.example.com", "port": 8443, "username": "estuser"}
    names = {"subject_alternative_name": "upn_and_email"}
    return [
        {"name": f"template {number}", "password": f"password {number}", **server, **names, **fields}
        for number in range(count)
    ]


class Bench:
    """The fleet, and its playbooks: one for each contender."""

    def __init__(self, fleet: Fleet, rounds: int) -> None:
        self.fleet = fleet
        self.rounds = rounds
        self._playbooks: dict[str, str] = {}
        for name, task in TASKS.items():
            folder = fleet.folder / "playbooks" / re.sub("[ ,]+", "_", name)
            folder.mkdir(parents=True)
            self._playbooks[name] = write_playbook(folder, [{"hosts": GROUP, "gather_facts": False, "tasks": [task]}])

    def inventory(
        self, name: str, declared: list[dict[str, Any]], size: int | None = None, store: str = "", **extra: Any
    ) -> Path:
        """Write an inventory; ``store`` tells stores of the same host apart."""
        variables: dict[str, Any] = {"est_integration_templates": declared, **extra}
        path = self.fleet.inventory(variables, name=f"{name}.json", size=size)
        if store:
            path.write_text(path.read_text(encoding="utf-8").replace('/store"', f'/store-{store}"'), encoding="utf-8")
        return path

    def run(self, name: str, inventory: Path, settings: Mapping[str, str] | None = None) -> Cost:
        """Run one contender."""
        return play(self.fleet, inventory, self._playbooks[name], settings or SETTINGS)

    def no_change(self, size: int, ways: Iterable[str]) -> None:
        """Nothing to change, on hosts whose connections are open.

        :param ways: of ``WAYS``.
        """
        with LabProcess("--profile", "full", state=str(self.fleet.folder / "lab of no change")) as lab:
            one = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path}
            wifi = {"name": "wifi", "key_type": "ec", **one}
            inventory = self.inventory("certificate", [wifi], size, store="certificate")
            self.run("est_templates", inventory)
            self.run("est_certificate", self.inventory("no_change", templates(TEMPLATES), size))
            before = len(lab.enrolments)
            for way in ways:
                extra, settings = WAYS[way]
                inventory = self.inventory("no_change", templates(TEMPLATES), size, **extra)
                self.run("est_templates", inventory)
                run = functools.partial(self.run, inventory=inventory, settings={**SETTINGS, **settings})
                print(
                    f"\n{size} hosts, {TEMPLATES} templates, nothing to change, {way}, {self.rounds} rounds", flush=True
                )
                table(in_turns({name: functools.partial(run, name) for name in NO_CHANGE}, self.rounds), "ping", size)
            if len(lab.enrolments) != before:
                sys.exit("certificates were asked for where nothing is to be done")

    def unreachable(self, count: int) -> None:
        """Hosts that are all down."""
        variables = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_retries": 0}
        variables |= {"est_integration_templates": templates(TEMPLATES)}
        hosts = {f"down{number}": {} for number in range(count)}
        inventory = self.fleet.folder / "unreachable.json"
        inventory.write_text(json.dumps({GROUP: {"hosts": hosts, "vars": variables}}), encoding="utf-8")

        def run(name: str) -> Cost:
            return measure(self.fleet, lambda: run_playbook(self._playbooks[name], inventory, **how).seconds)

        how: Any = {"folder": self.fleet.folder, "settings": SETTINGS, "limit": 900}
        print(f"\n{count} hosts that are all down, {self.rounds} rounds", flush=True)
        contenders = {name: functools.partial(run, name) for name in ("ping", "est_integration")}
        table(in_turns(contenders, self.rounds), "ping", count)

    def change(self, size: int) -> None:
        """Every template changes, in every run."""
        days = [
            self.inventory(f"days_{days}", templates(TEMPLATES, renewal_period_days=days), size) for days in (14, 15)
        ]
        self.run("est_templates", days[0])
        turn = {"number": 0}

        def changing() -> Cost:
            turn["number"] += 1
            return self.run("est_templates", days[turn["number"] % 2])

        contenders = {"ping": functools.partial(self.run, "ping", days[0]), "est_templates": changing}
        print(f"\n{size} hosts, all {TEMPLATES} templates change, {self.rounds} rounds", flush=True)
        table(in_turns(contenders, self.rounds), "ping", size)

    def template_numbers(self, size: int) -> None:
        """Nothing to change, with few and many templates."""
        contenders: dict[str, Callable[[], Cost]] = {}
        for count in (1, TEMPLATES, 100):
            inventory = self.inventory(f"templates_{count}", templates(count), size, store=str(count))
            self.run("est_templates", inventory)
            contenders[f"{count} template(s)"] = functools.partial(self.run, "est_templates", inventory)
        print(f"\n{size} hosts, nothing to change, {self.rounds} rounds, by the number of templates", flush=True)
        table(in_turns(contenders, self.rounds), "1 template(s)", size)

    def sizes(self, sizes: tuple[int, ...]) -> None:
        """How the cost of a host grows with the number of hosts."""
        contenders: dict[str, Callable[[], Cost]] = {}
        for size in sizes:
            inventory = self.inventory(f"size_{size}", templates(TEMPLATES), size)
            self.run("est_templates", inventory)
            for name in ("ping", "est_integration"):
                contenders[f"{name} {size}"] = functools.partial(self.run, name, inventory)
        costs = in_turns(contenders, self.rounds)
        print(f"\nCost of a host by the number of hosts, nothing to change, {self.rounds} rounds, ms: CPU and wall")
        print(f"{'':<18}" + "".join(f"{size:>14}" for size in sizes) + "   growth CPU, wall")
        for name in ("ping", "est_integration"):
            ends = [costs[f"{name} {size}"] for size in sizes]
            each = [
                tuple(1000 * median(runs, what) / size for what in ("cpu", "wall")) for runs, size in zip(ends, sizes)
            ]
            growth = [last / first for first, last in zip(each[0], each[-1])]
            numbers = "".join(f"{cpu:>7.0f}{wall:>7.0f}" for cpu, wall in each)
            print(f"{name:<18}{numbers}   {growth[0]:.2f}, {growth[1]:.2f}", flush=True)

    def exchanges(self, size: int) -> None:
        """A test of a template, by each way of exchange."""
        with LabProcess("--profile", "full", state=str(self.fleet.folder / "lab-of-exchanges")) as lab:
            server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path}
            template = {"name": "wifi", "key_type": "ec", "subject_alternative_name": "upn_and_email", **server}
            inventory = self.inventory("exchanges", [], size, est_template=template)
            contenders = {name: functools.partial(self.run, name, inventory) for name in TESTS}
            for contender in contenders.values():
                contender()
            asked = len(lab.enrolments)
            print(f"\n{size} hosts, a test of one template, by the way of exchange, {self.rounds} rounds", flush=True)
            table(in_turns(contenders, self.rounds), f"test, {EXCHANGES[0]}", size)
            print(f"certificates asked for: {len(lab.enrolments) - asked}")

    def existing(self, size: int) -> None:
        """One certificate with collections that exist, and with this one."""
        with LabProcess("--profile", "full", state=str(self.fleet.folder / "lab")) as lab:
            inventory = self.fleet.inventory(of_existing(lab), name="existing.json", size=size)
            theirs = str(ROOT / "tests" / "bench" / "existing_collections.yml")
            contenders = {
                "existing": functools.partial(play, self.fleet, inventory, theirs, SETTINGS),
                "est_certificate": functools.partial(self.run, "est_certificate, inline", inventory),
            }

            def afresh(_name: str) -> None:
                for host in self.fleet.hosts.values():
                    shutil.rmtree(host.certificates, ignore_errors=True)
                    host.certificates.mkdir()

            for what, before in (("first run", afresh), ("the same again, nothing to do", None)):
                for name, contender in contenders.items():
                    if before:
                        before(name)
                    contender()
                asked = len(lab.enrolments)
                print(f"\n{size} hosts, one certificate of an EST server, {what}, {self.rounds} rounds", flush=True)
                table(in_turns(contenders, self.rounds, *([before] if before else [])), "existing", size)
                print(f"certificates asked for: {len(lab.enrolments) - asked}")


def memory(hosts: int) -> None:
    """The memory and the CPU of the controller and its forks for hosts that are fakes on this machine.

    The controller cannot tell, and only what it takes itself is looked at, with the little that a script does in place
    of their Python.
    """
    print(f"\nThe controller alone, {hosts} hosts, {TEMPLATES} templates, nothing to change", flush=True)
    print(
        f"{'':<18}{'controller MiB':>16}{'largest of all processes MiB':>31}{'x ping':>9}"
        f"{'CPU ms/host':>14}{'x ping':>9}"
    )
    base, base_cpu = 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="est-bench-") as name:
        folder = Path(name)
        variables = {
            "ansible_connection": "local",
            "ansible_pipelining": True,
            "ansible_python_interpreter": sys.executable,
            "est_integration_store_path": f"{folder}/store",
            "est_integration_templates": templates(TEMPLATES),
        }
        _of_controller("est_templates", ["ce1"], variables, folder)  # makes the store that all the others have
        with FakeHosts(folder) as fakes:
            for contender in ("ping", "est_templates", "est_integration"):
                variables["ansible_python_interpreter"] = str(fakes.python)
                names = [f"ce{number}" for number in range(hosts)]
                own, largest, cpu = _of_controller(contender, names, variables, folder)
                base, base_cpu = base or own, base_cpu or cpu
                told = f"{own:>16.0f}{largest:>31.0f}{own / base:>9.2f}"
                print(f"{contender:<18}{told}{1000 * cpu / hosts:>14.1f}{cpu / base_cpu:>9.2f}", flush=True)


def _of_controller(
    contender: str, hosts: list[str], variables: dict[str, Any], folder: Path
) -> tuple[float, float, float]:
    """Run a contender; return the peak resident MiB of the controller, and of the largest of it and its children, and
    the CPU seconds of them together."""
    inventory = folder / "inventory.json"
    inventory.write_text(
        json.dumps({GROUP: {"hosts": {host: {} for host in hosts}, "vars": variables}}), encoding="utf-8"
    )
    plays = [{"hosts": GROUP, "gather_facts": False, "tasks": [TASKS[contender]]}]
    command = [str(PLAYBOOK), write_playbook(folder, plays), "-i", str(inventory)]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**environment(folder), **SETTINGS}, stdout=output, stderr=output
        )
        own = 0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    own = int(line.split()[1])
            time.sleep(0.1)
    process.returncode = os.waitstatus_to_exitcode(status)
    told = (folder / "output").read_text(encoding="utf-8")
    if process.returncode or (len(hosts) > 1 and re.search("changed=[1-9]", told)):
        sys.exit(f"{contender} failed, or changed a host:\n{told[-4000:]}")
    return own / 1024, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def versions() -> str:
    """Say what was measured, and where."""

    def first_line(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).partition("\n")[0]

    commit = first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    load = f"{os.getloadavg()[0]:.1f}"
    return (
        f"commit {commit}, {time.strftime('%Y-%m-%d')}, load {load}, {os.cpu_count()} CPUs, {platform.platform()}\n"
        f"Python {platform.python_version()}, {first_line(str(PLAYBOOK), '--version')}, {first_line('ssh', '-V')}\n"
        f"{SETTINGS['ANSIBLE_FORKS']} forks, strategy {SETTINGS['ANSIBLE_STRATEGY']}, pipelining, ControlPersist"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("no-change", "change", "templates", "sizes", "exchanges", "existing", "unreachable", "memory")
    parser.add_argument("part", nargs="*", help=f"one or more of {', '.join(parts)}; none: all; or quick")
    parser.add_argument("--hosts", type=int, default=50, help="of no-change (default 50); half as many of the others")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", action="append", choices=WAYS, help="of no-change; may be given again; none: all")
    parser.add_argument("--memory-hosts", type=int, default=1000)
    parser.add_argument("--down-hosts", type=int, default=200)
    options = parser.parse_args()
    if options.part == ["quick"]:
        print(versions(), flush=True)
        with Fleet(10) as fleet:
            Bench(fleet, 3).no_change(10, QUICK)
        return
    if wrong := set(options.part).difference(parts):
        parser.error(f"unknown part {', '.join(sorted(wrong))}; parts are {', '.join(parts)}")
    chosen = options.part or parts
    sizes = (options.hosts // 5, options.hosts, 2 * options.hosts)
    print(versions(), flush=True)
    if set(chosen) != {"memory"}:
        with Fleet(sizes[-1] if "sizes" in chosen else options.hosts) as fleet:
            bench = Bench(fleet, options.rounds)
            if "no-change" in chosen:
                bench.no_change(options.hosts, options.way or WAYS)
            if "change" in chosen:
                bench.change(options.hosts // 2)
            if "templates" in chosen:
                bench.template_numbers(options.hosts // 2)
            if "sizes" in chosen:
                bench.sizes(sizes)
            if "exchanges" in chosen:
                bench.exchanges(options.hosts // 5)
            if "existing" in chosen:
                bench.existing(options.hosts // 5)
            if "unreachable" in chosen:
                bench.unreachable(options.down_hosts)
    if "memory" in chosen:
        memory(options.memory_hosts)


if __name__ == "__main__":
    main()
