# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of the field: a field that no decision needs refuses none, and what is refused is named.

What OpenSSL verifies is accepted, with every version of cryptography; where ``openssl`` is there, it is asked.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.asn1 import SEQUENCE, SET, UTF8_STRING, oid, tlv
from support.odd_certificates import (
    BIT_STRING,
    BMP,
    ECDSA_SHA256,
    FALSE,
    GENERALIZED_TIME,
    IA5,
    INTEGER,
    IS_CA,
    KEY,
    NOW,
    NULL,
    PRINTABLE,
    RSA_SHA256,
    SIGNS,
    TELETEX,
    TRUE,
    UNIVERSAL,
    UTC_TIME,
    VIDEOTEX,
    VISIBLE,
    attribute,
    certificate,
    common_name,
    extension,
    name,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.pem import pem_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.server_identity import authorize
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust, make_context
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.verification import (
    read_ca_certificates,
    verify_issued,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import describe
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    load_public_key,
    public_key_der,
)

RSA_KEY = rsa.generate_private_key(65537, 2048)
DNS, IP = tlv(0x82, b"localhost"), tlv(0x87, bytes([127, 0, 0, 1]))


def names_of(*entries: bytes, flag: bytes = b"") -> bytes:
    return extension("17", tlv(SEQUENCE, *entries), flag)


def algorithm(dotted: str, *parameters: bytes) -> bytes:
    return tlv(SEQUENCE, oid(dotted), *parameters)


#: Every case: what is odd in the certificate, and the words by which it is refused; nothing for one that is accepted.
#: A subject is that of the CA as well as of the certificate below it.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a default that is written out": ({"extensions": [extension("19", tlv(SEQUENCE, FALSE), TRUE)]}, ""),
    "a critical flag that is written out as false": ({"extensions": [extension("15", b"\3\2\7\x80", FALSE)]}, ""),
    "NULL behind ECDSA": ({"algorithm": algorithm(ECDSA_SHA256, NULL)}, ""),
    "anything behind ECDSA": ({"algorithm": algorithm(ECDSA_SHA256, tlv(SEQUENCE, tlv(INTEGER, b"\1")))}, ""),
    "RSA with NULL": ({"algorithm": algorithm(RSA_SHA256, NULL), "signer": RSA_KEY}, ""),
    "RSA without NULL": ({"algorithm": algorithm(RSA_SHA256), "signer": RSA_KEY}, ""),
    "an issuer without serial number in the authority key identifier": (
        {"extensions": [extension("35", tlv(SEQUENCE, tlv(0x80, b"k" * 20), tlv(0xA1, tlv(0xA4, common_name("x")))))]},
        "",
    ),
    "an x400Address": ({"extensions": [names_of(tlv(0xA3, tlv(SEQUENCE)), DNS)]}, ""),
    "an ediPartyName": ({"extensions": [names_of(tlv(0xA5, tlv(0xA1, tlv(UTF8_STRING, b"p"))), DNS)]}, ""),
    "a DNS name in Latin-1": ({"extensions": [names_of(tlv(0x82, "m\xfcller".encode("latin-1")))]}, ""),
    "an address of five bytes": ({"extensions": [names_of(tlv(0x87, b"12345"), DNS)]}, ""),
    "a URI in Latin-1 in the distribution points": (
        {
            "extensions": [
                extension("31", tlv(SEQUENCE, tlv(SEQUENCE, tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://\xfc/"))))))
            ]
        },
        "",
    ),
    "malformed access to authority information": ({"extensions": [extension("1.3.6.1.5.5.7.1.1", NULL)]}, ""),
    "malformed policies": ({"extensions": [extension("32", b"\x30\x7f")]}, ""),
    "a malformed SCT list twice": ({"extensions": 2 * [extension("1.3.6.1.4.1.11129.2.4.2", b"x")]}, ""),
    "a malformed key identifier": ({"extensions": [extension("14", tlv(PRINTABLE, b"hi"))]}, ""),
    "a unique identifier of the issuer": ({"unique": tlv(0x81, b"\0u")}, ""),
    "a negative serial number": ({"serial": b"\x85\1"}, ""),
    "the serial number zero": ({"serial": b"\0"}, ""),
    "a serial number of 32 bytes": ({"serial": b"\x7f" * 32}, ""),
    "a serial number that is padded": ({"serial": b"\0\5"}, ""),
    "version 1 with extensions": ({"version": b"", "extensions": [names_of(DNS)]}, ""),
    "PrintableString with other characters": ({"subject": attribute("10", PRINTABLE, b"Smith & Sons @ <x>_*")}, ""),
    "PrintableString in UTF-8": ({"subject": attribute("10", PRINTABLE, "Gr\xf6\xdfe".encode())}, ""),
    "PrintableString in Latin-1": ({"subject": attribute("10", PRINTABLE, b"Gr\xf6\xdfe")}, ""),
    "TeletexString in Latin-1": ({"subject": attribute("10", TELETEX, b"K\xf6ln")}, ""),
    "BMPString": ({"subject": attribute("10", BMP, "\u03a9mega".encode("utf-16-be"))}, ""),
    "UniversalString": ({"subject": attribute("10", UNIVERSAL, "\u03a9".encode("utf-32-be"))}, ""),
    "IA5String, VisibleString and VideotexString": (
        {"subject": attribute("10", IA5, b"a") + attribute("11", VISIBLE, b"b") + attribute("7", VIDEOTEX, b"c")},
        "",
    ),
    "a country of three letters": ({"subject": attribute("6", PRINTABLE, b"USA")}, ""),
    "an empty country": ({"subject": attribute("6", PRINTABLE, b"")}, ""),
    "a NUL in a name": ({"subject": attribute("10", UTF8_STRING, b"Odd\0CA")}, ""),
    "a name of 300 characters": ({"subject": attribute("10", UTF8_STRING, b"x" * 300)}, ""),
    "a number in a name": ({"subject": attribute("10", INTEGER, b"\5")}, ""),
    "an RDN of two attributes that are not sorted": (
        {
            "subject": tlv(
                SET,
                tlv(SEQUENCE, oid("2.5.4.11"), tlv(UTF8_STRING, b"Unit")),
                tlv(SEQUENCE, oid("2.5.4.10"), tlv(UTF8_STRING, b"Org")),
            )
        },
        "",
    ),
    "the end of time": ({"end": tlv(GENERALIZED_TIME, b"99991231235959Z")}, ""),
    "GeneralizedTime before 2050": ({"begin": tlv(GENERALIZED_TIME, b"20250101000000Z")}, ""),
    "the year 0": ({"begin": tlv(GENERALIZED_TIME, b"00000101000000Z")}, ""),
    "fractions of a second": ({"end": tlv(GENERALIZED_TIME, b"20350101000000.5Z")}, "notAfter"),
    "no seconds": ({"begin": tlv(UTC_TIME, b"2501010000Z")}, "notBefore"),
    "a time zone": ({"begin": tlv(UTC_TIME, b"250101000000+0100")}, "notBefore"),
    "the thirteenth month": ({"end": tlv(UTC_TIME, b"351301000000Z")}, "notAfter"),
    "an unknown critical extension": ({"extensions": [extension("1.2.3.4", NULL, TRUE)]}, "1.2.3.4"),
    "malformed basicConstraints": ({"extensions": [extension("19", tlv(SEQUENCE, NULL))]}, "basicConstraints"),
    "basicConstraints twice": ({"extensions": 2 * [extension("19", tlv(SEQUENCE))]}, "basicConstraints"),
    "a malformed keyUsage": ({"extensions": [extension("15", tlv(BIT_STRING))]}, "keyUsage"),
    "a keyUsage twice": ({"extensions": 2 * [extension("15", b"\3\2\7\x80")]}, "keyUsage"),
    "a malformed extKeyUsage": ({"extensions": [extension("37", NULL)]}, "extKeyUsage"),
    "two algorithms": ({"outer_algorithm": algorithm("1.2.840.10045.4.3.3")}, "one signature algorithm"),
    "another signature": ({"sign": lambda _data: b"\x30\6\2\1\1\2\1\1"}, "does not verify"),
    "bytes after the end": ({"trailing": b"\0\0"}, "2 bytes follow"),
    "a field after the extensions": ({"inside": NULL}, "field that it cannot have"),
}


def pair(options: dict[str, Any]) -> tuple[bytes, bytes]:
    """A CA and a certificate below it, which is odd; an odd name is also that of the CA."""
    options = dict(options)
    rdns = options.pop("subject", b"")
    ca_name = name(rdns, attribute("3", UTF8_STRING, b"Odd CA"))
    key = options.get("signer", KEY)
    authority = certificate(ca_name, signer=key, public_key=key, extensions=[IS_CA, SIGNS])
    return authority, certificate(name(rdns, attribute("3", UTF8_STRING, b"device")), issuer=ca_name, **options)


def openssl_verifies(folder: Path, authority: bytes, leaf: bytes) -> bool:
    (folder / "ca.pem").write_text(pem_text(authority))
    (folder / "leaf.pem").write_text(pem_text(leaf))
    command = ["openssl", "verify", "-partial_chain", "-CAfile", str(folder / "ca.pem"), str(folder / "leaf.pem")]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("case", CASES)
def test_an_issued_certificate_is_accepted_or_the_field_is_named(case: str, tmp_path: Path) -> None:
    options, words = CASES[case]
    authority, leaf = pair(options)
    authorities = read_ca_certificates([authority], [Certificate(authority)], NOW)
    if words:
        with pytest.raises(EstError) as caught:
            verify_issued(Issued((leaf,)), public_key_der(KEY), authorities, NOW)
        assert words in caught.value.reason
    else:
        verified = verify_issued(Issued((leaf,)), public_key_der(KEY), authorities, NOW)
        assert verified.certificate.der == leaf
        described = describe(verified.certificate)
        assert "CN=device" in str(described["subject"])
        assert (described["public_key_type"], described["public_key_curve"]) == ("ECC", "P-256")
    # OpenSSL reads no further than the end of a certificate.
    if shutil.which("openssl") and "trailing" not in options and openssl_verifies(tmp_path, authority, leaf):
        assert not words, "OpenSSL accepts it"


@pytest.mark.parametrize("case", CASES)
def test_an_odd_anchor_in_a_bundle_refuses_none_of_the_others(case: str) -> None:
    options = CASES[case][0]
    rdns = options.get("subject", b"")
    more = {**options, "extensions": [*options.get("extensions", ()), *([] if "19" in case else [IS_CA])]}
    more.pop("subject", None)
    odd = certificate(name(rdns, attribute("3", UTF8_STRING, b"Odd CA")), **more)
    right = certificate(common_name("Right CA"), extensions=[IS_CA, SIGNS])
    trust = Trust.explicit(pem_text(odd) + pem_text(right), "ca_path")
    assert right in [anchor.der for anchor in trust.anchors or ()]
    assert len(trust.warnings) == (odd not in [anchor.der for anchor in trust.anchors or ()])
    assert all("ca_path" in warning for warning in trust.warnings)
    make_context(trust)
    leaf = certificate(common_name("device"), issuer=common_name("Right CA"))
    authorities = read_ca_certificates([odd, right], trust.anchors, NOW)
    assert verify_issued(Issued((leaf,)), public_key_der(KEY), authorities, NOW).certificate.der == leaf


def test_a_bundle_without_a_certificate_that_can_be_read_says_why() -> None:
    odd = certificate(common_name("Odd CA"), extensions=[IS_CA], end=tlv(GENERALIZED_TIME, b"20350101000000.5Z"))
    with pytest.raises(InputError, match=r"certificate 1 of ca_path cannot be used: its notAfter is no time"):
        Trust.explicit(pem_text(odd), "ca_path")


@pytest.mark.parametrize(
    "entry",
    [
        tlv(0xA3, tlv(SEQUENCE)),
        tlv(0xA5, tlv(0xA1, tlv(UTF8_STRING, b"p"))),
        tlv(0x82, b"m\xfcller"),
        tlv(0x82),
        tlv(0x87, b"12345"),
        tlv(0xA4),
        tlv(0x88, b"\xff"),
    ],
    ids=["x400Address", "ediPartyName", "Latin-1", "empty", "five bytes", "no name", "no OID"],
)
def test_a_server_is_known_by_its_right_name_whatever_stands_beside_it(entry: bytes) -> None:
    server = certificate(common_name("x"), extensions=[names_of(entry, DNS, IP)])
    anything = Trust.explicit(pem_text(certificate(common_name("CA"), extensions=[IS_CA])))
    assert authorize(server, "localhost", anything) == "host_name"
    assert authorize(server, "127.0.0.1", anything) == "host_name"
    with pytest.raises(TransportError, match="it is for"):
        authorize(server, "other.example", anything)


def test_names_of_a_server_that_cannot_be_read_are_named() -> None:
    server = certificate(common_name("x"), extensions=[names_of(DNS), names_of(DNS)])
    with pytest.raises(TransportError, match="its subjectAltName cannot be read: there are 2 of it"):
        authorize(server, "localhost", Trust.system())


def test_a_key_with_an_explicit_curve_is_read_or_told_in_words() -> None:
    # secp256r1 with all its parameters in place of its name, as OpenSSL writes it with -param_enc explicit.
    head = bytes.fromhex(
        "3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000"
        "000000ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac6"
        "35d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e9004"
        "41046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce3357"
        "6b315ececbb6406837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101034200"
    )
    info = head + public_key_der(KEY)[-65:]
    leaf = Certificate(certificate(common_name("x"), public_key=info))
    described = describe(leaf)
    assert (described["public_key_type"], described["public_key_curve"]) in (("ECC", "P-256"), ("unknown", None))
    try:
        assert load_public_key(info).public_numbers() == KEY.public_key().public_numbers()  # type: ignore[union-attr]
    except InputError as error:
        assert "in place of its name" in error.reason
