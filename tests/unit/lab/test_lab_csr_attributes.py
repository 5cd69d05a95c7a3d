# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSR attributes that the lab server can be told to send, read with the openssl command."""

from __future__ import annotations

import base64
import subprocess

import pytest
from support.lab import LabServer


@pytest.mark.parametrize(
    ("choice", "status", "content"),
    [
        ("none", 204, b""),
        ("not-found", 404, None),
        ("not-implemented", 501, None),
        ("empty", 200, bytes.fromhex("3000")),
        ("challenge-password", 200, bytes.fromhex("300b06092a864886f70d010907")),
        ("rsa-3072", 200, bytes.fromhex("3013301106092a864886f70d010101310402020c00")),
    ],
)
def test_csrattrs(client_of, choice, status, content):
    with LabServer("--csrattrs", choice) as lab:
        answer = client_of(lab).get("csrattrs")
        assert answer.status_code == status
        if content is not None:
            assert base64.b64decode(answer.content) == content
        if status == 200:
            assert answer.headers["Content-Type"] == "application/csrattrs"


def test_csrattrs_from_a_file(client_of, tmp_path):
    (tmp_path / "attributes").write_text("MAsGCSqGSIb3DQEJBw==\n")
    with LabServer("--csrattrs", f"file:{tmp_path}/attributes") as lab:
        assert base64.b64decode(client_of(lab).get("csrattrs").content)[:2] == b"\x30\x0b"


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("ec-p384", ["secp384r1"]),
        ("san", ["X509v3 Subject Alternative Name"]),
        ("rfc7030-example", ["challengePassword"]),
        ("rfc8994", ["X509v3 Subject Alternative Name", "BOOLEAN"]),
        ("rfc7894", ["1.2.840.113549.1.9.16.2.56", "1.2.840.113549.1.9.16.2.57", "1.2.840.113549.1.9.16.2.58"]),
        ("identity-linking", ["1.2.840.113549.1.9.16.2.58"]),
        ("rfc9908-list", ["challengePassword", "secp384r1", "Extension Request", "BOOLEAN", "ecdsa-with-SHA384"]),
        ("ec-any", ["id-ecPublicKey"]),
        ("ed25519", ["ED25519"]),
        ("unknown", ["1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"]),
        ("template", ["1.2.840.113549.1.9.16.2.61", "commonName", "myDept", "prime256v1", "X509v3 Key Usage"]),
        ("template-extensions", ["1.2.840.113549.1.9.16.2.62", "X509v3 Subject Alternative Name", "BOOLEAN"]),
        ("template-san", ["1.2.840.113549.1.9.16.2.62", "X509v3 Subject Alternative Name"]),
        ("template-rsa-3072", ["rsaEncryption", "BIT STRING"]),
        ("template-rsa", ["rsaEncryption"]),
        ("template-empty", ["1.2.840.113549.1.9.16.2.61"]),
        ("template-and-list", ["rsaEncryption", "1.2.840.113549.1.9.16.2.61"]),
    ],
)
def test_csrattrs_presets(client_of, choice, words):
    with LabServer("--csrattrs", choice) as lab:
        content = base64.b64decode(client_of(lab).get("csrattrs").content)
    told = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=content, capture_output=True, check=True, timeout=10
    ).stdout.decode()
    assert [word for word in words if word not in told] == []


def test_template_byte_for_byte(client_of):
    """The structure of RFC 9908 appendix A, whose tags are IMPLICIT."""
    with LabServer("--csrattrs", "template-san") as lab:
        content = base64.b64decode(client_of(lab).get("csrattrs").content)
    names = "8210" + b"www.lab.est.test".hex() + "8700" + "a4023000"
    san = "0603551d11" + "041a" + "3018" + names
    inner = "060b2a864886f70d010910023e" + "3125" + "3023" + "3021" + san
    template = "020100" + "a136" + "3034" + inner
    assert content.hex() == "304e" + "304c" + "060b2a864886f70d010910023d" + "313d" + "303b" + template


def test_rsa_placeholder_has_the_wanted_length(client_of):
    with LabServer("--csrattrs", "template-rsa-3072") as lab:
        content = base64.b64decode(client_of(lab).get("csrattrs").content)
    key = content[content.index(b"\x03\x82") + 5 : -2]
    told = subprocess.run(
        ["openssl", "rsa", "-RSAPublicKey_in", "-inform", "DER", "-noout", "-text"],
        input=key,
        capture_output=True,
        check=True,
    ).stdout
    assert b"Public-Key: (3072 bit)" in told


@pytest.mark.parametrize(
    ("choice", "status"), [("bad-request", 400), ("forbidden", 403), ("not-allowed", 405), ("failed", 500)]
)
def test_csrattrs_statuses(client_of, choice, status):
    with LabServer("--csrattrs", choice) as lab:
        assert client_of(lab).get("csrattrs").status_code == status


def test_csrattrs_with_a_nul_at_the_end(client_of):
    """As libest sends them."""
    with LabServer("--csrattrs", "challenge-password", "--base64", "nul") as lab:
        assert client_of(lab).get("csrattrs").content == b"MAsGCSqGSIb3DQEJBw==\n\0"
