# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import Host, run_action
from support.templates import pem

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import from_environment

CANARY = "canary-1f2e"
PAIR = {"username": "awx", "password": CANARY}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("EST_USERNAME", "EST_PASSWORD", "EST_CA_CERTIFICATE"):
        monkeypatch.delenv(name, raising=False)

    def set_to(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


@pytest.fixture
def credential(environment):
    environment(EST_USERNAME="awx", EST_PASSWORD=CANARY, EST_CA_CERTIFICATE=pem())


@pytest.mark.parametrize(
    ("options", "added"),
    [
        ({}, {**PAIR, "ca_certificate": pem()}),
        ({"username": None, "password": None, "ca_path": None}, {**PAIR, "ca_certificate": pem()}),
        ({"username": "mine"}, {"ca_certificate": pem()}),
        ({"username": ""}, {"ca_certificate": pem()}),
        ({"password": "mine"}, {"ca_certificate": pem()}),
        ({"client_certificate_path": "/etc/c.pem"}, {"ca_certificate": pem()}),
        ({"client_key_path": "/etc/c.key"}, {"ca_certificate": pem()}),
        ({"ca_certificate": "mine"}, PAIR),
        ({"ca_path": "/etc/ca.pem"}, PAIR),
        ({"ca_fingerprint": "00"}, PAIR),
        ({"use_system_trust": True}, PAIR),
        ({"use_system_trust": "yes"}, PAIR),
        ({"use_system_trust": "no"}, {**PAIR, "ca_certificate": pem()}),
        ({"use_system_trust": ["wrong"]}, {**PAIR, "ca_certificate": pem()}),
        ({"username": "mine", "ca_path": "/etc/ca.pem"}, {}),
    ],
)
def test_it_counts_only_where_the_template_says_nothing(credential, options, added):
    assert from_environment(options) == added


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"EST_USERNAME": "awx"},
        {"EST_PASSWORD": CANARY},
        {"EST_USERNAME": "", "EST_PASSWORD": CANARY},
        {"EST_USERNAME": "awx", "EST_PASSWORD": ""},
        {"EST_CA_CERTIFICATE": ""},
    ],
)
def test_half_a_pair_and_what_is_empty_do_not_count(environment, variables):
    environment(**variables)
    assert from_environment({}) == {}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"EST_USERNAME": "a:b", "EST_PASSWORD": CANARY},
            "EST_USERNAME in the environment of the controller: 'a:b' has a colon in it",
        ),
        (
            {"EST_USERNAME": "a", "EST_PASSWORD": f"{CANARY}\n"},
            "EST_PASSWORD in the environment of the controller: has a line end in it",
        ),
        (
            {"EST_USERNAME": "a", "EST_PASSWORD": f"{CANARY}\udcff"},
            "EST_PASSWORD in the environment of the controller: has a control character",
        ),
        (
            {"EST_CA_CERTIFICATE": "/etc/ca.pem"},
            "EST_CA_CERTIFICATE in the environment of the controller: '/etc/ca.pem' is a path",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_nothing_is_read(environment, tmp_path, variables, words):
    environment(**variables)
    host = Host()
    arguments = {"store_path": str(tmp_path / "est"), "name": "A", "server": "a.example"}
    for name, given in (
        ("est_template", arguments),
        ("est_templates", {"store_path": str(tmp_path / "est"), "templates": [{"name": "A", "server": "a.example"}]}),
    ):
        result = run_action(name, given, host)
        assert result["failed"] is True
        assert words in result["msg"]
        assert CANARY not in repr(result)
    assert host.calls == []


def test_templates_get_it_and_their_results_do_not_show_it(credential, tmp_path):
    store, host = str(tmp_path / "est"), Host()
    wanted = [{"name": "A", "server": "a.example"}, {"name": "B", "server": "a.example", "use_system_trust": True}]
    for check in (True, False):
        result = run_action("est_templates", {"store_path": store, "templates": wanted}, host, check=check)
        assert [entry["action"] for entry in result["templates"]] == ["created", "created"]
        assert CANARY not in json.dumps(result)
    for name, certificate in (("A", pem()), ("B", None)):
        fields, secrets = read_template(store, name)
        assert (fields["username"], secrets) == ("awx", {"password": CANARY})
        assert fields["ca_certificate"] == certificate
    assert not run_action("est_templates", {"store_path": store, "templates": wanted}, host)["changed"]
    result = run_action("est_template", {"store_path": store, **wanted[0]}, host)
    assert (result["changed"], result["action"]) == (False, "unchanged")
    removed = run_action("est_template", {"store_path": store, "name": "A", "state": "absent"}, host)
    assert removed["action"] == "removed"


def test_a_result_that_a_host_makes_up_is_scrubbed_of_it(credential, tmp_path):
    host = Host()
    host.instead = {"failed": True, "msg": f"boom {CANARY}"}
    result = run_action(
        "est_templates", {"store_path": str(tmp_path), "templates": [{"name": "A", "server": "a.example"}]}, host
    )
    assert result["failed"] is True
    assert CANARY not in repr(result)


def test_what_is_no_dictionary_is_told_as_ever(credential):
    result = run_action("est_templates", {"templates": ["x"]})
    assert "templates[0]: is not a dictionary of options" in result["msg"]


class Recorder(Host):
    """Stands for a host that runs what it is told, and says nothing."""

    def execute_module(self, *, module_name, module_args, task_vars):
        self.calls.append((module_name.rpartition(".")[2], json.loads(json.dumps(module_args))))
        return {"changed": False, "told": module_args}


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        ({"inline": {"name": "A", "server": "a.example"}}, True),
        (
            {
                "inline": {
                    "name": "A",
                    "server": "a.example",
                    "username": "mine",
                    "password": "mine",
                    "use_system_trust": True,
                }
            },
            False,
        ),
        ({"template": "A"}, False),
    ],
)
def test_a_look_at_a_server_that_is_given_uses_it(credential, arguments, counts):
    host = Recorder()
    result = run_action("est_server_info", arguments, host)
    ((module, given),) = host.calls
    assert module == "est_server_info"
    inline = given.get("inline") or {}
    assert (inline.get("username") == "awx") is counts
    assert (inline.get("password") == CANARY) is counts
    assert (inline.get("ca_certificate") == pem()) is counts
    assert CANARY not in json.dumps(result)


@pytest.mark.parametrize("inline", [True, False])
def test_a_test_of_an_inline_template_uses_it(credential, inline):
    host = Recorder()
    arguments = {"inline": {"name": "A", "server": "a.example"}} if inline else {"template": "A"}
    result = run_action("est_test_enroll", arguments, host)
    ((module, given),) = host.calls
    assert module == "est_test_enroll"
    if inline:
        assert (given["inline"]["username"], given["inline"]["password"]) == ("awx", CANARY)
    else:
        assert given.get("inline") is None
    assert CANARY not in json.dumps(result)
