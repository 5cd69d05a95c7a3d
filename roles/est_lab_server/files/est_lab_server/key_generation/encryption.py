# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CMS EnvelopedData (RFC 5652 section 6) and EncryptedData (section 8), with AES in CBC mode (RFC 3565)."""

from __future__ import annotations

import os
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7

from .. import der
from ..problems import Refusal
from .choices import CIPHERS
from .recipient import Recipient

ENVELOPED_DATA = "1.2.840.113549.1.7.3"
ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
_RSA_ENCRYPTION = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())
_RSAES_OAEP = "1.2.840.113549.1.1.7"
_MGF1 = "1.2.840.113549.1.1.8"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_DH_SHA256_KDF = "1.3.132.1.11.1"
_IMPLICIT_CONTENT = 0x80


def enveloped_data(recipient: Recipient, key_transport: str, cipher: str, content_type: str, content: bytes) -> bytes:
    """EnvelopedData for one recipient: key transport to an RSA key, key agreement to an EC key.

    Raises Refusal for a key that nothing can be encrypted to.
    """
    content_key = os.urandom(CIPHERS[cipher][0])
    if isinstance(recipient.public_key, rsa.RSAPublicKey):
        version = recipient.version
        recipient_info = _key_transport(recipient, key_transport, content_key)
    elif isinstance(recipient.public_key, ec.EllipticCurvePublicKey):
        version = 2
        recipient_info = _key_agreement(recipient, cipher, content_key)
    else:
        raise Refusal(400, "nothing can be encrypted to a key of this type")
    return der.sequence(
        der.integer(version), der.set_of(recipient_info), _encrypted(cipher, content_key, content_type, content)
    )


def encrypted_data(cipher: str, content_type: str, content: bytes) -> bytes:
    """EncryptedData, as GlobalSign's server sends: nothing in it says who has the key."""
    return der.sequence(der.integer(0), _encrypted(cipher, os.urandom(CIPHERS[cipher][0]), content_type, content))


def _encrypted(cipher: str, content_key: bytes, content_type: str, content: bytes) -> bytes:
    start = os.urandom(16)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(content_key), modes.CBC(start)).encryptor()
    encrypted = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    algorithm = der.sequence(der.oid(CIPHERS[cipher][1]), der.octet_string(start))
    return der.sequence(der.oid(content_type), algorithm, der.tlv(_IMPLICIT_CONTENT, encrypted))


def _key_transport(recipient: Recipient, key_transport: str, content_key: bytes) -> bytes:
    if key_transport == "pkcs1":
        algorithm, scheme = _RSA_ENCRYPTION, padding.PKCS1v15()
    elif key_transport == "oaep":
        algorithm, scheme = der.sequence(der.oid(_RSAES_OAEP), der.sequence()), _oaep(hashes.SHA1())  # noqa: S303
    else:
        mask = der.sequence(der.oid(_MGF1), _SHA256)
        parameters = der.sequence(der.tlv(der.context(0), _SHA256), der.tlv(der.context(1), mask))
        algorithm, scheme = der.sequence(der.oid(_RSAES_OAEP), parameters), _oaep(hashes.SHA256())
    return der.sequence(
        der.integer(recipient.version),
        recipient.identifier(),
        algorithm,
        der.octet_string(recipient.public_key.encrypt(content_key, scheme)),
    )


def _oaep(algorithm: hashes.HashAlgorithm) -> Any:
    return padding.OAEP(padding.MGF1(algorithm), algorithm, None)


def _key_agreement(recipient: Recipient, cipher: str, content_key: bytes) -> bytes:
    """KeyAgreeRecipientInfo with ephemeral-static ECDH (RFC 5753 section 3.1)."""
    size, _unused, wrap = CIPHERS[cipher]
    ephemeral = ec.generate_private_key(recipient.public_key.curve)
    shared = ephemeral.exchange(ec.ECDH(), recipient.public_key)
    wrap_algorithm = der.sequence(der.oid(wrap))
    # ECC-CMS-SharedInfo, RFC 5753 section 7.2
    info = der.sequence(wrap_algorithm, der.tlv(der.context(2), der.octet_string((size * 8).to_bytes(4, "big"))))
    key_encryption_key = X963KDF(hashes.SHA256(), size, info).derive(shared)
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    originator_key = der.sequence(der.oid("1.2.840.10045.2.1")) + der.bit_string(point)
    identifier = recipient.identifier()
    if recipient.certificate is None:
        # rKeyId [0] RecipientKeyIdentifier
        identifier = der.tlv(der.context(0), der.octet_string(recipient.key_identifier))
    return der.tlv(
        der.context(1),
        der.integer(3)
        + der.tlv(der.context(0), der.tlv(der.context(1), originator_key))
        + der.sequence(der.oid(_DH_SHA256_KDF), wrap_algorithm)
        + der.sequence(der.sequence(identifier, der.octet_string(aes_key_wrap(key_encryption_key, content_key)))),
    )
