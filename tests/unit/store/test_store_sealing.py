# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import sys

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import sealing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import SealingError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint

KEY = bytes(range(32))


def test_round_trip_and_no_two_alike():
    one = sealing.seal(KEY, "Cisco", "password", "Pässword ✓")
    other = sealing.seal(KEY, "Cisco", "password", "Pässword ✓")
    assert one != other
    assert sealing.unseal(KEY, "Cisco", "password", one) == "Pässword ✓"


def test_uses_aes_256_gcm_with_names_as_associated_data():
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = base64.b64decode(sealing.seal(KEY, "Cisco", "password", "secret"))
    opened = AESGCM(KEY).decrypt(data[:12], data[12:], b"estfleet.cloud_extender\0Cisco\0password")
    assert opened == b"secret"


@pytest.mark.parametrize(
    ("key", "template", "field"),
    [(b"x" * 32, "Cisco", "password"), (KEY, "cisco", "password"), (KEY, "Cisco", "client_key_passphrase")],
)
def test_opens_only_with_its_key_in_its_place(key, template, field):
    sealed = sealing.seal(KEY, "Cisco", "password", "canary-1f2e")
    with pytest.raises(SealingError) as error:
        sealing.unseal(key, template, field, sealed)
    assert f"the sealed {field} of template '{template}' cannot be opened" in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("sealed", ["", "AAAA", "no base64!", "ä", "A" * 64])
def test_a_changed_value_is_one_clear_error(sealed):
    with pytest.raises(SealingError, match="cannot be opened"):
        sealing.unseal(KEY, "Cisco", "password", sealed)


def test_without_cryptography_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(SealingError, match=r"cryptography \(3.4.8 or newer\) is needed"):
        sealing.seal(KEY, "Cisco", "password", "secret")


def test_a_missing_cryptography_is_seen_before_anything_is_begun(monkeypatch):
    sealing.require_cryptography()
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(SealingError, match=r"cryptography \(3.4.8 or newer\) is needed"):
        sealing.require_cryptography()


def test_fingerprints_tell_keys_apart_and_nothing_of_them():
    one, other = bytes(range(32)), bytes(range(1, 33))
    assert key_fingerprint(one) != key_fingerprint(other)
    assert key_fingerprint(one) not in one.hex()
