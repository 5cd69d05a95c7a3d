# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows and POSIX hosts in one fleet: one playbook, one report, and few calls of Windows modules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.host import SSHD
from fleet.ssh_fleet import Fleet
from support.lab import PASSWORD, LabServer
from windows.conftest import COLLECTIONS
from windows.mixed_fleet import CONFIGURE, SIZE, MixedFleet, declared

DRIFT = "estfleet.cloud_extender.drift"


@pytest.fixture(scope="module")
def running_fleet() -> Iterator[Fleet]:
    """The sshd hosts."""
    if SSHD is None:
        pytest.skip("there is no sshd; Debian has it in openssh-server")
    with Fleet(SIZE) as fleet:
        yield fleet


@pytest.fixture
def mixed(running_fleet: Fleet, real_collection: Path, tmp_path: Path) -> MixedFleet:
    """Three doubles and three sshd hosts."""
    return MixedFleet(tmp_path, running_fleet, Path(COLLECTIONS))


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """An EST server that grants everything."""
    with LabServer("--profile", "full") as server:
        yield server


def test_a_mixed_fleet_from_nothing_to_tested(mixed: MixedFleet, lab: LabServer) -> None:
    report = mixed.folder / "report"
    options = ("-e", f"est_integration_report_dest={report}")
    variables = declared(lab)

    first = mixed.run(CONFIGURE, variables, *options)
    assert first.status == 0, first.output
    assert first.hosts("changed") == mixed.hosts
    told = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["counts"]["tests_issued"] == 2 * len(mixed.hosts)
    states = {host["name"]: [template["test"]["status"] for template in host["templates"]] for host in told["hosts"]}
    assert states == {name: ["issued", "issued"] for name in mixed.hosts}
    assert PASSWORD not in first.output

    again = mixed.run(CONFIGURE, variables, *options)
    assert again.status == 0, again.output
    assert again.hosts("changed") == []
    assert mixed.called() == {name: ["slurp", "slurp", "win_certificate_info"] for name in mixed.doubles}
    told = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["counts"]["changed"] == 0
    assert told["counts"]["test_certificates"] == 2 * len(mixed.hosts)

    drift = mixed.run(DRIFT, variables)
    assert drift.status == 0, drift.output
    assert drift.hosts("changed") == []
