# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.asn1 import SEQUENCE, indefinite, integer, oid, tlv
from support.properties import count
from support.sample_certificates import certificates

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1 import der
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError


def walk(element, seen=0):
    """Visit every element and call every reader, as the most curious parser would."""
    for reader in (element.integer, element.oid, element.octets):
        with contextlib.suppress(ParseError):
            reader()
    assert element.encoded.endswith(element.value) or element.encoded.endswith(element.value + b"\0\0")
    if element.constructed:
        for child in element.children():
            seen = walk(child, seen + 1)
    return seen


def test_elements_of_a_sequence_are_read_with_their_exact_bytes():
    inner = [integer(5), oid("1.2.840.113549"), tlv(0x04, b"x" * 300)]
    outer = der.read(tlv(SEQUENCE, *inner) + b"rest")
    assert [child.encoded for child in outer.children()] == inner
    assert outer.end == len(tlv(SEQUENCE, *inner))
    number, identifier, text = outer.children()
    assert (number.integer(), identifier.oid(), text.octets()) == (5, "1.2.840.113549", b"x" * 300)


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, -128, 255, 65537, 2**159, -(2**64)])
def test_integer(value):
    assert der.read(integer(value)).integer() == value


@pytest.mark.parametrize(
    "dotted", ["0.0", "0.39", "1.2.840.113549.1.7.2", "2.5.4.3", "2.999.1", "2.16.840.1.101.3.4.2.1"]
)
def test_oid(dotted):
    assert der.read(oid(dotted)).oid() == dotted


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x2a\x86", b"\x2a" + b"\x01" * 200])
def test_malformed_oid(content):
    with pytest.raises(ParseError, match="OBJECT IDENTIFIER at byte 0 is malformed"):
        der.read(tlv(0x06, content)).oid()


def test_indefinite_lengths_nest_and_segments_of_an_octet_string_are_joined():
    octets = indefinite(0x24, tlv(0x04, b"one "), indefinite(0x24, tlv(0x04, b"two "), tlv(0x04, b"three")))
    data = indefinite(SEQUENCE, indefinite(0xA0, octets), integer(7)) + b"\0\0\0"
    element = der.read(data)
    assert element.end == len(data) - 3
    wrapper, number = element.children()
    assert wrapper.is_context(0)
    assert number.integer() == 7
    assert next(wrapper.children()).octets() == b"one two three"


def test_zero_bytes_inside_a_definite_element_do_not_end_an_indefinite_one():
    data = indefinite(SEQUENCE, tlv(0x04, b"\0\0\0\0"), integer(0))
    assert [child.encoded for child in der.read(data).children()] == [tlv(0x04, b"\0\0\0\0"), integer(0)]


def test_long_form_tag_and_long_form_length_of_a_short_value():
    element = der.read(b"\xbf\x81\x01\x84\x00\x00\x00\x02\x05\x00")
    assert (element.tag_class, element.number, element.value) == (der.CONTEXT, 129, b"\x05\x00")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated"),
        (b"\x30", "truncated: there is no length at byte 1"),
        (b"\x30\x82\x01", "truncated inside the length at byte 1"),
        (b"\x30\x05\x02\x01", r"at byte 0 says that it has 5 bytes, but 2 follow"),
        (b"\x30\x88" + b"\xff" * 8, r"says that it has 18446744073709551615 bytes, but 0 follow"),
        (b"\x30\x89" + b"\x01" * 9, "length at byte 1 is 9 bytes long"),
        (b"\x30\xff", "127 bytes long"),
        (b"\x04\x80\x00\x00", "indefinite length but is not constructed"),
        (b"\x30\x80\x02\x01\x00", "truncated"),
        (b"\x30\x80\x02\x01\x00\x00", "truncated"),
        (b"\x3f\xff\xff\xff\xff\x01\x00", "longer than 4 bytes"),
        (b"\x3f\xff", "truncated inside the tag"),
        (b"\x00\x00", "end-of-contents octets at byte 0"),
    ],
)
def test_req_127_lengths_and_tags_are_checked(data, message):
    with pytest.raises(ParseError, match=message):
        der.read(data)


def test_req_127_a_child_cannot_reach_beyond_its_parent():
    data = tlv(SEQUENCE, b"\x04\x05ab") + b"cde"
    with pytest.raises(ParseError, match="at byte 2 says that it has 5 bytes, but 2 follow"):
        list(der.read(data).children())


@pytest.mark.parametrize("wrap", [tlv, indefinite])
def test_req_127_nesting_is_limited(wrap):
    data = b""
    for _unused in range(der.MAX_DEPTH):
        data = wrap(SEQUENCE, data)
    assert walk(der.read(data)) == der.MAX_DEPTH - 1
    with pytest.raises(ParseError, match="deeper than 32"):
        walk(der.read(wrap(SEQUENCE, data)))


def test_req_127_total_size_is_limited():
    with pytest.raises(ParseError, match="at most 4194304 are read"):
        der.read(tlv(0x04, b"x" * der.MAX_BYTES))


def test_req_127_thousands_of_open_indefinite_elements_end_at_once():
    with pytest.raises(ParseError, match="deeper than 32"):
        der.read(b"\x30\x80" * 1_000_000)


def test_req_127_nested_indefinite_elements_are_searched_once(monkeypatch):
    data = tlv(0x05) * 1000
    for _unused in range(der.MAX_DEPTH - 1):
        data = indefinite(SEQUENCE, data)
    headers = []
    header = der._Header
    monkeypatch.setattr(der, "_Header", lambda *arguments: headers.append(1) or header(*arguments))
    assert walk(der.read(data)) == 1000 + der.MAX_DEPTH - 2
    # Each is seen once while ends are searched and once as an element: not once for every level around it.
    assert len(headers) < 3 * (1000 + der.MAX_DEPTH)


def test_req_127_a_huge_integer_is_refused():
    with pytest.raises(ParseError, match="INTEGER at byte 0 is empty or too long"):
        der.read(tlv(0x02, b"\x01" * 5000)).integer()


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (der.Element.integer, "should be an INTEGER, but its tag is universal 16"),
        (der.Element.oid, "should be an OBJECT IDENTIFIER"),
        (der.Element.octets, "should be an OCTET STRING"),
    ],
)
def test_a_wrong_type_is_named(reader, message):
    with pytest.raises(ParseError, match=message):
        reader(der.read(tlv(SEQUENCE, integer(1))))


def test_children_of_a_primitive_element():
    with pytest.raises(ParseError, match="should be constructed"):
        list(der.read(integer(1)).children())


def test_a_segment_of_an_octet_string_of_another_type():
    with pytest.raises(ParseError, match="should be a segment of an OCTET STRING"):
        der.read(tlv(0x24, tlv(0x0C, b"x"))).octets()


def test_openssl_finds_the_same_elements_in_a_certificate(tmp_path):
    certificate = certificates()[0]
    path = tmp_path / "certificate.der"
    path.write_bytes(certificate)
    printed = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER", "-in", str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert walk(der.read(certificate)) + 1 == len(printed.splitlines())


@settings(derandomize=True, max_examples=count(300), deadline=None)
@given(st.binary(max_size=400))
@example(b"\x30\x80" * 200)
@example(b"\x24\x80" * 40 + b"\0\0" * 40)
def test_req_127_random_bytes_never_crash(data):
    with contextlib.suppress(ParseError):
        walk(der.read(data))


@settings(derandomize=True, max_examples=count(300), deadline=None)
@given(st.data())
def test_req_127_damaged_certificates_never_crash(data):
    damaged = bytearray(certificates()[0])
    for _unused in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ParseError):
        walk(der.read(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])))
