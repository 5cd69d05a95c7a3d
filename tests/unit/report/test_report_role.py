# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role passes to its action is what both document, with the same defaults."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("ansible")

import yaml
from support.fleet_reports import entry

from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.action_base import OptionError
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.fleet_host import (
    OPTIONS,
    cluster_of,
    combine,
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
    assert set(load("defaults", "main.yml")) - OF_THE_ROLE_ALONE == options
    (block,) = load("tasks", "configure.yml")
    passed_on = block["block"][0]["maas360.cloud_extender.est_fleet_host"]
    assert set(passed_on) == set(OPTIONS)


def test_the_defaults_are_the_documented_ones(documented):
    defaults = load("defaults", "main.yml")
    for name in set(documented) - OF_THE_ROLE_ALONE - {"est_integration_templates"}:
        assert defaults[name] == documented[name]["default"] == OPTIONS[name]["default"], name
        assert documented[name].get("choices") == OPTIONS[name].get("choices"), name


def test_every_option_of_a_test_is_documented(documented):
    assert set(documented["est_integration_test"]["options"]) == set(OPTIONS["est_integration_test"]["options"])


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
        ("berlin", "elsewhere", {"name": "berlin", "writer": "elsewhere", "writes": False}),
    ],
)
def test_who_of_a_cluster_is_written(cluster, writer, found):
    assert cluster_of({"cluster": cluster, "cluster_writer": writer}, VARS) == found


@pytest.mark.parametrize("name", ["paris", "nowhere"])
def test_a_cluster_without_the_host_is_refused(name):
    with pytest.raises(OptionError, match=f"est_integration_cluster is '{name}', and the inventory has no group"):
        cluster_of({"cluster": name, "cluster_writer": ""}, VARS)


# -- tests ---------------------------------------------------------------------------------------------------------

TEMPLATES = [
    entry("same"),
    entry("failed", last_test={"status": "failed", "stage": "tls", "at": ""}),
    entry("pending", last_test={"status": "pending", "stage": None, "at": ""}),
    entry("issued", last_test={"status": "issued", "stage": None, "at": ""}),
    entry("new", "created"),
    entry("gone", "removed"),
]


@pytest.mark.parametrize(
    ("policy", "writes", "names"),
    [
        ("never", True, []),
        ("changed", True, ["failed", "pending", "new"]),
        ("changed", False, ["failed", "pending"]),
        ("always", True, ["same", "failed", "pending", "issued", "new"]),
        ("always", False, ["same", "failed", "pending", "issued"]),
    ],
)
def test_which_templates_are_tested(policy, writes, names):
    found = to_test({"test_policy": policy}, {"templates": TEMPLATES}, writes=writes, tests_only=False)
    assert list(found) == names


def test_a_template_without_a_name_cannot_be_tested():
    for templates in (["x"], [{"name": 1}], [{}]):
        with pytest.raises(OptionError, match=r"est_integration_templates\[0\] has no name"):
            to_test({"templates": templates}, {}, writes=True, tests_only=True)


def test_a_test_of_check_mode_is_no_change():
    skipped = {"changed": True, "status": "skipped"}
    assert not combine({"changed": False, "tests": [skipped]})["changed"]
    assert combine({"changed": False, "tests": [skipped, {"changed": True, "status": "issued"}]})["changed"]


def test_failed_tests_are_told_in_one_message():
    tests = [
        {"failed": True, "msg": "One."},
        {"changed": True, "diff": {"before": "a"}},
        {"failed": True, "msg": "Two."},
    ]
    found = combine({"changed": False, "diff": {"before": "b"}, "tests": tests})
    assert found["msg"] == "2 of 3 tests failed. One. Two."
    assert found["diff"] == [{"before": "b"}, {"before": "a"}]
    assert combine({"tests": [{"failed": True, "msg": "One."}]})["msg"] == "One."
