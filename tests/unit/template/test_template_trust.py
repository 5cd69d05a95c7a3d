# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a template trusts, and the key it asks for."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support.templates import pem, refusal, template

HASH_256 = "0123456789abcdef" * 4
HASH_512 = HASH_256 * 2
ONE_LINE = base64.b64encode(b"\x30\x07\x30\x00\x30\x00\x03\x01\x00").decode()
# An element with a length of two octets, so that the block has several lines.
LONG_DER = b"\x30\x81\xc8" + b"\x30\x81\xbe" + bytes(190) + b"\x30\x00" + b"\x03\x03\x00\x01\x02"


def test_no_trust_at_all_is_allowed() -> None:
    made = template()
    assert (made.ca_certificate, made.ca_path, made.ca_fingerprint, made.use_system_trust) == (None, None, None, False)


@pytest.mark.parametrize(
    "text",
    [
        pem(),
        pem().replace("\n", "\r\n"),
        "  " + pem(),
        "subject=CN=Root\n\n" + pem() + "\nthe end",
        pem().strip(),
        pem().replace("\n", " "),
        pem().replace("\n", "\\n"),
        f"-----BEGIN CERTIFICATE-----\n{ONE_LINE[:4]}\n {ONE_LINE[4:]}\n-----END CERTIFICATE-----",
    ],
)
def test_pem_comes_out_in_one_spelling(text: str) -> None:
    assert template(ca_certificate=text).ca_certificate == pem()


def test_what_holds_certificates_in_another_way_stays_as_it_is() -> None:
    trusted = pem("TRUSTED CERTIFICATE", der=base64.b64decode(ONE_LINE) + b"\x30\x00")
    message = pem("PKCS7", der=bytes.fromhex("300b06092a864886f70d010702"))
    for text in (trusted, message):
        assert template(ca_certificate=f"comment\n{text}").ca_certificate == text
    assert template(ca_certificate=pem("X509 CERTIFICATE")).ca_certificate == pem()


def test_several_certificates_and_long_lines() -> None:
    made = template(ca_certificate=pem() + pem(der=LONG_DER)).ca_certificate
    assert made is not None
    lines = made.splitlines()
    assert lines[:3] == pem().splitlines()
    assert [len(line) for line in lines[4:-1]] == [64, 64, 64, 64, 16]
    assert base64.b64decode("".join(lines[4:-1])) == LONG_DER
    assert template(ca_certificate=made).ca_certificate == made


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Corp Root CA", "is not PEM"),
        ("/etc/ssl/ca.pem", "is a path: use ca_path for a file on the host"),
        (r"C:\est\ca.pem", "is a path: use ca_path for a file on the host"),
        ("MIIDdzCCAl+gAwIBAgIE", "is base64 without the PEM lines around it"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "has a PEM block that does not end"),
        (pem() + "-----BEGIN CERTIFICATE-----\nMIIB", "has a PEM block that does not end"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE REQUEST-----", "has a PEM block that does not end"),
        (pem("CERTIFICATE REQUEST"), "has a block of 'CERTIFICATE REQUEST'"),
        (pem("TRUSTED CERTIFICATE", der=b"hello"), "has a block that is not a certificate"),
        (pem("PUBLIC KEY"), "has a block of 'PUBLIC KEY'"),
        (pem() + pem("PKCS7"), "has a block (number 2) that is not a message with certificates"),
        ("-----BEGIN CERTIFICATE-----\nM*IB\n-----END CERTIFICATE-----", "has a block that is not base64"),
        ("-----BEGIN CERTIFICATE-----\nMIIBA\n-----END CERTIFICATE-----", "has a block that is not base64"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "has a block that is not a certificate"),
        (pem(der=b"hello"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x03\x02\x01\x05"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x08\x30\x00\x30\x00\x03\x01\x00"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x07\x30\x00\x30\x00\x03\x01\x00\x00"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x09\x30\x00\x30\x00\x03\x01\x00\x05\x00"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x80\x30\x00\x30\x00\x03\x01\x00\x00\x00"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x85\x00\x00\x00\x00\x07"), "has a block that is not a certificate"),
        (pem(der=b"\x30\x82\x01"), "has a block that is not a certificate"),
        (pem(der=b"\x30"), "has a block that is not a certificate"),
        (pem() + pem(der=b"hello"), "has a block (number 2) that is not a certificate"),
    ],
)
def test_pem_refused(text: str, reason: str) -> None:
    error = refusal(ca_certificate=text)
    assert (error.option, error.reason) == ("ca_certificate", reason)
    assert error.allowed == "PEM text with one or more blocks -----BEGIN CERTIFICATE-----"


@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
@pytest.mark.parametrize("certificate", ["", pem()])
@pytest.mark.parametrize("cut", [0, 20])
def test_a_private_key_is_refused_and_not_shown(label: str, certificate: str, cut: int) -> None:
    block = pem(label, der=b"canary key")
    error = refusal(ca_certificate=certificate + block[: len(block) - cut])
    assert error.reason == "holds a private key, which belongs nowhere near a template"
    assert error.value == ""
    assert base64.b64encode(b"canary").decode()[:6] not in str(error)


@pytest.mark.parametrize("given", [{"ca_certificate": pem()}, {"ca_path": "/ca.pem"}])
def test_req_002_system_trust_contradicts_an_explicit_anchor(given: dict[str, str]) -> None:
    error = refusal(use_system_trust=True, **given)
    assert error.option == "use_system_trust"
    assert error.reason.startswith(f"contradicts {next(iter(given))}: ")
    assert error.allowed == "one of the two"
    assert template(use_system_trust=False, **given).use_system_trust is False


def test_both_ways_to_give_an_anchor() -> None:
    error = refusal(ca_certificate=pem(), ca_path="/ca.pem")
    assert str(error) == "ca_path: '/ca.pem' is given, and ca_certificate too (allowed: one of the two)."


@pytest.mark.parametrize("given", [{}, {"ca_certificate": pem()}, {"ca_path": "/ca.pem"}, {"use_system_trust": True}])
def test_a_pin_goes_with_every_kind_of_trust(given: dict[str, Any]) -> None:
    assert template(ca_fingerprint=HASH_256, **given).ca_fingerprint == f"sha256:{HASH_256}"


@pytest.mark.parametrize(
    "text",
    [
        HASH_256,
        HASH_256.upper(),
        f"sha256:{HASH_256}",
        f"SHA-256:{HASH_256}",
        f"sha256 {HASH_256}",
        ":".join(HASH_256[index : index + 2] for index in range(0, 64, 2)),
        "sha256 Fingerprint=" + ":".join(HASH_256[index : index + 2] for index in range(0, 64, 2)).upper(),
        "SHA256:" + " ".join(HASH_256[index : index + 4] for index in range(0, 64, 4)),
        f" {HASH_256}\n",
    ],
)
def test_req_047_fingerprint_in_any_spelling(text: str) -> None:
    assert template(ca_fingerprint=text).ca_fingerprint == f"sha256:{HASH_256}"


@pytest.mark.parametrize("text", [HASH_512, f"sha512:{HASH_512}", f"SHA512 Fingerprint={HASH_512}"])
def test_req_047_sha_512(text: str) -> None:
    assert template(ca_fingerprint=text).ca_fingerprint == f"sha512:{HASH_512}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ab" * 20, "is a SHA-1 fingerprint, which is not safe"),
        ("sha1:" + "ab" * 20, "is a SHA-1 fingerprint, which is not safe"),
        ("ab" * 16, "is an MD5 fingerprint, which is not safe"),
        (HASH_256[:-1], "has 63 hexadecimal digits"),
        (HASH_256 + "0", "has 65 hexadecimal digits"),
        (f"sha512:{HASH_256}", "says SHA-512 and has 64 digits"),
        (f"sha256:{HASH_512}", "says SHA-256 and has 128 digits"),
        ("xyz", "is not a fingerprint"),
        ("sha256:", "is not a fingerprint"),
        (HASH_256[:-1] + "g", "is not a fingerprint"),
        (f"md5:{HASH_256}", "is not a fingerprint"),
        ("  ", "is not a fingerprint"),
    ],
)
def test_req_047_fingerprint_refused(text: str, reason: str) -> None:
    error = refusal(ca_fingerprint=text)
    assert (error.option, error.reason) == ("ca_fingerprint", reason)
    assert error.allowed == "a SHA-256 (64 digits) or SHA-512 (128 digits) in hexadecimal"
    assert error.value


@pytest.mark.parametrize(
    ("options", "size", "curve"),
    [
        ({}, 2048, None),
        ({"key_type": "rsa"}, 2048, None),
        ({"key_size": 3072}, 3072, None),
        ({"key_type": "rsa", "key_size": "4096"}, 4096, None),
        ({"key_type": "ec"}, None, "P-256"),
        ({"key_type": "ec", "key_curve": "P-521"}, None, "P-521"),
        ({"key_type": "ec", "key_curve": "p-384"}, None, "P-384"),
        ({"key_type": "ec", "key_curve": "secp256r1"}, None, "P-256"),
        ({"key_type": "ec", "key_curve": "prime256v1"}, None, "P-256"),
        ({"key_type": "ec", "key_curve": "SECP521R1"}, None, "P-521"),
        ({"key_type": "ec", "key_curve": "NIST P-384"}, None, "P-384"),
        ({"key_type": "ed25519"}, None, None),
        ({"key_type": "ml-dsa-44"}, None, None),
        ({"key_type": "ml-dsa-87"}, None, None),
    ],
)
def test_key(options: dict[str, Any], size: int | None, curve: str | None) -> None:
    made = template(**options)
    assert (made.key_size, made.key_curve) == (size, curve)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_size": 1024}, "key_size: 1024 is not a key size of rsa (allowed: 2048, 3072, 4096)."),
        ({"key_size": 0}, "key_size: 0 is not a key size of rsa (allowed: 2048, 3072, 4096)."),
        (
            {"key_type": "ml-dsa-65", "key_size": 65},
            "key_size: 65 is given, and a key of type ml-dsa-65 has no size (allowed: no key_size).",
        ),
        (
            {"key_type": "ec", "key_size": 256},
            "key_size: 256 is given, and a key of type ec has no size (allowed: key_curve).",
        ),
        (
            {"key_type": "ed25519", "key_size": 256},
            "key_size: 256 is given, and a key of type ed25519 has no size (allowed: no key_size).",
        ),
        (
            {"key_curve": "P-256"},
            "key_curve: 'P-256' is given, and a key of type rsa has no curve to choose"
            " (allowed: key_type: ec, or no key_curve).",
        ),
        (
            {"key_type": "ed25519", "key_curve": "P-256"},
            "key_curve: 'P-256' is given, and a key of type ed25519 has no curve to choose"
            " (allowed: key_type: ec, or no key_curve).",
        ),
        (
            {"key_type": "ec", "key_curve": "P-265"},
            "key_curve: 'P-265' is not a key curve (allowed: P-256, P-384, P-521). Did you mean 'P-256'?",
        ),
        (
            {"key_type": "ec", "key_curve": "brainpoolP256r1"},
            "key_curve: 'brainpoolP256r1' is not a key curve (allowed: P-256, P-384, P-521).",
        ),
    ],
)
def test_key_refused(options: dict[str, Any], message: str) -> None:
    assert str(refusal(**options)) == message


@pytest.mark.parametrize("days", [1, 14, 365])
def test_renewal_period(days: int) -> None:
    assert template(renewal_period_days=days).renewal_period_days == days


@pytest.mark.parametrize("days", [0, -1, 366, 3650])
def test_renewal_period_refused(days: int) -> None:
    assert str(refusal(renewal_period_days=days)) == (
        f"renewal_period_days: {days} is out of range (allowed: 1 to 365 days)."
    )
