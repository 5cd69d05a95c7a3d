# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs: what can be asked for, what comes out, and that nothing shows a private key."""

from __future__ import annotations

import shutil
import subprocess

import cryptography
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError, MissingLibrary
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import keys
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    describe_public_key,
    generate_key,
    load_private_key,
    private_key_pem,
    public_key_der,
    same_public_key,
)

CRYPTOGRAPHY = int(cryptography.__version__.split(".", maxsplit=1)[0])


@pytest.mark.parametrize(
    ("spec", "size", "curve"),
    [
        (KeySpec(), 2048, None),
        (KeySpec("rsa", 3072), 3072, None),
        (KeySpec("ec"), None, "P-256"),
        (KeySpec("ec", curve="P-521"), None, "P-521"),
        (KeySpec("ed25519"), None, None),
        (KeySpec("ml-dsa-65"), None, None),
    ],
)
def test_defaults_depend_on_the_type(spec, size, curve):
    assert (spec.size, spec.curve) == (size, curve)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"type": "dsa"}, ["'dsa'", "rsa, ec, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87"]),
        ({"type": "rsa", "size": 1024}, ["1024", "2048 to 4096"]),
        ({"type": "rsa", "size": 8192}, ["8192", "2048 to 4096"]),
        ({"type": "rsa", "size": 2049}, ["2049", "multiple of 8"]),
        ({"type": "rsa", "curve": "P-256"}, ["'P-256'", "leave the curve out"]),
        ({"type": "ec", "curve": "prime256v1"}, ["'prime256v1'", "P-256, P-384, P-521", "did you mean P-256?"]),
        ({"type": "ec", "curve": "P-192"}, ["'P-192'", "P-256, P-384, P-521"]),
        ({"type": "ec", "size": 256}, ["256", "leave the size out"]),
        ({"type": "ed25519", "size": 256}, ["256", "leave the size out"]),
        ({"type": "ml-dsa-65", "size": 65}, ["65", "leave the size out"]),
    ],
)
def test_a_key_that_cannot_be_asked_for_is_refused_with_what_is_allowed(arguments, words):
    with pytest.raises(InputError) as caught:
        KeySpec(**arguments)
    for word in words:
        assert word in caught.value.reason


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (KeySpec("rsa", 2048), "RSA 2048"),
        (KeySpec("ec"), "EC P-256"),
        (KeySpec("ec", curve="P-384"), "EC P-384"),
        (KeySpec("ec", curve="P-521"), "EC P-521"),
        (KeySpec("ed25519"), "Ed25519"),
    ],
)
def test_generate_store_and_load(spec, words):
    key = generate_key(spec)
    pem = private_key_pem(key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    loaded = load_private_key(pem)
    assert same_public_key(loaded, key)
    assert describe_public_key(loaded.public_key()) == words
    assert describe_public_key(key) == words


@pytest.mark.parametrize("key_type", ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])
def test_ml_dsa_where_the_installed_cryptography_has_it(key_type):
    spec = KeySpec(key_type)
    if CRYPTOGRAPHY < 49:
        with pytest.raises(MissingLibrary) as caught:
            generate_key(spec)
        assert cryptography.__version__ in caught.value.reason
        return
    key = generate_key(spec)
    assert describe_public_key(key.public_key()) == key_type.upper()
    assert same_public_key(load_private_key(private_key_pem(key)), key)


def test_ml_dsa_without_support_names_the_installed_version(monkeypatch):
    monkeypatch.setattr(keys, "mldsa", None)
    with pytest.raises(MissingLibrary) as caught:
        generate_key(KeySpec("ml-dsa-65"))
    assert cryptography.__version__ in caught.value.reason
    assert "version 49" in caught.value.hint


def test_openssl_reads_the_private_key(tmp_path):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    path = tmp_path / "key.pem"
    path.write_bytes(private_key_pem(generate_key(KeySpec("ec"))))
    out = subprocess.run(
        [openssl, "pkey", "-in", str(path), "-noout", "-text"], capture_output=True, timeout=60, check=False
    )
    assert b"NIST CURVE: P-256" in out.stdout


def encrypted(passphrase):
    key = generate_key(KeySpec("ec"))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))


def test_an_encrypted_key_opens_with_its_passphrase():
    assert describe_public_key(load_private_key(encrypted("schlüssel".encode()), "schlüssel")) == "EC P-256"


@pytest.mark.parametrize(
    ("pem", "passphrase", "words"),
    [
        (b"", None, "not a PEM private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None, "not a PEM private key"),
        (encrypted(b"right"), "canary-4711", "passphrase is wrong"),
        (encrypted(b"right"), None, "no passphrase is given"),
        (private_key_pem(generate_key(KeySpec("ec"))), "canary-4711", "not encrypted"),
    ],
)
def test_a_key_that_cannot_be_opened_says_why_and_shows_no_secret(pem, passphrase, words):
    with pytest.raises(InputError) as caught:
        load_private_key(pem, passphrase)
    assert words in caught.value.reason
    assert caught.value.hint
    assert "canary" not in repr(caught.value) + caught.value.hint
    assert caught.value.__context__ is None


def test_req_074_same_public_key_compares_the_public_keys():
    key, other = generate_key(KeySpec("ec")), generate_key(KeySpec("ec"))
    assert same_public_key(key, key.public_key())
    assert same_public_key(key, public_key_der(key))
    assert not same_public_key(key, other)
    assert not same_public_key(key, rsa.generate_private_key(65537, 2048))


def test_req_074_a_public_key_that_cannot_be_read_is_equal_to_nothing():
    assert not same_public_key(b"\x30\x00", b"\x30\x00")
    with pytest.raises(InputError, match="public key"):
        public_key_der(b"\x30\x00")


def test_a_compressed_point_is_the_same_key():
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    assert same_public_key(head + point, key)


def test_the_words_for_a_key_that_cannot_sign():
    assert describe_public_key(x25519.X25519PrivateKey.generate()) == "X25519"


def test_no_repr_shows_a_private_key():
    key = generate_key(KeySpec("ec"))
    assert f"{key.private_numbers().private_value:x}" not in repr(key) + repr(KeySpec("ec"))
