# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a subject alternative name as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    GeneralName,
    canonical_general_name,
    parse_general_name,
    validate_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.identifiers import (
    SID_URI_PREFIX,
)

SID = "S-1-5-21-1004336348-1177238915-682003330-512"


@pytest.mark.parametrize("type_", KINDS)
def test_type_in_any_case_comes_out_canonical(type_: str) -> None:
    for written in (type_, type_.lower(), type_.upper()):
        assert parse_general_name(f"{written}:a:b") == GeneralName(type_, "a:b")
        assert str(parse_general_name(f"{written}:a:b")) == f"{type_}:a:b"


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("", "is empty", ""),
        ("bob", "has no type", ""),
        ("bob@example.com", "has no type", "email:bob@example.com"),
        ("192.0.2.1", "has no type", "IP:192.0.2.1"),
        (SID, "has no type", f"SID:{SID}"),
        ("/CN=Bob", "has no type", "dirName:/CN=Bob"),
        ("UPN=bob@example.com", "has no type", "UPN:bob@example.com"),
        ("dnsName=a.example", "has no type", "DNS:a.example"),
        ("https://example.com/x", "has the unknown type 'https'", "URI:https://example.com/x"),
        ("DNSName:a.example", "has the unknown type 'DNSName'", "DNS:a.example"),
        ("rfc822Name:b@a.example", "has the unknown type 'rfc822Name'", "email:b@a.example"),
        ("otherName:b@a.example", "has the unknown type 'otherName'", "UPN:b@a.example"),
        ("UNP:b@a.example", "has the unknown type 'UNP'", "UPN:b@a.example"),
        (" DNS:a.example", "has the unknown type ' DNS'", "DNS:a.example"),
        ("X400:a", "has the unknown type 'X400'", ""),
        (":a", "has the unknown type ''", ""),
        ("DNS:", "has no value after 'DNS:'", ""),
        ("DNS: a.example", "has a space before or after its value", "DNS:a.example"),
        ("DNS:a.example ", "has a space before or after its value", "DNS:a.example"),
    ],
)
def test_text_refused(text: str, reason: str, suggestion: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        parse_general_name(text)
    assert reason in caught.value.reason
    assert caught.value.suggestion == suggestion
    assert "UPN, email, DNS, IP, URI, RID, dirName, SID" in caught.value.allowed


@pytest.mark.parametrize(
    "text",
    [
        "UPN:bob@example.com",
        "UPN:bob@CORP",
        "UPN:bob@exa_mple.com",
        "DNS:a_b._tcp.example",
        "DNS:*.a_b.example",
        "email:bob@a_b.example",
        "URI:https://a_b/",
        "UPN:bob.o'neil+x@corp.example",
        "UPN:łukasz@corp.example",
        "UPN:bob@bücher.example",
        "UPN:bob@faß.example",
        "UPN:" + "a" * 1014 + "@b.example",
        "email:bob@example.com",
        "email:bob+tag@sub.example.com",
        "email:bob@xn--bcher-kva.example",
        "email:root@localhost",
        "DNS:example.com",
        "DNS:localhost",
        "DNS:*.example.com",
        "DNS:xn--bcher-kva.example",
        "DNS:3com.example",
        "DNS:" + ".".join(["a" * 63] * 3) + "." + "b" * 61,
        "IP:192.0.2.1",
        "IP:2001:db8::1",
        "IP:::1",
        "URI:https://example.com/id?x=1#y",
        "URI:https://[2001:db8::1]:8443/x",
        "URI:https://192.0.2.1/",
        "URI:ldap://user@example.com:389/o=x",
        "URI:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "URI:mailto:bob@example.com",
        "URI:file:///etc/x",
        "URI:https://example.com/%20",
        f"URI:{SID_URI_PREFIX}{SID}",
        "RID:1.3.6.1.4.1.311",
        "RID:2.999.0",
        "RID:0.0",
        "dirName:/CN=Bob/C=DE",
        "dirName:CN=Bob,OU=Users,DC=corp,DC=example",
        "RID:2.25.340282366920938463463374607431768211455",
        f"SID:{SID}",
        "SID:S-1-1-0",
    ],
)
def test_valid(text: str) -> None:
    validate_general_name(parse_general_name(text))


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("UPN:bob", "is not a user principal name", ""),
        ("UPN:@example.com", "is not a user principal name", ""),
        ("UPN:bob@", "is not a user principal name", ""),
        ("UPN:a@b@example.com", "more than one '@'", ""),
        ("UPN:bob smith@example.com", "has 'bob smith' before the '@'", ""),
        (r"UPN:CORP\bob@example.com", r"has 'CORP\bob' before the '@'", ""),
        ("UPN:bob@a b.example", "has the label 'a b'", ""),
        ("UPN:bob@b_ücher.example", "which is not an internationalised host name", ""),
        ("UPN:bob@bücher\u3002example", "which is not an internationalised host name", ""),
        ("UPN:" + "a" * 1015 + "@b.example", "has 1025 characters", ""),
        ("email:bob", "has no '@'", ""),
        ("email:@example.com", "nothing on one side", ""),
        ("email:bob@", "nothing on one side", ""),
        ("email:a@b@example.com", "more than one '@'", ""),
        ("email:a..b@example.com", "which is not a local part", ""),
        ("email:.a@example.com", "which is not a local part", ""),
        ("email:a b@example.com", "which is not a local part", ""),
        ("email:łukasz@example.com", "outside ASCII before the '@'", ""),
        ("email:" + "a" * 65 + "@example.com", "has 65 characters before the '@'", ""),
        ("email:bob@bücher.example", "outside ASCII", "email:bob@xn--bcher-kva.example"),
        ("email:bob@example..com", "has an empty label", "email:bob@example.com"),
        ("email:bob@192.0.2.1", "ends in a number", ""),
        ("DNS:bücher.example", "A-label form", "DNS:xn--bcher-kva.example"),
        ("DNS:-a.example", "has the label '-a'", ""),
        ("DNS:a-.example", "has the label 'a-'", ""),
        ("DNS:a b", "has the label 'a b'", ""),
        ("DNS:example.com.", "has an empty label", "DNS:example.com"),
        ("DNS:a..b", "has an empty label", "DNS:a.b"),
        ("DNS:" + "a" * 64 + ".example", "has a label of 64 characters", ""),
        ("DNS:" + ".".join(["a" * 63] * 4), "has 255 characters", ""),
        ("DNS:a.*.example", "'*' that is not its whole left-most label", ""),
        ("DNS:a*.example", "'*' that is not its whole left-most label", ""),
        ("DNS:*", "'*' that is not its whole left-most label", ""),
        ("DNS:https://example.com", "is a URL", ""),
        ("DNS:192.0.2.1", "ends in a number", ""),
        ("IP:300.1.1.1", "is not an IP address", ""),
        ("IP:192.0.2", "is not an IP address", ""),
        ("IP:192.0.2.0/24", "is not an IP address", "IP:192.0.2.0"),
        ("IP:[2001:db8::1]", "is not an IP address", "IP:2001:db8::1"),
        ("IP:fe80::1%eth0", "is not an IP address", "IP:fe80::1"),
        ("IP:localhost", "is not an IP address", ""),
        ("URI:example.com/x", "has no scheme", ""),
        ("URI:/x", "has no scheme", ""),
        ("URI:https:", "is not a URI", ""),
        ("URI:https://a b", "is not a URI", ""),
        ("URI:https://bücher.example", "outside ASCII", "URI:https://xn--bcher-kva.example"),
        (
            "URI:https://b@bücher.example:8443/ü?x=ä%20",
            "A-label form",
            "URI:https://b@xn--bcher-kva.example:8443/%C3%BC?x=%C3%A4%20",
        ),
        ("URI:https://faß.example", "outside ASCII", ""),
        ("URI:urn:x:ü", "percent-encoded in UTF-8", "URI:urn:x:%C3%BC"),
        ("URI:ü:x", "outside ASCII", ""),
        ("URI:https://example.com/" + "a" * 2048, "has 2068 characters", ""),
        ("DNS:faß.example", "A-label form", ""),
        ("email:bob@faß.example", "A-label form", ""),
        ("IP:192.0.2.01", "is not an IP address", ""),
        ("URI:https://example.com/%zz", "is not a URI", ""),
        ("URI:1a:b", "is not a URI", ""),
        ("URI:https:///x", "no valid host", ""),
        ("URI:https://[::zz]/", "no valid host", ""),
        ("URI:https://[1:2]/", "is not an IP address", ""),
        ("URI:https://300.1.1.1/", "is not an IP address", ""),
        ("URI:https://a=b/", "has 'a=b' as host", ""),
        ("URI:https://a..b/x", "has 'a..b' as host", ""),
        ("DNS:*.bücher.example", "A-label form", "DNS:*.xn--bcher-kva.example"),
        (f"URI:{SID_URI_PREFIX}x", "no security identifier after Microsoft's prefix", ""),
        ("RID:3.1", "is not an object identifier", ""),
        ("RID:1.40", "is not an object identifier", ""),
        ("RID:1", "is not an object identifier", ""),
        ("RID:1.2.03", "is not an object identifier", ""),
        ("RID:1.2.", "is not an object identifier", ""),
        ("RID:" + "1.2" + ".1" * 200, "is not an object identifier", ""),
        ("dirName:Bob", "is not a distinguished name", ""),
        ("dirName:CN=Bob,C=Germany", "has 'Germany' as C", ""),
        ("dirName:CN=a+OU=b", "several attributes in one RDN", ""),
        ("RID:2.25.340282366920938463463374607431768211456", "is not an object identifier", ""),
        ("dirName:/CN=", "the attribute CN without a value", ""),
        ("dirName:/C=Germany", "has 'Germany' as C", ""),
        ("SID:bob", "is not a security identifier", ""),
        (f"SID:{SID.lower()}", "is not a security identifier", f"SID:{SID}"),
        ("SID:S-1-5-21-1-2-3", "has 3 numbers after S-1-5-21", ""),
        (f"URI:{SID_URI_PREFIX.upper()}{SID}", "which has small letters only", f"URI:{SID_URI_PREFIX}{SID}"),
        (f"SID:{SID_URI_PREFIX}{SID}", "is not a security identifier", f"SID:{SID}"),
        ("DNS:a\x00b", "control character (U+0000)", ""),
        ("URI:https://a\n", "control character (U+000A)", ""),
    ],
)
def test_value_refused(text: str, reason: str, suggestion: str) -> None:
    type_, _colon, value = text.partition(":")
    with pytest.raises(NameSyntaxError) as caught:
        validate_general_name(GeneralName(type_, value))
    assert reason in caught.value.reason
    assert caught.value.suggestion == suggestion


def test_strong_mapping_uri() -> None:
    uri = f"tag:microsoft.com,2022-09-14:sid:{SID}"
    assert parse_general_name(f"URI:{uri}") == canonical_general_name(GeneralName("URI", uri)) == ("SID", SID)
    assert parse_general_name(f"URI:{SID_URI_PREFIX}%Object Sid%") == ("SID", "%Object Sid%")
    for other in ("https://example.com", f"{SID_URI_PREFIX}bob"):
        assert canonical_general_name(GeneralName("URI", other)) == ("URI", other)


@steady
@given(st.sampled_from(list(KINDS)), st.text(max_size=40))
def test_any_value_is_valid_or_refused(type_: str, value: str) -> None:
    try:
        validate_general_name(GeneralName(type_, value))
    except NameSyntaxError as exc:
        assert exc.reason


@steady
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name = parse_general_name(text)
    except NameSyntaxError as exc:
        assert exc.reason
    else:
        assert parse_general_name(str(name)) == name
