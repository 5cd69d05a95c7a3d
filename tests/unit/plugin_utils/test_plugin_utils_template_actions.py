# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
import yaml
from support.actions import Host, run_action

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import record_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_stored, read_template

CANARY = "canary-1f2e"
TESTS = Path(__file__).resolve().parents[2]
CISCO = {"name": "Cisco", "server": "https://est.example.com:8443", "username": "estuser", "password": CANARY}
OTHER = {"name": "Other", "server": "est.example.com"}


@pytest.fixture
def store(tmp_path):
    return tmp_path / "est"


@pytest.fixture
def host():
    return Host()


def templates(store, host, *wanted, check=False, **options):
    return run_action(
        "est_templates", {"store_path": str(store), "templates": list(wanted), **options}, host, check=check
    )


def actions(result):
    return {entry["name"]: entry["action"] for entry in result["templates"]}


# --- est_templates


def test_truth_table(store, host):
    would = templates(store, host, CISCO, OTHER, check=True)
    assert not store.exists()
    assert host.operations == ["read"]
    did = templates(store, host, CISCO, OTHER)
    assert host.operations == ["read", "read", "make_key", "write"]
    assert would == did
    assert did["changed"] is True
    assert actions(did) == {"Cisco": "created", "Other": "created"}
    results = {
        "changed",
        "templates",
        "store_path",
        "diff",
        "store_problems",
        "undeclared",
        "failed_tests",
        "unproved",
        "switched_off",
    }
    assert set(did) == {*results, "warnings"}
    (warning,) = did["warnings"]
    assert warning.startswith(
        "template 'Other' is new on this host and has neither an account nor a client certificate"
    )
    host.calls.clear()
    before = (store / "templates.json").read_bytes()
    for check in (True, False):
        again = templates(store, host, CISCO, OTHER, check=check)
        assert again["changed"] is False
        assert actions(again) == {"Cisco": "unchanged", "Other": "unchanged"}
        assert (again["diff"]["before"], again["diff"]["after"]) == ("", "")
    assert host.operations == ["read", "read"]
    assert (store / "templates.json").read_bytes() == before


def test_what_changes_is_in_the_diff_and_nothing_else(store, host):
    templates(store, host, CISCO, OTHER)
    result = templates(store, host, {**CISCO, "server": "est.example.com", "port": 443, "password": "new one"}, OTHER)
    assert result["templates"][0] == {
        "name": "Cisco",
        "action": "updated",
        "changed_fields": ["port", "password"],
        "differences": [
            {"field": "port", "want": 443, "have": 8443},
            {"field": "password", "want": "(set, different)", "have": "(set)", "secret": True},
        ],
        "summary": ["port is 8443, not 443", "password is another one"],
        "proved": False,
    }
    assert yaml.safe_load(result["diff"]["before"]) == {"templates": {"Cisco": {"port": 8443, "password": "(set)"}}}
    after = yaml.safe_load(result["diff"]["after"])
    assert after == {"templates": {"Cisco": {"port": 443, "password": "(set, different)"}}}
    assert result["diff"]["before_header"] == result["diff"]["after_header"] == f"{store}/templates.json"


def test_purge_and_undeclared(store, host):
    templates(store, host, CISCO, OTHER)
    result = templates(store, host, CISCO)
    assert (result["changed"], result["undeclared"]) == (False, ["Other"])
    result = templates(store, host, CISCO, purge=True)
    assert (actions(result), result["undeclared"]) == ({"Cisco": "unchanged", "Other": "removed"}, [])


def test_names_that_are_never_purged(store, host):
    templates(store, host, CISCO, OTHER)
    result = templates(store, host, CISCO, purge=True, purge_keep=["nobody", "OTH*"])
    assert (result["changed"], result["undeclared"]) == (False, ["Other"])


def test_rotate_key_seals_everything_anew_and_the_key_is_seen_by_nobody(store, host):
    templates(store, host, CISCO, OTHER)
    old = (store / "sealing.key").read_text().strip()
    host.calls.clear()
    host.answers.clear()
    would = templates(store, host, CISCO, rotate_key=True, check=True)
    assert (would["changed"], would["key_rotated"], host.operations) == (True, True, ["read"])
    assert (store / "sealing.key").read_text().strip() == old
    did = templates(store, host, CISCO, rotate_key=True)
    assert would == did
    assert host.operations == ["read", "read", "make_key", "write"]
    assert actions(did) == {"Cisco": "unchanged"}
    assert yaml.safe_load(did["diff"]["after"]) == {"sealing_key": "(new, everything is sealed anew)"}
    new = (store / "sealing.key").read_text().strip()
    assert new != old
    for key in (old, new):
        assert key not in json.dumps(host.answers) + json.dumps(host.calls) + json.dumps(did)
    assert read_template(str(store), "Cisco")[1] == {"password": CANARY}
    again = templates(store, host, CISCO)
    assert (again["changed"], "key_rotated" in again) == (False, False)


def test_a_rotation_that_would_lose_a_secret_fails_and_leaves_everything(store, host):
    templates(store, host, CISCO)
    (store / "sealing.key").write_text("00" * 32)
    before = (store / "templates.json").read_bytes()
    result = templates(store, host, OTHER, rotate_key=True)
    assert result["failed"] is True
    assert "password of template 'Cisco' cannot be opened, and would be lost; nothing was written" in result["msg"]
    assert (store / "templates.json").read_bytes() == before


def test_the_last_tests_come_with_the_same_round_trip(store, host):
    templates(store, host, CISCO, OTHER)
    record_test(str(store), "Cisco", {"status": "failed", "stage": "enroll"})
    content = read_stored(str(store), "Other")[0].content
    issued = {"status": "issued", "not_after": "2027-11-22T12:00:00Z", "content": content}
    record_test(str(store), "Other", issued)
    record_test(str(store), "Gone", {"status": "failed", "stage": "tls"})
    host.calls.clear()
    result = templates(store, host, CISCO, OTHER)
    assert host.operations == ["read"]
    assert (result["changed"], result["failed_tests"], result["unproved"]) == (False, ["Cisco"], ["Cisco"])
    assert [entry["proved"] for entry in result["templates"]] == [False, True]
    cisco, other = (entry["last_test"] for entry in result["templates"])
    assert (cisco["status"], cisco["stage"], other["status"], other["stage"]) == ("failed", "enroll", "issued", None)
    assert (cisco["not_after"], other["not_after"]) == (None, "2027-11-22T12:00:00Z")
    found = run_action("est_template_info", {"store_path": str(store)}, host)
    assert [entry["last_test"] for entry in found["templates"]] == [cisco, other]
    removed = templates(store, host, OTHER, purge=True)
    assert removed["failed_tests"] == []


def test_update_password_is_an_option_of_each_template(store, host):
    templates(store, host, CISCO)
    new = {**CISCO, "password": "new one"}
    assert not templates(store, host, {**new, "update_password": "on_create"})["changed"]
    assert templates(store, host, {**new, "update_password": "always"})["changed"]


def test_a_damaged_document_is_repaired_and_kept(store, host):
    templates(store, host, CISCO, OTHER)
    (store / "templates.json").write_text('{"format": ')
    would = templates(store, host, CISCO, check=True)
    did = templates(store, host, CISCO)
    kept = did.pop("kept_document")
    assert would == did
    assert actions(did) == {"Cisco": "repaired"}
    assert "templates.json is cut short" in did["store_problems"][0]
    assert Path(kept).read_text() == '{"format": '
    found = run_action("est_template_info", {"store_path": str(store)}, host)
    assert found["store"]["kept_documents"] == [kept]
    assert not templates(store, host, CISCO)["changed"]


def test_a_conflict_is_planned_again(store, host):
    templates(store, host, CISCO)

    def rival():
        host.before_write = None
        templates(store, host, OTHER)

    host.before_write = rival
    result = templates(store, host, {**CISCO, "renewal_period_days": 30})
    assert result["undeclared"] == ["Other"]
    assert [entry["fields"]["name"] for entry in json.loads((store / "templates.json").read_text())["templates"]] == [
        "Cisco",
        "Other",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 0}, "templates[1].port of template 'Cisco': 0 is not a port (allowed: 1 to 65535)"),
        ({"port": "abc"}, "templates[1].port of template 'Cisco': 'abc' is not a whole number"),
        ({"server": "http://est.example.com"}, "templates[1].server of template 'Cisco': 'http://est.example.com'"),
        ({"certificate_authority": "csico"}, "Did you mean 'cisco'?"),
        ({"update_password": "never"}, "templates[1].update_password of template 'Cisco': 'never' is not one of"),
        ({"prot": 1}, "templates[1].prot of template 'Cisco': is not an option of a template. Did you mean 'port'?"),
        ({"name": "other"}, "is the name of templates[0] too ('Other')"),
        ({"name": " "}, "templates[1].name: "),
        ({"subject": "/CN=%REPLACE%"}, "%REPLACE%"),
        ({"password": None}, "templates[1].password of template 'Cisco': is missing"),
    ],
)
def test_a_wrong_option_says_where_and_nothing_is_read(store, host, change, words):
    result = templates(store, host, OTHER, {**CISCO, **change})
    assert result["failed"] is True
    assert words in result["msg"]
    assert host.calls == []
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "missing required arguments: templates"),
        ({"templates": ["x"]}, "templates[0]: is not a dictionary of options"),
        ({"templates": {"name": "x"}}, "templates"),
        ({"templates": [], "store_path": "est"}, "store_path: 'est' is not the absolute path of a folder"),
        ({"templates": [], "purge": "perhaps"}, "'perhaps' is not a valid boolean"),
        ({"templates": [], "purge_keep": [" "]}, "purge_keep[0]: ' ' has only spaces in it"),
        ({"templates": [], "purge_keep": [""]}, "purge_keep[0]: is empty"),
        ({"templates": [], "purge_keep": ["a", 7.5]}, "purge_keep[1]: 7.5 is not a string"),
        ({"templates": [], "rotate_key": "perhaps"}, "'perhaps' is not a valid boolean"),
        ({"templates": [], "prune": True}, "Unsupported parameters for (estfleet.cloud_extender.est_templates) module"),
    ],
)
def test_wrong_arguments_of_the_module(host, arguments, words):
    result = run_action("est_templates", arguments, host)
    assert result["failed"] is True
    assert words in result["msg"]
    assert host.calls == []


# --- est_template


def test_one_template_present_and_absent(store, host):
    def one(check=False, **options):
        return run_action("est_template", {"store_path": str(store), **options}, host, check=check)

    templates(store, host, OTHER)
    would, did = one(check=True, **CISCO), one(**CISCO)
    assert would == did
    assert (did["name"], did["action"], did["changed"]) == ("Cisco", "created", True)
    assert did["summary"] == ["is not in the store"]
    assert "templates" not in did, "all of it is told once"
    assert not one(**CISCO)["changed"]
    would, did = one(check=True, name="Cisco", state="absent"), one(name="Cisco", state="absent")
    assert would == did
    assert (did["action"], did["changed"], did["changed_fields"]) == ("removed", True, [])
    again = one(name="Cisco", state="absent")
    assert (again["action"], again["changed"]) == ("unchanged", False)
    assert templates(store, host, OTHER)["changed"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"server": "est.example.com"}, "missing required arguments: name"),
        ({"name": "x"}, "server: is missing"),
        ({"name": "x" * 65, "server": "a.example"}, "has 65 characters"),
        ({"name": "x\ty", "server": "a.example"}, "control character"),
        ({"name": " ", "state": "absent"}, "name: ' ' has only spaces in it"),
        ({"name": "x", "state": "gone"}, "value of state must be one of: present, absent, got: gone"),
        ({"name": "x", "state": "absent", "port": "abc"}, "port: 'abc' is not a whole number"),
        ({"name": "x", "server": "https://a.example:1", "port": 2}, "port: 2 contradicts the port 1"),
        ({**CISCO, "subject_alternative_name": "other"}, "subject_alternative_name_other: is missing"),
        ({**CISCO, "store_path": "~/est"}, "store_path: '~/est' is not the absolute path"),
    ],
)
def test_wrong_arguments_of_one_template(host, arguments, words):
    result = run_action("est_template", arguments, host)
    assert result["failed"] is True
    assert words in result["msg"]
    assert host.calls == []
    assert CANARY not in repr(result)


# --- est_template_info


def test_info(store, host):
    def info(**options):
        return run_action("est_template_info", {"store_path": str(store), **options}, host)

    nothing = info()
    assert (nothing["templates"], nothing["store"]["exists"], nothing["changed"]) == ([], False, False)
    assert not store.exists()
    templates(store, host, CISCO, OTHER)
    found = info()
    assert [entry["name"] for entry in found["templates"]] == ["Cisco", "Other"]
    assert [entry["password_set"] for entry in found["templates"]] == [True, False]
    assert "password" not in found["templates"][0]
    assert found["templates"][0]["port"] == 8443
    assert found["store"]["folder_mode"] == "0700"
    assert found["store"]["sealing_key_usable"] is True
    assert found["store_problems"] == []
    assert [entry["name"] for entry in info(names=["CISCO"])["templates"]] == ["Cisco"]
    assert CANARY not in repr(found)


def test_info_tells_drift_and_never_a_secret_written_by_hand(store, host):
    templates(store, host, CISCO)
    data = json.loads((store / "templates.json").read_text())
    data["templates"][0]["fields"].update(password="by-hand", pin="by-hand")
    (store / "templates.json").write_text(json.dumps(data))
    (store / "templates.json").chmod(0o644)
    found = run_action("est_template_info", {"store_path": str(store)}, host)
    assert "by-hand" not in repr(found)
    assert found["templates"][0]["store_problems"] == ["template 'Cisco' was edited by hand: fields"]
    assert found["store_problems"][0] == "templates.json has mode 0644, not 0600"


def test_info_of_a_damaged_store_is_no_failure(store, host):
    store.mkdir(0o700)
    (store / "templates.json").mkdir()
    found = run_action("est_template_info", {"store_path": str(store)}, host)
    assert "failed" not in found
    assert found["store"]["damaged"] is True
    assert found["store_problems"] == ["templates.json is a folder"]
    assert found["store"]["format_version"] is None


def test_names_that_are_not_there_are_an_error_and_so_is_an_empty_list(store, host):
    def told(**options):
        result = run_action("est_template_info", {"store_path": str(store), **options}, host)
        return result["msg"] if result.get("failed") else result["templates"]

    assert told(names=["Cisco"]) == (
        f"there is no template 'Cisco' in the template store in {store}; templates there: none"
    )
    templates(store, host, CISCO, OTHER)
    assert told(names=["cisco", "nobody", "none"]) == (
        f"there is no template 'nobody', 'none' in the template store in {store}; templates there: 'Cisco', 'Other'"
    )
    assert told(names=[]) == "names: is empty (allowed: the names of templates, or leave it out for all)."
    (store / "templates.json").write_text("{")
    assert told(names=["Cisco"]) == [], "nobody knows which a damaged document had"


def test_info_names_are_checked(host):
    result = run_action("est_template_info", {"names": ["ok", "a\nb"]}, host)
    assert "control character" in result["msg"]
    assert host.calls == []


# --- what every action does


@pytest.mark.parametrize("name", ["est_template", "est_templates", "est_template_info"])
def test_a_newer_store_is_left_alone_and_fails(store, host, name):
    templates(store, host, CISCO)
    content = (store / "templates.json").read_text().replace('"format_version": 1', '"format_version": 2')
    (store / "templates.json").write_text(content)
    arguments = {"est_template": OTHER, "est_templates": {"templates": [OTHER]}, "est_template_info": {}}[name]
    result = run_action(name, {"store_path": str(store), **arguments}, host)
    assert result["failed"] is True
    assert result["msg"].startswith(f"templates.json in {store} has format version 2")
    assert (store / "templates.json").read_text() == content


def test_a_store_that_cannot_be_read_or_written_fails_with_path_and_reason(tmp_path, host):
    (tmp_path / "file").write_text("")
    result = templates(tmp_path / "file", host, CISCO)
    assert result["failed"] is True
    assert (
        result["msg"] == f"store_path {tmp_path}/file is not a folder; name a folder, or a path that does not exist yet"
    )
    assert "invocation" not in result


def test_a_failed_module_is_passed_on_truthfully_and_scrubbed(store, host):
    host.instead = {
        "failed": True,
        "msg": "MODULE FAILURE",
        "rc": 137,
        "module_stderr": f"Killed: {CANARY}",
        "warnings": ["a warning"],
    }
    result = templates(store, host, CISCO)
    assert (result["failed"], result["rc"]) == (True, 137)
    assert result["msg"] == result["reason"]
    assert result["msg"].startswith("a module of Ansible failed on the host: Killed: ")
    assert result["warnings"] == ["a warning"]
    assert result["module_stderr"].startswith("Killed: ")
    assert CANARY not in repr(result)


def test_an_unreachable_host_stays_unreachable(store, host):
    host.instead = {"unreachable": True, "msg": "no route"}
    result = templates(store, host, CISCO)
    assert (result["unreachable"], result["msg"]) == (True, "no route")


def test_facts_of_the_connection_are_passed_on(store, host):
    original = host.execute_module

    def discovering(**options):
        return {**original(**options), "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"}}

    host.execute_module = discovering
    assert templates(store, host, CISCO)["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}


def test_neither_password_nor_key_is_in_what_the_host_prints_or_stores(store, host):
    templates(store, host, CISCO)
    result = templates(store, host, {**CISCO, "renewal_period_days": 30})
    key = (store / "sealing.key").read_text().strip()
    printed = json.dumps(host.answers)
    assert re.search(r'"masked_key": "[0-9a-f]{64}"', printed)
    for secret in (CANARY, key):
        assert secret not in printed
        assert secret not in json.dumps(result)
        assert secret not in (store / "templates.json").read_text()
    assert CANARY not in json.dumps(host.calls)


def test_no_change_needs_neither_cryptography_nor_requests_and_does_not_load_the_est_client(store, host):
    templates(store, host, CISCO, OTHER)
    program = f"""
import sys
for name in ("cryptography", "requests", "urllib3"):
    sys.modules[name] = None  # importing it fails
from support.actions import run_action
wanted = {[CISCO, OTHER]!r}
result = run_action("est_templates", dict(store_path={str(store)!r}, templates=wanted))
assert result["changed"] is False, result
print([name for name in sys.modules if ".module_utils.est." in name])
result = run_action("est_templates", dict(store_path={str(store)!r}, templates=[dict(wanted[0], password="another")]))
print(result["msg"])
"""
    environment = {"PYTHONPATH": f"{TESTS.parent}/.cache/collections:{TESTS}"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    no_est_client, message = done.stdout.splitlines()
    assert no_est_client == "[]"
    assert message.startswith("the Python library cryptography (3.4.8 or newer) is needed to seal and open passwords")
