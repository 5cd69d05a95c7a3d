# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file in which a key goes to a Windows host: one that the oldest Windows opens, whatever the controller has."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from windows.certificate_modules import uses_newer_algorithms
from windows.test_windows_certificate_holder import certificate

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows import pkcs12 as windows_pkcs12


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_it_has_key_certificate_and_name_and_nothing_newer_than_server_2016(key: Any) -> None:
    leaf = certificate("host", key=key)
    content = windows_pkcs12.pkcs12_file(key, leaf, "größe (est 1)", "passphrase")
    assert not uses_newer_algorithms(content)
    opened = pkcs12.load_pkcs12(content, b"passphrase")
    assert opened.cert is not None
    assert opened.cert.certificate.public_bytes(Encoding.DER) == leaf.der
    assert opened.cert.friendly_name == "größe (est 1)".encode()
    assert opened.additional_certs == []
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(content, b"other")


def refuse(monkeypatch: pytest.MonkeyPatch, how_many: int) -> None:
    """Let OpenSSL have none of the first algorithms that it is asked for, as in FIPS mode."""
    real, asked = pkcs12.serialize_key_and_certificates, []

    def serialize(*arguments: Any) -> bytes:
        asked.append(arguments)
        if len(asked) <= how_many:
            raise UnsupportedAlgorithm("not in FIPS mode")
        return real(*arguments)

    monkeypatch.setattr(pkcs12, "serialize_key_and_certificates", serialize)


def test_a_controller_without_triple_des_uses_aes(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, 1)
    key = ec.generate_private_key(ec.SECP256R1())
    content = windows_pkcs12.pkcs12_file(key, certificate("host", key=key), "x", "passphrase")
    assert uses_newer_algorithms(content)


def test_a_controller_without_either_is_told_before_anything_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_pkcs12.require_pkcs12()
    refuse(monkeypatch, 2)
    with pytest.raises(InputError, match="the controller cannot encrypt a key for Windows"):
        windows_pkcs12.require_pkcs12()


def test_older_cryptography_has_one_way_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Older:
        """PrivateFormat before cryptography 38."""

    monkeypatch.setattr(windows_pkcs12, "PrivateFormat", Older)
    (encryption,) = windows_pkcs12._encryptions(b"passphrase")
    assert isinstance(encryption, BestAvailableEncryption)
