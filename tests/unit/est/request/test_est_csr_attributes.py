# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of CSR attributes, with the examples of the RFCs and what servers make of it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import csr_attributes as samples
from support.asn1 import indefinite, integer, oid, tlv
from support.csr_attributes import attribute, extension, sequence
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import (
    CsrAttributes,
    parse_csr_attributes,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.requirements import (
    RawAttribute,
    RequiredExtension,
    RequiredKey,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

EXAMPLES = {name: value for name, value in vars(samples).items() if name.startswith("RFC_")}
SHA384 = "1.2.840.10045.4.3.3"
MAC_ADDRESS = "1.3.6.1.1.1.1.22"
BASIC_CONSTRAINTS = extension("2.5.29.19", sequence(), critical=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_openssl_agrees_that_the_examples_are_asn1(name):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    command = [openssl, "asn1parse", "-inform", "DER"]
    done = subprocess.run(command, input=EXAMPLES[name], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stdout.decode()


class TestList:
    def test_req_097_object_identifiers_and_attributes(self):
        found = parse_csr_attributes(samples.RFC_9908_5_2)
        assert found == CsrAttributes(
            keys=(RequiredKey(samples.EC, curve=samples.P384),),
            signature_algorithms=(SHA384,),
            challenges=(samples.CHALLENGE_PASSWORD,),
            ignored=(RawAttribute(MAC_ADDRESS),),
            der=samples.RFC_9908_5_2,
        )

    def test_req_097_ber_is_read_as_well(self):
        value = indefinite(0x30, oid(SHA384), indefinite(0x30, oid(samples.EC), indefinite(0x31, oid(samples.P384))))
        found = parse_csr_attributes(value)
        assert found.keys == (RequiredKey(samples.EC, curve=samples.P384),)
        assert found.signature_algorithms == (SHA384,)

    def test_req_098_what_is_unknown_is_kept_aside_as_it_came(self):
        found = parse_csr_attributes(samples.RFC_7030_A_2)
        assert found.ignored == (
            RawAttribute(MAC_ADDRESS),
            RawAttribute("2.999.1", (b"\x13\x19Parse SET as 2.999.1 data",)),
            RawAttribute("2.999.2", (oid("2.999.3"), oid("2.999.4"), b"\x13\x19Parse SET as 2.999.2 data")),
        )
        assert found.warnings == ()

    def test_req_098_what_is_neither_identifier_nor_attribute_is_told(self):
        found = parse_csr_attributes(sequence(integer(1), oid(SHA384), tlv(0x04, b"x")))
        assert found.signature_algorithms == (SHA384,)
        assert found.warnings == (
            "element 1 of the CSR attributes is neither an OID nor an attribute",
            "element 3 of the CSR attributes is neither an OID nor an attribute",
        )

    @pytest.mark.parametrize("number", [56, 57, 58])
    def test_req_109_the_challenges_of_rfc_7894(self, number):
        kind = f"1.2.840.113549.1.9.16.2.{number}"
        found = parse_csr_attributes(sequence(oid(kind)))
        assert found.challenges == (kind,)
        assert found.wants_linking is (number == 58)

    def test_a_serial_number_is_asked_for_in_the_subject(self):
        assert parse_csr_attributes(samples.RFC_9908_5_5).subject_attributes == (samples.SN,)

    def test_bytes_behind_the_end_are_told(self):
        found = parse_csr_attributes(sequence(oid(SHA384)) + b"\0")
        assert found.signature_algorithms == (SHA384,)
        assert found.warnings == ("1 bytes follow the CSR attributes",)


class TestKeys:
    @pytest.mark.parametrize(
        ("element", "expected"),
        [
            (attribute(samples.EC, oid(samples.P384)), (RequiredKey(samples.EC, curve=samples.P384),)),
            (attribute(samples.RSA, integer(3072)), (RequiredKey(samples.RSA, bits=3072),)),
            (attribute(samples.EC), (RequiredKey(samples.EC),)),
            (attribute(samples.RSA), (RequiredKey(samples.RSA),)),
            (oid(samples.EC), (RequiredKey(samples.EC),)),
            (oid(samples.P521), (RequiredKey(samples.EC, curve=samples.P521),)),
            (oid(samples.EC) + oid(samples.P521), (RequiredKey(samples.EC, curve=samples.P521),)),
            (oid("1.3.101.112"), (RequiredKey("1.3.101.112"),)),
            (sequence(oid(samples.RSA)), (RequiredKey(samples.RSA),)),
            (
                attribute(samples.EC, oid(samples.P256), oid(samples.P384)),
                (RequiredKey(samples.EC, curve=samples.P256), RequiredKey(samples.EC, curve=samples.P384)),
            ),
        ],
    )
    def test_req_101_the_type_of_the_key(self, element, expected):
        found = parse_csr_attributes(sequence(element))
        assert found.keys == expected
        assert found.warnings == ()

    @pytest.mark.parametrize(
        ("element", "key", "name"),
        [
            (attribute(samples.RSA, oid(samples.P256)), RequiredKey(samples.RSA), "rsaEncryption"),
            (attribute(samples.EC, sequence()), RequiredKey(samples.EC), "ecPublicKey"),
        ],
    )
    def test_req_101_a_parameter_that_is_not_known_is_told(self, element, key, name):
        found = parse_csr_attributes(sequence(element))
        assert found.keys == (key,)
        assert name in found.warnings[0]

    def test_req_101_values_that_are_not_in_a_set_are_told(self):
        found = parse_csr_attributes(sequence(sequence(oid(samples.EC), oid(samples.P256))))
        assert found.keys == (RequiredKey(samples.EC),)
        assert "not in a SET" in found.warnings[0]


class TestExtensions:
    @pytest.mark.parametrize(
        "elements",
        [
            attribute(samples.EXTENSION_REQUEST, sequence(BASIC_CONSTRAINTS)) * 2,
            attribute(samples.EXTENSION_REQUEST, sequence(BASIC_CONSTRAINTS), sequence(BASIC_CONSTRAINTS)),
            attribute(
                samples.EXTENSION_REQUEST, sequence(BASIC_CONSTRAINTS, extension("2.5.29.19", b"\x30\x03\x01\1\xff"))
            ),
        ],
    )
    def test_req_100_extensions_that_are_given_twice_are_told_and_the_first_counts(self, elements):
        found = parse_csr_attributes(sequence(elements))
        assert found.extensions == (RequiredExtension("2.5.29.19", True, b"0\0"),)
        assert "the CSR attributes ask for the extension basicConstraints (2.5.29.19) twice: the first counts" in (
            found.warnings
        )

    def test_req_100_more_than_one_extension_request_is_told(self):
        found = parse_csr_attributes(sequence(attribute(samples.EXTENSION_REQUEST, sequence(BASIC_CONSTRAINTS)) * 2))
        assert "RFC 9908 allows it once" in found.warnings[0]

    def test_req_103_the_malformed_example_of_rfc_7030_is_read(self):
        found = parse_csr_attributes(samples.RFC_7030_4_5_2)
        assert found.keys == (RequiredKey(samples.EC, curve=samples.P384),)
        assert found.signature_algorithms == (SHA384,)
        assert found.wants_linking
        assert found.extensions == ()
        assert found.ignored == (RawAttribute(samples.EXTENSION_REQUEST, (oid(MAC_ADDRESS),)),)
        assert found.warnings == (), "it is the plain form of the RFC"

    def test_req_103_the_bare_object_identifier_of_an_extension_asks_for_it(self):
        found = parse_csr_attributes(sequence(attribute(samples.EXTENSION_REQUEST, oid(samples.SAN))))
        assert found.extensions == (RequiredExtension(samples.SAN, None, None),)
        assert found.warnings == ()

    def test_req_103_a_single_extension_without_its_sequence_is_read(self):
        found = parse_csr_attributes(sequence(attribute(samples.EXTENSION_REQUEST, BASIC_CONSTRAINTS)))
        assert found.extensions == (RequiredExtension("2.5.29.19", True, b"0\0"),)

    @pytest.mark.parametrize("element", [oid(samples.EXTENSION_REQUEST), attribute(samples.EXTENSION_REQUEST)])
    def test_req_103_an_extension_request_without_extensions_is_ignored(self, element):
        found = parse_csr_attributes(sequence(element))
        assert (found.extensions, found.ignored) == ((), (RawAttribute(samples.EXTENSION_REQUEST),))


class TestLimits:
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (b"", "truncated"),
            (b"\x30\x82\xff\xffgarbage", "truncated"),
            (b"\x04\x01x", "should be the SEQUENCE of CSR attributes"),
            (sequence(b"\x30\0"), "end where the type of an attribute should be"),
            (sequence(sequence(integer(1))), "should be an OBJECT IDENTIFIER"),
            (sequence(oid(SHA384) * 501), "more than 500 elements"),
            (b"\x30\x83\x01\x00\x01" + b"\0" * 65537, "at most 65536 are read"),
            (sequence(attribute(samples.EXTENSION_REQUEST, sequence(sequence()))), "identifier of an extension"),
            (sequence(attribute(samples.EXTENSION_REQUEST, sequence(integer(1)))), "should be an extension"),
            (
                sequence(attribute(samples.EXTENSION_REQUEST, sequence(sequence(oid("1.2.3"), integer(1))))),
                "the value of an extension",
            ),
        ],
    )
    def test_req_127_what_is_malformed_is_an_error(self, value, reason):
        with pytest.raises(ParseError, match=reason):
            parse_csr_attributes(value)


def exercise(value: bytes) -> None:
    """Everything that becomes of CSR attributes: only our own errors may come out of it."""
    try:
        found = parse_csr_attributes(value)
    except ParseError:
        return
    for line in found.describe():
        assert all(character.isprintable() for character in line["words"])
        assert len(line["words"]) <= 300
    try:
        plan_request(
            found,
            KeySpec("ec"),
            False,
            parse_slash_dn("/CN=x"),
            (GeneralName("IP", "192.0.2.1"),),
            challenge_password="1",
        )
    except EstError:
        pass


_OIDS = st.sampled_from(
    [
        samples.CHALLENGE_PASSWORD,
        samples.EXTENSION_REQUEST,
        samples.EXTENSION_TEMPLATE,
        samples.TEMPLATE,
        samples.EC,
        samples.RSA,
        samples.P256,
        samples.SAN,
        samples.KEY_USAGE,
        samples.EXTENDED_KEY_USAGE,
        samples.CN,
        SHA384,
        "1.3.101.112",
        "1.3.101.113",
        "2.5.29.19",
        "1.2.840.113549.1.9.16.2.56",
    ]
).map(oid)
_LEAVES = st.one_of(
    _OIDS,
    st.integers(-1, 5000).map(integer),
    st.binary(max_size=8).map(lambda value: tlv(0x04, value)),
    st.binary(max_size=8).map(lambda value: tlv(0x03, value)),
    st.text(max_size=8).map(samples.utf8),
    st.sampled_from([b"\x01\x01\xff", b"\x82\0", b"\x87\0", b"\xa4\x02\x30\0", b"\x05\0"]),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0, 0xA1, 0x04]), st.lists(inner, max_size=4)).map(
        lambda node: tlv(node[0], *node[1])
    ),
    max_leaves=20,
)


@steady
@given(st.lists(_TREES, max_size=5), _OIDS, st.lists(_TREES, max_size=4))
def test_req_103_req_127_structures_of_the_right_parts_never_crash(trees, kind, values):
    exercise(sequence(*trees, sequence(kind, tlv(0x31, *values))))
    exercise(sequence(attribute(samples.TEMPLATE, sequence(integer(0), *trees))))
    exercise(sequence(attribute(samples.EXTENSION_REQUEST, sequence(sequence(kind, tlv(0x04, *values))))))
