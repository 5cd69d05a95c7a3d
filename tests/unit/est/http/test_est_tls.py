# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of TLS contexts, and what they refuse to load."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from support.tls_certificates import authority, make

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust, make_context
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

CA = authority()


def test_system_trust_has_the_anchors_of_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = tmp_path / "store.pem"
    store.write_text(CA.pem, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert make_context(Trust.system()).get_ca_certs(binary_form=True) == [CA.der]


def test_req_012_no_weak_cipher_is_offered() -> None:
    ciphers = make_context(Trust.explicit(CA.pem)).get_ciphers()
    names = [cipher["name"] for cipher in ciphers]
    assert not [
        name for name in names if any(weak in name for weak in ("NULL", "EXP", "DES", "RC4", "MD5", "PSK", "SRP"))
    ]
    assert all("Au=None" not in cipher["description"] for cipher in ciphers)
    assert all(cipher["strength_bits"] >= 128 for cipher in ciphers)
    assert "ECDHE-RSA-AES128-GCM-SHA256" in names


@pytest.mark.parametrize("trust", [Trust.explicit(CA.pem), Trust.system()], ids=["explicit", "system"])
def test_req_014_verification_is_always_on_and_not_strict(trust: Trust) -> None:
    context = make_context(trust)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_anchors_may_have_comments_and_other_blocks_between_them() -> None:
    other = authority("Another Root")
    text = f"Prüfstelle\n{CA.pem}\n# key\n{other.key_pem()}\n{other.pem}"
    trust = Trust.explicit(text.replace("\n", "\r\n"))
    assert sorted(make_context(trust).get_ca_certs(binary_form=True)) == sorted([CA.der, other.der])
    assert "PRIVATE" not in trust.pem


@pytest.mark.parametrize("text", ["", "hello", CA.key_pem(), CA.pem.replace("CERTIFICATE", "X509 CRL")])
def test_pem_without_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"the file of ca_path .* no PEM certificate"):
        Trust.explicit(text, "the file of ca_path")


@pytest.mark.parametrize(
    ("text", "words"),
    [("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "the ASN.1 data"),
     ("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n", "the PEM block is not base64"),
     (CA.pem[:200] + "\n", "the PEM block does not end")],
)  # fmt: skip
def test_a_block_that_is_no_certificate_is_refused_alone_and_left_out_of_a_bundle(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"certificate 1 of ca_path cannot be used: {words}"):
        Trust.explicit(text, "ca_path")
    trust = Trust.explicit(text + CA.pem, "ca_path")
    assert trust.pem == CA.pem
    (warning,) = trust.warnings
    assert words in warning


def test_anchors_that_have_all_expired_are_refused_by_name() -> None:
    expired = authority("Old Root", days=(-100, -1))
    with pytest.raises(InputError, match="have all expired: /CN=Old Root on"):
        make_context(Trust.explicit(expired.pem))
    assert make_context(Trust.explicit(expired.pem + CA.pem)).cert_store_stats()["x509"] == 2


def test_secrets_are_not_in_a_repr() -> None:
    assert "canary" not in repr(ClientCertificate("cert.pem", "key.pem", "canary"))


class TestClientCertificate:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        client = CA.issue("client")
        (tmp_path / "client.pem").write_text(client.pem, encoding="ascii")
        (tmp_path / "key.pem").write_text(client.key_pem(), encoding="ascii")
        (tmp_path / "locked.pem").write_text(client.key_pem(b"canary"), encoding="ascii")
        (tmp_path / "both.pem").write_text(client.pem + client.key_pem(), encoding="ascii")
        (tmp_path / "other.pem").write_text(make("other").key_pem(), encoding="ascii")
        (tmp_path / "text.pem").write_text("hello", encoding="ascii")
        return tmp_path

    def load(self, folder: Path, certificate: str, key: str | None, passphrase: str | None = None) -> None:
        key_path = str(folder / key) if key else None
        make_context(Trust.explicit(CA.pem), ClientCertificate(str(folder / certificate), key_path, passphrase))

    @pytest.mark.parametrize(
        ("certificate", "key", "passphrase", "problem"),
        [
            ("client.pem", "locked.pem", None, "no passphrase is given"),
            ("client.pem", "locked.pem", "", "no passphrase is given"),
            ("client.pem", "locked.pem", "wrong-canary", "the passphrase does not open the key"),
            ("client.pem", "locked.pem", "canary" * 1000, "the passphrase of the key is longer"),
            ("client.pem", "other.pem", None, "the key does not belong to the certificate"),
            ("text.pem", "key.pem", None, "no PEM certificate"),
            ("client.pem", "text.pem", None, "no PEM private key"),
            ("client.pem", None, None, "no PEM private key"),
            ("gone.pem", "key.pem", None, "client certificate cannot be read from .*gone.pem': No such file"),
            ("client.pem", "gone.pem", None, "key of .* cannot be read from .*gone.pem': No such file"),
            ("client.pem", "", None, "no PEM private key"),
        ],
    )
    def test_unusable_ones_are_told_apart(
        self, files: Path, certificate: str, key: str | None, passphrase: str | None, problem: str
    ) -> None:
        with pytest.raises(InputError, match=problem) as caught:
            self.load(files, certificate, key, passphrase)
        assert "canary" not in caught.value.reason + caught.value.hint + str(caught.value.__context__ or "")
