# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comma form of a distinguished name (RFC 4514), and how the two forms are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_NAMES,
    ATTRIBUTE_OIDS,
    SubjectAttribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    format_slash_dn,
    parse_distinguished_name,
    parse_slash_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import (
    NameSyntaxError,
    find_unprintable,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.rfc4514_dn import (
    LDAP_NAMES,
    format_rfc4514_dn,
    parse_rfc4514_dn,
)

PREFIX = r"CN=x,O=a\,b,"


@pytest.mark.parametrize(
    ("text", "slash"),
    [
        ("CN=Bob", "/CN=Bob"),
        ("CN=%uname%,OU=Phones,DC=example,DC=com", "/DC=com/DC=example/OU=Phones/CN=%uname%"),
        # The examples of RFC 4514 section 4 that a template can say.
        ("UID=jsmith,DC=example,DC=net", "/DC=net/DC=example/UID=jsmith"),
        (r"CN=James \"Jim\" Smith\, III,DC=example,DC=net", '/DC=net/DC=example/CN=James "Jim" Smith, III'),
        (r"CN=Lu\C4\8Di\C4\87", "/CN=Lučić"),
        (r"CN=Lu\c4\8di\c4\87", "/CN=Lučić"),
        # RFC 2253 section 4: spaces around the separators.
        ("CN = Bob , O = Acme", "/O=Acme/CN=Bob"),
        ("cn=Bob,emailaddress=b@example.com", "/emailAddress=b@example.com/CN=Bob"),
        ("2.5.4.97=VATDE-1,2.5.4.3=Bob", "/CN=Bob/2.5.4.97=VATDE-1"),
        (r"CN=\#1 \+ \; \< \> \\ \= a\ b", r"/CN=#1 + ; < > \\ = a b"),
        (r"CN=a\2Cb\2fc\5Cd\25", r"/CN=a,b\/c\\d%"),
        ("CN=a=b#c", "/CN=a=b#c"),
        ("CN=a/b", r"/CN=a\/b"),
        (r"CN=a/O\=b", r"/CN=a\/O=b"),
        (r"CN=a\+OU=b", r"/CN=a\+OU=b"),
        ("CN=李 \u0639\u0644\u064a", "/CN=李 \u0639\u0644\u064a"),
        (
            "givenName=Bob,surname=Doe,initials=B,serialNumber=1,title=Dr,description=x",
            "/D=x/T=Dr/SN=1/I=B/S=Doe/G=Bob",
        ),
        ("G=Bob,I=B,T=Dr,D=x", "/D=x/T=Dr/I=B/G=Bob"),
    ],
)
def test_the_comma_form_is_read_from_right_to_left(text: str, slash: str) -> None:
    subject = parse_distinguished_name(text)
    assert format_slash_dn(subject) == slash
    assert parse_slash_dn(slash) == subject
    assert parse_rfc4514_dn(format_rfc4514_dn(subject)) == subject


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("", "is empty", ""),
        ("Bob", "is not a distinguished name", ""),
        (" /CN=Bob", "begins with a space", "/CN=Bob"),
        ("CN=a+UID=b", "several attributes in one RDN are not supported", ""),
        ("CN=a+b", "several attributes in one RDN are not supported", ""),
        ("CN=a;O=b", "has a ';' after the value of CN", "CN=a,O=b"),
        ("CN=a;O=b+c", "has a ';' after the value of CN", ""),
        ('O="Acme, Inc.",C=US', "has a value in quotes", r"O=Acme\, Inc.,C=US"),
        (r'O="a \"b\" \\ <c>"', "has a value in quotes", r"O=a \"b\" \\ \<c\>"),
        ('O=" a"', "has a value in quotes", "O=a"),
        ('O="\\ a"', "has a value in quotes", ""),
        ('CN="a', "has a '\"' in the value of CN without a backslash", ""),
        ('CN=a"b', "has a '\"' in the value of CN without a backslash", ""),
        ("CN=a<b", "has a '<' in the value of CN without a backslash", ""),
        ("CN=#04024869", "in hexadecimal BER (#...)", ""),
        (r"CN=a\zb", r"has '\z' in the value of CN", ""),
        (r"CN=a\/b", r"has '\/' in the value of CN", ""),
        ("CN=a\\", "has '\\' in the value of CN", ""),
        (r"CN=a\C4", r"has '\C4' in the value of CN, which is not UTF-8", ""),
        (r"CN=a\ED\A0\80", "which is not UTF-8", ""),
        (r"CN=a\00b", "control character (U+0000) in the value of CN", ""),
        (r"CN=a\E2\80\AEb", "control character (U+202E) in the value of CN", ""),
        ("CN=a\nb", "control character (U+000A) in it", ""),
        (r"CN=\ a", "a value of CN that begins or ends with a space", ""),
        (r"CN=a\ ,O=b", "a value of CN that begins or ends with a space", ""),
        (r"CN=a\20,O=b", "a value of CN that begins or ends with a space", ""),
        ("CN=a\u00a0,O=b", "a value of CN that begins or ends with a space", ""),
        ("CN=", "the attribute CN without a value", ""),
        ("CN= ,O=b", "the attribute CN without a value", ""),
        ("=a,O=b", "no attribute name before '=a'", ""),
        ("CN=a,,O=b", "has a ',' with nothing before or after it", ""),
        ("CN=a,", "has a ',' with nothing before or after it", ""),
        (",CN=a", "has a ',' with nothing before or after it", ""),
        ("CN=Doe, John,O=b", "has 'John' without an attribute name", r"CN=Doe\, John,O=b"),
        ("John,CN=Doe", "has 'John' without an attribute name", ""),
        ("CN=a/O=b", "has '/O=' in the value of CN", "/CN=a/O=b"),
        ("O=Acme, CN=a/emailAddress=b@example.com", "has '/emailAddress=' in the value of CN", ""),
        ("S=Doe", "is the surname to Cloud Extender and the state to Microsoft's tools", ""),
        ("CN=a,sn=Doe", "is the serial number to Cloud Extender and the surname to LDAP", ""),
        ("E=b@example.com", "emailAddress is IBM's name of it", "emailAddress"),
        ("mail=b@example.com,CN=b", "emailAddress is IBM's name of it", "emailAddress"),
        ("OID.2.5.4.3=b", "unknown attribute 'OID.2.5.4.3'", "2.5.4.3"),
        ("STREET=b", "unknown attribute 'STREET'", ""),
        (",".join(["OU=a"] * 65), "has 65 attributes", ""),
        ("/OU=a" * 65, "has 65 attributes", ""),
    ],
)
def test_refused(text: str, reason: str, suggestion: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        parse_distinguished_name(text)
    assert reason in caught.value.reason
    assert caught.value.suggestion == suggestion
    assert caught.value.allowed or "space" in reason or "control" in reason


def test_s_and_sn_say_what_to_write() -> None:
    for text, allowed in (("S=x", "surname or ST"), ("SN=x", "serialNumber or surname")):
        with pytest.raises(NameSyntaxError) as caught:
            parse_distinguished_name(text)
        assert caught.value.allowed == allowed


@pytest.mark.parametrize("name", [*LDAP_NAMES, *(name for name in ATTRIBUTE_OIDS if name not in ("S", "SN"))])
def test_every_name_in_any_case(name: str) -> None:
    oid = LDAP_NAMES.get(name) or ATTRIBUTE_OIDS[name]
    for written in (name, name.lower(), name.upper()):
        assert parse_rfc4514_dn(f"{written}=x") == ((oid, "x"),)


def test_the_names_that_are_written_are_those_of_ldap() -> None:
    everything = tuple(SubjectAttribute(oid, "x") for oid in ATTRIBUTE_NAMES)
    written = [rdn.partition("=")[0] for rdn in format_rfc4514_dn(everything).split(",")]
    assert written == [
        *("DC", "emailAddress", "description", "title", "serialNumber", "UID", "initials", "surname", "givenName"),
        *("OU", "O", "ST", "L", "C", "CN"),
    ]


VALUES = st.text(
    alphabet=st.one_of(st.sampled_from('/\\+=%,;<>"# OUCN'), st.characters()), min_size=1, max_size=24
).filter(lambda text: text == text.strip() and not find_unprintable(text))
OIDS = st.sampled_from([*ATTRIBUTE_OIDS.values(), "2.5.4.97", "1.2.3"])


@steady
@given(st.lists(st.builds(SubjectAttribute, OIDS, VALUES), min_size=1, max_size=5).map(tuple))
def test_round_trip_in_both_forms(subject: tuple[SubjectAttribute, ...]) -> None:
    for write in (format_rfc4514_dn, format_slash_dn):
        text = write(subject)
        assert parse_distinguished_name(text) == subject
        assert write(parse_distinguished_name(text)) == text


@steady
@given(st.text(alphabet=st.one_of(st.sampled_from('/\\+=CNOU%,;<>"# 4c8D'), st.characters()), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for written in (text, PREFIX + text, f"CN={text}"):
        try:
            subject = parse_distinguished_name(written)
        except NameSyntaxError as exc:
            assert exc.reason
        else:
            assert parse_slash_dn(format_slash_dn(subject)) == subject
            assert parse_rfc4514_dn(format_rfc4514_dn(subject)) == subject


@steady
@given(VALUES, VALUES)
def test_a_value_that_is_escaped_stays_in_its_attribute(first: str, second: str) -> None:
    def escaped(value: str) -> str:
        return "".join(f"\\{octet:02x}" for octet in value.encode("utf-8"))

    subject = parse_distinguished_name(f"CN={escaped(first)},OU={escaped(second)}")
    assert [(ATTRIBUTE_NAMES[oid], value) for oid, value in subject] == [("OU", second), ("CN", first)]
