# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A result that is not as documented is seen: by the check itself, and by the callback plugin in a run of Ansible's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import returned

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")

DOCUMENTED = {
    "name": {"type": "str", "returned": "always", "description": "The name."},
    "left": {"type": "int", "returned": "success", "description": "How much is left, or null."},
    "hint": {"type": "str", "returned": "failure", "description": "What to do next."},
    "warned": {"type": "bool", "returned": "when there was a warning", "description": "Whether there was."},
    "entries": {
        "type": "list",
        "elements": "dict",
        "returned": "success",
        "description": ["The entries."],
        "contains": {"at": {"type": "float", "description": "When."}, "kind": {"type": "str", "returned": "if known"}},
    },
}
RIGHT: dict[str, Any] = {"name": "one", "left": 1, "entries": [{"at": 1}], "changed": False, "_ansible_no_log": False}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned, "documented", lambda _module: DOCUMENTED)


@pytest.mark.parametrize(
    ("changed", "failed", "wrong"),
    [
        ({}, False, []),
        ({"left": None, "warned": True}, False, []),
        ({"more": 1}, False, ["more is not documented (in a success)"]),
        ({"left": "1"}, False, ["left is str, and is documented as int"]),
        ({"left": True}, False, ["left is bool, and is documented as int"]),
        ({"name": None}, False, ["name is NoneType, and is documented as str"]),
        ({"left": ...}, False, ["left is missing in a success"]),
        ({"hint": "Go on."}, False, ["hint is there in a success, and is documented for a failure"]),
        ({"entries": [1]}, False, ["entries has int, and is documented as a list of dict"]),
        ({"entries": [{"kind": "x"}, {}]}, False, ["entries.at is missing in a success"]),
        ({"entries": [{"at": 1.5, "by": 1}]}, False, ["entries.by is not documented (in a success)"]),
        ({"left": ..., "entries": ..., "hint": "Go on."}, True, []),
        ({"left": ..., "entries": ...}, True, ["hint is missing in a failure"]),
        (
            {"hint": "Go on.", "entries": ...},
            True,
            ["left is there in a failure, and is documented for a success"],
        ),
        ({"left": ..., "hint": "Go on."}, None, []),
    ],
)
def test_what_is_not_as_documented(
    module: None, changed: dict[str, Any], failed: bool | None, wrong: list[str]
) -> None:
    result = {key: value for key, value in {**RIGHT, **changed}.items() if value is not ...}
    assert returned.wrong_result("estfleet.cloud_extender.est_one", result, failed) == [
        f"est_one: {one}" for one in wrong
    ]


TASKS = [
    {"name": "Right", "estfleet.cloud_extender.est_one": {"say": {"name": "one"}}},
    {"name": "Wrong", "estfleet.cloud_extender.est_one": {"say": {"name": 1}}},
    {
        "name": "Failed",
        "estfleet.cloud_extender.est_one": {"say": {"failed": True, "hint": "Go on."}},
        "ignore_errors": True,
    },
    {
        "name": "Loop",
        "estfleet.cloud_extender.est_one": {"say": {"name": "one", "more": "{{ word }}"}},
        "loop": ["a", "b"],
        "loop_control": {"loop_var": "word"},
        "check_mode": True,
    },
    {"name": "Not ours", "ansible.builtin.debug": {"msg": "Hello"}},
    {"name": "Never there", "estfleet.cloud_extender.est_one": "{{ nowhere }}", "ignore_errors": True},
]


@pytest.mark.skipif(not PLAYBOOK.exists(), reason="there is no ansible-core for this Python")
@pytest.mark.parametrize("to_file", [True, False])
def test_a_run_tells_of_them(tmp_path: Path, to_file: bool) -> None:
    # A collection of this name that has one module, and a copy of what looks at it.
    collection = tmp_path / "ansible_collections" / "estfleet" / "cloud_extender"
    for folder in ("plugins/modules", "plugins/action", "tests/support/callback_plugins"):
        (collection / folder).mkdir(parents=True)
    for file in ("tests/support/returned.py", "tests/support/callback_plugins/returned.py"):
        (collection / file).write_text((returned.ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
    (collection / "plugins" / "modules" / "est_one.py").write_text(
        'RETURN = """\nname: {type: str, returned: always, description: The name.}\n"""\n', encoding="utf-8"
    )
    (collection / "plugins" / "action" / "est_one.py").write_text(
        "from ansible.plugins.action import ActionBase\n\n\nclass ActionModule(ActionBase):\n"
        "    def run(self, tmp=None, task_vars=None):\n"
        "        return {'changed': False, **self._task.args['say']}\n",
        encoding="utf-8",
    )
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": TASKS}
    (tmp_path / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    told = tmp_path / "told"
    done = subprocess.run(
        [PLAYBOOK, "-i", "localhost,", "play.json"],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if name != returned.FILE},
            **({returned.FILE: str(told)} if to_file else {}),
            "ANSIBLE_CALLBACK_PLUGINS": str(collection / "tests" / "support" / "callback_plugins"),
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "COLUMNS": "1000",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [
        "est_one: name is int, and is documented as str (task 'Wrong' on localhost)",
        "est_one: name is missing in a failure (task 'Failed' on localhost)",
        "est_one: hint is not documented (in a failure) (task 'Failed' on localhost)",
        "est_one: more is not documented (in a success) (task 'Loop' on localhost, check mode)",
    ]
    if to_file:
        assert told.read_text(encoding="utf-8").splitlines() == lines, done.stdout
    else:
        output = " ".join(done.stdout.split())  # older cores break the lines of a warning
        assert [line for line in lines if f"[WARNING]: not as documented: {line}" in output] == lines, done.stdout
