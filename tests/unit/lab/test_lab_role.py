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


def files(folder) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


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


PLAY = """
- name: Lab
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Run the lab server
      ansible.builtin.import_role:
        name: estfleet.cloud_extender.est_lab_server
    - name: Tell where it is
      ansible.builtin.debug:
        msg: "{{ est_lab_server_url }} {{ est_lab_server_ca_path }}"
"""


@pytest.mark.skipif(not os.path.exists(ANSIBLE_PLAYBOOK), reason="ansible-core is not installed in this environment")
def test_truth_table(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "inventory").write_text("localhost ansible_connection=local\n")
    folder = tmp_path / "lab"
    variables = {
        "ansible_python_interpreter": sys.executable,
        "est_lab_server_path": str(folder),
        "est_lab_server_port": port,
        "est_lab_server_password": "canary-5d07",
        "est_lab_server_host_names": ["lab.est.test"],
        "est_lab_server_labels": ["ours", "theirs"],
        "est_lab_server_arguments": ["--intermediate"],
    }
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": os.path.join(ROOT, ".cache", "collections"),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }

    def play(*flags: str, **more: str) -> int:
        overridden = json.dumps({**variables, **more})
        told = subprocess.run(
            [ANSIBLE_PLAYBOOK, "-i", "inventory", "play.yml", "-vvv", "--diff", "-e", overridden, *flags],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        assert "WARNING" not in told.stdout + told.stderr
        assert "DEPRECATION" not in told.stdout + told.stderr
        assert "canary-5d07" not in told.stdout
        assert f"https://lab.est.test:{port} {folder}/state/ca.pem" in told.stdout
        return int(re.search(r"changed=(\d+)", told.stdout).group(1))

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        assert play("--check") > 0
        assert not folder.exists()
        assert play() > 0
        assert listening()
        program = {name: text for name, text in files(folder / "est_lab_server").items() if "__pycache__" not in name}
        source = os.path.join(ROLE, "files", "est_lab_server")
        assert set(program) == {
            os.path.relpath(os.path.join(parent, name), source)
            for parent, _unused, names in os.walk(source)
            for name in names
            if name.endswith(".py")
        }
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        assert play() == play("--check") == 0
    finally:
        # stops it first: the two tasks are the ones of `stopped` and one more
        assert play(est_lab_server_state="absent") == 2
    assert not listening()
    assert not folder.exists()
