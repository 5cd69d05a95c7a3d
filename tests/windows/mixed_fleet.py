# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of doubles of Windows hosts and of real sshd hosts, in one inventory, and what is called on the doubles.

python tests/windows/mixed_fleet.py FOLDER     shows it from nothing to tested; FOLDER holds the real ansible.windows
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fleet.playbook import COLLECTIONS, Run, run_playbook
from fleet.ssh_fleet import GROUP, Fleet
from support.lab import PASSWORD, USERNAME, LabServer
from windows.machine import Machine

CONFIGURE = "estfleet.cloud_extender.configure"
HERE = Path(__file__).parent
SIZE = 3


class MixedFleet:
    """Doubles of Windows hosts beside the hosts of a fleet.

    :param folder: where the doubles, the inventory and the reports are.
    :param fleet: the sshd hosts, which run.
    :param collections: a folder of collections with the real ansible.windows.
    """

    def __init__(self, folder: Path, fleet: Fleet, collections: Path) -> None:
        self.folder = folder
        self.fleet = fleet
        self._collections = collections
        self.doubles = {f"win{number}": Machine(_made(folder / f"win{number}")) for number in range(1, SIZE + 1)}
        self.hosts = sorted([*self.doubles, *fleet.hosts])

    def run(self, playbook: str, variables: Mapping[str, Any], *options: str) -> Run:
        """Run a playbook on all hosts. What was called on the doubles before is forgotten."""
        for double in self.doubles.values():
            double.forget_calls()
        real = self._collections / "ansible_collections" / "ansible" / "windows"
        windows = {
            name: {
                "ansible_connection": "windows_double",
                "windows_double_folder": str(double.folder),
                "windows_double_collection": str(real),
            }
            for name, double in self.doubles.items()
        }
        ssh = self.fleet.connection_variables()
        posix = {name: {**ssh, **self.fleet.host_variables(host)} for name, host in self.fleet.hosts.items()}
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({GROUP: {"hosts": {**windows, **posix}, "vars": dict(variables)}}))
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(COLLECTIONS), str(self._collections)]),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection"),
            "PYTHONPATH": str(HERE.parent),
        }
        return run_playbook(playbook, inventory, *options, folder=self.folder, settings=settings)

    def called(self) -> dict[str, list[str]]:
        """Return the names of what the last run called on each double, in its order."""
        return {name: [call["call"] for call in double.calls] for name, double in self.doubles.items()}


def declared(lab: LabServer) -> dict[str, Any]:
    """What a team declares for all hosts, Windows or not: two templates, and their test."""
    with open(lab.ca_path, encoding="ascii") as file:
        anchors = file.read()
    server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_certificate": anchors}
    return {
        "est_integration_templates": [
            {"name": "wifi", "key_type": "ec", **server},
            {"name": "mail", "key_type": "ec", "subject_alternative_name": "upn_and_email", **server},
        ],
        "est_integration_test": {"identity": {"user": "alex", "domain": "example.com", "email": "alex@example.com"}},
        "est_integration_test_policy": "changed",
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def show(mixed: MixedFleet, variables: dict[str, Any]) -> int:
    """Show the fleet from nothing to tested, again, with a change, and what was called on a double each time."""
    other = [{**template, "renewal_period_days": 30} for template in variables["est_integration_templates"]]
    changed = {**variables, "est_integration_templates": other, "est_integration_test_policy": "never"}
    steps = {
        "from nothing to tested": variables,
        "again": variables,
        "a change, and no test": changed,
        "the same without tests": changed,
    }
    status = 0
    for step, wanted in steps.items():
        done = mixed.run(CONFIGURE, wanted)
        status = status or done.status
        print(f"\n== {step}: exit status {done.status}, {done.seconds:.1f} s\n{done.output}")
        print(f"called on win1: {', '.join(mixed.called()['win1'])}")
    return status


def main(collections: Path) -> int:
    """Make a mixed fleet and show it."""
    with (
        tempfile.TemporaryDirectory(prefix="est-mixed-") as name,
        LabServer("--profile", "full") as lab,
        Fleet(SIZE) as fleet,
    ):
        return show(MixedFleet(Path(name), fleet, collections), declared(lab))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
