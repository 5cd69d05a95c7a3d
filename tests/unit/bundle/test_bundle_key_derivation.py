# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import Scrypt
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import (
    DamagedBundle,
    LibraryMissing,
)

GOOD = {"n": 1024, "r": 8, "p": 1, "salt": "c2FsdHNhbHRzYWx0c2FsdA=="}


def test_the_parameters_of_a_new_bundle_cost_what_is_recommended_and_fit_into_a_fork():
    new = Scrypt.new()
    assert new.n * new.r * new.p >= 5 * 2**14 * 8, "the work of OWASP's (2**14, 8, 5) and its equals"
    assert 128 * new.n * new.r <= 32 * 2**20
    assert len(new.salt) == 16
    assert Scrypt.new().salt != new.salt
    assert Scrypt.from_json(new.as_json()) == new


def test_keys_are_the_two_halves_of_scrypt_as_documented():
    # RFC 7914 section 12 has this vector: 64 octets for the password "pleaseletmein".
    keys = Scrypt(b"SodiumChloride", 16384, 8, 1).derive("pleaseletmein")
    whole = bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
    assert keys.key + keys.check == whole
    assert keys.key == whole[:32]
    assert "7023" not in repr(keys)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 0},
        {"n": 1},
        {"n": 1000},
        {"n": -1024},
        {"n": True},
        {"n": "1024"},
        {"n": 1024.0},
        {"n": None},
        {"r": 0},
        {"p": 0},
        {"n": 2**20},
        {"n": 2**62},
        {"r": 2**40},
        {"p": 17},
        {"n": 2**17, "p": 5},
        {"n": 2, "r": 1, "p": 2**21},
        {"salt": ""},
        {"salt": "c2FsdA=="},
        {"salt": "no base64!"},
        {"salt": "ü"},
        {"salt": 1},
        {"salt": "QUFB" * 30},
    ],
)
def test_parameters_out_of_bounds_are_refused_before_anything_is_computed(change, monkeypatch):
    monkeypatch.setattr(hashlib, "scrypt", None)
    with pytest.raises(DamagedBundle, match="is damaged: "):
        Scrypt.from_json({**GOOD, **change})


def test_parameters_four_times_as_costly_can_still_be_read():
    assert Scrypt.from_json({**GOOD, "n": 2**17, "r": 8, "p": 3}).n == 2**17


@pytest.mark.parametrize("trouble", [ValueError("memory limit exceeded"), MemoryError(), AttributeError("scrypt")])
def test_too_little_memory_or_no_scrypt_is_told(trouble, monkeypatch):
    def fails(*_arguments, **_options):
        raise trouble

    monkeypatch.setattr(hashlib, "scrypt", fails)
    with pytest.raises(LibraryMissing, match=r"scrypt cannot be computed .*; it needs 32 MiB of memory and a Python"):
        Scrypt.new().derive("x")
