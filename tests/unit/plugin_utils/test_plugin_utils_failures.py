# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever fails in whatever module: the result has one shape."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

import yaml
from support.actions import Host, run_action

import ansible_collections.estfleet.cloud_extender.plugins.action as actions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES as EST_CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.codes import CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import UnusableAnswer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.test_files import RemoteFiles

COMMON = {"failed", "changed", "msg", "error_code", "reason", "hint"}
EXCHANGE = {
    *("status", "template", "stage", "request_received", "http_status", "username", "server_message"),
    *("exchange", "timeline"),
}
FOLDER = Path(next(iter(actions.__path__)))
# The role's own module has the failures of the others, in a run of a play.
MODULES = sorted(path.stem for path in FOLDER.glob("est_*.py") if path.stem != "est_fleet_host")
WITH_EXCHANGE = ("est_certificate", "est_server_info", "est_test_enroll")


def keys_of(module: str) -> set[str]:
    return COMMON | (EXCHANGE if module in WITH_EXCHANGE else set())


def documented(module: str) -> set[str]:
    text = (FOLDER.parent / "modules" / f"{module}.py").read_text(encoding="utf-8")
    return set(yaml.safe_load(text.partition('RETURN = r"""')[2].partition('"""')[0]))


@pytest.mark.parametrize("module", MODULES)
def test_an_option_that_does_not_exist(module):
    result = run_action(module, {"templat": "wifi"})
    assert set(result) == keys_of(module)
    assert (result["failed"], result["changed"], result["error_code"]) == (True, False, "invalid_option")
    assert "missing required arguments" in result["msg"] or "Unsupported parameters" in result["msg"]
    assert result["reason"] == result["msg"].rstrip(".") and result["hint"] is None
    assert set(result) <= documented(module) | {"failed", "changed", "msg"}


@pytest.mark.parametrize("module", WITH_EXCHANGE)
def test_an_option_of_an_exchange_that_cannot_be_used(module):
    result = run_action(module, {"inline": {"name": "wifi", "server": "a.example", "key_type": "ecc"}})
    assert set(result) == keys_of(module)
    assert (result["error_code"], result["hint"]) == ("invalid_option", "Did you mean 'ec'?")
    assert result["reason"].startswith("inline.key_type: 'ecc' is not one of the choices")
    assert result["msg"] == f"{result['reason']}. {result['hint']}"
    assert [result[key] for key in ("status", "stage", "request_received")] == ["failed", "input", "not_received"]
    assert [result[key] for key in ("template", "exchange", "timeline")] == ["wifi", None, []]


class Broken(Host):
    """Every module fails there."""

    def __init__(self, **result):
        super().__init__()
        self.result = result

    def execute_module(self, *, module_name, module_args, task_vars):
        return dict(self.result)


@pytest.mark.parametrize(
    "result", [{"failed": True, "msg": "MODULE FAILURE"}, {"unreachable": True, "msg": "no route"}]
)
@pytest.mark.parametrize("module", ["est_template_info", *WITH_EXCHANGE])
def test_a_host_that_fails(module, result):
    files = {"certificate_path": "/a.pem", "private_key_path": "/a.key"} if module == "est_certificate" else {}
    arguments = {} if module == "est_template_info" else {"template": "wifi", **files}
    found = run_action(module, arguments, Broken(**result))
    assert keys_of(module) <= set(found)
    assert found["error_code"] == ("unreachable" if "unreachable" in result else "module_failed")
    assert found["msg"] == found["reason"] == result["msg"]
    if module in WITH_EXCHANGE:
        assert (found["status"], found["stage"], found["request_received"]) == ("failed", None, "unknown")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        # ansible-core 2.19 and newer have the error of a module that died in "exception" alone.
        ({"exception": "unknown encoding: x"}, "a module of Ansible failed on the host: unknown encoding: x"),
        (
            {"exception": "Traceback (most recent call last):\n  x\nOSError: no", "msg": "MODULE FAILURE\nSee"},
            "OSError: no",
        ),
        (
            {"module_stderr": "python3: cannot open libpython\n", "msg": "MODULE FAILURE\nSee stdout/stderr"},
            "libpython",
        ),
        (
            {
                "module_stderr": "libpython3.so: no such file\n",
                "msg": "Module result deserialization failed: No start of",
            },
            "a module of Ansible failed on the host: libpython3.so: no such file",
        ),
        (
            {"module_stderr": "sh: python9: not found", "msg": "The module failed to execute correctly, you probably"},
            "sh: python9: not found",
        ),
        ({"module_stdout": "Welcome!\nThis account is closed.", "module_stderr": ""}, "This account is closed."),
        ({"msg": "its own words", "module_stderr": "noise"}, "its own words"),
        ({}, "a module of Ansible failed on the host, and said nothing"),
    ],
)
@pytest.mark.parametrize("module", ["est_template_info", "est_test_enroll", "est_server_info"])
def test_what_a_module_says_or_prints_reaches_the_user(module, result, words):
    inline = {"name": "wifi", "server": "https://127.0.0.1:9", "ca_path": "/ca.pem", "subject": "/CN=x"}
    for exchange in ("host", "relay") if module != "est_template_info" else (None,):
        arguments = {"inline": inline, "exchange": exchange} if exchange else {}
        found = run_action(module, arguments, Broken(failed=True, **result))
        if exchange == "relay" and not result:
            words = "cannot be read on the host"
        assert words in found["msg"], found["msg"]
        assert "Traceback" not in found["msg"]


def test_a_failure_of_our_own_module_on_the_host_is_passed_on():
    told = {"failed": True, "msg": "a; b", "error_code": "damaged_store", "reason": "a", "hint": None}
    result = run_action("est_template_info", {}, Broken(**told))
    assert {key: result[key] for key in told} == told
    assert result["error_code"] in {**EST_CODES, **CODES}


@pytest.mark.parametrize("wrong", ["AA!AA", "AAA", "A=AA", " AAAA"])
@pytest.mark.parametrize("key", ["masked_key", "masked_request"])
def test_a_secret_that_is_not_in_base64_is_not_taken_for_one(key, wrong):
    told = {"path": "/tests", "files": {}, "masked_key": "AAAA", "masked_request": "AAAA", key: wrong}
    files = RemoteFiles("est_test_files", lambda _name, _arguments: told, "/tests", "wifi", "test")
    with pytest.raises(UnusableAnswer, match="octets"):
        files.read_pending()
