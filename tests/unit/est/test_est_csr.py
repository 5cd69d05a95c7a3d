# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate requests as the server sees them: read back with cryptography and with openssl."""

from __future__ import annotations

import shutil
import subprocess

import cryptography
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est import csr as csr_module
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est import der
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.csr import build_csr
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import InputError, MissingLibrary
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.keys import (
    KeySpec,
    generate_key,
    public_key_der,
    same_public_key,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.x509_names import read_general_names, read_name
from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.general_names import GeneralName
from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.slash_dn import parse_slash_dn

CRYPTOGRAPHY = int(cryptography.__version__.split(".", maxsplit=1)[0])
SUBJECT = parse_slash_dn("/CN=jdoe/emailAddress=jdoe@example.com")
NAMES = (GeneralName("UPN", "jdoe@example.com"), GeneralName("email", "jdoe@example.com"))


@pytest.fixture(scope="module")
def key():
    return generate_key(KeySpec("ec"))


def openssl_text(der):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        [openssl, "req", "-inform", "DER", "-noout", "-text", "-verify"], input=der, capture_output=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    ("spec", "hash_name"),
    [
        (KeySpec("rsa"), "sha256"),
        (KeySpec("ec"), "sha256"),
        (KeySpec("ec", curve="P-384"), "sha384"),
        (KeySpec("ec", curve="P-521"), "sha512"),
        (KeySpec("ed25519"), None),
    ],
)
def test_req_071_the_request_is_signed_with_the_key_that_is_certified(spec, hash_name):
    key = generate_key(spec)
    request = build_csr(key, SUBJECT, NAMES)
    read = x509.load_der_x509_csr(request.der, None)
    assert read.is_signature_valid
    assert same_public_key(read, key)
    assert request.public_key_der == public_key_der(key)
    algorithm = read.signature_hash_algorithm
    assert (algorithm.name if algorithm else None) == hash_name
    assert read_name(read.subject) == request.subject == SUBJECT
    extension = read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert read_general_names(extension.value) == request.general_names == NAMES


@pytest.mark.parametrize("size", [44, 65, 87])
def test_req_071_ml_dsa(size):
    if CRYPTOGRAPHY < 49:
        pytest.skip(f"cryptography {cryptography.__version__} has no ML-DSA certificates")
    key = generate_key(KeySpec("ml-dsa", size))
    read = x509.load_der_x509_csr(build_csr(key, SUBJECT).der)
    assert read.is_signature_valid
    assert same_public_key(read, key)


def test_req_071_openssl_verifies_the_request_and_finds_version_1(key):
    text = openssl_text(build_csr(key, SUBJECT, NAMES).der)
    assert "verify OK" in text
    assert "Version: 1 (0x0)" in text
    assert "emailAddress = jdoe@example.com" in text
    assert "email:jdoe@example.com" in text


def test_req_072_a_key_that_cannot_sign_is_refused():
    with pytest.raises(InputError) as caught:
        build_csr(x25519.X25519PrivateKey.generate(), SUBJECT)
    assert "X25519 cannot sign" in caught.value.reason
    assert "Full CMC" in caught.value.hint


def test_a_library_that_cannot_sign_with_this_kind_of_key_is_named(key, monkeypatch):
    def refuse(*_arguments):
        raise TypeError("Key must be an rsa, dsa, ec, ed25519, or ed448 private key.")

    monkeypatch.setattr(csr_module.x509.CertificateSigningRequestBuilder, "sign", refuse)
    with pytest.raises(MissingLibrary) as caught:
        build_csr(key, SUBJECT)
    assert cryptography.__version__ in caught.value.reason
    assert "EC P-256" in caught.value.reason


@pytest.mark.parametrize("spec", [KeySpec("rsa"), KeySpec("ec", curve="P-384"), KeySpec("ed25519")])
def test_without_alternative_names_there_are_no_attributes_at_all(spec):
    key = generate_key(spec)
    request = build_csr(key, SUBJECT)
    information, _algorithm, _signature = der.read(request.der).children()
    assert list(information.children())[-1].encoded == b"\xa0\x00"
    assert x509.load_der_x509_csr(request.der, None).is_signature_valid
    assert "verify OK" in openssl_text(request.der)


def test_there_is_no_challenge_password(key):
    assert "challengePassword" not in openssl_text(build_csr(key, SUBJECT, NAMES).der)


@pytest.mark.parametrize(("subject", "critical"), [(SUBJECT, False), ((), True)])
def test_the_alternative_name_is_critical_exactly_where_the_subject_is_empty(key, subject, critical):
    read = x509.load_der_x509_csr(build_csr(key, subject, NAMES).der, None)
    assert read.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is critical


def test_a_request_without_any_name_is_refused(key):
    with pytest.raises(InputError) as caught:
        build_csr(key, ())
    assert "neither a subject nor a subject alternative name" in caught.value.reason


def test_repr_is_short_and_without_the_encoded_request(key):
    shown = repr(build_csr(key, SUBJECT))
    assert "jdoe" in shown
    assert "\\x" not in shown
