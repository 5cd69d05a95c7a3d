# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet of local hosts, and runs of our playbooks on it, with the oldest and the newest ansible-core."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import returned
from support.lab import PASSWORD, USERNAME, LabServer

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache" / "collections"

#: ansible-playbook of each core to test with: the suite gives them.
PLAYBOOKS: dict[str, str] = json.loads(os.environ.get("PROMISES_CORES", "{}")) or {
    "of this environment": str(Path(sys.executable).parent / "ansible-playbook")
}
_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Done:
    """What a run gave.

    :param status: the exit status.
    :param output: everything that was printed.
    """

    status: int
    output: str

    @property
    def summary(self) -> list[str]:
        """The lines of the summary of the fleet."""
        found = re.search(r'"msg": \[\n(.*?)\n    \]\n\}', self.output, re.DOTALL)
        return [json.loads(line.strip().rstrip(",")) for line in found.group(1).split("\n")] if found else []

    @property
    def text(self) -> str:
        """The summary as one text."""
        return "\n".join(self.summary)

    def changed(self) -> dict[str, int]:
        """The numbers of changed tasks by host."""
        return {
            host: int(number) for host, number in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.M)
        }


class Fleet:
    """Hosts that are this machine, each with a store of its own.

    :param folder: where all of it is kept.
    :param playbook: the ansible-playbook to run.
    """

    def __init__(self, folder: Path, playbook: str) -> None:
        self.folder = folder
        self._playbook = playbook
        self.hosts: dict[str, dict[str, Any]] = {"ce1": {}, "ce2": {}}
        self.group = "cloud_extenders"
        self.variables: dict[str, Any] = {
            "est_integration_store_path": f"{folder}/{{{{ inventory_hostname }}}}",
            "est_integration_test": {
                "identity": {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
            },
            "est_integration_report_dest": f"{folder}/report",
        }

    def run(self, playbook: str, *options: str, extra: Mapping[str, Any] | None = None, **environment: str) -> Done:
        """Run a playbook of the collection.

        :param extra: extra variables.
        :param environment: of the controller.
        """
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        groups = {self.group: {"hosts": self.hosts, "vars": self.variables}}
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"vars": local, "children": groups}}), encoding="utf-8")
        name = playbook if playbook.endswith(".yml") else f"estfleet.cloud_extender.{playbook}"
        done = subprocess.run(
            [self._playbook, name, "-i", str(inventory), *options, *(("-e", json.dumps(extra)) if extra else ())],
            cwd=self.folder,
            env={**self._environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def role_playbook(self, **variables: Any) -> str:
        """Write a playbook of a user's that gives the role variables, and return its path."""
        role = {"role": "estfleet.cloud_extender.est_integration", **variables}
        path = self.folder / "site.yml"
        path.write_text(json.dumps([{"hosts": "cloud_extenders", "gather_facts": False, "roles": [role]}]), "utf-8")
        return str(path)

    def _environment(self) -> dict[str, str]:
        settings = self.folder / "ansible.cfg"
        settings.write_text("[defaults]\n", encoding="ascii")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "EST_"))}
        return {
            **kept,
            **returned.watching(),
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_NOCOWS": "1",
            "ANSIBLE_FORKS": "10",
            "PYTHONWARNINGS": "ignore",
        }

    def report(self) -> dict[str, Any]:
        """The report of the last run."""
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return found

    def stored(self, host: str = "ce1") -> dict[str, Any]:
        """The templates on a host, by name."""
        document = json.loads((self.folder / host / "templates.json").read_text(encoding="utf-8"))
        return {entry["fields"]["name"]: entry for entry in document["templates"]}

    def written(self) -> list[str]:
        """The hosts that have a store."""
        return [name for name in self.hosts if (self.folder / name).exists()]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the newest core, and one that is marked ``each_core`` with the oldest as well.

    What a core decides is where variables come from, what is undefined, how plays and forks go on after a failure, and
    what check mode and a limit are. What the collection makes of that is the same program with every core.
    """
    if "core" in metafunc.fixturenames:
        cores = sorted(PLAYBOOKS)
        metafunc.parametrize("core", cores if metafunc.definition.get_closest_marker("each_core") else cores[-1:])


@pytest.fixture
def ansible_playbook(core: str) -> str:
    """The ansible-playbook of the core that the test is run with."""
    return PLAYBOOKS[core]


@pytest.fixture
def fleet(ansible_playbook: str, tmp_path: Path) -> Fleet:
    """A fleet on which nothing has been done yet."""
    return Fleet(tmp_path, ansible_playbook)


class Lab(LabServer):
    """A lab server that tells of the requests since it was last asked."""

    _seen = 0

    def template(self, name: str, **more: Any) -> dict[str, Any]:
        """A declared template for this server, with account and trust."""
        account = {"username": USERNAME, "password": PASSWORD}
        return {"name": name, "server": self.url, "ca_path": self.ca_path, "key_type": "ec", **account, **more}

    def news(self) -> list[dict[str, Any]]:
        """The requests for a certificate since this was asked last."""
        new = self.enrolments[self._seen :]
        self._seen += len(new)
        return new


@pytest.fixture(scope="session")
def labs() -> Iterator[dict[str, Lab]]:
    """A server that grants everything, and one that keeps only the common name, by their profiles."""
    with Lab("--profile", "full") as full, Lab("--profile", "cisco") as cisco:
        yield {"full": full, "cisco": cisco}


@pytest.fixture
def lab(labs: dict[str, Lab]) -> Lab:
    """The server that grants everything, with nothing new to tell."""
    labs["full"].news()
    return labs["full"]


@pytest.fixture
def cisco(labs: dict[str, Lab]) -> Lab:
    """The server that keeps only the common name, with nothing new to tell."""
    labs["cisco"].news()
    return labs["cisco"]
