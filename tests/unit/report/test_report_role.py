# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role passes to its action is what both document, with the same defaults."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip("ansible")

import yaml
from support.fleet_reports import entry

from ansible_collections.estfleet.cloud_extender.plugins.action import est_fleet_host
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options as test_options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import OptionError, validate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.host import (
    OPTIONS,
    cluster_of,
    combine,
    find_drift,
    read_templates,
    read_test,
    shown,
    to_test,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.run import TimeIsUp, alarm, seconds_for

ROLE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "roles", "est_integration"))
WITHOUT_DEFAULT = {
    "est_integration_templates",
    "est_integration_store_path",
    "est_integration_rotate_key_after_days",
    "est_integration_host_timeout",
    "est_integration_certificates",
    "est_integration_certificate_defaults",
    "est_integration_certificates_max_failures",
}


def load(*path):
    with open(os.path.join(ROLE, *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


@pytest.fixture(scope="module")
def documented():
    return load("meta", "argument_specs.yml")["argument_specs"]["configure"]["options"]


def test_every_variable_is_documented_and_read_by_the_action_alone(documented):
    options = {name for name in OPTIONS if name.startswith("est_integration_")}
    assert set(documented) == options
    assert set(load("defaults", "main.yml")) == options - WITHOUT_DEFAULT
    (block,) = load("tasks", "configure.yml")
    assert block["block"][0]["estfleet.cloud_extender.est_fleet_host"] is None


def test_the_defaults_are_the_documented_ones(documented):
    defaults = load("defaults", "main.yml")
    # What has no default, or another shape than Ansible checks, is read by the action itself.
    assert defaults["est_integration_test"] == documented["est_integration_test"]["default"] == {}
    assert not WITHOUT_DEFAULT & set(defaults)
    assert not any("default" in documented[name] or "default" in OPTIONS[name] for name in WITHOUT_DEFAULT)
    for name in set(documented) - WITHOUT_DEFAULT - {"est_integration_test"}:
        assert defaults[name] == documented[name]["default"] == OPTIONS[name]["default"], name
        assert documented[name].get("choices") == OPTIONS[name].get("choices"), name


def test_every_option_of_a_test_is_documented(documented):
    by_the_role = {"template", "inline", "store_path"}
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


def declared(templates, **variables):
    switches = dict.fromkeys(("purge", "purge_all", "tests_only", "certificates_only"), False)
    return read_templates({"templates": templates, "certificates": None, **switches, **variables})


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_host_with_nothing_declared_is_an_error_and_one_with_certificates_only_is_not(nothing):
    for certificates in (None, ""):
        with pytest.raises(
            OptionError, match="neither est_integration_templates nor est_integration_certificates is defined"
        ):
            declared(nothing, certificates=certificates)
    assert declared(nothing, certificates=[]) is None


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
        (
            {"user_name": "x"},
            "est_integration_test.user_name: is not an option of a test. Did you mean 'identity.user'",
        ),
        (
            {"wait_timout": 5},
            "est_integration_test.wait_timout: is not an option of a test. Did you mean 'wait_timeout'",
        ),
        ({"identity": {"user_name": "x"}}, "est_integration_test.identity.user_name: is not .* Did you mean 'user'"),
        (
            {"identity": {"variables": {"imei": 1.5}}},
            "est_integration_test.identity.variables.imei: 1.5 is not a string",
        ),
        ({"template": "x"}, "est_integration_test.template: is set by the role: use est_integration_templates"),
        ({"identity": {"domain": "nowhere"}}, "est_integration_test.identity.domain: 'nowhere' is not fully qualified"),
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
        "hint": "Look at causes; the fleet report has every template.",
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


# -- drift ---------------------------------------------------------------------------------------------------------


def applied(changed=True, undeclared=(), store_problems=(), **actions):
    entries = [
        {"name": name, "action": action, **({} if action == "unchanged" else {"summary": [f"{name} was {action}"]})}
        for name, action in actions.items()
    ]
    problems = list(store_problems)
    return {"changed": changed, "templates": entries, "undeclared": list(undeclared), "store_problems": problems}


def test_a_host_that_is_as_declared_has_no_drift():
    assert find_drift(applied(changed=False, wifi="unchanged", undeclared=["old"]), writes=True) == []


@pytest.mark.parametrize(
    ("writes", "of_templates", "of_the_store"),
    [
        (True, ["created", "updated", "repaired", "removed"], "repaired"),
        (False, ["missing", "differs", "differs", "undeclared"], "differs"),
    ],
)
def test_every_entry_of_the_drift_has_one_shape(writes, of_templates, of_the_store):
    edited = "template 'C' was edited by hand: fields"
    problems = ["templates.json has mode 0644, not 0600", edited, "sealing.key is empty"]
    result = applied(a="created", b="updated", c="repaired", d="removed", e="unchanged", store_problems=problems)
    assert find_drift(result, writes=writes) == [
        *(
            {"template": name, "action": told, "summary": [f"{name} was {entry['action']}"]}
            for name, told, entry in zip("abcd", of_templates, result["templates"])
        ),
        # What is wrong with a template is told there, whatever the case of its name.
        {"template": None, "action": of_the_store, "summary": [problems[0], problems[2]]},
    ]


def test_what_stays_wrong_with_a_template_is_not_called_repaired():
    lost = "password of template 'wifi' cannot be opened: sealing.key is lost"
    edited = "template 'old' was edited by hand: fields"
    result = applied(changed=False, wifi="unchanged", undeclared=["old"], store_problems=[lost, edited])
    assert find_drift(result, writes=True) == [
        {"template": "wifi", "action": "differs", "summary": [lost]},
        {"template": "old", "action": "undeclared", "summary": [edited]},
    ]


def variables_of(templates=None, test=None, host_timeout=None, certificates=None):
    named = {"templates": templates, "test": test, "host_timeout": host_timeout, "certificates": certificates}
    return {f"est_integration_{name}": value for name, value in named.items()}


@pytest.mark.parametrize(
    ("variables", "of_task", "seconds"),
    [
        (variables_of(), None, 600),
        (variables_of(templates=[{}, {}]), None, 840),
        (variables_of(templates=[{}, {}], test={"wait_timeout": "30"}), None, 900),
        (variables_of(templates=[{}], certificates=[{}, {}]), None, 960),
        (variables_of(templates="wrong", test="wrong", certificates="wrong"), None, 600),
        (variables_of(templates=[{}], test={"wait_timeout": "wrong"}), None, 720),
        (variables_of(), 50, 0),
        (variables_of(host_timeout=20), 50, 20),
    ],
)
def test_how_long_a_host_may_take(variables, of_task, seconds):
    assert seconds_for(variables, of_task) == seconds


def test_a_host_is_not_waited_for_without_a_bound():
    with pytest.raises(OptionError, match="est_integration_host_timeout: 0 is out of range"):
        seconds_for(variables_of(host_timeout=0), None)


def test_time_is_up_while_ansible_watches_too():
    earlier = signal.signal(signal.SIGALRM, lambda *_given: None)
    signal.alarm(100)
    try:
        with pytest.raises(TimeIsUp), alarm(1):
            signal.pause()
        assert 0 < signal.alarm(100) <= 100, "that of ansible-core goes on"
        with alarm(0):
            assert 0 < signal.alarm(100) <= 100
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)


def test_an_error_names_the_variable_and_no_module_that_users_do_not_know():
    with pytest.raises(OptionError) as error:
        validate({"est_integration_mod": "report"}, OPTIONS, est_fleet_host.ActionModule.called)
    assert str(error.value).startswith("Unsupported parameters for the role est_integration: est_integration_mod.")
    with pytest.raises(
        OptionError, match=r"^est_integration_test: value of exchange must be one of: auto, host, relay"
    ):
        read_test({"exchange": "pigeon"}, check_folder=lambda _option, path: path)
