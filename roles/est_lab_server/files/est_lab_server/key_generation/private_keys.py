# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a private key of the kind that a certificate request has, and writes it down."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ..problems import Refusal


def generate_key_like(public_key: Any) -> Any:
    """A new private key of the type and size of a public key. Raises Refusal for a type that is not made here."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return rsa.generate_private_key(public_exponent=65537, key_size=public_key.key_size)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return ec.generate_private_key(public_key.curve)
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return ed25519.Ed25519PrivateKey.generate()
    raise Refusal(400, "this server makes RSA, EC and Ed25519 keys only")


def pkcs8(private_key: Any) -> bytes:
    """PrivateKeyInfo (RFC 5208) in DER."""
    return _encoded(private_key, serialization.PrivateFormat.PKCS8)


def traditional(private_key: Any) -> bytes:
    """RSAPrivateKey (PKCS#1, RFC 8017) or ECPrivateKey (SEC1, RFC 5915) in DER. Raises Refusal for other keys."""
    if isinstance(private_key, ed25519.Ed25519PrivateKey):
        raise Refusal(400, "there is no traditional form of an Ed25519 key")
    return _encoded(private_key, serialization.PrivateFormat.TraditionalOpenSSL)


def _encoded(private_key: Any, form: serialization.PrivateFormat) -> bytes:
    encoded: bytes = private_key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return encoded
