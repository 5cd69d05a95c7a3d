# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For whom a test certificate is."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity


def refused(**options: Any) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        TestIdentity(**options)
    return caught.value


def test_nothing_collected() -> None:
    identity = TestIdentity()
    assert identity.values() == {}
    assert (identity.test_value, identity.certificate_name) == ("Test", "test")


def test_values_by_variable() -> None:
    identity = TestIdentity("bob", "corp.example.com", "bob@example.com", {"imei": "1", "Any Name": "", "dn": "/CN=b"})
    assert identity.values() == {
        "uname": "bob",
        "domain": "corp.example.com",
        "email": "bob@example.com",
        "imei": "1",
        "Any Name": "",
        "dn": "/CN=b",
    }


def test_from_options() -> None:
    identity = {"user": "bob", "domain": None, "email": "bob@example.com", "variables": None}
    options = {"identity": identity, "certificate_name": "bob-test", "test_value": None}
    assert TestIdentity.from_options(options) == TestIdentity(
        user="bob", email="bob@example.com", certificate_name="bob-test"
    )


def test_from_options_refuses_an_unknown_option() -> None:
    with pytest.raises(TemplateError) as caught:
        TestIdentity.from_options({"identity": {"username": "bob"}})
    assert str(caught.value) == (
        "identity.username: is not an option of an identity (allowed: user, domain, email, variables)."
        " Did you mean 'user'?"
    )


@pytest.mark.parametrize("given", ["bob", ["bob"], 7])
def test_what_is_no_dictionary_is_refused(given: object) -> None:
    with pytest.raises(
        TemplateError, match=r"identity: .* is not a dictionary .allowed: user, domain, email, variables"
    ):
        TestIdentity.from_options({"identity": given})


@pytest.mark.parametrize("name", ["test", "a", "Bob_Test-1.0", "0", "_x", "-x", "a" * 64, "a..b"])
def test_certificate_name(name: str) -> None:
    assert TestIdentity(certificate_name=name).certificate_name == name


@pytest.mark.parametrize(
    ("name", "reason", "suggestion"),
    [
        ("", "is empty", ""),
        ("bob test", "has spaces in it", "bob-test"),
        (" bob", "has spaces in it", "bob"),
        (" ", "has spaces in it", ""),
        (".hidden", "is not a valid name for a test certificate", "hidden"),
        ("..", "is not a valid name for a test certificate", ""),
        ("../x", "is not a valid name for a test certificate", "x"),
        ("a/b", "is not a valid name for a test certificate", "a-b"),
        ("a\\b", "is not a valid name for a test certificate", "a-b"),
        ("a\nb", "is not a valid name for a test certificate", "a-b"),
        ("test\n", "is not a valid name for a test certificate", "test"),
        ("ü", "is not a valid name for a test certificate", ""),
        ("a" * 65, "is not a valid name for a test certificate", ""),
    ],
)
def test_certificate_name_refused(name: str, reason: str, suggestion: str) -> None:
    error = refused(certificate_name=name)
    assert (error.option, error.reason, error.suggestion) == ("certificate_name", reason, suggestion)
    assert error.allowed == "1 to 64 letters, digits and ._- without spaces, the first one no dot"
    assert bool(error.value) is bool(name)


@pytest.mark.parametrize(
    ("options", "option", "reason", "suggestion"),
    [
        ({"domain": "corp"}, "domain", "is not fully qualified", ""),
        ({"domain": "corp."}, "domain", "has an empty label", "corp"),
        ({"domain": "corp..example"}, "domain", "has an empty label", "corp.example"),
        ({"domain": "corp example.com"}, "domain", "has the label 'corp example'", ""),
        ({"domain": "@example.com"}, "domain", "has the label '@example'", ""),
        ({"domain": "192.0.2.1"}, "domain", "ends in a number", ""),
        ({"domain": "b_ücher.example"}, "domain", "which is not an internationalised host name", ""),
        ({"domain": " "}, "domain", "has the label ' '", ""),
        ({"email": "bob"}, "email", "has no '@'", ""),
        ({"email": "bob@"}, "email", "has nothing on one side of the '@'", ""),
        ({"email": "b ob@example.com"}, "email", "which is not a local part", ""),
        ({"email": "bob@exa mple.com"}, "email", "has the label 'exa mple'", ""),
        ({"user": " "}, "user", "has only spaces in it", ""),
        ({"user": "bob "}, "user", "begins or ends with a space", "bob"),
        ({"user": "b\x00b"}, "user", "has a control character (U+0000)", ""),
        ({"user": 7}, "user", "is not a string", ""),
        ({"test_value": " "}, "test_value", "has only spaces in it", ""),
        ({"test_value": "a\nb"}, "test_value", "has a control character (U+000A)", ""),
        ({"variables": ["imei"]}, "variables", "is not a dictionary", ""),
        ({"variables": {"": "x"}}, "variables", "is not the name of a variable", ""),
        ({"variables": {7: "x"}}, "variables", "is not the name of a variable", ""),
        ({"variables": {"%imei%": "x"}}, "variables", "is not the plain name of a variable", "imei"),
        ({"variables": {"uname": "x"}}, "variables", "has an option of its own: identity.user", "identity.user"),
        ({"variables": {"email": "x"}}, "variables", "has an option of its own: identity.email", "identity.email"),
        ({"variables": {"imei": 490154203237518}}, "variables.imei", "is not a string", ""),
        ({"variables": {"imei": "a\tb"}}, "variables.imei", "has a control character (U+0009)", ""),
        ({"variables": {"imei": " "}}, "variables.imei", "has only spaces in it", ""),
    ],
)
def test_refused(options: dict[str, Any], option: str, reason: str, suggestion: str) -> None:
    error = refused(**options)
    assert error.option == option
    assert reason in error.reason
    assert error.suggestion == suggestion
    assert error.value
