# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that stand alone, as a server sends them: written by us or by hand, and read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asn1 import oid, tlv
from support.properties import count, steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    encode_general_names,
    fill_in_type,
    read_general_name,
    read_string,
    split_general_names,
)


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        (12, "J\u00f6rg".encode(), "J\u00f6rg"),
        (19, b"US", "US"),
        (20, "J\u00f6rg".encode("latin-1"), "J\u00f6rg"),
        (22, b"a@b.c", "a@b.c"),
        (28, "J\u00f6".encode("utf-32-be"), "J\u00f6"),
        (30, "J\u00f6rg".encode("utf-16-be"), "J\u00f6rg"),
        (12, b"\xff", "#0C01FF"),
        (19, b"J\xf6rg & Co", "J\u00f6rg & Co"),  # not a PrintableString, and OpenSSL reads it
        (30, b"\xff", "#1E01FF"),
        (2, b"\x01", "#020101"),
    ],
)
def test_the_string_types(tag, value, text):
    assert read_string(tlv(tag, value)) == text


@pytest.mark.parametrize("value", [b"", b"\x0c", b"\x0c\x01ab", b"\x2c\x00", b"\x8c\x01a"])
def test_what_is_no_string_is_shown_in_hexadecimal(value):
    assert read_string(value) == "#" + value.hex().upper()


def read_names(value):
    return [read_general_name(entry) for entry in split_general_names(value)]


def test_each_type_of_general_name():
    names = [
        GeneralName("UPN", "j\u00f6@example.com"),
        GeneralName("email", "j@example.com"),
        GeneralName("DNS", "*.example.com"),
        GeneralName("IP", "192.0.2.1"),
        GeneralName("IP", "2001:db8::1"),
        GeneralName("URI", "https://example.com/id"),
        GeneralName("RID", "1.2.840.113549.1.9.16"),
        GeneralName("dirName", "/C=DE/O=Example/CN=J\u00f6rg/emailAddress=j@example.com/2.5.4.97=VATDE-123"),
        GeneralName("SID", "S-1-5-21-1-2-3-500"),
    ]
    assert read_names(encode_general_names(names)) == names


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (tlv(0x82, b"\xff"), "[2]:FF"),
        (tlv(0x82, "b\u00fccher.example".encode()), "DNS:b\u00fccher.example"),
        (tlv(0x87, bytes.fromhex("c0000200ffffff00")), "IP:192.0.2.0/24"),
        (tlv(0x87, bytes.fromhex("c0000201ffffff00")), "[7]:C0000201FFFFFF00"),
        (tlv(0x87, b"\x7f"), "[7]:7F"),
        (tlv(0x88, b"\xff"), "[8]:FF"),
        (tlv(0xA3, b"\x30\0"), "[3]:3000"),
        (tlv(0xA0, b"\x05\0"), "[0]:0500"),
        (tlv(0xA0, oid("1.2.3"), tlv(0xA0)), "[0]:06022A03A000"),
        (tlv(0xA0, oid("1.2.3"), tlv(0xA0, b"\x05\0")), "otherName 1.2.3:0500"),
        (tlv(0xA4), "[4]:"),
        (tlv(0x16, b"a@b.c"), "[22]:6140622E63"),
        (tlv(0x02, b"\x41"), "[2]:41"),
        (tlv(0xA4, bytes.fromhex("30023000")), "[4]:30023000"),
        (tlv(0xA4, bytes.fromhex("300431023000")), "[4]:300431023000"),
        (tlv(0xA4, bytes.fromhex("3009310730050603550403")), "[4]:3009310730050603550403"),
    ],
)
def test_what_is_damaged_or_unknown_is_shown_in_hexadecimal(entry, text):
    assert [str(name) for name in read_names(tlv(0x30, entry))] == [text]


@pytest.mark.parametrize("value", [b"", b"\x31\0", b"\x30\x02\x82\x05"])
def test_what_is_no_general_names(value):
    with pytest.raises(ParseError):
        split_general_names(value)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (tlv(0x87), "IP"),
        (tlv(0xA4, b"\x30\0"), "dirName"),
        (tlv(0x82), "DNS"),
        (tlv(0x81), "email"),
        (tlv(0x86), "URI"),
        (tlv(0x88), None),
        (tlv(0x01), None),
        (tlv(0xA4), None),
        (tlv(0x82, b"a"), None),
    ],
)
def test_req_107_what_a_server_leaves_empty_the_client_fills_in(entry, kind):
    (found,) = split_general_names(tlv(0x30, entry))
    assert fill_in_type(found) == kind


_PARTS = st.recursive(
    st.one_of(st.binary(max_size=20), st.just(oid("1.3.6.1.4.1.311.20.2.3")), st.just(tlv(12, b"x"))),
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0, 0x06, 0x0C]), st.lists(inner, max_size=3)).map(
        lambda node: tlv(node[0], *node[1])
    ),
    max_leaves=8,
)


@settings(steady, max_examples=count(500))
@given(st.lists(st.tuples(st.integers(0, 255), st.lists(_PARTS, max_size=3)), max_size=3))
def test_req_127_general_names_never_crash(entries):
    value = tlv(0x30, *(tlv(tag, *parts) for tag, parts in entries))
    try:
        found = split_general_names(value)
    except ParseError:
        return
    for entry in found:
        assert str(read_general_name(entry))
        fill_in_type(entry)
