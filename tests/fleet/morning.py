# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a team sees in the morning: 50 hosts with 20 templates, of which 3 drifted, 2 are down and 1 fails a test.

python tests/fleet/morning.py [FOLDER]     prints the output of the run; the report stays in FOLDER
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fleet.playbook import run_playbook  # found on the path only now
from fleet.ssh_fleet import GROUP, Fleet
from support.lab import PASSWORD, USERNAME, LabServer

CONFIGURE = "estfleet.cloud_extender.configure"
HOSTS, TEMPLATES = 50, 4
DRIFTED, DOWN, FAILING = ("ce3", "ce14", "ce40"), ("ce7", "ce12"), "ce9"


def declared(lab: LabServer) -> dict[str, Any]:
    """The variables of all hosts."""
    server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path, "key_type": "ec"}
    names = ["wifi", "mail", *(f"site-{number:02}" for number in range(3, TEMPLATES + 1))]
    identity = {"user": "alex", "domain": "example.com", "email": "alex@example.com"}
    return {
        "est_integration_templates": [{"name": name, **server} for name in names],
        "est_integration_test": {"identity": identity, "output_path": "{{ fleet_output_path }}"},
        "est_integration_test_policy": "changed",
    }


def main(folder: Path) -> int:
    with LabServer("--profile", "full") as lab, Fleet(HOSTS) as fleet:
        variables = declared(lab)
        inventory = fleet.inventory(variables)
        first = run_playbook(CONFIGURE, inventory, folder=folder, limit=900)
        if first.status != 0:
            print(first.output)
            return 1
        for name in DRIFTED:
            document = fleet.hosts[name].document
            text = document.read_text(encoding="utf-8")
            document.write_text(text.replace('"renewal_period_days": 14', '"renewal_period_days": 3', 1), "utf-8")
        content = json.loads(inventory.read_text(encoding="utf-8"))
        wrong = [dict(template) for template in variables["est_integration_templates"]]
        wrong[0]["password"] = "not the password"
        content[GROUP]["hosts"][FAILING]["est_integration_templates"] = wrong
        inventory.write_text(json.dumps(content), encoding="utf-8")
        for name in DOWN:
            fleet.hosts[name].stop()
        report = f"est_integration_report_dest={folder}/fleet"
        done = run_playbook(CONFIGURE, inventory, "-e", report, folder=folder, limit=900)
    print(done.output)
    print(f"exit status {done.status}, {done.seconds:.1f} seconds, report in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="morning-"))))
