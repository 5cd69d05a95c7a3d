# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in X.509: our text in, the right encoding out, and back again whatever a CA made of it."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from support.est_pki import library_certificate, make_certificate, new_key
from support.names import build_general_names, build_name, own_name, read_general_names

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_OIDS,
    SubjectAttribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    GeneralName,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    read_name,
)

UTF8, PRINTABLE, IA5 = 0x0C, 0x13, 0x16
EVERY_ATTRIBUTE = (
    "/CN=Jörg Doe/C=DE/L=Köln/ST=NRW/O=Example GmbH/OU=IT/G=Jörg/S=Doe/I=JD/UID=jdoe/SN=A-123/T=Dr/D=device of Jörg"
    "/emailAddress=jdoe@example.com/DC=example"
)
GENERAL_NAMES = (
    GeneralName("UPN", "jdöe@example.com"),
    GeneralName("email", "jdoe@example.com"),
    GeneralName("DNS", "host.example.com"),
    GeneralName("DNS", "*.example.com"),
    GeneralName("IP", "192.0.2.7"),
    GeneralName("IP", "2001:db8::7"),
    GeneralName("URI", "https://example.com/x?y=1"),
    GeneralName("RID", "1.2.3.4"),
    GeneralName("dirName", "/CN=Jörg\\/Doe/OU=IT"),
    GeneralName("SID", "S-1-5-21-1004336348-1177238915-682003330-512"),
)


def certificate_with(*names, subject="x"):
    key = new_key()
    extensions = [(x509.SubjectAlternativeName(list(names)), False)] if names else []
    return make_certificate(subject, key.public_key(), "ca", key, extensions=extensions)


@pytest.mark.parametrize("attribute", list(ATTRIBUTE_OIDS))
def test_string_types(attribute):
    values = {"C": "DE", "emailAddress": "a@b.example", "SN": "1-2"}
    value = values.get(attribute, "abc")
    encoded = build_name((SubjectAttribute(ATTRIBUTE_OIDS[attribute], value),)).public_bytes()
    wanted = {"C": PRINTABLE, "SN": PRINTABLE, "emailAddress": IA5, "DC": IA5}.get(attribute, UTF8)
    assert encoded.endswith(bytes([wanted, len(value)]) + value.encode())


def test_every_attribute_round_trips_in_its_own_rdn_and_in_order():
    subject = parse_slash_dn(EVERY_ATTRIBUTE)
    built = build_name(subject)
    assert len(built.rdns) == len(ATTRIBUTE_OIDS)
    assert read_name(own_name(built)) == subject


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("emailAddress", "jörg@example.com", "ASCII"),
        ("DC", "köln", "ASCII"),
        ("SN", "a@b", "SN"),
        ("C", "Germany", "capital letters"),
        ("CN", "x" * 65, "at most 64"),
        ("CN", "", "without a value"),
        ("O", "a\x00b", "control character"),
        ("CN", "a\ud800", "control character"),
    ],
)
def test_a_value_that_its_attribute_cannot_hold_is_refused(attribute, value, words):
    with pytest.raises(InputError) as caught:
        build_name((SubjectAttribute(ATTRIBUTE_OIDS[attribute], value),))
    assert f"/{attribute}=" in caught.value.reason
    assert words in caught.value.reason
    assert caught.value.hint


def test_every_general_name_round_trips_in_order():
    extension = build_general_names(GENERAL_NAMES)
    assert {name.type for name in GENERAL_NAMES} == set(KINDS)
    certificate = certificate_with(*extension)
    reread = library_certificate(certificate)
    value = reread.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert read_general_names(value) == GENERAL_NAMES


def test_a_upn_is_an_other_name_with_a_tagged_utf8_string():
    value = "jdöe@example.com".encode()
    oid = bytes.fromhex("060a2b060104018237140203")
    tagged = bytes([UTF8, len(value)]) + value
    other_name = oid + bytes([0xA0, len(tagged)]) + tagged
    certificate = certificate_with(*build_general_names([GeneralName("UPN", "jdöe@example.com")]))
    assert bytes([0xA0, len(other_name)]) + other_name in certificate.der


def test_a_long_upn_round_trips():
    for length in (127, 128, 300):
        name = GeneralName("UPN", "x" * (length - 2) + "@y")
        assert read_general_names(build_general_names([name])) == (name,)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("UPN", "jdoe"),
        ("UPN", "@example.com"),
        ("UPN", "j doe@example.com"),
        ("UPN", "jdoe\n@example.com"),
        ("email", "jdoe"),
        ("email", "jörg@example.com"),
        ("email", "Jo <jdoe@example.com>"),
        ("DNS", ""),
        ("DNS", "köln.example"),
        ("DNS", "a b.example"),
        ("DNS", "a.*.example"),
        ("IP", "192.0.2.256"),
        ("IP", "192.0.2.0/24"),
        ("URI", "example.com"),
        ("URI", "https://exämple.com"),
        ("URI", "https://example.com/a b"),
        ("RID", "1.2.x"),
        ("RID", "3.1"),
        ("RID", "2.999999999999999999999999999999999999999999999999"),
        ("dirName", "x"),
        ("dirName", "/CN=" + "x" * 65),
        ("SID", "S-1-x"),
        ("SID", "1104"),
        ("sip", "x"),
    ],
)
def test_a_general_name_that_its_type_cannot_hold_is_refused_with_what_is_allowed(kind, value):
    if (kind, value[:5]) == ("RID", "2.999"):
        # An arc this large is legal; what cryptography makes of it differs, but it must be an InputError or work.
        try:
            build_general_names([GeneralName(kind, value)])
        except InputError as error:
            assert "object identifier" in error.reason
        return
    with pytest.raises(InputError) as caught:
        build_general_names([GeneralName(kind, value)])
    assert repr(f"{kind}:{value}")[1:-1] in caught.value.reason
    assert caught.value.hint
    assert len(caught.value.reason) > len(f"the subject alternative name '{kind}:{value}' ")


def test_an_unknown_type_names_the_known_ones():
    with pytest.raises(InputError) as caught:
        build_general_names([GeneralName("sip", "x")])
    for known in KINDS:
        assert known in caught.value.reason


def test_a_multi_valued_rdn_is_flattened():
    name = x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "O")]),
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, "a"),
                    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "b"),
                ]
            ),
        ]
    )
    assert sorted(value for _oid, value in read_name(own_name(name))) == ["O", "a", "b"]


def test_an_unknown_attribute_is_read_with_its_object_identifier():
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier("2.5.4.97"), "VATDE-1")])
    assert read_name(own_name(name)) == (SubjectAttribute("2.5.4.97", "VATDE-1"),)


@pytest.mark.parametrize(
    ("oid", "value", "text"),
    [
        ("1.2.3", b"\x0c\x01a", "otherName 1.2.3:0C0161"),
        ("1.3.6.1.4.1.311.20.2.3", b"\x0c\x01\xff", "otherName 1.3.6.1.4.1.311.20.2.3:0C01FF"),
        ("1.3.6.1.4.1.311.20.2.3", b"\x16\x03a@b", "otherName 1.3.6.1.4.1.311.20.2.3:1603614062"),
        ("1.3.6.1.4.1.311.20.2.3", b"\x0c\x03a@b", "UPN:a@b"),
    ],
)
def test_any_other_name_is_shown(oid, value, text):
    other = x509.OtherName(x509.ObjectIdentifier(oid), value)
    assert [str(name) for name in read_general_names(x509.SubjectAlternativeName([other]))] == [text]


def test_an_ip_network_is_shown():
    network = x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))
    assert read_general_names(x509.SubjectAlternativeName([network])) == (GeneralName("IP", "192.0.2.0/24"),)


@pytest.mark.parametrize(
    ("uri", "read"),
    [
        ("tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4", "SID:S-1-5-21-1-2-3-4"),
        # RFC 4151 section 2.4: other characters are another tag.
        ("TAG:microsoft.com,2022-09-14:SID:S-1-5-21-1-2-3-4", "URI:TAG:microsoft.com,2022-09-14:SID:S-1-5-21-1-2-3-4"),
        ("tag:microsoft.com,2022-09-14:sid:x", "URI:tag:microsoft.com,2022-09-14:sid:x"),
    ],
)
def test_a_strong_mapping_uri_reads_as_sid_in_its_own_spelling_only(uri, read):
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    assert [str(name) for name in read_general_names(names)] == [read]
