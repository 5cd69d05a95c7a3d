# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from support.asn1 import SEQUENCE, SET, content_info, indefinite, integer, oid, signed_data, tlv
from support.sample_certificates import certificates, certification_request

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1 import cms as certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cms import parse_certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import decode_body

ATTRIBUTE_CERTIFICATE = tlv(0xA2, integer(1))
EXTENDED_CERTIFICATE = tlv(0xA0, tlv(SEQUENCE, integer(0)))


def pem(der, label="CERTIFICATE"):
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), base64.encodebytes(der), label.encode())


@pytest.mark.skipif(not hasattr(pkcs7, "serialize_certificates"), reason="cryptography writes PKCS #7 bags from 37 on")
def test_req_031_base64_of_a_certs_only_message_from_cryptography():
    bag = [x509.load_der_x509_certificate(certificate) for certificate in certificates()]
    body = base64.encodebytes(pkcs7.serialize_certificates(bag, Encoding.DER))
    found = parse_certs_only(decode_body(body))
    assert set(found.certificates) == set(certificates())
    assert found.warnings == ()


def test_req_031_a_certs_only_message_from_openssl(tmp_path):
    source = tmp_path / "certificates.pem"
    source.write_bytes(b"".join(pem(certificate) for certificate in certificates()))
    command = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(source)]
    made = subprocess.run([*command, "-outform", "DER"], capture_output=True, check=True, timeout=60)
    assert set(parse_certs_only(made.stdout).certificates) == set(certificates())
    made = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert made.stdout.startswith(b"-----BEGIN PKCS7-----")
    assert set(parse_certs_only(decode_body(made.stdout)).certificates) == set(certificates())


def test_openssl_reads_the_hand_made_messages(tmp_path):
    """The fixtures themselves are right: another reader finds the same certificates in them."""
    for ber in (False, True):
        path = tmp_path / "message.der"
        path.write_bytes(signed_data(certificates(), ber=ber))
        command = ["openssl", "pkcs7", "-inform", "DER", "-in", str(path), "-print_certs"]
        printed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
        assert printed.count(b"-----BEGIN CERTIFICATE-----") == 3


@pytest.mark.parametrize("ber", [False, True], ids=["DER", "BER"])
@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("content", [None, b"", b"some content " * 30], ids=["detached", "empty", "content"])
@pytest.mark.parametrize("crls", [(), (tlv(SEQUENCE, integer(1)),)], ids=["no-crl", "crl"])
def test_req_128_shapes_of_a_certs_only_message(ber, version, content, crls):
    message = signed_data(certificates(), ber=ber, version=version, content=content, crls=crls)
    found = parse_certs_only(message)
    assert found.certificates == certificates()
    assert found.warnings == ()


def test_req_128_the_certificates_can_be_loaded_from_ber():
    for certificate in parse_certs_only(signed_data(certificates(), ber=True)).certificates:
        x509.load_der_x509_certificate(certificate)


def test_req_128_other_certificate_choices_are_skipped_with_a_warning():
    bag = [EXTENDED_CERTIFICATE, certificates()[0], ATTRIBUTE_CERTIFICATE]
    found = parse_certs_only(signed_data(bag, version=3))
    assert found.certificates == certificates()[:1]
    assert "2 other than X.509 certificates" in found.warnings[0]


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"\0\0garbage"])
def test_req_128_trailing_bytes_are_a_warning(tail):
    found = parse_certs_only(signed_data(certificates()) + tail)
    assert found.certificates == certificates()
    assert found.warnings == (f"{len(tail)} bytes after the end of the certificate message were ignored.",)


def test_a_signed_message_is_a_warning():
    found = parse_certs_only(signed_data(certificates(), signer_infos=[tlv(SEQUENCE, integer(1))]))
    assert "is signed" in found.warnings[0]


def test_content_of_another_type_as_in_pkcs7_does_not_matter():
    fields = [
        integer(1),
        tlv(SET),
        tlv(SEQUENCE, oid("1.2.840.113549.1.7.1"), tlv(0xA0, tlv(SEQUENCE, integer(1)))),
        tlv(0xA0, *certificates()),
    ]
    message = content_info("1.2.840.113549.1.7.2", tlv(SEQUENCE, *fields, tlv(SET)))
    assert parse_certs_only(message).certificates == certificates()


@pytest.mark.parametrize("armour", [False, True], ids=["base64", "PEM"])
def test_req_129_a_bare_certificate_is_a_warning(armour):
    certificate = certificates()[0]
    body = pem(certificate) if armour else base64.b64encode(certificate)
    found = parse_certs_only(decode_body(body))
    assert found.certificates == (certificate,)
    assert found.warnings == (
        "the server sent a bare X.509 certificate in place of a certs-only message (RFC 7030 section 4.2.3)",
    )


def test_req_129_a_pem_chain_and_what_follows_it():
    found = parse_certs_only(decode_body(b"text\n" + b"".join(map(pem, certificates()))))
    assert found.certificates == certificates()
    assert parse_certs_only(certificates()[0] + b"\0").warnings[1].startswith("1 bytes after")
    assert parse_certs_only(certificates()[0] + tlv(SEQUENCE, integer(1))).certificates == certificates()[:1]


@pytest.mark.parametrize("bag", [None, (), (ATTRIBUTE_CERTIFICATE,)], ids=["absent", "empty", "none-of-X.509"])
@pytest.mark.parametrize("ber", [False, True], ids=["DER", "BER"])
def test_req_130_an_empty_bag_is_an_error(bag, ber):
    with pytest.raises(ParseError, match=r"holds no X\.509 certificate"):
        parse_certs_only(signed_data(bag, ber=ber))


def test_req_130_an_empty_bag_with_a_full_pki_response():
    message = signed_data(None, content_type="1.3.6.1.5.5.7.12.3", content=tlv(SEQUENCE))
    with pytest.raises(ParseError, match="it is a Full PKI Response"):
        parse_certs_only(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\0\0", "is empty"),
        (b"<html><body>Not here</body></html>", 'is not ASN.1.*it begins with "<html><body>'),
        (b"\xff\xfe\x00", "is not ASN.1.*the bytes ff fe 00"),
        (tlv(SEQUENCE, oid("1.2.840.113549.1.7.3"), tlv(0xA0, tlv(SEQUENCE))), r"7\.3 \(envelopedData\)"),
        (tlv(SEQUENCE, oid("1.2.3.4"), tlv(0xA0, tlv(SEQUENCE))), r"not a SignedData: 1\.2\.3\.4$"),
        (tlv(SEQUENCE, integer(1), integer(2)), "neither a CMS message nor a certificate"),
        (tlv(SEQUENCE), "neither a CMS message nor a certificate"),
        (tlv(SEQUENCE, oid("1.2.840.113549.1.7.2")), "no content"),
        (content_info("1.2.840.113549.1.7.2", tlv(SEQUENCE, integer(1))), "ends where its digestAlgorithms should be"),
        (content_info("1.2.840.113549.1.7.2", integer(1)), "should be the SEQUENCE of a SignedData"),
        (signed_data([tlv(SEQUENCE, integer(1))]), "is not an X.509 certificate"),
        (signed_data([b"\x30\x05\x01"]), "truncated"),
    ],
)
def test_what_it_is_instead_is_told(data, message):
    with pytest.raises(ParseError, match=message):
        parse_certs_only(data)


def test_a_request_sent_back_is_not_a_certificate():
    bare = tlv(SEQUENCE, tlv(SEQUENCE, integer(0), tlv(SEQUENCE), tlv(SEQUENCE)), tlv(SEQUENCE), tlv(0x03, b"\0"))
    with pytest.raises(ParseError, match="neither a CMS message nor a certificate"):
        parse_certs_only(bare)
    with pytest.raises(ParseError, match="neither a CMS message nor a certificate"):
        parse_certs_only(certification_request())
    with pytest.raises(ParseError, match=r"is not an X\.509 certificate"):
        parse_certs_only(signed_data([certification_request()]))


@pytest.mark.parametrize("kept", [1, 2, 10, 100, -1])
def test_a_truncated_message(kept):
    with pytest.raises(ParseError, match="truncated"):
        parse_certs_only(signed_data(certificates())[:kept])


def test_req_127_the_number_of_certificates_is_limited():
    one = certificates()[0]
    limit = certs_only.MAX_CERTIFICATES
    assert len(parse_certs_only(signed_data([one] * limit)).certificates) == limit
    for message in (signed_data([one] * (limit + 1)), one * (limit + 1), signed_data([ATTRIBUTE_CERTIFICATE] * 300)):
        with pytest.raises(ParseError, match="more than 256 certificates"):
            parse_certs_only(message)


def test_a_certificate_in_a_deeply_wrapped_set_is_not_dug_out():
    with pytest.raises(ParseError, match=r"not an X\.509 certificate"):
        parse_certs_only(signed_data([indefinite(SEQUENCE, certificates()[0])]))
