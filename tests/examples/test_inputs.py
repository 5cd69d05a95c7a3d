# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may write in more than one way, through a playbook: inputs.yml says what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examples.stage import run_ansible, warnings_in
from examples.test_examples import PLAYBOOKS
from support.lab import LabServer

HERE = Path(__file__).parent


@pytest.mark.parametrize("core", sorted(PLAYBOOKS))
def test_what_can_only_mean_one_thing_is_taken(core: str, tmp_path: Path) -> None:
    with LabServer("--profile", "full", state=str(tmp_path / "lab")) as lab:
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "est_integration_store_path": str(tmp_path / "est"),
            "lab_url": lab.url,
            "lab_ca": lab.ca_path,
        }
        inventory = {"all": {"hosts": {"ce1": variables}}}
        (tmp_path / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        status, output = run_ansible(PLAYBOOKS[core], tmp_path, str(HERE / "inputs.yml"))
    assert status == 0, output
    assert warnings_in(output) == [], output
