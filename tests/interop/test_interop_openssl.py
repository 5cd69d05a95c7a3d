# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the openssl command line says of the client's requests, and of certificates of the lab's server."""

from __future__ import annotations

import pytest
from interop.exchanges import NAMES, SUBJECT, enrol
from interop.openssl import MISSING, certificate_text, openssl, public_key, request_text, verify

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import Extension, build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

KEYS = [
    (KeySpec("rsa"), "sha256WithRSAEncryption"),
    (KeySpec("rsa", 3072), "sha256WithRSAEncryption"),
    (KeySpec("ec"), "ecdsa-with-SHA256"),
    (KeySpec("ec", curve="P-384"), "ecdsa-with-SHA384"),
    (KeySpec("ec", curve="P-521"), "ecdsa-with-SHA512"),
    (KeySpec("ed25519"), "ED25519"),
]


@pytest.mark.parametrize(("spec", "signature"), KEYS, ids=lambda value: str(getattr(value, "type", value)))
def test_openssl_verifies_the_request(spec, signature):
    request = build_csr(generate_key(spec), SUBJECT, NAMES)
    words = request_text(request.der)
    assert words.count(f"Signature Algorithm: {signature}") == 1
    public = openssl("pkey", "-pubin", "-inform", "DER", "-pubout", given=request.public_key_der)
    assert public_key("req", "-inform", "DER", given=request.der) == public


def test_openssl_reads_subject_and_alternative_names():
    names = (*NAMES, GeneralName("IP", "192.0.2.7"), GeneralName("IP", "2001:db8::7"), GeneralName("URI", "urn:x:1"))
    request = build_csr(generate_key(KeySpec("ec")), SUBJECT, names)
    words = openssl(
        *("req", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"), given=request.der
    )
    assert "CN=Jörg Müller,OU=Mobile,O=Example GmbH,C=DE" in words
    words = request_text(request.der)
    assert "X509v3 Subject Alternative Name:" in words
    assert "critical" not in words
    assert "jdoe@example.com" in words
    for name in ("email:jdoe@example.com", "DNS:device-1.example.com", "IP Address:192.0.2.7", "URI:urn:x:1"):
        assert name in words


def test_openssl_reads_alternative_names_without_a_subject_as_critical():
    request = build_csr(generate_key(KeySpec("ec")), (), NAMES)
    assert "X509v3 Subject Alternative Name: critical" in request_text(request.der)


def test_openssl_reads_further_attributes():
    key_usage = Extension("2.5.29.15", True, bytes.fromhex("03020780"))
    request = build_csr(
        generate_key(KeySpec("ec")), parse_slash_dn("/CN=x"), extensions=[key_usage], challenge_password="enrol me"
    )
    words = request_text(request.der)
    assert "X509v3 Key Usage: critical" in words
    assert "Digital Signature" in words
    assert "challengePassword" in words
    assert "enrol me" in words


@pytest.mark.parametrize("spec", [spec for spec, _signature in KEYS], ids=lambda spec: f"{spec.type}-{spec.size}")
def test_openssl_verifies_the_certificate_of_the_lab(lab, spec, tmp_path):
    enrolled = enrol(lab, spec)
    assert public_key("x509", given=enrolled.pem.encode()) == public_key(
        "req", "-inform", "DER", given=enrolled.request.der
    )
    assert "DNS:device-1.example.com" in certificate_text(enrolled.pem)
    assert "OK" in verify(tmp_path, enrolled.pem, enrolled.chain_pem, lab.ca_path)
