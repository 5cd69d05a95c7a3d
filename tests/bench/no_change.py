# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs, next to ansible.builtin.ping on the same hosts in the same run.

usage: tests/bench/no_change.py [--hosts N] [--templates N] [--rounds N]

The hosts are this machine, reached by the local connection, each with a store of its own. Each round times the same
play with ping, with est_templates and with the role, one after the other: a busy machine slows all of them. Printed
are the medians and their ratios. Run it with a Python that has ansible-core, such as that of ./demo.sh:

    .cache/venv-controller-*/bin/python tests/bench/no_change.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")

ROLE = {"name": "maas360.cloud_extender.est_integration"}
CONTENDERS = {
    "ping": [{"ansible.builtin.ping": {}}],
    "est_templates": [
        {
            "maas360.cloud_extender.est_templates": {
                "templates": "{{ est_integration_templates }}",
                "store_path": "{{ est_integration_store_path }}",
            }
        }
    ],
    "est_integration": [{"ansible.builtin.import_role": ROLE}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--templates", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="est-bench-") as folder:
        run = Runner(folder, options.hosts, options.templates)
        run("est_integration")  # the run that writes the stores
        seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            for name in CONTENDERS:
                seconds[name].append(run(name))

    print(f"{options.hosts} hosts (local connection), {options.templates} templates, {options.rounds} rounds, medians")
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {ansible_version()}")
    base = statistics.median(seconds["ping"])
    print(f"{'task':<20}{'seconds':>10}{'ms/host':>10}{'x ping':>10}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:<20}{median:>10.2f}{1000 * median / options.hosts:>10.0f}{median / base:>10.2f}")


class Runner:
    """Runs one of the contenders on all hosts and returns the seconds it took."""

    def __init__(self, folder: str, hosts: int, templates: int) -> None:
        self._folder = folder
        inventory = {
            "all": {
                "hosts": {f"ce{number}": {} for number in range(hosts)},
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "est_integration_store_path": f"{folder}/hosts/{{{{ inventory_hostname }}}}",
                    "est_integration_templates": [
                        {
                            "name": f"template {number}",
                            "server": "est.example.com",
                            "port": 8443,
                            "username": "estuser",
                            "password": "a password",
                            "subject_alternative_name": "upn_and_email",
                        }
                        for number in range(templates)
                    ],
                },
            }
        }
        self._write("inventory.json", inventory)
        for name, tasks in CONTENDERS.items():
            self._write(f"{name}.json", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])

    def __call__(self, name: str) -> float:
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.path.join(ROOT, ".cache", "collections"),
            "ANSIBLE_HOME": os.path.join(self._folder, "ansible"),
            "ANSIBLE_FORKS": "10",
        }
        command = [PLAYBOOK, "-i", self._path("inventory.json"), self._path(f"{name}.json")]
        started = time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout}{done.stderr}")
        return seconds

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _write(self, name: str, data: object) -> None:
        with open(self._path(name), "w", encoding="utf-8") as file:
            json.dump(data, file)


def ansible_version() -> str:
    """The first line of what ansible-playbook says of itself."""
    done = subprocess.run([PLAYBOOK, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


if __name__ == "__main__":
    main()
