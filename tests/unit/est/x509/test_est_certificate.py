# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates: what is told of them, odd and damaged ones, and finding the issued one by its public key."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from support.est_pki import NOW, Authority, der, make_certificate, new_key
from support.names import build_general_names, build_name

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError, ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    Fingerprint,
    days_left,
    describe,
    find_leaf,
    load_certificate,
    not_after,
    not_before,
    pem,
    public_key_words,
    subject_alternative_names,
    subject_text,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import public_key_der

NAMES = (GeneralName("UPN", "jdoe@example.com"), GeneralName("DNS", "a.example"))
KEYS = {
    "subject", "issuer", "serial_number", "not_before", "not_after", "days_left", "fingerprint_sha256",
    "public_key_type", "public_key_size", "public_key_curve",
    "subject_alternative_names",
}  # fmt: skip

EC_KEY = bytes.fromhex("06072a8648ce3d0201")
UNKNOWN_KEY = bytes.fromhex("06072a8648ce3d0209")


@pytest.fixture(scope="module")
def authority():
    return Authority.root("Test CA")


@pytest.fixture(scope="module")
def certificate(authority):
    return load_certificate(
        der(
            authority.issue(
                build_name(parse_slash_dn("/CN=jdoe/O=A\\/B")),
                extensions=[(build_general_names(NAMES), False)],
                serial=0xABCDEF0123456789ABCDEF,
            )
        )
    )


def damaged(certificate, old, new):
    """The certificate with some bytes replaced; its signature is then wrong, which nobody looks at here."""
    encoded = der(certificate)
    assert encoded.count(old) == 1
    assert len(old) == len(new)
    return encoded.replace(old, new)


def test_describe(certificate):
    described = describe(certificate)
    assert set(described) == KEYS
    assert described["subject"] == "/CN=jdoe/O=A\\/B"
    assert described["issuer"] == "/CN=Test CA"
    assert described["serial_number"] == "ABCDEF0123456789ABCDEF"
    assert described["not_before"] == "2031-05-16T12:00:00Z"
    assert described["not_after"] == "2032-06-14T12:00:00Z"
    key = [described[f"public_key_{fact}"] for fact in ("type", "size", "curve")]
    assert key == ["ECC", 256, "P-256"]
    assert described["subject_alternative_names"] == ["UPN:jdoe@example.com", "DNS:a.example"]
    assert json.loads(json.dumps(described)) == described


def test_describe_agrees_with_openssl(certificate):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        [openssl, "x509", "-noout", "-serial", "-fingerprint", "-sha256"],
        input=pem(certificate).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    described = describe(certificate)
    serial, fingerprint = (line.split("=")[1] for line in done.stdout.decode().splitlines())
    assert (described["serial_number"], described["fingerprint_sha256"]) == (serial, fingerprint)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_req_004_a_fingerprint_is_the_one_that_openssl_shows(authority, certificate, algorithm):
    command = ["openssl", "x509", "-noout", "-fingerprint", f"-{algorithm}"]
    done = subprocess.run(command, input=pem(certificate).encode(), capture_output=True, timeout=60, check=True)
    shown = Fingerprint.parse(done.stdout.decode().partition("=")[2])
    assert shown == Fingerprint.of(certificate, algorithm)
    assert shown.matches(certificate)
    assert not shown.matches(authority.certificate)


@pytest.mark.parametrize(("number", "text"), [(1, "01"), (0x80, "80"), (0xABC, "0ABC")])
def test_a_serial_number_is_text_with_an_even_number_of_digits(authority, number, text):
    assert describe(authority.issue("x", serial=number))["serial_number"] == text


def test_dates_are_aware_and_in_utc(certificate):
    assert not_before(certificate) == NOW - timedelta(days=30)
    assert not_after(certificate) == NOW + timedelta(days=365)
    assert not_after(certificate).tzinfo == timezone.utc


def test_req_040_days_left_are_whole_days_rounded_down(certificate):
    assert days_left(certificate, NOW) == 365
    assert days_left(certificate, NOW + timedelta(seconds=1)) == 364
    assert days_left(certificate, NOW + timedelta(days=365)) == 0
    assert days_left(certificate, NOW + timedelta(days=365, seconds=1)) == -1


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x00", b"<html>", b"\x30\x84\xff\xff\xff\xff", b"\0" * 1000])
def test_what_is_no_certificate_is_refused(data):
    with pytest.raises(ParseError, match="not a readable"):
        load_certificate(data)


def test_every_truncation_is_refused(certificate):
    encoded = der(certificate)
    for length in range(len(encoded)):
        with pytest.raises(ParseError):
            load_certificate(encoded[:length])


def test_no_damaged_byte_makes_reading_crash(certificate):
    encoded = der(certificate)
    read = 0
    for position in range(len(encoded)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(encoded)
            changed[position] ^= flip
            try:
                odd = load_certificate(bytes(changed))
            except ParseError:
                continue
            assert set(describe(odd)) == KEYS
            subject_text(odd)
            read += 1
    assert read > len(encoded)  # most damage is to what describe() tells as it stands


def test_a_malformed_alternative_name_is_told_and_not_raised(certificate):
    odd = load_certificate(damaged(certificate, b"\x82\x09a.example", b"\x82\x7fa.example"))
    assert [name.type for name in subject_alternative_names(odd)] == ["unreadable"]
    (told,) = describe(odd)["subject_alternative_names"]
    assert told.startswith("unreadable:")
    assert "\n" not in told


def test_a_repeated_extension_is_told_and_not_raised(authority):
    extension = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x30\x00"), False)
    certificate = authority.issue("x", extensions=[extension, (build_general_names(NAMES), False)])
    odd = load_certificate(damaged(certificate, b"\x06\x03\x55\x1d\x63", b"\x06\x03\x55\x1d\x11"))
    assert [name.type for name in subject_alternative_names(odd)] == ["unreadable"]


def test_a_serial_number_that_is_not_positive_is_refused_or_told(authority):
    encoded = damaged(authority.issue("x", serial=0x4242424242), b"\x02\x05BBBBB", b"\x02\x05\xffBBBB")
    try:
        described = describe(load_certificate(encoded))
    except ParseError:
        return
    assert described["serial_number"].startswith("-")


def test_a_country_of_the_wrong_length_is_told_or_refused_with_the_reason(authority):
    certificate = authority.issue(build_name(parse_slash_dn("/CN=x/L=Rio")))
    encoded = damaged(certificate, b"\x06\x03\x55\x04\x07\x0c\x03", b"\x06\x03\x55\x04\x06\x0c\x03")
    try:
        odd = load_certificate(encoded)
    except ParseError as error:  # cryptography 3.4 cannot read it
        assert "2 character country code" in error.reason
        return
    assert describe(odd)["subject"] == "/CN=x/C=Rio"
    assert subject_text(odd) == "/CN=x/C=Rio"


def test_an_unknown_kind_of_key_is_told(certificate):
    odd = load_certificate(damaged(certificate, EC_KEY, UNKNOWN_KEY))
    assert describe(odd)["public_key_type"] == "unknown"


def test_an_empty_subject_is_told_in_words(authority):
    assert subject_text(authority.issue(x509.Name([]))) == "(empty subject)"


def test_without_alternative_names(authority):
    assert describe(authority.issue("x"))["subject_alternative_names"] == []


def test_pem_round_trips(certificate):
    text = pem(certificate)
    assert text.startswith("-----BEGIN CERTIFICATE-----\n")
    assert text.endswith("-----END CERTIFICATE-----\n")
    assert load_pem_certificates(text) == (certificate,)


def test_a_pem_text_gives_its_certificates_in_order_and_once(authority, certificate):
    text = f"# comment ü\n{pem(certificate)}\r\n{pem(authority.certificate)}{pem(certificate)}".replace("\n", "\r\n")
    assert load_pem_certificates(text) == (certificate, authority.certificate)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no PEM certificate"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no PEM certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1"),
        ("-----BEGIN CERTIFICATE-----\nü\n-----END CERTIFICATE-----\n", "certificate 1"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "certificate 1"),
    ],
)
def test_a_pem_that_is_no_certificate_is_refused(text, words):
    with pytest.raises(InputError) as caught:
        load_pem_certificates(text)
    assert words in caught.value.reason
    assert "BEGIN CERTIFICATE" in caught.value.hint


def test_req_073_of_two_for_the_same_key_it_is_the_newer_one(authority):
    key = new_key()
    older = authority.issue("leaf", key.public_key(), days=(-300, 300))
    newer = authority.issue("leaf", key.public_key(), days=(-1, 300))
    assert find_leaf([older, newer], key.public_key()) == find_leaf([newer, older], key.public_key()) == newer


def test_req_074_a_certificate_for_another_key_is_an_error_that_says_for_which(authority):
    other_key = rsa.generate_private_key(65537, 2048)
    with pytest.raises(ParseError) as caught:
        find_leaf([authority.issue("somebody", other_key.public_key())], public_key_der(new_key()))
    assert "another public key" in caught.value.reason
    assert "/CN=somebody (RSA 2048)" in caught.value.reason
    assert "Nothing was saved" in caught.value.hint


def test_req_074_no_certificate_is_an_error():
    with pytest.raises(ParseError, match="no certificate"):
        find_leaf([], public_key_der(new_key()))


def test_find_leaf_passes_over_keys_that_cannot_be_read(authority, certificate):
    odd = load_certificate(damaged(certificate, EC_KEY, UNKNOWN_KEY))
    assert public_key_words(odd) == "unknown kind of key"
    key = new_key()
    leaf = make_certificate("leaf", key.public_key(), authority.subject, authority.key)
    assert find_leaf([odd, leaf], key) == leaf
