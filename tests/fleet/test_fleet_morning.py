# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report that is looked at in the morning, after a run in which much was wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet.playbook import Run, run_playbook
from fleet.ssh_fleet import GROUP, Fleet
from support.lab import PASSWORD, LabServer

CONFIGURE = "estfleet.cloud_extender.configure"
WRONG = "canary-9e41"


def test_drift_a_host_that_is_down_and_a_failed_test_are_in_one_report(
    fleet: Fleet, play: Callable[..., Run], variables: dict[str, Any], tmp_path: Path, lab: LabServer
) -> None:
    variables["est_integration_test_policy"] = "changed"
    play(CONFIGURE)
    drifted = fleet.hosts["ce2"].document
    edited = drifted.read_text(encoding="utf-8").replace('"renewal_period_days": 14', '"renewal_period_days": 3', 1)
    drifted.write_text(edited, encoding="utf-8")

    inventory = fleet.inventory(variables)
    content = json.loads(inventory.read_text(encoding="utf-8"))
    wrong = [dict(template) for template in variables["est_integration_templates"]]
    wrong[0]["password"] = WRONG
    content[GROUP]["hosts"]["ce4"]["est_integration_templates"] = wrong
    inventory.write_text(json.dumps(content), encoding="utf-8")

    before = len(lab.enrolments)
    fleet.hosts["ce3"].stop()
    try:
        done = run_playbook(
            CONFIGURE, inventory, "-e", f"est_integration_report_dest={tmp_path}/report", folder=tmp_path
        )
    finally:
        fleet.hosts["ce3"].start()

    assert done.status == 4, done.output
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    hosts = {host["name"]: host for host in json.loads(text)["hosts"]}
    states = {name: host["state"] for name, host in hosts.items()}
    assert states == {"ce1": "ok", "ce2": "ok", "ce3": "unreachable", "ce4": "failed", "ce5": "ok"}
    templates = {name: [entry["state"] for entry in host["templates"]] for name, host in hosts.items()}
    assert templates["ce1"] == templates["ce5"] == ["in_order", "in_order"]
    assert sorted(templates["ce2"]) == ["corrected", "in_order"]
    assert sorted(templates["ce4"]) == ["in_order", "test_failed"]
    test = next(entry["test"] for entry in hosts["ce4"]["templates"] if entry["state"] == "test_failed")
    assert (test["stage"], test["request_received"]) == ("enroll", "received")
    assert len(lab.enrolments) - before == 2
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for told in (done.output, text, page):
        assert WRONG not in told
        assert PASSWORD not in told
