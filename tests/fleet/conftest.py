# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of these tests, started once, and made like new for each test; the lab's EST server beside it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet.host import SSHD
from fleet.playbook import Run, run_playbook
from fleet.ssh_fleet import Fleet
from support.lab import PASSWORD, USERNAME, LabServer

SIZE = 5


@pytest.fixture(scope="session", autouse=True)
def _orderly_end() -> None:
    """Let a SIGTERM unwind the fixtures, which end what they have started."""
    signal.signal(signal.SIGTERM, lambda _signum, _frame: sys.exit(143))


@pytest.fixture(scope="session")
def running_fleet() -> Iterator[Fleet]:
    """The fleet, whatever state the tests leave it in."""
    if SSHD is None:
        pytest.skip("there is no sshd; Debian has it in openssh-server")
    with Fleet(SIZE) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Fleet:
    """The fleet with all hosts up and empty."""
    running_fleet.empty()
    return running_fleet


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """An EST server that grants everything."""
    with LabServer("--profile", "full") as server:
        yield server


@pytest.fixture
def variables(lab: LabServer) -> dict[str, Any]:
    """What a team declares for all hosts: two templates, and the identity of tests."""
    server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path, "key_type": "ec"}
    return {
        "est_integration_templates": [
            {"name": "wifi", **server},
            {"name": "mail", **server, "subject_alternative_name": "upn_and_email"},
        ],
        "est_integration_test": {
            "identity": {"user": "alex", "domain": "example.com", "email": "alex@example.com"},
            "output_path": "{{ fleet_output_path }}",
        },
    }


@pytest.fixture
def play(fleet: Fleet, variables: dict[str, Any], tmp_path: Path) -> Callable[..., Run]:
    """Run a playbook on the fleet with the declared variables; no warning of Ansible's is accepted."""

    def run(playbook: str, *options: str, settings: dict[str, str] | None = None) -> Run:
        done = run_playbook(playbook, fleet.inventory(variables), *options, folder=tmp_path, settings=settings)
        assert not done.warnings, done.output
        return done

    return run
