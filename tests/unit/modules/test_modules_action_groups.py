# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action groups: a default of a group counts for every module in it, and not in the role."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.estfleet.cloud_extender.plugins.doc_fragments.exchange_options import ModuleDocFragment

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
COLLECTION = "estfleet.cloud_extender"
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
#: Of each option that the modules of the group ``exchange`` share, a value that is right and one that is not.
SHARED = {
    "store_path": (None, "relative"),
    "exchange": ("host", "pigeon"),
    "connect_timeout": (7, 0),
    "timeout": (8, 0),
    "max_response_size": (4096, 1),
    "http_authentication": ("basic", "ntlm"),
    "allow_redirects_to": (["est2.example.com"], ["http://est2.example.com"]),
    "busy_timeout": (1, -1),
}


def documentation(module: str) -> dict:
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text())
    (text,) = [
        node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION"
    ]
    return yaml.safe_load(text)


def test_the_groups_have_every_module_that_they_are_for_and_each_says_so():
    fragments = {
        path.stem: documentation(path.stem)["extends_documentation_fragment"]
        for path in (ROOT / "plugins" / "modules").glob("est_*.py")
        if "extends_documentation_fragment" in documentation(path.stem)
    }
    in_exchange = {name for name, used in fragments.items() if f"{COLLECTION}.attributes.actiongroup_exchange" in used}
    in_store = {name for name, used in fragments.items() if f"{COLLECTION}.attributes.actiongroup_store" in used}
    assert in_exchange == set(GROUPS["exchange"])
    assert in_exchange | in_store == set(GROUPS["store"])
    assert in_exchange == {name for name, used in fragments.items() if f"{COLLECTION}.exchange_options" in used}
    assert set(SHARED) == set(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])


@pytest.mark.skipif(not os.path.exists(PLAYBOOK), reason="there is no ansible-core for this Python")
def test_a_default_of_a_group_counts_for_every_module_in_it_and_not_in_the_role(tmp_path):
    store = str(tmp_path / "store")
    template = {
        "name": "wifi",
        "server": "localhost",
        "port": 9,
        "subject": "/CN=host.example.com",
        "use_system_trust": True,
    }
    asked = {
        "est_templates": {"templates": [template]},
        "est_template": template,
        "est_template_info": {"names": ["wifi"]},
        "est_template_export": {"dest": f"{tmp_path}/bundle", "include_secrets": False},
        "est_template_import": {"src": f"{tmp_path}/bundle"},
        "est_diagnostics": {"dest": f"{tmp_path}/diagnostics"},
        "est_test_enroll": {"template": "wifi"},
        "est_certificate": {
            "template": "wifi",
            "certificate_path": f"{tmp_path}/host.pem",
            "private_key_path": f"{tmp_path}/host.key",
        },
        "est_certificates": {
            "certificates": [
                {
                    "template": "wifi",
                    "certificate_path": f"{tmp_path}/host.pem",
                    "private_key_path": f"{tmp_path}/host.key",
                }
            ]
        },
        "est_server_info": {"template": "wifi"},
    }
    assert set(asked) == set(GROUPS["store"])

    def block(group, defaults, number=0, only=None):
        names = [name for name in asked if name in GROUPS[group] and only in (None, name)]
        return {
            "module_defaults": {f"group/{COLLECTION}.{group}": defaults},
            "block": [
                {f"{COLLECTION}.{name}": asked[name], "register": f"{name}_{number}", "ignore_errors": True}
                for name in names
            ],
        }

    right = {option: value for option, (value, _wrong) in SHARED.items()}
    # That a module is in the group, the right values tell; that an option comes through, one module does.
    takes = dict(zip(SHARED, itertools.cycle(sorted(GROUPS["exchange"]))))
    blocks = [
        block("store", {"store_path": store}),
        block("exchange", {**right, "store_path": store}, 1),
        *(block("exchange", {option: wrong}, option, takes[option]) for option, (_right, wrong) in SHARED.items()),
    ]
    registered = [task["register"] for each in blocks for task in each["block"]]
    results = "{{ {" + ", ".join(f"'{name}': {name}" for name in registered) + "} | to_json }}"
    role = {
        "module_defaults": {f"group/{COLLECTION}.store": {"store_path": "relative"}},
        "vars": {"est_integration_store_path": f"{tmp_path}/role", "est_integration_templates": [template]},
        "block": [{"ansible.builtin.include_role": {"name": f"{COLLECTION}.est_integration"}}],
    }
    keep = {"ansible.builtin.copy": {"dest": f"{tmp_path}/results.json", "content": results, "mode": "0600"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [*blocks, keep, role]}
    (tmp_path / "playbook.json").write_text(json.dumps([play]))
    done = subprocess.run(
        [PLAYBOOK, "playbook.json", "-e", f"ansible_python_interpreter={sys.executable}"],
        cwd=tmp_path,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "role" / "templates.json").exists()
    found = json.loads((tmp_path / "results.json").read_text())
    for name in asked:
        result = found[f"{name}_0"]
        if name in GROUPS["exchange"]:
            for one in (result, found[f"{name}_1"]):
                (told,) = one.get("certificates", [one])
                assert (told["template"], told["stage"]) == ("wifi", "connect"), one
        else:
            assert store in json.dumps(result.get("store_path") or result["summary"]), result
    for option, name in takes.items():
        assert option in found[f"{name}_{option}"]["msg"], (name, option)
