# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role est_lab_server: what it sends to a host, and the truth table {check, real} x {first, again}."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys

import pytest
from support.lab import PROGRAM

ROLE = os.path.dirname(os.path.dirname(PROGRAM))
ROOT = os.path.dirname(os.path.dirname(ROLE))
ANSIBLE_PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


def unpack(folder, wanted: dict[str, str], *flags: str) -> str:
    command = [sys.executable, os.path.join(ROLE, "files", "unpack.py"), str(folder), *flags]
    return subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True).stdout.strip()


def files(folder) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_unpack_makes_the_folder_hold_exactly_the_files(tmp_path):
    folder = tmp_path / "program"
    wanted = {"a.py": "one\n", "sub/b.py": "two \u00fc\r\n"}
    assert unpack(folder, wanted, "--check") == "changed"
    assert not folder.exists()
    assert unpack(folder, wanted) == "changed"
    assert unpack(folder, wanted) == unpack(folder, wanted, "--check") == "unchanged"
    assert (folder / "sub/b.py").read_bytes() == wanted["sub/b.py"].encode()
    (folder / "a.py").write_bytes(b"\xff")
    (folder / "old.py").write_text("")
    assert unpack(folder, wanted, "--check") == "changed"
    assert unpack(folder, wanted) == "changed"
    assert sorted(files(folder)) == ["a.py", "sub/b.py"]
    assert unpack(folder, wanted) == "unchanged"


def test_compiled_files_make_no_difference_and_none_of_an_older_program_stays(tmp_path):
    folder = tmp_path / "program"
    wanted = {"a.py": "one\n", "sub/b.py": "two\n"}
    assert unpack(folder, wanted) == "changed"
    for path in ("__pycache__/a.pyc", "sub/__pycache__/b.pyc"):
        (folder / path).parent.mkdir()
        (folder / path).write_bytes(b"compiled")
    assert unpack(folder, wanted) == "unchanged"
    assert (folder / "sub/__pycache__/b.pyc").exists()
    assert unpack(folder, {**wanted, "a.py": "two\n"}) == "changed"
    assert sorted(files(folder)) == ["a.py", "sub/b.py"]


PLAY = """
- name: Lab
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Run the lab server
      ansible.builtin.import_role:
        name: estfleet.cloud_extender.est_lab_server
      vars:
        est_lab_server_port: "{{ free_port }}"
        est_lab_server_host_names: [lab.est.test]
    - name: Tell where it is
      ansible.builtin.debug:
        msg: "{{ est_lab_server_url }} {{ est_lab_server_ca_path }} {{ est_lab_server_log_path }}"
      when: est_lab_server_state == "started"
"""


class Play:
    """Runs the role on this machine in a user's environment: nothing makes it kinder, and HOME is his own choice."""

    def __init__(self, folder, **variables) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        (folder / "play.yml").write_text(PLAY)
        (folder / "inventory").write_text("localhost ansible_connection=local\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.variables = {
            "ansible_python_interpreter": sys.executable,
            "free_port": self.port,
            "est_lab_server_password": "canary-5d07",
            **variables,
        }

    def run(self, *flags: str, **more: str) -> tuple[int, str]:
        """How many tasks changed something, and all that Ansible wrote."""
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.path.join(ROOT, ".cache", "collections"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "HOME": str(self.home),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        told = subprocess.run(
            [ANSIBLE_PLAYBOOK, "-i", "inventory", "play.yml", "-vvv", "--diff", "-e",
             json.dumps({**self.variables, **more}), *flags],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            env=environment,
            check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stdout + told.stderr
        assert "WARNING" not in told.stdout + told.stderr
        assert "DEPRECATION" not in told.stdout + told.stderr
        assert "canary-5d07" not in told.stdout
        return int(re.search(r"changed=(\d+)", told.stdout).group(1)), told.stdout

    def changes(self, *flags: str, **more: str) -> int:
        """How many tasks changed something."""
        return self.run(*flags, **more)[0]

    def listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


WITH_ANSIBLE = pytest.mark.skipif(
    not os.path.exists(ANSIBLE_PLAYBOOK), reason="ansible-core is not installed in this environment"
)


@WITH_ANSIBLE
def test_truth_table(tmp_path):
    play = Play(
        tmp_path,
        est_lab_server_labels=["ours", "theirs"],
        est_lab_server_arguments=["--intermediate"],
    )
    folder = play.home / ".est_lab_server"
    try:
        assert play.changes("--check") > 0
        assert not folder.exists()
        assert play.changes() > 0
        assert play.listening()
        compiled = [name for name in files(folder / "est_lab_server") if "__pycache__" in name]
        assert compiled, "a user's Python writes them"
        program = {name for name in files(folder / "est_lab_server") if name not in compiled}
        source = os.path.join(ROLE, "files", "est_lab_server")
        assert program == {
            os.path.relpath(os.path.join(parent, name), source)
            for parent, _unused, names in os.walk(source)
            for name in names
            if name.endswith(".py")
        }
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        changed, told = play.run()
        assert changed == play.changes("--check") == 0
        assert f"https://lab.est.test:{play.port} {folder}/state/ca.pem {folder}/requests.jsonl" in told
    finally:
        # stops it first: the two tasks are the ones of `stopped` and one more
        assert play.changes(est_lab_server_state="absent") == 2
    assert not play.listening()
    assert not folder.exists()
