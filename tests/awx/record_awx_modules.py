# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down the options of the modules of awx.awx, from the wheel of the Python package ``ansible`` that has them.

    pip download --no-deps ansible==12.0.0
    python tests/awx/record_awx_modules.py ansible-12.0.0-py3-none-any.whl

The package is too big to be installed for a few names. ``ansible.controller`` is the same collection by another name.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import yaml

MODULES = (
    "credential",
    "credential_type",
    "execution_environment",
    "inventory",
    "job_template",
    "notification_template",
    "project",
    "schedule",
    "workflow_job_template",
    "workflow_job_template_node",
)
COLLECTION = "ansible_collections/awx/awx"


def short(options: dict[str, Any]) -> dict[str, Any]:
    """Return of the documented options what decides whether a value is accepted."""
    kept = ("type", "elements", "choices", "required")
    return {name: {key: options[name][key] for key in kept if key in options[name]} for name in sorted(options)}


def record(wheel: zipfile.ZipFile) -> dict[str, Any]:
    """Return the options of all modules, and where they are from."""
    version = json.loads(wheel.read(f"{COLLECTION}/MANIFEST.json"))["collection_info"]["version"]
    modules = {}
    for name in MODULES:
        body = ast.parse(wheel.read(f"{COLLECTION}/plugins/modules/{name}.py")).body
        documentation = next(
            node.value.value
            for node in body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION"
        )
        modules[name] = short(yaml.safe_load(documentation)["options"])
    return {"source": f"awx.awx {version}", "modules": modules}


if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        recorded = record(wheel)
    lines = []
    for module, options in recorded["modules"].items():
        entries = ",\n".join(f"   {json.dumps(name)}: {json.dumps(option)}" for name, option in options.items())
        lines.append(f"  {json.dumps(module)}: {{\n{entries}\n  }}")
    text = ",\n".join(lines)
    output = Path(__file__).parent / "awx_modules.json"
    source = json.dumps(recorded["source"])
    output.write_text(f'{{\n "source": {source},\n "modules": {{\n{text}\n }}\n}}\n', encoding="utf-8")
