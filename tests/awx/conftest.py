# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of extensions/awx as Ansible loads it, and a fleet with the lab's EST server to run its jobs on."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from awx.awx_job import Credential, Finished, run_job, slice_of
from awx.content import SECRETS, load
from awx.launching import Launch
from fleet.host import SSHD
from fleet.ssh_fleet import Fleet
from support.lab import PASSWORD, USERNAME, LabServer


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
    running_fleet.empty()
    return running_fleet


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """An EST server that grants everything."""
    with LabServer("--profile", "full") as server:
        yield server


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The folder that all execution nodes share."""
    return tmp_path / "reports"


@pytest.fixture
def launch(
    fleet: Fleet,
    lab: LabServer,
    job_templates: dict[str, dict[str, Any]],
    credential_types: dict[str, dict[str, Any]],
    reports: Path,
    tmp_path: Path,
) -> Launch:
    """Launch a job template by its name; ``part`` is the slice, such as ``(1, 2)``."""
    ids = itertools.count(41)
    account = {"username": USERNAME, "password": PASSWORD, "ca_certificate": lab.ca_pem}
    connection = fleet.connection_variables()
    key = Path(connection.pop("ansible_ssh_private_key_file")).read_text(encoding="ascii")
    # The key comes from the agent that the runner starts, as for a machine credential of AWX.
    connection["ansible_ssh_args"] = connection["ansible_ssh_args"].replace("-o IdentitiesOnly=yes", "")
    # No connection outlives the job, as none does in a container.
    connection["ansible_ssh_args"] = connection["ansible_ssh_args"].replace("120s", "5s")
    server = {"server": lab.url, "key_type": "ec"}
    group = {
        **connection,
        "est_integration_templates": [{"name": "wifi", **server}, {"name": "mail", **server}],
        "est_integration_test": {
            "identity": {"user": "alex", "domain": "example.com", "email": "alex@example.com"},
            "output_path": "{{ fleet_output_path }}",
        },
    }

    def run(
        name: str,
        *,
        part: tuple[int, int] = (1, 1),
        credentials: dict[str, dict[str, str]] | None = None,
        survey: dict[str, Any] | None = None,
        group_variables: dict[str, Any] | None = None,
        inventory_variables: dict[str, Any] | None = None,
        groups: dict[str, list[str]] | None = None,
        limit: str | None = None,
        down: Sequence[str] = (),
        machine_credential: bool = True,
        empty: bool = False,
        **changes: Any,
    ) -> Finished:
        hosts = {host.name: fleet.host_variables(host) for host in fleet.hosts.values()}
        for host in down:
            hosts[host]["ansible_port"] = 1
        number = next(ids)
        folder = tmp_path / f"job{number}"
        folder.mkdir()
        given = {"EST account": account} if credentials is None else credentials
        fleet.close_connections()
        return run_job(
            {**job_templates[name], **changes},
            {} if empty else slice_of(hosts, *part),
            folder=folder,
            job_id=number,
            credentials=[Credential(credential_types[kind], inputs) for kind, inputs in given.items()],
            variables={"est_awx_reports": str(reports), **(survey or {})},
            group_variables={**group, **(group_variables or {})},
            inventory_variables=inventory_variables,
            groups=groups,
            limit=limit,
            ssh_key=key if machine_credential else None,
        )

    return run


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what a job has left on the hosts and in the reports, so that a test need not run it again."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def tested(launch: Launch, fleet: Fleet, reports: Path, kept: Path) -> None:
    """A fleet that is as declared, and whose templates are proved: by a job of the first test that asks for it."""
    places = {"reports": reports}
    for host in fleet.hosts.values():
        places.update({f"{host.name}-store": host.store, f"{host.name}-certificates": host.certificates})
    if not any(kept.iterdir()):
        job = launch("configure", survey={"est_integration_test_policy": "always"})
        assert job.status == "successful", job.output
        for name, place in places.items():
            shutil.copytree(place, kept / name, symlinks=True)
    else:
        for name, place in places.items():
            shutil.copytree(kept / name, place, symlinks=True)
