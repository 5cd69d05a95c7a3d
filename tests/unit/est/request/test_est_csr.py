# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate requests as the server sees them: read back with cryptography and with openssl."""

from __future__ import annotations

import shutil
import subprocess

import cryptography
import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import x25519
from support.names import own_name, read_general_names

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1 import der
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError, MissingLibrary
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    CHALLENGE_PASSWORD,
    EST_IDENTITY_LINKING,
    OTP_CHALLENGE,
    Attribute,
    Extension,
    Linking,
    build_csr,
    challenge,
    change_subject_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import signatures as csr_signing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    public_key_der,
    same_public_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    encode_general_names,
    read_name,
)

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
        [openssl, "req", "-inform", "DER", "-noout", "-text", "-verify"],
        input=der,
        capture_output=True,
        timeout=60,
        check=False,
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
    assert read_name(own_name(read.subject)) == request.subject == SUBJECT
    extension = read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert read_general_names(extension.value) == request.general_names == NAMES


@pytest.mark.parametrize("key_type", ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])
def test_req_071_ml_dsa(key_type):
    if CRYPTOGRAPHY < 49:
        pytest.skip(f"cryptography {cryptography.__version__} has no ML-DSA certificates")
    key = generate_key(KeySpec(key_type))
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
        raise UnsupportedAlgorithm("ECDSA is not allowed")

    monkeypatch.setattr(csr_signing.ec, "ECDSA", refuse)
    with pytest.raises(MissingLibrary) as caught:
        build_csr(key, SUBJECT)
    assert cryptography.__version__ in caught.value.reason
    assert "EC P-256" in caught.value.reason


def test_a_key_of_an_unknown_kind_is_refused():
    class LatticePrivateKey:
        def sign(self, _data):
            return b""

    with pytest.raises(InputError) as caught:
        csr_signing.sign_request(b"0\0", LatticePrivateKey())
    assert caught.value.reason == "a key of type Lattice is not usable for a certificate request"


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


# What the request carries beside name and key.

TLS_UNIQUE = "3q2+7wABAgMEBQYH"
KEY_USAGE = Extension("2.5.29.15", True, bytes.fromhex("03020388"))


def attributes_of(der_request):
    """The attributes of a request: OID to the bytes of its values."""
    information, _algorithm, _signature = der.read(der_request).children()
    found = {}
    for attribute in list(information.children())[-1].children():
        kind, values = attribute.children()
        found[kind.oid()] = [value.encoded for value in values.children()]
    return found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"subject": parse_slash_dn("/CN=jdoe1")}, "30123010310e300c06035504030c056a646f6531"),
        ({"general_names": (GeneralName("DNS", "a.b"),)}, "300730058203612e62"),
    ],
)
def test_req_077_a_change_of_only_one_of_the_names(change, expected):
    assert change_subject_name(**change).values[0].hex() == expected


def test_req_077_a_change_to_nothing_is_refused():
    with pytest.raises(InputError, match="needs a new subject"):
        change_subject_name()


def test_a_ready_made_alternative_name_takes_the_place_of_the_one_of_the_general_names(key):
    ready = Extension("2.5.29.17", True, encode_general_names((GeneralName("DNS", "a.b"),)))
    request = build_csr(key, SUBJECT, NAMES, extensions=(ready,))
    extension = x509.load_der_x509_csr(request.der, None).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert extension.critical
    assert read_general_names(extension.value) == (GeneralName("DNS", "a.b"),)
    assert request.general_names == NAMES


def test_a_ready_made_subject_is_taken_byte_for_byte(key):
    # A PrintableString, where our own encoding would be a UTF8String, and two attributes in one RDN.
    ready = bytes.fromhex("301d311b3008060355040313016a300f06035504031308") + b"jdoe doe"
    request = build_csr(key, parse_slash_dn("/CN=j"), encoded_subject=ready)
    information, _algorithm, _signature = der.read(request.der).children()
    assert list(information.children())[1].encoded == ready


def test_an_alternative_name_alone_is_enough_whichever_way_it_is_given(key):
    ready = Extension("2.5.29.17", True, encode_general_names((GeneralName("DNS", "a.b"),)))
    assert build_csr(key, (), extensions=(ready,)).subject == ()
    with pytest.raises(InputError, match="neither a subject"):
        build_csr(key, SUBJECT, encoded_subject=b"0\0")


def test_an_extension_given_twice_is_refused(key):
    with pytest.raises(InputError) as caught:
        build_csr(key, SUBJECT, extensions=(KEY_USAGE, KEY_USAGE))
    assert "2.5.29.15 twice" in caught.value.reason


def test_an_attribute_given_twice_is_refused(key):
    with pytest.raises(InputError) as caught:
        build_csr(key, SUBJECT, attributes=(challenge(OTP_CHALLENGE, "1"), challenge(OTP_CHALLENGE, "2")))
    assert OTP_CHALLENGE in caught.value.reason


def test_req_102_a_key_that_brings_its_own_hash_takes_no_other():
    with pytest.raises(InputError) as caught:
        build_csr(generate_key(KeySpec("ed25519")), SUBJECT, hash_name="sha256")
    assert "sha256" in caught.value.reason
    assert "Ed25519" in caught.value.reason


def test_req_102_an_unknown_hash_is_refused(key):
    with pytest.raises(InputError) as caught:
        build_csr(key, SUBJECT, hash_name="md5")
    assert "'md5'" in caught.value.reason
    assert "sha384" in caught.value.reason


@pytest.mark.parametrize(
    ("text", "tag"),
    [(TLS_UNIQUE, 0x13), ("a b'()+,-./:=?", 0x13), ("with_underscore", 0x0C), ("p\u00e4ssword", 0x0C)],
)
def test_req_113_a_challenge_password_is_printable_string_or_utf8_string(key, text, tag):
    request = build_csr(key, SUBJECT, NAMES, challenge_password=text)
    (value,) = attributes_of(request.der)[CHALLENGE_PASSWORD]
    assert value[0] == tag
    assert der.read(value).value.decode() == text
    assert "verify OK" in openssl_text(request.der)


@pytest.mark.parametrize("text", ["", "x" * 256, "\u00e4" * 128])
def test_req_113_a_challenge_password_has_at_most_255_bytes(key, text):
    with pytest.raises(InputError) as caught:
        build_csr(key, SUBJECT, challenge_password=text)
    assert "challengePassword" in caught.value.reason
    assert "255" in caught.value.reason
    assert not text or text not in caught.value.reason


def test_req_113_255_bytes_are_allowed(key):
    request = build_csr(key, SUBJECT, challenge_password="x" * 255)
    (value,) = attributes_of(request.der)[CHALLENGE_PASSWORD]
    assert der.read(value).value == b"x" * 255


def test_req_116_a_challenge_password_is_never_enrolment_code_and_binding_at_once(key):
    with pytest.raises(InputError) as caught:
        build_csr(key, SUBJECT, challenge_password="s3cret", linking=Linking(TLS_UNIQUE))
    assert "enrolment code" in caught.value.reason
    assert "proof of possession" in caught.value.reason
    assert "s3cret" not in caught.value.reason
    assert TLS_UNIQUE not in caught.value.reason
    with pytest.raises(InputError, match="twice"):
        build_csr(key, SUBJECT, attributes=(challenge(CHALLENGE_PASSWORD, "code"),), linking=Linking(TLS_UNIQUE))


def test_req_116_a_binding_of_its_own_attribute_leaves_the_challenge_password_free(key):
    linking = Linking(TLS_UNIQUE, EST_IDENTITY_LINKING)
    found = attributes_of(build_csr(key, SUBJECT, challenge_password="code", linking=linking).der)
    assert found == {
        CHALLENGE_PASSWORD: [b"\x13\x04code"],
        EST_IDENTITY_LINKING: [b"\x13\x10" + TLS_UNIQUE.encode()],
    }


def test_the_attributes_are_sorted_as_der_wants_it(key):
    attributes = (Attribute("2.5.4.5", (b"\x13\x01b", b"\x13\x01a")), challenge(OTP_CHALLENGE, "1"))
    information, _algorithm, _signature = der.read(
        build_csr(key, SUBJECT, NAMES, attributes=attributes, challenge_password="2").der
    ).children()
    encoded = [attribute.encoded for attribute in list(information.children())[-1].children()]
    assert len(encoded) == 4
    assert encoded == sorted(encoded)
    assert b"\x13\x01a\x13\x01b" in encoded[0]


def test_no_secret_is_shown(key):
    shown = repr((challenge(CHALLENGE_PASSWORD, "canary"), Linking("canary")))
    assert "canary" not in shown


def test_general_names_are_encoded_as_cryptography_does(key):
    names = (
        GeneralName("UPN", "jd\u00f6e@example.com"),
        GeneralName("email", "jdoe@example.com"),
        GeneralName("DNS", "*.example.com"),
        GeneralName("IP", "192.0.2.1"),
        GeneralName("IP", "2001:db8::1"),
        GeneralName("URI", "https://example.com/id"),
        GeneralName("RID", "1.2.840.113549.1.9.16.2.999999"),
        GeneralName("dirName", "/CN=J\u00f6rg/C=DE"),
        GeneralName("SID", "S-1-5-21-1-2-3-500"),
    )
    request = build_csr(key, SUBJECT, names)
    extension = x509.load_der_x509_csr(request.der, None).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert read_general_names(extension.value) == names
    if CRYPTOGRAPHY >= 38:
        assert extension.value.public_bytes() == encode_general_names(names)
