# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of docs/bundle.md carry templates to another site, and change nothing the second time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import run_action

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import Scrypt
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


@pytest.fixture(scope="module")
def page():
    with open(os.path.join(ROOT, "docs", "bundle.md"), encoding="utf-8") as file:
        return file.read()


def test_the_playbooks_of_the_page(page, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    template = {"name": "A", "server": "a.example", "username": "u", "password": "canary-77"}
    run_action("est_templates", {"store_path": str(here), "templates": [template]})
    plays = re.findall(r"```yaml\n(- name: .*?)```", page, re.DOTALL)
    assert len(plays) == 2
    for store, play, option in zip((here, there), plays, ("        dest: ", "        src: ")):
        assert option in play
        (tmp_path / f"{store.name}.yml").write_text(play.replace(option, f"        store_path: {store}\n{option}"))
    hosts = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "est_bundle_passphrase": "correct horse battery staple",
    }
    inventory = {"cloud_extenders": {"hosts": {"ce1": hosts}}}
    (tmp_path / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
    counts = []
    for _run in range(2):
        done = subprocess.run(
            [PLAYBOOK, "-i", "inventory.yml", "here.yml", "there.yml"],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": os.path.join(ROOT, ".cache", "collections"),
                "ANSIBLE_HOME": str(tmp_path / "home"),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        counts.append([int(number) for number in re.findall(r"changed=(\d+)", done.stdout)])
    assert counts == [[1, 2], [0, 0]], "told after each playbook, counted from the first on"
    assert run_action("est_templates", {"store_path": str(there), "templates": [template]})["changed"] is False


def test_every_code_is_told(page):
    codes = {kind.code for kind in BundleError.__subclasses__()}
    table = page.partition("| `error_code` | means |")[2].partition("\n\n")[0]
    assert codes == set(re.findall(r"`(\w+)`", re.sub(r"\|[^|]*\|$", "|", table, flags=re.MULTILINE)))


def test_the_parameters_are_told(page):
    new = Scrypt.new()
    assert f"n = {new.n}, r = {new.r}, p = {new.p}" in page
    assert f"{128 * new.n * new.r // 2**20} MiB" in page
