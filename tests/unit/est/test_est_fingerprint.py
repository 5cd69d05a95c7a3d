# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of fingerprint.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.est_pki import Authority
from support.tls_certificates import authority

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import Fingerprint

CA = authority()
SHA256, SHA512 = "ab" * 32, "0f" * 64


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_req_004_it_is_the_one_that_openssl_shows(algorithm: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(CA.pem, encoding="ascii")
    command = ["openssl", "x509", "-in", str(path), "-noout", "-fingerprint", f"-{algorithm}"]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout.partition("=")[2]
    assert Fingerprint.parse(shown) == Fingerprint.of(CA.certificate, algorithm)
    assert Fingerprint.parse(shown).matches(CA.certificate)
    assert not Fingerprint.parse(shown).matches(Authority.root("another").certificate)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHA256, f"sha256:{SHA256}"),
        (f"  {SHA256.upper()}\n", f"sha256:{SHA256}"),
        (":".join(["AB"] * 32), f"sha256:{SHA256}"),
        (f"sha256:{SHA256}", f"sha256:{SHA256}"),
        (f"SHA-256:{SHA256}", f"sha256:{SHA256}"),
        (SHA512, f"sha512:{SHA512}"),
        ("SHA512:" + ":".join(["0F"] * 64), f"sha512:{SHA512}"),
    ],
)
def test_req_004_every_usual_spelling_is_read(text: str, expected: str) -> None:
    assert str(Fingerprint.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "ab" * 20, "ab" * 16, SHA256[:-1], SHA256 + "0", f"sha512:{SHA256}", f"sha256:{SHA512}",
     f"md5:{SHA256}", "xy" * 32],
)  # fmt: skip
def test_req_004_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Fingerprint.parse(text)
    assert repr(text) in caught.value.reason
    assert caught.value.hint
