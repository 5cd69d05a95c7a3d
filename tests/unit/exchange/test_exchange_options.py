# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of est_test_enroll with a wrong value, through the action, as a user meets it."""

from __future__ import annotations

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.actions import Host, run_action

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    argument_spec,
    read_options,
)

INLINE = {"name": "wifi", "server": "localhost", "use_system_trust": True}

# arguments | what the message must name: option, value, what is allowed
WRONG = [
    ({}, ["template and inline", "missing", "allowed"]),
    ({"template": "a", "inline": INLINE}, ["template and inline", "both given", "allowed"]),
    ({"template": ""}, ["template", "empty", "name of a template"]),
    ({"template": "  "}, ["template", "only spaces"]),
    ({"template": " a"}, ["template", "' a'", "Did you mean 'a'"]),
    ({"template": "a\nb"}, ["template", "U+000A", "printable"]),
    ({"template": "x" * 65}, ["template", "65 characters", "1 to 64"]),
    ({"template": ["a"]}, ["template", "['a']", "not a string"]),
    ({"template": 5.5}, ["template", "5.5", "not a string"]),
    ({"inline": "name=wifi"}, ["inline", "not a dictionary"]),
    ({"inline": [INLINE]}, ["inline", "not a dictionary"]),
    ({"inline": {}}, ["inline.name", "missing"]),
    ({"inline": {**INLINE, "prot": 1}}, ["inline.prot", "Did you mean 'port'"]),
    ({"inline": {**INLINE, "port": "x"}}, ["inline.port", "'x'", "digits"]),
    ({"inline": {**INLINE, "port": 65536}}, ["inline.port", "65536", "1 to 65535"]),
    ({"inline": {**INLINE, "server": "http://localhost"}}, ["inline.server", "http://localhost", "https"]),
    ({"inline": {**INLINE, "subject": "/CN=%nobody%"}}, ["inline.subject", "%nobody%"]),
    ({"inline": {**INLINE, "key_type": "dsa"}}, ["inline.key_type", "'dsa'", "rsa, ec"]),
    ({"template": "a", "exchange": "hosts"}, ["exchange", "hosts", "auto, host, relay, controller"]),
    ({"template": "a", "on_unverified_chain": "x"}, ["on_unverified_chain", "x", "fail, warn"]),
    ({"template": "a", "on_lost": "Fail"}, ["on_lost", "'Fail'", "warn, fail, accept", "Did you mean 'fail'?"]),
    ({"template": "a", "on_lost": "ignore"}, ["on_lost", "ignore", "warn, fail, accept"]),
    ({"template": "a", "allowed_lost": ["e"]}, ["allowed_lost", "'e'", "emailAddress", "UPN"]),
    ({"template": "a", "allowed_lost": "UPN,emailAdress"}, ["allowed_lost", "Did you mean 'emailAddress'?"]),
    ({"template": "a", "allowed_lost": {"UPN": 1}}, ["allowed_lost", "{'UPN': 1}", "list"]),
    ({"template": "a", "store_path": "est"}, ["store_path", "'est'", "a path on the host"]),
    ({"template": "a", "store_path": "/"}, ["store_path", "'/'", "a path on the host"]),
    ({"template": "a", "store_path": ""}, ["store_path", "empty"]),
    ({"template": "a", "store_path": "/a\0b"}, ["store_path", "U+0000"]),
    ({"template": "a", "output_path": "~/tests"}, ["output_path", "'~/tests'", "a path on the host"]),
    ({"template": "a", "output_path": ""}, ["output_path", "empty"]),
    ({"template": "a", "certificate_name": "my test"}, ["certificate_name", "'my test'", "Did you mean 'my-test'"]),
    ({"template": "a", "certificate_name": "../../x"}, ["certificate_name", "'../../x'", "1 to 64 letters"]),
    ({"template": "a", "certificate_name": ".x"}, ["certificate_name", "'.x'", "1 to 64 letters"]),
    ({"template": "a", "certificate_name": "x+pending"}, ["certificate_name", "'x+pending'", "1 to 64 letters"]),
    ({"template": "a", "certificate_name": "x" * 65}, ["certificate_name", "1 to 64 letters"]),
    ({"template": "a", "certificate_name": ""}, ["certificate_name", "empty"]),
    ({"template": "a", "certificate_name": 7.5}, ["certificate_name", "7.5", "in quotes"]),
    ({"template": "a", "identity": {"user": " "}}, ["identity.user", "only spaces"]),
    ({"template": "a", "identity": {"user": "a\nb"}}, ["identity.user", "U+000A"]),
    ({"template": "a", "identity": {"user": ["x"]}}, ["identity.user", "['x']", "a string"]),
    ({"template": "a", "identity": {"domain": "corp"}}, ["identity.domain", "'corp'", "fully qualified"]),
    ({"template": "a", "identity": {"domain": "a..example"}}, ["identity.domain", "'a..example'"]),
    ({"template": "a", "identity": {"email": "jdoe"}}, ["identity.email", "'jdoe'", "@"]),
    ({"template": "a", "identity": {"email": {"a": 1}}}, ["identity.email", "{'a': 1}", "a string"]),
    ({"template": "a", "identity": {"variables": "x"}}, ["identity.variables", "'x'", "dictionary"]),
    ({"template": "a", "identity": {"variables": ["x"]}}, ["identity.variables", "['x']", "dictionary"]),
    ({"template": "a", "identity": {"variables": {"imei": 3.5}}}, ["identity.variables.imei", "3.5", "in quotes"]),
    (
        {"template": "a", "identity": {"variables": {"%imei%": "3"}}},
        ["identity.variables", "'%imei%'", "Did you mean 'imei'"],
    ),
    ({"template": "a", "identity": {"variables": {"uname": "x"}}}, ["identity.variables", "'uname'", "identity.user"]),
    ({"template": "a", "test_value": " "}, ["test_value", "only spaces"]),
    ({"template": "a", "timeout": "soon"}, ["timeout", "'soon'", "whole number", "1 to 3600"]),
    ({"template": "a", "timeout": 1.5}, ["timeout", "1.5", "whole number", "1 to 3600"]),
    ({"template": "a", "timeout": True}, ["timeout", "True", "whole number", "1 to 3600"]),
    ({"template": "a", "timeout": ""}, ["timeout", "''", "whole number", "1 to 3600"]),
    ({"template": "a", "wait_timeout": [5]}, ["wait_timeout", "[5]", "whole number", "0 to 86400"]),
    ({"template": "a", "timeout": 0}, ["timeout", "0", "1 to 3600"]),
    ({"template": "a", "timeout": 3601}, ["timeout", "3601", "1 to 3600"]),
    ({"template": "a", "connect_timeout": 301}, ["connect_timeout", "301", "1 to 300"]),
    ({"template": "a", "connect_timeout": 0}, ["connect_timeout", "0", "1 to 300"]),
    ({"template": "a", "max_response_size": 1023}, ["max_response_size", "1023", "1024 to 104857600"]),
    ({"template": "a", "wait_timeout": -1}, ["wait_timeout", "-1", "out of range", "0 to 86400"]),
    ({"template": "a", "wait_timeout": "-1"}, ["wait_timeout", "-1", "out of range", "0 to 86400"]),
    ({"template": "a", "wait_timeout": 86401}, ["wait_timeout", "86401", "0 to 86400"]),
    ({"template": "a", "busy_timeout": 3601}, ["busy_timeout", "3601", "0 to 3600"]),
    ({"template": "a", "busy_timeout": "soon"}, ["busy_timeout", "'soon'", "whole number", "0 to 3600"]),
    ({"template": "a", "http_authentication": "ntlm"}, ["http_authentication", "ntlm", "auto, basic, digest"]),
    ({"template": "a", "allow_redirects_to": {"a": 1}}, ["allow_redirects_to", "list"]),
    (
        {"template": "a", "allow_redirects_to": ["a b"]},
        ["allow_redirects_to", "'a b'", "is not a server", "est.example.com:8443"],
    ),
    (
        {"template": "a", "allow_redirects_to": "a,b:0"},
        ["allow_redirects_to", "'b:0'", "is not a server", "0 as port"],
    ),
    ({"template": "a", "allow_redirects_to": ["http://a"]}, ["allow_redirects_to", "'http://a'", "needs HTTPS"]),
    ({"template": "a", "allow_redirects_to": ["https://a/x"]}, ["allow_redirects_to", "'https://a/x'", "base path"]),
    (
        {"template": "a", "allow_redirects_to": ["https://a/.well-known/est/x"]},
        ["allow_redirects_to", "'https://a/.well-known/est/x'", "label"],
    ),
    (
        {"template": "a", "allow_redirects_to": ["https://u:canary@a"]},
        ["allow_redirects_to", "user name or password"],
    ),
    ({"template": "a", "key_origin": "Cloud"}, ["key_origin", "host, server", "Cloud"]),
    ({"template": "a", "waiting": 1}, ["waiting", "Supported parameters"]),
]


class Nobody(Host):
    """A host that must not be asked."""

    def execute_module(self, **_arguments):
        raise AssertionError("nothing may be sent to the host")


@pytest.mark.parametrize("exchange", ["auto", "relay", "controller"])
@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_wrong_value_is_told_before_the_host_is_asked(arguments, words, exchange):
    result = run_action("est_test_enroll", {"exchange": exchange, **arguments}, Nobody())
    assert result["failed"] is True
    for word in words:
        assert word in result["msg"]
    assert "\n" not in result["msg"]
    assert "canary" not in result["msg"]


def test_every_option_is_in_the_table():
    tried = {option for arguments, _words in WRONG for option in arguments}
    assert set(argument_spec()) <= tried


@pytest.mark.parametrize(
    "inline",
    [
        "name=wifi password=canary-1",
        [{**INLINE, "username": "u", "password": "canary-1"}],
        [[["x" * 100, "canary-1"]]],
        {**INLINE, "username": "u", "password": ["canary-1"]},
        {**INLINE, "username": "u", "password": "canary-1", "port": "x"},
        {**INLINE, "username": "u", "passwort": "canary-1"},
        {**INLINE, "password": "canary-1\n"},
    ],
)
def test_a_wrong_inline_template_does_not_show_its_password(inline):
    result = run_action("est_test_enroll", {"inline": inline}, Nobody())
    assert result["failed"] is True
    assert "canary" not in repr(result)


def test_what_the_module_on_the_host_gets():
    got = {}

    class Recording(Host):
        def execute_module(self, *, module_name, module_args, task_vars):
            got.update(module_args, module_name=module_name)
            return {"changed": True, "status": "issued"}

    inline = {**INLINE, "username": "u", "password": "p", "port": "443", "update_password": "on_create"}
    result = run_action("est_test_enroll", {"inline": inline, "timeout": "5"}, Recording())
    assert result["status"] == "issued"
    assert got["module_name"] == "estfleet.cloud_extender.est_test_enroll"
    assert got["exchange"] == "host"
    assert int(got["timeout"]) == 5
    assert got["inline"]["port"] == 443
    assert got["inline"]["password"] == "p"
    # Whatever the action passes on, the module's own spec takes: update_password is not an option there.
    assert set(got["inline"]) <= set(argument_spec()["inline"]["options"])


def test_paths_lose_a_slash_at_their_end():
    options = {name: option.get("default") for name, option in argument_spec().items()}
    asked = read_options({**options, "template": "a", "store_path": "/srv/est//"}, check_mode=True)
    assert asked.store_path == "/srv/est"
    assert asked.output_path == "/srv/est/tests"
    assert asked.test_options.check is True
