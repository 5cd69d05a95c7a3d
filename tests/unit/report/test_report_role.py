# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role passes to its action is what both document, with the same defaults."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("ansible")

import yaml
from support.fleet_reports import entry

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options as test_options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import OptionError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.host import (
    OPTIONS,
    cluster_of,
    combine,
    read_templates,
    read_test,
    shown,
    to_test,
)

ROLE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "roles", "est_integration"))
OF_THE_ROLE_ALONE = {"est_integration_timeout", "est_integration_tests_only"}


def load(*path):
    with open(os.path.join(ROLE, *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


@pytest.fixture(scope="module")
def documented():
    return load("meta", "argument_specs.yml")["argument_specs"]["configure"]["options"]


def test_every_variable_is_documented_and_passed_on(documented):
    options = {name for name in OPTIONS if name.startswith("est_integration_")}
    assert set(documented) - OF_THE_ROLE_ALONE == options
    assert set(load("defaults", "main.yml")) - OF_THE_ROLE_ALONE == options - {"est_integration_templates"}
    (block,) = load("tasks", "configure.yml")
    passed_on = block["block"][0]["estfleet.cloud_extender.est_fleet_host"]
    assert set(passed_on) == set(OPTIONS)


def test_the_defaults_are_the_documented_ones(documented):
    defaults = load("defaults", "main.yml")
    # What has no default, or another shape than Ansible checks, is read by the action itself.
    assert defaults["est_integration_test"] == documented["est_integration_test"]["default"] == {}
    assert "est_integration_templates" not in defaults
    for name in set(documented) - OF_THE_ROLE_ALONE - {"est_integration_templates", "est_integration_test"}:
        assert defaults[name] == documented[name]["default"] == OPTIONS[name]["default"], name
        assert documented[name].get("choices") == OPTIONS[name].get("choices"), name


def test_every_option_of_a_test_is_documented(documented):
    by_the_role = {"template", "inline", "store_path", "exchange"}
    assert set(documented["est_integration_test"]["options"]) == set(test_options.argument_spec()) - by_the_role


def test_main_is_not_checked_twice():
    assert "main" not in load("meta", "argument_specs.yml")["argument_specs"]


# -- clusters ------------------------------------------------------------------------------------------------------

VARS = {"inventory_hostname": "b", "groups": {"berlin": ["a", "b"], "paris": ["p"]}}


@pytest.mark.parametrize(
    ("cluster", "writer", "found"),
    [
        ("", "", None),
        ("berlin", "", {"name": "berlin", "writer": "a", "writes": False}),
        ("berlin", "b", {"name": "berlin", "writer": "b", "writes": True}),
    ],
)
def test_who_of_a_cluster_is_written(cluster, writer, found):
    assert cluster_of({"cluster": cluster, "cluster_writer": writer}, VARS) == found


@pytest.mark.parametrize("name", ["paris", "nowhere"])
def test_a_cluster_without_the_host_is_refused(name):
    with pytest.raises(OptionError, match=f"est_integration_cluster is '{name}', and the inventory has no group"):
        cluster_of({"cluster": name, "cluster_writer": ""}, VARS)


@pytest.mark.parametrize("job", [{"awx_job_id": 7}, {"tower_job_id": 7}])
def test_a_job_of_awx_needs_the_writer_of_a_cluster(job):
    with pytest.raises(OptionError, match="a job of AWX can be a slice"):
        cluster_of({"cluster": "berlin", "cluster_writer": ""}, {**VARS, **job})
    assert cluster_of({"cluster": "berlin", "cluster_writer": "b"}, {**VARS, **job})["writes"]
    assert cluster_of({"cluster": "", "cluster_writer": ""}, {**VARS, **job}) is None
    # A slice need not have the writer.
    assert not cluster_of({"cluster": "berlin", "cluster_writer": "elsewhere"}, {**VARS, **job})["writes"]


def test_a_writer_that_is_not_in_the_cluster_would_never_write():
    with pytest.raises(OptionError, match="'elsewhere', and the group 'berlin' has no such host"):
        cluster_of({"cluster": "berlin", "cluster_writer": "elsewhere"}, VARS)


@pytest.mark.parametrize("theirs", ["a", ""])
def test_hosts_of_a_cluster_agree_on_who_is_written(theirs):
    of_a = {"est_integration_cluster": "berlin", "est_integration_cluster_writer": theirs}
    variables = {**VARS, "hostvars": {"a": of_a}}
    with pytest.raises(OptionError, match=r"is 'b' here and '.?' for a of the same cluster 'berlin'"):
        cluster_of({"cluster": "berlin", "cluster_writer": "b"}, variables)
    of_another = {**of_a, "est_integration_cluster": "paris"}
    assert cluster_of({"cluster": "berlin", "cluster_writer": "b"}, {**VARS, "hostvars": {"a": of_another}})["writes"]


# -- what is declared ----------------------------------------------------------------------------------------------


def declared(templates, task_vars=None, **variables):
    asked = {"templates": templates, "purge": False, "purge_all": False, "tests_only": False, **variables}
    return read_templates(asked, task_vars or {})


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_host_with_nothing_declared_is_an_error_and_one_with_certificates_only_is_not(nothing):
    for certificates in ({}, {"est_certificates": None}):
        with pytest.raises(OptionError, match="neither est_integration_templates nor est_certificates is defined"):
            declared(nothing, certificates)
    assert declared(nothing, {"est_certificates": []}) is None


@pytest.mark.parametrize("wrong", ["wifi", {"name": "wifi"}, 7, True])
def test_what_is_no_list_of_templates_is_told(wrong):
    with pytest.raises(OptionError, match="has to be a list of templates"):
        declared(wrong)


def test_an_empty_list_purges_only_with_a_consent_of_its_own():
    assert declared([]) == []
    with pytest.raises(TemplateError, match="est_integration_purge would remove every template of the host"):
        declared([], purge=True)
    assert declared([], purge=True, purge_all=True) == []
    assert declared([], purge=True, tests_only=True) == []


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({"usr_name": "x"}, "est_integration_test.usr_name: is not an option of a test. Did you mean 'user_name'"),
        ({"template": "x"}, "est_integration_test.template: is set by the role: use est_integration_templates"),
        ({"domain": "nowhere"}, "est_integration_test.domain: 'nowhere' is not fully qualified"),
        ({"on_lost": "panic"}, "est_integration_test.*on_lost"),
        ({"timeout": "soon"}, "est_integration_test.timeout: 'soon' is not a whole number"),
        (["x"], "est_integration_test is not a dictionary"),
    ],
)
def test_wrong_options_of_a_test_are_told_before_anything_is_written(test, words):
    with pytest.raises((OptionError, TemplateError), match=words):
        read_test(test, check_folder=lambda _option, path: path)


# -- tests ---------------------------------------------------------------------------------------------------------

TEMPLATES = [
    entry("same", proved=True),
    entry("failed", last_test={"status": "failed", "stage": "tls", "at": ""}, proved=False),
    entry("never tested", proved=False),
    entry("issued", last_test={"status": "issued", "stage": None, "at": ""}, proved=True),
    entry("off"),
    entry("new", "created", proved=False),
    entry("gone", "removed"),
]


@pytest.mark.parametrize(
    ("policy", "writes", "names"),
    [
        ("never", True, []),
        ("changed", True, ["failed", "never tested", "new"]),
        ("changed", False, ["failed", "never tested"]),
        ("always", True, ["same", "failed", "never tested", "issued", "new"]),
        ("always", False, ["same", "failed", "never tested", "issued"]),
    ],
)
def test_which_templates_are_tested(policy, writes, names):
    assert to_test(policy, {"templates": TEMPLATES}, ["off"], writes=writes) == names


def test_a_test_of_check_mode_is_no_change():
    skipped = {"changed": True, "status": "not_asked"}
    assert not combine({"changed": False, "tests": [skipped]})["changed"]
    assert combine({"changed": False, "tests": [skipped, {"changed": True, "status": "issued"}]})["changed"]


FAILED = {"template": "a", "failed": True, "stage": "enroll", "reason": "no", "http_status": 401, "account": "x"}
NOT_TRIED = {**FAILED, "template": "b", "status": "not_tried", "reason": "refused before"}


def test_the_result_of_a_failed_host_has_an_entry_for_each_cause_and_not_for_each_test():
    issued = {"template": "c", "changed": True, "status": "issued", "diff": {"before": "a"}}
    found = combine({"changed": False, "diff": {"before": "b"}, "tests": [FAILED, issued, NOT_TRIED]})
    assert found["diff"] == [{"before": "b"}, {"before": "a"}]
    told = shown(found, host_record("h", state="failed", result=found), writes=True)
    assert told == {
        "changed": True,
        "failed": True,
        "msg": "1 failed, 1 not tried of 3 tests: see causes",
        "error_code": "tests_failed",
        "reason": "1 failed, 1 not tried of 3 tests",
        "hint": "Look at causes, which has an entry for each; the fleet report tells it of every template.",
        "causes": ["templates 'a', 'b' (1 failed, 1 not tried): x, stage enroll: no"],
    }


def test_where_nothing_is_written_nothing_is_called_created():
    actions = ("created", "updated", "repaired", "removed", "unchanged")
    result = {"changed": False, "tests": [], "templates": [entry(name, name) for name in actions]}
    told = shown(result, {}, writes=False)
    assert [each["action"] for each in told["templates"]] == [
        "missing",
        "differs",
        "differs",
        "undeclared",
        "unchanged",
    ]
    assert [each["action"] for each in shown(result, {}, writes=True)["templates"]] == list(actions)
