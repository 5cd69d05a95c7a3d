# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integration targets on a Windows host: the same tasks, which look at files through the modules of Windows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TARGETS = Path(__file__).parents[1] / "integration" / "targets"

#: The task files that make sense on both: others change files by commands of POSIX, or start a playbook of their own.
#: Bundles cost seconds each; the truth table of test_windows_playbook.py carries them from each host to the other.
FILES = {
    "est_template": ("present", "absent", "bad_input"),
    "est_templates": ("idempotence", "change", "purge", "purge_keep", "passwords", "bad_input"),
    "est_template_info": ("nothing", "templates"),
}


def adapted(target: str, name: str) -> list[dict[str, Any]]:
    """Return the tasks of a file of a target as they are for a Windows host."""
    tasks = yaml.safe_load((TARGETS / target / "tasks" / f"{name}.yml").read_text(encoding="utf-8"))
    looked_at: set[str] = set()
    return list(_adapted(tasks, looked_at))


def _adapted(tasks: list[dict[str, Any]], looked_at: set[str]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        if "ansible.builtin.stat" in task:
            task["ansible.windows.win_stat"] = task.pop("ansible.builtin.stat")
            looked_at.add(task["register"])
        if "ansible.builtin.assert" in task:
            wanted = task["ansible.builtin.assert"]["that"]
            task["ansible.builtin.assert"]["that"] = [_claim(claim, looked_at) for claim in wanted]
        yield task


def _claim(claim: str, looked_at: set[str]) -> str:
    """Return a claim of an assertion as it is on Windows, where a file has no mode, and its times have other names."""
    if any(f"{name}." in claim for name in looked_at):
        claim = claim.replace("stat.mtime", "stat.lastwritetime")
        return "true" if "stat.mode" in claim else claim
    return "true" if "_mode ==" in claim else claim


def play(target: str, folder: Path) -> dict[str, Any]:
    """Return a play that runs the files of a target on all hosts, and write what is for Windows into a folder.

    The inventory gives each host ``target_folder``, in the spelling of its platform, and ``is_windows``.
    """
    for name in FILES[target]:
        (folder / f"{name}.yml").write_text(json.dumps(adapted(target, name)), encoding="utf-8")
    defaults = TARGETS / target / "defaults" / "main.yml"
    # What a result tells has backslashes.
    path = "{{ (target_folder ~ '/est') | replace('/', is_windows | ternary(backslash, '/')) }}"
    stores = {f"{target}_folder": {"path": "{{ target_folder }}"}, f"{target}_store": path}
    originals = TARGETS / target / "tasks"
    tasks = [
        {"ansible.builtin.include_tasks": f"{{{{ is_windows | ternary('{folder}', '{originals}') }}}}/{name}.yml"}
        for name in FILES[target]
    ]
    return {
        "hosts": "all",
        "gather_facts": False,
        "vars_files": [str(defaults)] if defaults.exists() else [],
        # As a variable, because versions of ansible-core differ in how they read one in an expression.
        "vars": {"backslash": "\\", **stores},
        "module_defaults": {"group/estfleet.cloud_extender.store": {"store_path": f"{{{{ {target}_store }}}}"}},
        "tasks": tasks,
    }
