# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation shows works: the README's playbook runs, and no example of a module has a wrong option."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from support.lab import LabServer

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
COLLECTIONS = os.path.join(ROOT, ".cache", "collections")
PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
MODULES = sorted(name[:-3] for name in os.listdir(os.path.join(ROOT, "plugins", "modules")) if name.endswith(".py"))

pytestmark = pytest.mark.skipif(not os.path.exists(PLAYBOOK), reason="there is no ansible-core for this Python")


def read(*path: str) -> str:
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def changed(output: str) -> int:
    return sum(int(number) for number in re.findall(r"changed=(\d+)", output))


def test_the_playbook_of_the_readme_changes_the_first_time_only(tmp_path):
    (playbook,) = re.findall(r"```yaml\n(- name: .*?)```", read("README.md"), re.DOTALL)
    with LabServer() as lab:
        for shown, real in (
            ("est.example.com", "localhost"),
            ("port: 8443", f"port: {lab.port}"),
            ("est-ca.pem", lab.ca_path),
        ):
            assert shown in playbook
            playbook = playbook.replace(shown, real)
        (tmp_path / "playbook.yml").write_text(playbook, encoding="utf-8")
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "est_password": "estpwd",
            "est_integration_store_path": str(tmp_path / "est"),
        }
        inventory = {"cloud_extenders": {"hosts": {"ce1": variables}}}
        (tmp_path / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
        counts = []
        for _run in range(2):
            done = subprocess.run(
                [PLAYBOOK, "-i", "inventory.yml", "playbook.yml"],
                cwd=tmp_path,
                env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "ANSIBLE_HOME": str(tmp_path / "home")},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            counts.append(changed(done.stdout))
        assert counts == [1, 0], "the host, with a template and a test certificate, then nothing"
        assert len(lab.enrolments) == 1


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """The options and the examples of every module by name, as ansible-doc tells them."""
    done = subprocess.run(
        [
            f"{os.path.dirname(PLAYBOOK)}/ansible-doc",
            "--json",
            *(f"estfleet.cloud_extender.{name}" for name in MODULES),
        ],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
            "ANSIBLE_HOME": str(tmp_path_factory.mktemp("home")),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stdout)
    return {
        name.rpartition(".")[2]: (module["doc"]["options"], yaml.safe_load(module["examples"]))
        for name, module in told.items()
    }


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_have_no_wrong_option(module, documented):
    own = [task for task in documented[module][1] if f"estfleet.cloud_extender.{module}" in task]
    assert own, "a module shows how it is used"
    for task in documented[module][1]:
        for name, arguments in task.items():
            if name.startswith("estfleet.cloud_extender."):
                check_options(documented[name.rpartition(".")[2]][0], arguments or {}, name)


def check_options(options, arguments, where):
    for name, value in arguments.items():
        assert name in options, f"{where} has no option {name}"
        option = options[name]
        if "choices" in option and "{{" not in str(value):
            assert value in option["choices"], f"{where}.{name}: {value}"
        inner = option.get("suboptions")
        for entry in value if isinstance(value, list) else [value]:
            if inner and isinstance(entry, dict):
                check_options(inner, entry, f"{where}.{name}")
    for name, option in options.items():
        assert not option.get("required") or name in arguments, f"{where} lacks {name}"
