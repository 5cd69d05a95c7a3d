# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does with the result of a module that returns the headers of a web server."""

from __future__ import annotations

import ast
import json
import os
from types import SimpleNamespace

import pytest
import yaml

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.actions import Host, run_action

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base import host_answer

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")


class Action(ExchangeAction):
    """An action whose module says what it is told to say."""

    def __init__(self, result):
        self._task = SimpleNamespace(check_mode=True)
        self._passed_on = {"warnings": ["of before"]}
        self._result = result

    def argument_spec(self):
        return {}

    def perform(self, arguments):
        return {}

    def _execute_module(self, module_name, module_args, task_vars):
        assert not self._task.check_mode
        return dict(self._result)

    _task_vars = None


def test_no_header_of_a_server_becomes_a_fact_or_a_warning():
    named = {"ansible_facts": {"ansible_connection": "local"}, "warnings": ["buy this"], "deprecations": ["x"]}
    action = Action({"status_code": 200, "content": "", **named})
    assert action.execute_web("ansible.windows.win_uri", {}) == {"status_code": 200, "content": ""}
    assert action._passed_on == {"warnings": ["of before"]}
    assert action._task.check_mode


def test_a_posix_host_sends_requests_that_way_too():
    action = Action({"status": 200, "content": "", "ansible_facts": "of a header"})
    action._connection = SimpleNamespace(_shell=None)
    connector = action.controller_exchange("uri", lambda: None)._connector
    connector._execute("ansible.builtin.uri", {})
    assert action._passed_on == {"warnings": ["of before"]}


# --- what a host answers is a result only as far as it is documented

MODULES = {
    "est_certificate": {"certificate_path": "/a.pem", "private_key_path": "/a.key"},
    "est_test_enroll": {},
    "est_server_info": {},
}
JUNK = [5, 10**400, float("nan"), float("-inf"), True, "text\x1b[2J", [1], ["text"], [{"stage": 5}], {"x": {"y": []}}]
TYPES = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "dict": dict,
    "liststr": [str],
    "listdict": [dict],
}


def returned_of(module):
    """The names of all that a module returns, at any depth, with their types."""
    with open(os.path.join(ROOT, "plugins", "modules", f"{module}.py"), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    text = next(
        node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "RETURN"
    )
    waiting, found = list(yaml.safe_load(text).items()), {}
    while waiting:
        name, entry = waiting.pop()
        found[name] = TYPES[entry["type"] + (entry["elements"] if entry["type"] == "list" else "")]
        waiting.extend(entry.get("contains", {}).items())
    return found


def test_the_shape_of_an_answer_is_that_of_the_documentation():
    documented_names = {name: shape for module in MODULES for name, shape in returned_of(module).items()}
    # What every result has, the two texts of a difference, and the host's time, which the action takes out.
    common = {"changed", "failed", "msg", "before", "after", "before_header", "after_header", "clock"}
    assert {name: shape for name, shape in host_answer._RETURNED.items() if name not in common} == documented_names


@pytest.mark.parametrize(("module", "failed"), [*((module, False) for module in MODULES), ("est_certificate", True)])
def test_a_host_that_answers_nonsense_gets_a_sentence(module, failed):
    """Each documented key with each kind of value: it is what is documented, or the task fails with our words."""
    inline = {"name": "wifi", "server": "https://127.0.0.1:9", "ca_path": "/ca.pem", "subject": "/CN=x"}
    arguments = {"inline": inline, "exchange": "host", **MODULES[module]}
    base = (
        {"failed": True, "error_code": "no_answer", "msg": "words"}
        if failed
        else {"changed": False, "status": "issued"}
    )
    shapes = returned_of(module)
    for name in {*shapes, "clock", "rc", "unheard_of"}:
        for junk in JUNK:
            result = run_action(module, arguments, Says({**base, name: junk}))
            if result.get("error_code") == "unusable_answer":
                assert f"{module} on the host answered with " in result["msg"]
                assert "which it never does" in result["msg"]
            else:
                assert_documented(result, shapes)
            assert "unheard_of" not in result
            assert "\x1b" not in json.dumps(result, ensure_ascii=False, allow_nan=False)


def assert_documented(found, shapes):
    for key, value in found.items():
        if key in shapes and value is not None:
            assert host_answer._is(value, shapes[key]), (key, value)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                assert_documented(each, shapes)


class Says(Host):
    """A host whose modules say something else."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def execute_module(self, *, module_name, module_args, task_vars):
        return dict(self.answer)
