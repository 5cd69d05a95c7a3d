# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of extensions/awx as Ansible loads it, and a fleet with the lab's EST server to run its jobs on."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fleet.host import SSHD
from fleet.ssh_fleet import Fleet
from support.lab import LabServer
from tower.content import SECRETS, load


@pytest.fixture(scope="session", autouse=True)
def _orderly_end() -> None:
    """Let a SIGTERM unwind the fixtures, which end what they have started."""
    signal.signal(signal.SIGTERM, lambda _signum, _frame: sys.exit(143))


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The variables of extensions/awx/configuration, as a play has them that loads the folder."""
    folder = tmp_path_factory.mktemp("load")
    done = load(folder, SECRETS)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = (folder / "loaded.json").read_text(encoding="utf-8")
    # What the roles of infra.aap_configuration do to injectors and messages.
    return json.loads(loaded.replace("{  {", "{{"))


@pytest.fixture(scope="session")
def job_templates(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The job templates by name, without the "EST - " that all begin with."""
    return {entry["name"].removeprefix("EST - "): entry for entry in variables["controller_templates"]}


@pytest.fixture(scope="session")
def credential_types(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The credential types by name."""
    return {entry["name"]: entry for entry in variables["controller_credential_types"]}


@pytest.fixture(scope="session")
def running_fleet() -> Iterator[Fleet]:
    """Four hosts, in whatever state the tests leave them."""
    if SSHD is None:
        pytest.skip("there is no sshd; Debian has it in openssh-server")
    with Fleet(4) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Fleet:
    """The hosts, empty."""
    for host in running_fleet.hosts.values():
        for folder in (host.store, host.certificates):
            shutil.rmtree(folder, ignore_errors=True)
    return running_fleet


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """An EST server that grants everything."""
    with LabServer("--profile", "full") as server:
        yield server
