# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every playbook of the collection, really and with --check, first and again, and accept no warning."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from ansible_test import Core
from checkout import linked_collections
from context import Context, tail
from venvs import ROOT, TOOLS

sys.path.insert(0, str(ROOT / "tests"))

from support.lab import LabProcess  # found on the path only now

# A playbook that another needs to have run comes first; one that is not named here comes last.
ORDER = ("configure", "test_enroll", "renew", "drift", "diagnostics")


def run_playbooks(context: Context, core: Core) -> None:
    """Run each playbook on two hosts that are this machine, with a lab server; each run counts as one."""
    names = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    ordered = [name for name in ORDER if name in names] + sorted(names.difference(ORDER))
    if not ordered:
        context.failed("there is no playbook to run")
        return
    venv = context.venv(f"core-{core.minor}", core.python or sys.executable)
    folder = TOOLS / "work" / context.report.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with LabProcess("--profile", "full", state=str(folder / "lab"), python=str(venv / "bin" / "python")) as lab:
        variables = [
            f"test_server={lab.url}",
            f"test_ca_path={lab.ca_path}",
            f"test_folder={folder}",
            f"est_diagnostics_dest={folder}/diagnostics",
        ]
        for name in ordered:
            if name == "renew":  # "configure" has had the certificates issued; that of one host gets lost
                (folder / "ce1" / "device.pem").unlink(missing_ok=True)
            for what, check in (("first, --check", True), ("first", False), ("again, --check", True), ("again", False)):
                _run(context, f"{name} ({what}, ansible-core {core.minor})", venv, folder, name, check, variables)


def _run(context: Context, what: str, venv: Path, folder: Path, name: str, check: bool, variables: list[str]) -> None:
    """Run one playbook once, by its fully qualified name as a user does."""
    command = [
        venv / "bin" / "python",
        ROOT / "tests" / "tools" / "no_warnings.py",
        venv / "bin" / "ansible-playbook",
        f"estfleet.cloud_extender.{name}",
        *("--inventory", ROOT / "tests" / "inventory" / "two_hosts.yml"),
        *(word for variable in variables for word in ("--extra-vars", variable)),
        *(("--check",) if check else ()),
    ]
    stores = folder / "ce1" / "store"
    before = stores.exists()
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = {
        "ANSIBLE_COLLECTIONS_PATH": str(linked_collections()),
        "ANSIBLE_NOCOWS": "1",
        # Warns of a result that is not as documented.
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callback_plugins"),
    }
    status, output = context.run(command, cwd=folder, venv=venv, env=env, home=home)
    changed = [int(number) for number in re.findall(r"^ce\d\s.* changed=(\d+)", output, re.MULTILINE)]
    if status != 0 or len(changed) != 2:
        context.failed(what, tail(output))
    elif check and stores.exists() != before:
        context.failed(f"{what}: --check made or removed {stores}", tail(output))
    elif check and what.startswith("diagnostics (first") and (folder / "diagnostics").exists():
        context.failed(f"{what}: --check made a folder", tail(output))
    elif name in ("configure", "renew") and any(changed) != what.startswith(f"{name} (first"):
        context.failed(f"{what}: changed is {changed}", tail(output))
    else:
        context.passed(what)
