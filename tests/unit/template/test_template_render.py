# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a template asks for when it is tested."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.properties import steady
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import ATTRIBUTE_NAMES
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    format_slash_dn,
    parse_slash_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import find_unprintable
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.render import Rendered, render

BOB = {"user": "bob", "domain": "corp.example.com", "email": "bob@example.com"}
CUSTOM = ["Any", "Other", "Object Sid"]


def rendered(identity: dict[str, Any], entries: tuple[str, ...] = (), **options: Any) -> Rendered:
    if entries:
        options.update(subject_alternative_name="other", subject_alternative_name_other=list(entries))
    return render(template(custom_attributes=CUSTOM, **options), TestIdentity(**identity))


def subject(result: Rendered) -> str:
    return format_slash_dn(result.subject)


def names(result: Rendered) -> list[str]:
    return [str(name) for name in result.subject_alternative_names]


def test_default_subject_with_everything_collected() -> None:
    result = rendered(BOB, subject_alternative_name="upn_and_email")
    assert subject(result) == "/CN=bob/emailAddress=bob@example.com"
    assert names(result) == ["UPN:bob@corp.example.com", "email:bob@example.com"]
    assert result.substitutions == {}
    assert result.left_out == ()


def test_default_subject_with_nothing_collected() -> None:
    result = rendered({}, subject_alternative_name="upn_and_email")
    assert subject(result) == "/CN=Test"
    assert names(result) == []
    assert result.substitutions == {"uname": "Test", "email": "", "domain": ""}
    assert result.left_out == ("emailAddress=%email%", "UPN:%uname%@%domain%", "email:%email%")


@pytest.mark.parametrize(
    ("attribute", "result", "substitution"),
    [
        ("CN=%Any%", "/CN=Test", "Test"),
        ("OU=dept %Any%", "/OU=dept Test", "Test"),
        ("SN=%Any%", "/SN=Test", "Test"),
        ("UID=%Any%", "/UID=Test", "Test"),
        ("DC=%Any%", "/DC=Test", "Test"),
        ("2.5.4.97=%Any%", "/2.5.4.97=Test", "Test"),
        ("C=%Any%", "", ""),
        ("emailAddress=%Any%", "", ""),
        ("emailAddress=bob@%Any%", "", ""),
        ("emailAddress=%Any%@example.com", "/emailAddress=Test@example.com", "Test"),
        ("CN=%Any%" + "x" * 61, "", ""),
    ],
)
def test_test_or_blank_in_a_subject(attribute: str, result: str, substitution: str) -> None:
    made = rendered({}, subject=f"/O=Acme/{attribute}")
    assert subject(made) == f"/O=Acme{result}"
    assert made.substitutions == {"Any": substitution}
    assert made.left_out == (() if result else (attribute,))


@pytest.mark.parametrize(
    ("entry", "result", "substitution"),
    [
        ("UPN:%Any%@example.com", "UPN:Test@example.com", "Test"),
        ("UPN:bob@%Any%", "", ""),
        ("UPN:bob@%Any%.example", "", ""),
        ("UPN:%Any%", "", ""),
        ("email:%Any%", "", ""),
        ("email:%Any%@example.com", "email:Test@example.com", "Test"),
        ("email:bob@%Any%", "", ""),
        ("DNS:%Any%", "DNS:Test", "Test"),
        ("DNS:%Any%.example.com", "DNS:Test.example.com", "Test"),
        ("IP:%Any%", "", ""),
        ("IP:10.0.0.%Any%", "", ""),
        ("URI:https://example.com/%Any%", "URI:https://example.com/Test", "Test"),
        ("URI:https://%Any%/x", "URI:https://Test/x", "Test"),
        ("URI:%Any%", "", ""),
        ("RID:1.2.%Any%", "", ""),
        ("SID:%Any%", "", ""),
        ("SID:S-1-5-21-%Any%", "", ""),
        ("dirName:/CN=%Any%", "dirName:/CN=Test", "Test"),
        ("dirName:/O=Acme/C=%Any%", "dirName:/O=Acme", ""),
        ("dirName:%Any%", "", ""),
    ],
)
def test_test_or_blank_in_an_entry(entry: str, result: str, substitution: str) -> None:
    made = rendered(BOB, (entry, "DNS:kept.example"))
    assert names(made) == ([result] if result else []) + ["DNS:kept.example"]
    assert made.substitutions == {"Any": substitution}


def test_a_variable_that_is_test_here_and_blank_there_is_told_as_test_and_left_out() -> None:
    made = rendered(BOB, ("IP:%Any%", "DNS:%Any%"), subject="/CN=%uname%/C=%Any%")
    assert (subject(made), names(made)) == ("/CN=bob", ["DNS:Test"])
    assert made.substitutions == {"Any": "Test"}
    assert made.left_out == ("C=%Any%", "IP:%Any%")


def test_left_out_names_the_attribute_of_a_directory_name() -> None:
    made = rendered({}, ("dirName:/C=%Any%/emailAddress=%email%",), subject="/CN=x")
    assert names(made) == []
    assert made.left_out == ("dirName:/C=%Any%", "dirName:/emailAddress=%email%")


def test_given_variables_are_used_and_not_reported() -> None:
    variables = {
        "imei": "490154203237518",
        "dn": "/CN=Bob/O=Acme",
        "Any": "10.0.0.7",
        "Object Sid": "S-1-5-21-1-2-3-500",
    }
    made = rendered(
        {**BOB, "variables": variables},
        ("IP:%Any%", "SID:%Object Sid%", "dirName:%dn%"),
        subject="/CN=%uname%/SN=%imei%",
    )
    assert subject(made) == "/CN=bob/SN=490154203237518"
    assert names(made) == ["IP:10.0.0.7", "SID:S-1-5-21-1-2-3-500", "dirName:/CN=Bob/O=Acme"]
    assert made.substitutions == {}


def test_the_test_value_can_be_set() -> None:
    made = rendered({"test_value": "Probe"}, subject="/CN=%uname%")
    assert (subject(made), made.substitutions) == ("/CN=Probe", {"uname": "Probe"})


def test_an_empty_test_value_means_blank() -> None:
    made = rendered({"test_value": "", "user": "bob"}, subject="/CN=%uname%/OU=%ou%/SN=a%imei%")
    assert subject(made) == "/CN=bob/SN=a"
    assert made.substitutions == {"ou": "", "imei": ""}
    assert made.left_out == ("OU=%ou%",)


def test_one_variable_can_be_set_to_blank() -> None:
    made = rendered({"user": "bob", "variables": {"imei": ""}}, subject="/CN=%uname% %imei%/OU=%ou%")
    assert subject(made) == "/CN=bob/OU=Test"
    assert made.substitutions == {"imei": "", "ou": "Test"}


def test_a_slash_in_a_value_stays_in_its_attribute() -> None:
    made = rendered({"user": r"a/O=x\+OU=y%z"}, ("dirName:/CN=%uname%",), subject="/CN=%uname%/OU=b")
    assert [value for _oid, value in made.subject] == [r"a/O=x\+OU=y%z", "b"]
    ((_type, text),) = made.subject_alternative_names
    assert [value for _oid, value in parse_slash_dn(text)] == [r"a/O=x\+OU=y%z"]


def test_an_internationalised_domain_stays_in_a_upn_and_must_be_ascii_in_an_address() -> None:
    identity = {"user": "bob", "domain": "bücher.example"}
    assert names(rendered(identity, ("UPN:%uname%@%domain%",))) == ["UPN:bob@bücher.example"]
    with pytest.raises(TemplateError, match=r"A-label form \(xn--\.\.\.\), with %uname%, %domain% filled in"):
        rendered(identity, ("email:%uname%@%domain%",))


@pytest.mark.parametrize("written", ["CN=Bob,OU=Users,DC=corp,DC=example", "/DC=example/DC=corp/OU=Users/CN=Bob"])
def test_the_distinguished_name_of_a_directory_is_one_directory_name(written: str) -> None:
    made = rendered({**BOB, "variables": {"dn": written}}, ("dirName:%dn%",))
    assert names(made) == ["dirName:/DC=example/DC=corp/OU=Users/CN=Bob"]


def test_a_uri_of_strong_mapping_is_a_sid() -> None:
    uri = "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4"
    assert names(rendered({**BOB, "variables": {"Any": uri}}, ("URI:%Any%",))) == ["SID:S-1-5-21-1-2-3-4"]


def test_values_are_filled_in_in_normal_form() -> None:
    made = rendered({"user": "e\u0301"}, ("UPN:%uname%@a.example",), subject="/CN=%uname%")
    assert (subject(made), names(made)) == ("/CN=é", ["UPN:é@a.example"])


def test_a_doubled_percent_sign_is_one() -> None:
    made = rendered(BOB, ("URI:https://example.com/%%20%uname%",), subject="/CN=5%% %uname%")
    assert (subject(made), names(made)) == ("/CN=5% bob", ["URI:https://example.com/%20bob"])


def test_equal_entries_are_kept_once() -> None:
    assert names(rendered(BOB, ("DNS:%Any%", "DNS:%Other%"))) == ["DNS:Test"]


def test_an_empty_subject_with_a_subject_alternative_name() -> None:
    made = rendered({}, ("DNS:a.example",), subject="/emailAddress=%email%")
    assert (made.subject, names(made)) == ((), ["DNS:a.example"])


def test_nothing_left_is_refused() -> None:
    with pytest.raises(TemplateError) as caught:
        rendered({}, ("IP:%Any%",), subject="/emailAddress=%email%")
    assert str(caught.value) == (
        "subject: '/emailAddress=%email%' has nothing left in it when the variables that are not collected are blank,"
        " and there is no subject alternative name either"
        " (allowed: a value for one of its variables in the test identity)."
    )


@pytest.mark.parametrize(
    ("identity", "entries", "options", "message"),
    [
        (
            {"user": "x" * 65},
            (),
            {"subject": "/CN=%uname%"},
            f"subject: 'CN={'x' * 65}' has 65 characters in CN, with %uname% filled in (allowed: at most 64).",
        ),
        (
            {"variables": {"Any": "Germany"}},
            (),
            {"subject": "/C=%Any%"},
            "subject: 'C=Germany' has 'Germany' as C, with %Any% filled in"
            " (allowed: two capital letters (ISO 3166), such as US).",
        ),
        (
            {"user": "bob@example.com", "domain": "corp.example.com"},
            (),
            {"subject_alternative_name": "upn"},
            "subject_alternative_name: 'UPN:bob@example.com@corp.example.com' has more than one '@',"
            " with %uname%, %domain% filled in (allowed: user@domain).",
        ),
        (
            {"variables": {"Any": "10.0.0.999"}},
            ("DNS:a", "IP:%Any%"),
            {},
            "subject_alternative_name_other[1]: 'IP:10.0.0.999' is not an IP address, with %Any% filled in"
            " (allowed: IPv4 such as 192.0.2.1 or IPv6 such as 2001:db8::1, without a prefix length and a zone).",
        ),
        (
            {"variables": {"dn": "CN=Bob,O="}},
            ("dirName:%dn%",),
            {},
            "subject_alternative_name_other[0]: 'dirName:CN=Bob,O=' has the attribute O without a value,"
            " with %dn% filled in (allowed: O=value).",
        ),
        (
            {"variables": {"imie": "1"}},
            (),
            {},
            "identity.variables: 'imie' is not a variable. Did you mean 'imei'?",
        ),
        (
            {"variables": {"username": "1"}},
            (),
            {},
            "identity.variables: 'username' is not a variable. Did you mean 'identity.user'?",
        ),
        (
            {"variables": {"object sid": "1"}},
            (),
            {},
            "identity.variables: 'object sid' is not a variable. Did you mean 'Object Sid'?",
        ),
    ],
)
def test_refused(identity: dict[str, Any], entries: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(identity, entries, **options)
    assert str(caught.value) == message


def test_a_variable_of_another_template_is_no_error() -> None:
    assert rendered({**BOB, "variables": {"Badge": "7"}}).substitutions == {}


SAFE = st.text(min_size=1, max_size=30).filter(lambda text: text == text.strip() and not find_unprintable(text))


@steady
@given(SAFE, SAFE)
def test_values_go_into_their_attribute_and_nowhere_else(user: str, other: str) -> None:
    made = rendered({"user": user, "variables": {"Any": other}}, subject="/CN=%uname%/OU=%Any%/O=%uname%")
    assert [(ATTRIBUTE_NAMES[oid], value) for oid, value in made.subject] == [("CN", user), ("OU", other), ("O", user)]
