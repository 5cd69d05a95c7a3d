# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads of the wishes of a server in its CSR attributes."""

from __future__ import annotations

import pytest
from support import csr_attributes as samples
from support.asn1 import integer, oid, tlv
from support.csr_attributes import attribute, extension, rdn, sequence, template, utf8

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import parse_csr_attributes
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.requirements import describe_extension
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import encode_general_names

FILLED_IN = "a value that the client fills in"


def words(value):
    return [(line["kind"], line["words"]) for line in parse_csr_attributes(value).describe()]


def test_the_example_of_rfc_7030():
    assert parse_csr_attributes(samples.RFC_7030_4_5_2).describe() == [
        {"kind": "key", "oid": samples.EC, "name": "ecPublicKey", "words": "EC P-384"},
        {
            "kind": "signature",
            "oid": "1.2.840.10045.4.3.3",
            "name": "ecdsa-with-SHA384",
            "words": "the request is signed with ecdsa-with-SHA384",
        },
        {
            "kind": "proof_of_possession",
            "oid": samples.CHALLENGE_PASSWORD,
            "name": "challengePassword",
            "words": "proof of possession: challengePassword links the request to the TLS session that carries it",
        },
        {
            "kind": "ignored",
            "oid": samples.EXTENSION_REQUEST,
            "name": "extensionRequest",
            "words": "extensionRequest with 1 value(s), which this client does not use",
        },
    ]


def test_the_template_of_rfc_9908():
    assert words(samples.RFC_9908_3_4) == [
        ("key", "EC P-256"),
        ("subject", f"CN in the subject, with {FILLED_IN}"),
        ("subject", "OU in the subject, with the value 'myDept'"),
        ("subject", "OU in the subject, with the value 'myGroup'"),
        ("extension", f"the extension subjectAltName, with DNS:www.myServer.com, IP:{FILLED_IN}"),
        ("extension", "the extension keyUsage, critical, with digitalSignature, keyAgreement"),
        ("extension", f"the extension extKeyUsage, with {FILLED_IN}"),
    ]


def test_the_alternative_name_of_rfc_8994():
    assert words(samples.RFC_9908_5_1) == [
        (
            "extension",
            "the extension subjectAltName, critical, with "
            "AcpNodeName:rfc8994+fd739fc23c3440112233445500000000+@acp.example.com",
        )
    ]


def test_what_is_not_used_is_told_with_its_name_where_it_has_one():
    assert words(samples.RFC_9908_5_6)[-2:] == [
        ("ignored", "friendlyName without a value, which this client does not use"),
        ("ignored", "favouriteDrink without a value, which this client does not use"),
    ]
    assert words(samples.RFC_7030_A_2)[0] == ("key", "EC brainpoolP384r1")
    assert parse_csr_attributes(sequence(oid("2.999.1"))).describe()[0]["name"] == "2.999.1"


@pytest.mark.parametrize(
    ("element", "kind", "text"),
    [
        (attribute(samples.RSA, integer(3072)), "key", "RSA 3072"),
        (oid(samples.RSA), "key", "any RSA key"),
        (oid(samples.EC), "key", "any EC key"),
        (oid("2.16.840.1.101.3.4.3.18"), "key", "ML-DSA-65"),
        (oid(samples.SN), "subject", f"SN in the subject, with {FILLED_IN}"),
        (oid("1.2.840.113549.1.9.16.2.56"), "challenge", "otpChallenge: a one-time password"),
        (
            oid("1.2.840.113549.1.9.16.2.57"),
            "challenge",
            "revocationChallenge: a password to revoke the certificate with",
        ),
    ],
)
def test_one_wish(element, kind, text):
    assert words(sequence(element)) == [(kind, text)]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (samples.KEY_USAGE, "030205a0", "digitalSignature, keyEncipherment"),
        (samples.KEY_USAGE, "0303070080", "decipherOnly"),
        (samples.KEY_USAGE, "030100", "no usage"),
        (samples.KEY_USAGE, "04", "the value 04"),
        ("2.5.29.19", "3000", "CA: false"),
        ("2.5.29.19", "30030101ff", "CA: true"),
        (samples.EXTENDED_KEY_USAGE, "300a06082b06010505070302", "clientAuth"),
        ("1.2.3", "0500", "the value 0500"),
        ("1.2.3", "", "the value (empty)"),
        (samples.SAN, "3082", "the value 3082"),
        (samples.SAN, "30028702", "the value 30028702"),
        (samples.SAN, "300387017f", "[7]:7F"),
        (samples.SAN, "3004a4023000", f"dirName:{FILLED_IN}"),
    ],
)
def test_the_value_of_an_extension(kind, value, text):
    assert describe_extension(kind, bytes.fromhex(value)) == text


def test_each_type_of_alternative_name():
    names = (
        GeneralName("UPN", "j@example.com"),
        GeneralName("email", "j@example.com"),
        GeneralName("DNS", "a.example.com"),
        GeneralName("IP", "2001:db8::1"),
        GeneralName("URI", "https://example.com/id"),
        GeneralName("RID", "1.2.3.4"),
        GeneralName("dirName", "/CN=J/C=DE"),
        GeneralName("SID", "S-1-5-21-1-2-3-500"),
    )
    assert describe_extension(samples.SAN, encode_general_names(names)) == ", ".join(str(name) for name in names)


def test_what_a_server_sends_is_made_fit_to_be_shown():
    value = template(
        attribute(samples.EXTENSION_TEMPLATE, sequence(extension(samples.SAN, sequence(tlv(0x82, b"a\x1b[31mb\nc"))))),
        subject=[rdn(samples.CN, utf8("\u202eevil\x07" + "x" * 1000))],
    )
    for line in parse_csr_attributes(value).describe():
        assert line["words"].isprintable()
        assert len(line["words"]) <= 300
