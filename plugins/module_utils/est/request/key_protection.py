# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the server is to encrypt the private key that it makes, and the key with which this client decrypts it.

This is encryption within TLS (RFC 7030 sections 4.4.1.1 and 4.4.1.2). It protects the private key from what is between
the EST server and the end of the TLS session, such as a proxy.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Optional, Tuple

from ..._value import Value, field
from ..asn1.der import encode, encode_oid, read
from ..base.errors import InputError, ParseError
from ..x509.extensions import subject_key_identifier
from ..x509.fields import Certificate
from ..x509.keys import describe_public_key, public_key_der
from .csr import Attribute

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:  # reported by require_libraries()
    pass


SMIME_CAPABILITIES = "1.2.840.113549.1.9.15"
DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.54"

#: What this client can decrypt, best first (RFC 8551 section 2.5.2): AES-256, AES-192 and AES-128 in CBC mode, which
#: EnvelopedData is for, then in GCM mode.
_CAPABILITIES = (
    "2.16.840.1.101.3.4.1.42",
    "2.16.840.1.101.3.4.1.22",
    "2.16.840.1.101.3.4.1.2",
    "2.16.840.1.101.3.4.1.46",
    "2.16.840.1.101.3.4.1.26",
    "2.16.840.1.101.3.4.1.6",
)
_AES_KEY_SIZES = (16, 24, 32)


class KeyProtection(Value):
    """A key of this client that the server can encrypt to. Made by one of the methods below.

    :param identifier: the name of the key, which both sides know.
    :param private_key: an RSA or EC key whose public key the server has, or ``None``.
    :param secret_key: an AES key that the server has as well, or ``None``.
    """

    identifier: bytes
    private_key: Optional[PrivateKeyTypes] = field(default=None, repr=False)
    secret_key: Optional[bytes] = field(default=None, repr=False)

    @classmethod
    def by_certificate(cls, certificate: Certificate, key: PrivateKeyTypes) -> KeyProtection:
        """Encrypt to the key of a certificate that the server knows, such as the TLS client certificate.

        :raises InputError: nothing can be encrypted to this kind of key.
        """
        try:
            identifier = subject_key_identifier(certificate)
        except ParseError:
            identifier = None
        return cls.by_key(key) if identifier is None else cls(identifier, _checked(key))

    @classmethod
    def by_key(cls, key: PrivateKeyTypes) -> KeyProtection:
        """Encrypt to a key whose public key the server knows. Its identifier is made by method 1 of RFC 5280 4.2.1.2.

        :raises InputError: nothing can be encrypted to this kind of key.
        """
        public_key = _checked(key).public_key()
        _algorithm, bits = read(public_key_der(public_key)).children()
        return cls(hashlib.sha1(bits.bits(), usedforsecurity=False).digest(), key)

    @classmethod
    def by_shared_secret(cls, identifier: bytes, secret_key: bytes) -> KeyProtection:
        """Encrypt with an AES key that both client and server have.

        :param secret_key: 16, 24 or 32 bytes.
        :raises InputError: another length, or an empty identifier.
        """
        if len(secret_key) not in _AES_KEY_SIZES or not identifier:
            raise InputError(
                f"a shared key of {len(secret_key)} bytes with an identifier of {len(identifier)} bytes cannot be used",
                hint="Give an AES key of 16, 24 or 32 bytes, and the identifier by which the server knows it.",
            )
        return cls(identifier, None, secret_key)

    def attributes(self) -> Tuple[Attribute, ...]:
        """The attributes of a request that ask for encryption to this key (requirement 123)."""
        name = DECRYPT_KEY_IDENTIFIER if self.private_key is None else ASYMMETRIC_DECRYPT_KEY_IDENTIFIER
        capabilities = encode(0x30, *(encode(0x30, encode_oid(oid)) for oid in _CAPABILITIES))
        return Attribute(SMIME_CAPABILITIES, (capabilities,)), Attribute(name, (encode(0x04, self.identifier),))


def _checked(key: PrivateKeyTypes) -> PrivateKeyTypes:
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise InputError(
            f"nothing can be encrypted to a key of type {describe_public_key(key)}",
            hint="Use a certificate with an RSA or EC key to protect the key that the server makes.",
        )
    return key
