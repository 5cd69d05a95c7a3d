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
from support.lab import PASSWORD, USERNAME, LabServer

NO_LOOK = "no quick look at"
# What verbose output says of a module that is run.
STORE_MODULE, CERTIFICATE_MODULE = ("/est_store_file.py", "/est_certificate.py")
PLACE = "{{ fleet_output_path }}"
CERTIFICATE = {
    "template": "wifi",
    "store_path": "{{ est_integration_store_path }}",
    "certificate_path": f"{PLACE}/own.pem",
    "private_key_path": f"{PLACE}/own.key",
    "fullchain_path": f"{PLACE}/full.pem",
    "identity": {"user": "alex", "email": "alex@example.com"},
}
FILES = ("own.pem", "own.key", "full.pem", ".own.pem.est-note")

Apply = Callable[..., Run]


@pytest.fixture
def apply(fleet: Fleet, lab: LabServer, tmp_path: Path) -> Apply:
    """Apply a template, and see to its certificate, as verbosely as can be; variables of the hosts and words of the
    tasks may be given."""
    for host in fleet.hosts.values():
        host.certificates.mkdir()
    template = {"name": "wifi", "server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path}
    work = {"store_path": "{{ est_integration_store_path }}", "templates": [{**template, "key_type": "ec"}]}

    def run(variables: dict[str, Any] | None = None, *options: str, **words: Any) -> Run:
        tasks = [
            {"estfleet.cloud_extender.est_templates": work, **words},
            {"estfleet.cloud_extender.est_certificate": CERTIFICATE, **words},
        ]
        playbook = write_playbook(tmp_path, [{"hosts": GROUP, "gather_facts": False, "tasks": tasks}])
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
    return not any(words in run.output for words in (STORE_MODULE, CERTIFICATE_MODULE, NO_LOOK))


@pytest.mark.parametrize("variables", WAYS.values(), ids=WAYS)
def test_no_module_is_run_where_nothing_is_to_be_done(
    fleet: Fleet, lab: LabServer, apply: Apply, variables: dict[str, Any]
) -> None:
    first = apply()
    assert (first.status, first.hosts("changed")) == (0, ["ce1", "ce2"]), first.output
    assert STORE_MODULE in first.output, "it is what writes"
    assert CERTIFICATE_MODULE in first.output, "it is what enrols"
    requests = len(lab.log)
    again = apply(variables, environment={"LANG": "C", "EST_NOTE": "it's"})
    assert (again.status, again.hosts("changed")) == (0, []), again.output
    assert quiet(again), again.output
    check = apply(variables, "--check", "--diff")
    assert check.hosts("changed") == []
    assert quiet(check), check.output
    assert len(lab.log) == requests
    for host in list(fleet.hosts.values())[:2]:
        sealing_key, key = (host.store / "sealing.key").read_text().strip(), (host.certificates / "own.key").read_text()
        secrets = (sealing_key, PASSWORD, *(line for line in key.splitlines() if "-----" not in line))
        assert len(secrets) > 2
        for run in (first, again, check):
            assert not any(secret in run.output for secret in secrets)


def test_on_a_terminal_nothing_is_lost(apply: Apply) -> None:
    terminal = {"ansible_ssh_extra_args": "-tt", "ansible_pipelining": False}
    assert apply().status == 0
    again = apply(terminal)
    assert (again.status, again.hosts("changed"), again.hosts("ok")) == (0, [], ["ce1", "ce2"]), again.output
    assert again.output.count(NO_LOOK) == 4, "a terminal takes no program, so each task runs its module on each host"


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
    assert STORE_MODULE in refused.output, "the error is that of the module"
    assert "cannot read the template store" in refused.output
    for host in list(fleet.hosts.values())[:2]:
        for path in (*host.folder.parents, host.folder):
            if path.is_relative_to(fleet.folder):
                path.chmod(path.stat().st_mode | 0o011)
        host.certificates.chmod(0o755)
        for path in (host.store, *host.store.iterdir(), *(host.certificates / name for name in FILES)):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    again = apply(variables, *temporary)
    assert (again.status, again.hosts("changed")) == (0, []), again.output
    assert quiet(again), again.output


def test_what_is_out_of_the_ordinary_is_the_modules(fleet: Fleet, apply: Apply) -> None:
    assert apply().status == 0
    first, second = list(fleet.hosts.values())[:2]
    (first.store / ".est.lock").touch(0o600)
    (second.store / "sealing.key").chmod(0o644)
    (second.certificates / "full.pem").unlink()
    told = apply(None, "--check")
    assert told.hosts("changed") == ["ce2"], "a lock that nobody holds is no drift"
    assert told.output.count(f"{NO_LOOK} the template store") == 1, told.output
    assert told.output.count(f"{NO_LOOK} the certificate") == 1, "the other task has seen to the lock"
    assert "sealing.key has mode 0644, not 0600" in told.output
    assert "full.pem was not there" in told.output


def test_a_host_that_is_down_is_unreachable(fleet: Fleet, apply: Apply) -> None:
    assert apply().status == 0
    fleet.close_connections()
    fleet.hosts["ce2"].stop()
    try:
        done = apply()
    finally:
        fleet.hosts["ce2"].start()
    assert (done.status, done.hosts("unreachable"), done.hosts("ok")) == (4, ["ce2"], ["ce1"]), done.output
