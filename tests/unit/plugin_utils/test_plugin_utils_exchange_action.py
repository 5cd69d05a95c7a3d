# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does with the result of a module on the host."""

from __future__ import annotations

import ast
import json
import os

import pytest
import yaml

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.actions import Host, run_action
from support.enrolment import template_for
from support.lab import LabServer
from support.relay_host import RelayHost

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base import host_answer

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")


# --- what a host answers is a result only as far as it is documented

MODULES = {
    "est_certificate": {"certificate_path": "/a.pem", "private_key_path": "/a.key"},
    "est_certificates": {"certificates": [{"certificate_path": "/a.pem", "private_key_path": "/a.key"}]},
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
    modules = (*MODULES, "est_certificate_info")
    documented_names = {name: shape for module in modules for name, shape in returned_of(module).items()}
    # What every result has, the two texts of a difference, and the host's time, which the action takes out.
    common = {"changed", "failed", "msg", "before", "after", "before_header", "after_header", "clock"}
    for shapes in (known := dict(host_answer._RETURNED), documented_names):
        for name in common:
            shapes.pop(name, None)
    assert known == documented_names


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


# --- exchange auto where the Python of a POSIX host lacks a library


class Bare(RelayHost, Host):
    """A POSIX host whose Python has no cryptography: our own module says so, and the relay needs none."""

    def __init__(self):
        super().__init__()
        self.names = []

    def execute_module(self, *, module_name, module_args, task_vars):
        self.names.append(module_name.rpartition(".")[2])
        if self.names[-1] in MODULES:
            told = "the Python library cryptography is not usable"
            return {"failed": True, "msg": told, "error_code": "missing_library", "reason": told, "hint": "Install it."}
        if self.names[-1] == "est_test_files":
            return {"path": "/kept"}
        return self.execute(module_name, module_args)


def options_for(lab, **more):
    inline = {**template_for(lab).as_fields(), **template_for(lab).secrets(), **more}
    return {"inline": {name: value for name, value in inline.items() if value is not None}}


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def test_auto_lets_a_host_without_the_libraries_relay(lab):
    host = Bare()
    looked = run_action("est_server_info", options_for(lab), host)
    assert (looked["exchange"], looked["trusted"]) == ("relay", True)
    assert host.names == ["est_server_info", "est_relay", "est_relay"]
    host = Bare()
    identity = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
    tested = run_action("est_test_enroll", {**options_for(lab), "identity": identity}, host, check=True)
    assert (tested["exchange"], tested["status"]) == ("relay", "not_asked")
    assert host.names == ["est_test_enroll", "est_test_files", "est_relay"]


def test_a_library_that_is_missing_is_told_where_the_host_cannot_relay_or_was_not_asked_to(lab):
    asked_for = {"proof_of_possession": "always"}
    files = MODULES["est_certificate"]
    for module, arguments in (
        ("est_server_info", {**options_for(lab), "exchange": "host"}),
        ("est_server_info", options_for(lab, **asked_for)),
        ("est_certificate", {**options_for(lab), **files}),
    ):
        host = Bare()
        result = run_action(module, arguments, host)
        assert (result["failed"], result["error_code"]) == (True, "missing_library")
        assert "est_relay" not in host.names


def test_a_production_certificate_of_a_posix_host_goes_no_other_way(lab):
    for exchange in ("relay", "controller"):
        result = run_action("est_certificate", {**options_for(lab), **MODULES["est_certificate"], "exchange": exchange})
        assert result["failed"] and "auto, host" in result["msg"]
