# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The slash form of a distinguished name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_NAMES,
    ATTRIBUTE_OIDS,
    SubjectAttribute,
    attribute_oid,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    format_slash_dn,
    parse_slash_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import (
    NameSyntaxError,
    find_unprintable,
)


def named(text: str) -> list[tuple[str, str]]:
    return [(ATTRIBUTE_NAMES.get(oid, oid), value) for oid, value in parse_slash_dn(text)]


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("/CN=Bob", [("CN", "Bob")]),
        ("/CN=%uname%/emailAddress=%email%", [("CN", "%uname%"), ("emailAddress", "%email%")]),
        ("/cn=Bob/EMAILADDRESS=b@example.com", [("CN", "Bob"), ("emailAddress", "b@example.com")]),
        (r"/CN=a\/b\\c", [("CN", "a/b\\c")]),
        (r"/CN=a\\/O=b", [("CN", "a\\"), ("O", "b")]),
        ("/CN=a=b", [("CN", "a=b")]),
        ('/CN=a, b; <c> "d" #e', [("CN", 'a, b; <c> "d" #e')]),
        ("/CN=C++ team", [("CN", "C++ team")]),
        ("/D=1+1=2", [("D", "1+1=2")]),
        (r"/CN=a\+OU=b", [("CN", "a+OU=b")]),
        ("/DC=com/DC=example", [("DC", "com"), ("DC", "example")]),
        ("/CN=Łukasz 李", [("CN", "Łukasz 李")]),
        ("/2.5.4.97=VATDE-1", [("2.5.4.97", "VATDE-1")]),
        ("/2.5.4.3=Bob", [("CN", "Bob")]),
        ("/CN=100%%", [("CN", "100%%")]),
    ],
)
def test_parse(text: str, attributes: list[tuple[str, str]]) -> None:
    assert named(text) == attributes


def test_s_is_surname_and_sn_is_serial_number() -> None:
    assert [oid for oid, _value in parse_slash_dn("/S=Jones/SN=4711")] == ["2.5.4.4", "2.5.4.5"]


@pytest.mark.parametrize("name", list(ATTRIBUTE_OIDS))
def test_every_attribute_of_ibm_in_any_case(name: str) -> None:
    for spelling in (name, name.lower(), name.upper()):
        assert attribute_oid(spelling) == ATTRIBUTE_OIDS[name]
        assert format_slash_dn(parse_slash_dn(f"/{spelling}=x")) == f"/{name}=x"


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("", "is empty", ""),
        ("/", "has no attribute", ""),
        ("CN=Bob", "does not begin with '/'", "/CN=Bob"),
        ("CN=Bob/O=Acme", "does not begin with '/'", "/CN=Bob/O=Acme"),
        ("CN=Bob,OU=Sales, O=Acme", "does not begin with '/'", ""),
        (" /CN=Bob", "does not begin with '/'", "/CN=Bob"),
        ("Bob", "does not begin with '/'", ""),
        ("//CN=Bob", "has two '/' with nothing between them", "/CN=Bob"),
        ("/CN=Bob//O=Acme", "has two '/' with nothing between them", "/CN=Bob/O=Acme"),
        ("/CN=Bob/", "ends with '/'", "/CN=Bob"),
        ("/CN=", "the attribute CN without a value", ""),
        ("/CN", "the attribute CN without a value", ""),
        ("/CN=Bob/OU=/O=Acme", "the attribute OU without a value", ""),
        ("/=Bob", "no attribute name before '=Bob'", ""),
        ("/CN=Sales/East", "has 'East' without an attribute name", r"/CN=Sales\/East"),
        ("/O=Acme/CN=Sales/East/OU=x", "has 'East' without an attribute name", r"/O=Acme/CN=Sales\/East/OU=x"),
        ("/Bob", "has 'Bob' without an attribute name", ""),
        ("/CN= Bob", "begins or ends with a space", ""),
        ("/CN=Bob /O=Acme", "begins or ends with a space", ""),
        ("/CN=a+OU=b", "'+OU=' in the value of CN", ""),
        ("/CN=a + ou = b", "'+ou=' in the value of CN", ""),
        (r"/CN=a\\+OU=b", "'+OU=' in the value of CN", ""),
        ("/CN=a+b+OU=c", "'+OU=' in the value of CN", ""),
        ("/CN=a+UID=b", "several attributes in one RDN", ""),
        ("/CN=a+serialNumber=b", "several attributes in one RDN", ""),
        ("/CN=a+2.5.4.5=b", "several attributes in one RDN", ""),
        ("/OID.2.5.4.97=b", "unknown attribute 'OID.2.5.4.97'", "2.5.4.97"),
        ("/CN=a\\b", r"has '\b' in the value of CN", ""),
        ("/CN=a\\", "has '\\' in the value of CN", ""),
        ("/CN=a\nb", "control character (U+000A)", ""),
        ("/CN=a\x00", "control character (U+0000)", ""),
        ("/CN=a\u202eb", "control character (U+202E)", ""),
        ("/CN=a\xadb", "control character (U+00AD)", ""),
        ("/CN=a\U000e0041b", "control character (U+E0041)", ""),
        ("/E=b@example.com", "emailAddress is IBM's name of it", "emailAddress"),
        ("/Email=b@example.com", "unknown attribute 'Email'", "emailAddress"),
        ("/serialNumber=4711", "SN is IBM's name of it", "SN"),
        ("/surname=Jones", "S is IBM's name of it", "S"),
        ("/GN=Bob", "G is IBM's name of it", "G"),
        ("/emailAdress=b@example.com", "unknown attribute 'emailAdress'", "emailAddress"),
        ("/organisation=Acme", "unknown attribute 'organisation'", "O"),
        ("/ CN=Bob", "unknown attribute ' CN'", "CN"),
        ("/XYZ=1", "unknown attribute 'XYZ'", ""),
        ("/1.2.03=1", "unknown attribute '1.2.03'", ""),
    ],
)
def test_refused(text: str, reason: str, suggestion: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        parse_slash_dn(text)
    assert reason in caught.value.reason
    assert caught.value.suggestion == suggestion


def test_an_unknown_attribute_names_the_known_ones() -> None:
    with pytest.raises(
        NameSyntaxError, match=r"allowed: CN, C, L, ST, O, OU, G, S, I, UID, SN, T, D, emailAddress, DC"
    ):
        parse_slash_dn("/XYZ=1")


def test_error_reads_as_one_sentence() -> None:
    with pytest.raises(NameSyntaxError) as caught:
        parse_slash_dn("CN=Bob")
    assert str(caught.value) == "does not begin with '/' (allowed: /NAME=value/NAME=value); did you mean '/CN=Bob'?"


def test_format_of_an_empty_subject() -> None:
    assert format_slash_dn(()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a/b", r"/CN=a\/b"),
        ("a\\b", r"/CN=a\\b"),
        ("a+OU=b", r"/CN=a\+OU=b"),
        ("a+b", "/CN=a+b"),
        ("\\+O=x", r"/CN=\\\+O=x"),
    ],
)
def test_format_escapes(value: str, text: str) -> None:
    assert format_slash_dn((SubjectAttribute("2.5.4.3", value),)) == text


VALUES = st.text(alphabet=st.one_of(st.sampled_from("/\\+=%OUCN a"), st.characters()), min_size=1, max_size=24).filter(
    lambda text: text == text.strip() and not find_unprintable(text)
)
OIDS = st.sampled_from([*ATTRIBUTE_OIDS.values(), "2.5.4.97", "1.2.3"])


@steady
@given(st.lists(st.builds(SubjectAttribute, OIDS, VALUES), min_size=1, max_size=5).map(tuple))
@example(
    (SubjectAttribute("2.5.4.3", "\\+OU=x"), SubjectAttribute("2.5.4.3", "+ou="), SubjectAttribute("2.5.4.3", "\\"))
)
def test_round_trip(subject: tuple[SubjectAttribute, ...]) -> None:
    text = format_slash_dn(subject)
    assert parse_slash_dn(text) == subject
    assert format_slash_dn(parse_slash_dn(text)) == text


@steady
@given(st.text(alphabet=st.one_of(st.sampled_from("/\\+=CNOU%,"), st.characters()), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        subject = parse_slash_dn(text)
    except NameSyntaxError as exc:
        assert exc.reason
    else:
        assert parse_slash_dn(format_slash_dn(subject)) == subject
