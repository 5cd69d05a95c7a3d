# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of a request in CSR attributes (RFC 9908 section 3.4)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support import csr_attributes as samples
from support.asn1 import integer, oid, tlv
from support.csr_attributes import attribute, extension, rdn, sequence, template, utf8

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import parse_csr_attributes
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.requirements import (
    RawAttribute,
    RequiredExtension,
    RequiredKey,
    RequiredSubjectAttribute,
)

SHA384 = "1.2.840.10045.4.3.3"
NULL = b"\x05\0"


def test_req_104_req_107_the_example_of_the_rfc():
    found = parse_csr_attributes(samples.RFC_9908_3_4)
    assert found.from_template
    assert found.subject == (
        (RequiredSubjectAttribute(samples.CN, None),),
        (RequiredSubjectAttribute(samples.OU, utf8("myDept")),),
        (RequiredSubjectAttribute(samples.OU, utf8("myGroup")),),
    )
    assert found.keys == (RequiredKey(samples.EC, curve=samples.P256),)
    assert found.extensions == (
        RequiredExtension(samples.SAN, None, bytes.fromhex("30148210") + b"www.myServer.com" + bytes.fromhex("8700")),
        RequiredExtension(samples.KEY_USAGE, True, bytes.fromhex("03020388")),
        RequiredExtension(samples.EXTENDED_KEY_USAGE, None, None),
    )
    assert (found.ignored, found.warnings) == ((), ())


def test_req_104_the_template_alone_counts():
    beside = [oid(samples.CHALLENGE_PASSWORD), attribute(samples.RSA, integer(4096)), oid(SHA384)]
    found = parse_csr_attributes(template(key=sequence(oid(samples.EC), oid(samples.P256)), beside=beside))
    assert found.keys == (RequiredKey(samples.EC, curve=samples.P256),)
    assert (found.challenges, found.signature_algorithms) == ((), ())
    assert found.ignored == (
        RawAttribute(samples.CHALLENGE_PASSWORD),
        RawAttribute(samples.RSA, (integer(4096),)),
        RawAttribute(SHA384),
    )


def test_req_104_of_two_templates_the_first_counts():
    first, second = (
        sequence(integer(0), tlv(0xA0, sequence(oid(samples.EC), oid(curve))), tlv(0xA1))
        for curve in (samples.P384, samples.P256)
    )
    found = parse_csr_attributes(sequence(attribute(samples.TEMPLATE, first), attribute(samples.TEMPLATE, second)))
    assert found.keys == (RequiredKey(samples.EC, curve=samples.P384),)
    assert "the first is used" in found.warnings[0]


def test_req_104_a_template_without_a_value_is_none():
    found = parse_csr_attributes(sequence(oid(samples.TEMPLATE), oid(SHA384)))
    assert not found.from_template
    assert found.signature_algorithms == (SHA384,)
    assert found.ignored == (RawAttribute(samples.TEMPLATE),)


def test_req_105_another_version_is_an_error():
    with pytest.raises(ParseError, match="version 1; only 0 is known"):
        parse_csr_attributes(template(version=1))


def test_req_105_no_subject_is_no_requirement():
    assert parse_csr_attributes(template()).subject is None
    assert parse_csr_attributes(template(subject=[])).subject == ()


def test_req_105_an_empty_value_is_filled_in_by_the_client():
    # As in the templates of CMP; RFC 9908 leaves the value out.
    found = parse_csr_attributes(template(subject=[rdn(samples.CN, utf8(""))]))
    assert found.subject == ((RequiredSubjectAttribute(samples.CN, None),),)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (sequence(oid(samples.EC), oid(samples.P384)), RequiredKey(samples.EC, curve=samples.P384)),
        (sequence(oid(samples.EC)), RequiredKey(samples.EC)),
        (sequence(oid(samples.RSA), NULL), RequiredKey(samples.RSA)),
        (sequence(oid("1.3.101.112")), RequiredKey("1.3.101.112")),
        # The tag is explicit, though the module of RFC 9908 has implicit tags.
        (sequence(sequence(oid(samples.EC), oid(samples.P384))), RequiredKey(samples.EC, curve=samples.P384)),
    ],
)
def test_req_106_the_type_of_the_key(key, expected):
    found = parse_csr_attributes(template(key=key))
    assert (found.keys, found.warnings) == ((expected,), ())


@pytest.mark.parametrize("explicit", [False, True])
def test_req_106_a_placeholder_gives_the_length_of_the_modulus(explicit):
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = parse_csr_attributes(template(key=info if explicit else info[4:]))
    assert found.keys == (RequiredKey(samples.RSA, bits=3072),)


@pytest.mark.parametrize("modulus", [b"\0" * 257, b"\0" + b"\xff" * 256, b"\x01" + b"\0" * 255])
def test_req_106_any_placeholder_of_the_length_will_do(modulus):
    public_key = sequence(tlv(0x02, modulus), integer(65537))
    found = parse_csr_attributes(template(key=sequence(oid(samples.RSA), NULL) + tlv(0x03, b"\0", public_key)))
    assert found.keys == (RequiredKey(samples.RSA, bits=2048),)


def test_req_106_parameters_that_name_no_curve_are_told():
    found = parse_csr_attributes(template(key=sequence(oid(samples.EC), sequence())))
    assert found.keys == (RequiredKey(samples.EC),)
    assert "name no curve" in found.warnings[0]


@pytest.mark.parametrize(
    "key", [b"", sequence(), sequence(integer(1)), sequence(oid(samples.RSA)) + integer(1), sequence(b"\x30\0")]
)
def test_req_106_a_damaged_key_is_an_error(key):
    with pytest.raises(ParseError):
        parse_csr_attributes(template(key=key))


@pytest.mark.parametrize("kind", [samples.EXTENSION_REQUEST, samples.EXTENSION_TEMPLATE])
def test_req_107_req_108_either_kind_of_extension_request(kind):
    wanted = sequence(extension(samples.KEY_USAGE, bytes.fromhex("03020388"), critical=True), extension(samples.SAN))
    found = parse_csr_attributes(template(attribute(kind, wanted)))
    assert found.extensions == (
        RequiredExtension(samples.KEY_USAGE, True, bytes.fromhex("03020388")),
        RequiredExtension(samples.SAN, None, None),
    )
    assert found.warnings == ()


def test_req_107_both_kinds_at_once_are_told():
    found = parse_csr_attributes(
        template(
            attribute(samples.EXTENSION_REQUEST, sequence(extension(samples.KEY_USAGE, bytes.fromhex("03020388")))),
            attribute(samples.EXTENSION_TEMPLATE, sequence(extension(samples.SAN))),
        )
    )
    assert [wanted.oid for wanted in found.extensions] == [samples.KEY_USAGE, samples.SAN]
    assert "more than once" in found.warnings[0]


def test_req_107_a_single_extension_template_is_read_as_the_text_of_the_rfc_has_it():
    found = parse_csr_attributes(template(attribute(samples.EXTENSION_TEMPLATE, extension(samples.SAN, critical=True))))
    assert found.extensions == (RequiredExtension(samples.SAN, True, None),)


def test_attributes_with_an_explicit_tag_are_read():
    inner = tlv(0x31, attribute(samples.CHALLENGE_PASSWORD, utf8("x")))
    value = sequence(attribute(samples.TEMPLATE, sequence(integer(0), tlv(0xA1, inner))))
    assert parse_csr_attributes(value).challenges == (samples.CHALLENGE_PASSWORD,)


def test_an_unknown_field_is_told():
    value = sequence(attribute(samples.TEMPLATE, sequence(integer(0), tlv(0xA7), tlv(0xA1))))
    assert "unknown field (context 7)" in parse_csr_attributes(value).warnings[0]


@pytest.mark.parametrize(
    "value",
    [sequence(), sequence(sequence()), sequence(integer(0), sequence(integer(1))), integer(0)],
)
def test_what_is_no_template_is_an_error(value):
    with pytest.raises(ParseError):
        parse_csr_attributes(sequence(attribute(samples.TEMPLATE, value)))
