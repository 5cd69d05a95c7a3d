# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of extensions/awx/configuration, loaded by a play as the roles of infra.aap_configuration want them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from awx.awx_job import ROOT
from fleet.playbook import PLAYBOOK, environment, write_playbook

CONFIGURATION = ROOT / "extensions" / "awx" / "configuration"
SECRETS = {
    "est_awx_username": "estuser",
    "est_awx_password": "a password of the vault",
    "est_awx_ssh_key": "a key of the vault",
    "est_awx_eda_token": "a token of the vault",
}


def load(folder: Path, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a play that loads extensions/awx/configuration, and writes the variables to ``loaded.json`` of the folder."""
    tasks = [
        {"ansible.builtin.include_vars": {"dir": str(CONFIGURATION), "name": "loaded"}},
        {
            "ansible.builtin.copy": {
                "content": "{{ loaded | to_json }}",
                "dest": str(folder / "loaded.json"),
                "mode": "0600",
            }
        },
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": secrets, "tasks": tasks}
    return subprocess.run(
        [str(PLAYBOOK), write_playbook(folder, [play])],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
