# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX gets: the files of its project, and the variables that the roles of infra.aap_configuration are given."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import yaml
from awx.awx_job import ROOT
from fleet.playbook import PLAYBOOK, environment, write_playbook

CONFIGURATION = ROOT / "extensions" / "awx" / "configuration"
SECRETS = {
    "est_awx_username": "estuser",
    "est_awx_password": "a password of the vault",
    "est_awx_ssh_key": "a key of the vault",
    "est_awx_eda_token": "a token of the vault",
}
#: The one place where the version of the collection stands.
VERSION = str(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"])

# What AWX 24.6.1 takes for the line of a playbook, and which folders it does not look into: valid_playbook_re,
# could_be_playbook and skip_directory of awx/main/utils/ansible.py.
_PLAYBOOK_LINE = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?(?:include|import_playbook)):")
_SKIPPED_FOLDERS = {"roles", "tasks", "group_vars", "host_vars"}


def project_files() -> list[str]:
    """Return the files of the repository, relative to its root: what a project of AWX has, and what is new here."""
    # The folder may belong to somebody else, as in a container.
    listed = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return sorted(name for name in done.stdout.split("\0") if name and (ROOT / name).is_file())


def playbooks_in_project() -> Iterator[str]:
    """Return the files that AWX offers as playbooks in the form of a job template."""
    for name in project_files():
        path = PurePosixPath(name)
        skipped = any(part in _SKIPPED_FOLDERS or part.startswith(".") for part in path.parts[:-1])
        if path.suffix in (".yml", ".yaml") and not skipped:
            lines = (ROOT / name).read_text(encoding="utf-8", errors="ignore").splitlines()
            encrypted = bool(lines) and lines[0].startswith("$ANSIBLE_VAULT;")
            if encrypted or any(map(_PLAYBOOK_LINE.match, lines)):
                yield name


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
