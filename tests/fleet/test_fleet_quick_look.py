# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that changes nothing runs no module on a host, however the host is reached; and what it shows of that."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fleet.playbook import Run, run_playbook, write_playbook
from fleet.ssh_fleet import GROUP, Fleet

MODULE, NO_LOOK = "est_store_file", "no quick look at the template store"
TEMPLATE = {"name": "wifi", "server": "est.example.com", "username": "estuser", "password": "s3cret words"}

Apply = Callable[..., Run]


@pytest.fixture
def apply(fleet: Fleet, tmp_path: Path) -> Apply:
    """Apply a template as verbosely as can be; variables of the hosts and words of the task may be given."""

    def run(variables: dict[str, Any] | None = None, *options: str, **words: Any) -> Run:
        work = {"store_path": "{{ est_integration_store_path }}", "templates": [TEMPLATE]}
        task = {"estfleet.cloud_extender.est_templates": work, **words}
        playbook = write_playbook(tmp_path, [{"hosts": GROUP, "gather_facts": False, "tasks": [task]}])
        inventory = fleet.inventory(variables, size=2)
        return run_playbook(playbook, inventory, "-vvvv", *options, folder=tmp_path)

    return run


WAYS = {
    "pipelining": {"ansible_pipelining": True},
    "no pipelining": {"ansible_pipelining": False},
    "no interpreter": {
        "ansible_python_interpreter": "auto_silent",
        "ansible_interpreter_python_fallback": ["python9.9", shutil.which("python3", path="/usr/bin")],
    },
    "bash": {"ansible_shell_executable": "/bin/bash", "ansible_pipelining": False},
}


def quiet(run: Run) -> bool:
    return MODULE not in run.output and NO_LOOK not in run.output


@pytest.mark.parametrize("variables", WAYS.values(), ids=WAYS)
def test_no_module_is_run_where_nothing_is_to_be_changed(fleet: Fleet, apply: Apply, variables: dict[str, Any]) -> None:
    first = apply(variables)
    assert (first.status, first.hosts("changed")) == (0, ["ce1", "ce2"]), first.output
    assert MODULE in first.output, "it is what writes"
    again = apply(variables, environment={"LANG": "C", "EST_NOTE": "it's"})
    assert (again.status, again.hosts("changed")) == (0, []), again.output
    assert quiet(again), again.output
    check = apply(variables, "--check")
    assert quiet(check), check.output
    keys = [(host.store / "sealing.key").read_text().strip() for host in list(fleet.hosts.values())[:2]]
    for run in (first, again, check):
        assert not any(secret in run.output for secret in (*keys, TEMPLATE["password"]))


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("sudo") is None, reason="needs root, and sudo")
@pytest.mark.parametrize("pipelining", [True, False])
def test_another_user_can_be_become(fleet: Fleet, apply: Apply, pipelining: bool) -> None:
    nobody = pwd.getpwnam("nobody")
    variables = {
        "ansible_pipelining": pipelining,
        "ansible_become": True,
        "ansible_become_user": "nobody",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    # That of the fleet belongs to root, once a test has made it.
    temporary = ("-e", "ansible_remote_tmp=/tmp")
    assert apply({"ansible_pipelining": True}).status == 0
    refused = apply(variables, *temporary)
    assert refused.hosts("failed") == ["ce1", "ce2"]
    assert MODULE in refused.output, "the error is that of the module"
    assert "cannot read the template store" in refused.output
    for host in list(fleet.hosts.values())[:2]:
        for path in (*host.folder.parents, host.folder):
            if path.is_relative_to(fleet.folder):
                path.chmod(path.stat().st_mode | 0o011)
        for path in (host.store, *host.store.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    again = apply(variables, *temporary)
    assert (again.status, again.hosts("changed")) == (0, []), again.output
    assert quiet(again), again.output


def test_what_is_out_of_the_ordinary_is_the_modules(fleet: Fleet, apply: Apply) -> None:
    assert apply().status == 0
    (fleet.hosts["ce1"].store / ".est.lock").touch(0o600)
    (fleet.hosts["ce2"].store / "sealing.key").chmod(0o644)
    told = apply(None, "--check")
    assert told.hosts("changed") == ["ce2"], "a lock that nobody holds is no drift"
    assert told.output.count(NO_LOOK) == 1, told.output
    assert "sealing.key has mode 0644, not 0600" in told.output


def test_a_host_that_is_down_is_unreachable(fleet: Fleet, apply: Apply) -> None:
    assert apply().status == 0
    fleet.close_connections()
    fleet.hosts["ce2"].stop()
    try:
        done = apply()
    finally:
        fleet.hosts["ce2"].start()
    assert (done.status, done.hosts("unreachable"), done.hosts("ok")) == (4, ["ce2"], ["ce1"]), done.output
