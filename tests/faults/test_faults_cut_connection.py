# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts whose sshd ends at the n-th call of a run, each host at another one; the next run needs no help."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet.host import SSHD, Host
from fleet.playbook import Run, run_playbook, write_playbook
from fleet.ssh_fleet import GROUP, Fleet
from support.actions import run_action

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template

# The calls that a run makes: read, make the key, write. One host more of each kind, which is not cut, shows that these
# are all.
CALLS = {"a change": 2, "a new sealing key": 3}
# What is done on each host, at which call it is cut, and whether before or after that.
CUTS = [
    (kind, number, when)
    for kind, calls in CALLS.items()
    for number in range(1, calls + 2)
    for when in (("before", "after") if number <= calls else ("never",))
]
NAMES = ("wifi", "vpn")
OLD, NEW = 1, 2

# Stands for ssh. It counts the calls to each host, and at the one that counts waits until the host's sshd has ended:
# before it connects, or when the module has done its work and only its answer is lost.
SSH = """#!/bin/sh
for word in "$@"; do
  [ -d "{folder}/$word" ] && here="{folder}/$word"
done
[ -n "$here" ] && [ "${{1#-O}}" = "$1" ] || exec ssh "$@"
echo >>"$here/calls"
read -r at when <"$here/cut"
[ "$(wc -l <"$here/calls")" -eq "$at" ] || exec ssh "$@"
[ "$when" = before ] || ssh "$@" >"$here/lost" 2>&1
echo >"$here/reached"
until [ -e "$here/down" ] || [ ! -d "$here" ]; do sleep 0.01; done
[ "$when" = before ] && exec ssh "$@"
echo "Connection closed by remote host." >&2
exit 255
"""


def options(port: int) -> list[dict[str, Any]]:
    server = {"server": "est.example.com", "port": port, "username": "user"}
    return [{"name": name, **server, "password": f"password {port} of {name}"} for name in NAMES]


def port(host: Host) -> int:
    """Return the port of all templates of a host, which their passwords belong to."""
    found = [read_template(str(host.store), name) for name in NAMES]
    (number,) = {fields["port"] for fields, _secrets in found}
    assert [secrets["password"] for _fields, secrets in found] == [f"password {number} of {name}" for name in NAMES]
    return int(number)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    if SSHD is None:
        pytest.skip("there is no sshd; Debian has it in openssh-server")
    with Fleet(len(CUTS)) as fleet:
        yield fleet


class Cutting:
    """Ends the sshd of each host of a fleet when its call is reached.

    :ivar ssh: the program that stands for ssh.
    """

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self._fleet, self._folder = fleet, folder
        folder.mkdir()
        self.ssh = folder / "ssh"
        self.ssh.write_text(SSH.format(folder=folder))
        self.ssh.chmod(0o700)
        for name, (_kind, number, when) in zip(fleet.hosts, CUTS):
            self._of(name).mkdir()
            (self._of(name) / "cut").write_text(f"{number} {when}\n")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _of(self, name: str) -> Path:
        return self._folder / self._fleet.hosts[name].address

    def calls(self, name: str) -> int:
        return (self._of(name) / "calls").read_text().count("\n")

    def __enter__(self) -> Cutting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            for name, host in self._fleet.hosts.items():
                if (self._of(name) / "reached").exists() and not (self._of(name) / "down").exists():
                    host.stop()
                    (self._of(name) / "down").touch()


def test_a_host_that_goes_down_at_any_call_keeps_its_templates(
    fleet: Fleet, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    for host in fleet.hosts.values():
        assert run_action("est_templates", {"store_path": str(host.store), "templates": options(OLD)})["changed"]
    plan = dict(zip(fleet.hosts, CUTS))
    rotating = [name for name, (kind, _number, _when) in plan.items() if kind == "a new sealing key"]
    work = {
        "store_path": "{{ est_integration_store_path }}",
        "templates": options(NEW),
        "rotate_key": "{{ inventory_hostname in rotating }}",
    }
    task = {"name": "Work", "estfleet.cloud_extender.est_templates": work}
    playbook = write_playbook(tmp_path, [{"hosts": GROUP, "gather_facts": False, "tasks": [task]}])

    def run(**variables: Any) -> Run:
        return run_playbook(playbook, fleet.inventory({"rotating": rotating, **variables}), folder=tmp_path)

    with Cutting(fleet, tmp_path / "cuts") as cutting:
        done = run(ansible_ssh_executable=str(cutting.ssh))
    stored = {name: port(host) for name, host in fleet.hosts.items()}
    assert "Traceback" not in done.output
    for name, (kind, number, when) in plan.items():
        ended = {word: done.recap[name][word] for word in ("changed", "unreachable", "failed")}
        if when == "never":
            assert cutting.calls(name) == CALLS[kind]
            assert ended == {"changed": 1, "unreachable": 0, "failed": 0}, done.output
            assert stored[name] == NEW
        else:
            count(f"{kind}, over ssh", f"sshd ended {when} a call")
            assert cutting.calls(name) == number
            assert ended == {"changed": 0, "unreachable": 1, "failed": 0}, done.output
            assert stored[name] == (NEW if (number, when) == (CALLS[kind], "after") else OLD), (kind, number, when)
            fleet.hosts[name].start()
    fleet.close_connections()
    again = run()
    assert again.status == 0, again.output
    for name, host in fleet.hosts.items():
        assert port(host) == NEW
        assert again.recap[name]["changed"] == (1 if name in rotating or stored[name] == OLD else 0), again.output
        assert {path.name for path in host.store.iterdir()} == {"templates.json", "sealing.key"}
