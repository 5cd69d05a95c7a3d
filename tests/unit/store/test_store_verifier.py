# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import hmac

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import sealing as module
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import Verifiers, keyed_verifier


def test_is_hmac_under_a_scrypt_key():
    verifiers = Verifiers(salt=b"s" * 16)
    key = hashlib.scrypt(b"secret", salt=b"s" * 16, n=4096, r=8, p=1, dklen=32)
    assert verifiers.make("Cisco", "password", "secret") == hmac.new(key, b"Cisco\0password", "sha256").hexdigest()


def test_matches_only_the_same_secret_in_the_same_place():
    verifiers = Verifiers.new()
    made = verifiers.make("Cisco", "password", "secret")
    assert verifiers.matches("Cisco", "password", "secret", made)
    assert not verifiers.matches("Cisco", "password", "Secret", made)
    assert not verifiers.matches("Other", "password", "secret", made)
    assert not verifiers.matches("Cisco", "client_key_passphrase", "secret", made)
    assert not verifiers.matches("Cisco", "password", "secret", "ä")


def test_another_salt_gives_another_verifier():
    assert Verifiers.new().make("A", "password", "x") != Verifiers.new().make("A", "password", "x")


def test_scrypt_is_computed_once_for_each_distinct_secret(monkeypatch):
    calls = []
    real = hashlib.scrypt
    monkeypatch.setattr(module.hashlib, "scrypt", lambda *a, **k: calls.append(a) or real(*a, **k))
    verifiers = Verifiers.new()
    for index in range(20):
        verifiers.make(f"template {index}", "password", "the same")
    verifiers.make("one more", "password", "another")
    assert len(calls) == 2


def test_parameters_come_back_from_json():
    verifiers = Verifiers.new()
    assert Verifiers.from_json(verifiers.as_json()) == verifiers


def test_the_largest_parameters_that_are_read_can_be_computed():
    verifiers = Verifiers.from_json({**Verifiers.new().as_json(), "n": 65536})
    assert len(verifiers.make("A", "password", "x")) == 64


def test_no_scrypt_is_a_clear_error(monkeypatch):
    monkeypatch.delattr(module.hashlib, "scrypt")
    with pytest.raises(StoreError, match="cannot compute scrypt"):
        Verifiers.new().make("A", "password", "x")


def test_repr_holds_no_secret():
    verifiers = Verifiers.new()
    verifiers.make("A", "password", "canary-1f2e")
    assert "canary" not in repr(verifiers)


def test_the_keyed_verifier_is_for_one_key_one_place_and_one_secret():
    key = b"k" * 32
    subkey = hmac.digest(key, b"estfleet.cloud_extender verifier\0", "sha256")
    made = keyed_verifier(key, "Cisco", "password", "secret")
    assert made == hmac.new(subkey, b"Cisco\0password\0secret", "sha256").hexdigest()
    others = [
        keyed_verifier(b"l" * 32, "Cisco", "password", "secret"),
        keyed_verifier(key, "Other", "password", "secret"),
        keyed_verifier(key, "Cisco", "client_key_passphrase", "secret"),
        keyed_verifier(key, "Cisco", "password", "Secret"),
    ]
    assert len({made, *others}) == 5
