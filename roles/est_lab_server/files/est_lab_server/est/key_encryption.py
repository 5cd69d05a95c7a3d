# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CMS around the private key of serverkeygen (RFC 5652): signed by the authority, encrypted to a recipient."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7

from .. import der
from ..authority.authority import Authority, certificate_der, key_type_of
from ..der import read_element, read_elements
from ..http.messages import Refusal
from ..laboratory import ClientCertificate
from .certificate_request import attribute_values

FORMS = {
    "as-asked": "pkcs8, or enveloped where attributes of the request ask for it",
    "pkcs8": "never encrypted",
    "traditional": "PKCS#1 or SEC1 under application/pkcs8, as libest",
    "enveloped": "always a CMS EnvelopedData: key transport to an RSA key, key agreement to an EC key",
    "encrypted-data": "CMS EncryptedData, as GlobalSign's server, with a key that nobody has",
}
RECIPIENTS = {"request": "the key of the request", "certificate": "the key of the TLS client certificate"}
CONTENTS = {
    "key-package": "a signed AsymmetricKeyPackage (RFC 5958)",
    "signed-pkcs8": "signed PKCS#8",
    "pkcs8": "PKCS#8, not signed",
}
# Bytes of the key, the cipher, the key wrap of the same size (RFC 3565 section 2.3.2).
CIPHERS = {
    "aes-128-cbc": (16, "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.5"),
    "aes-256-cbc": (32, "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.45"),
}
KEY_TRANSPORTS = {
    "pkcs1": "RSAES-PKCS1-v1_5",
    "oaep": "RSAES-OAEP with SHA-1",
    "oaep-sha256": "RSAES-OAEP with SHA-256",
}


DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.54"
_KEY_IDENTIFIER_TAG = 0x80


@dataclass(frozen=True)
class Recipient:
    """A public key and how CMS names it: by its identifier, or by issuer and serial number (RFC 5652 section 6.2.1).

    One with a `secret` is an AES key that the client has too, and no public key.
    """

    public_key: Any
    key_identifier: bytes
    certificate: Optional[x509.Certificate] = None
    secret: bytes = b""

    @property
    def version(self) -> int:
        """The version of a KeyTransRecipientInfo that names it."""
        return 2 if self.certificate is None else 0

    def identifier(self) -> bytes:
        """The RecipientIdentifier in DER."""
        if self.certificate is not None:
            return issuer_and_serial_number(self.certificate)
        return der.tlv(_KEY_IDENTIFIER_TAG, self.key_identifier)


def issuer_and_serial_number(certificate: x509.Certificate) -> bytes:
    """IssuerAndSerialNumber (RFC 5652 section 10.2.4)."""
    fields = read_elements(read_element(certificate.tbs_certificate_bytes).content)
    return der.sequence(fields[3].whole, fields[1].whole)


def chosen_recipient(
    choice: str, certificate_request: x509.CertificateSigningRequest, shown: Optional[ClientCertificate]
) -> Recipient:
    """The recipient of `--key-recipient`. Raises Refusal where there is no client certificate."""
    if choice == "request":
        return _of_request(certificate_request)
    if shown is None:
        raise Refusal(400, "there is no client certificate to encrypt the private key to")
    return _of_certificate(shown.certificate)


def recipient_asked_for(
    certificate_request: x509.CertificateSigningRequest, shown: Optional[ClientCertificate], shared_key: Optional[str]
) -> Optional[Recipient]:
    """The recipient that the attributes of the request name; None where they ask for no encryption.

    `shared_key` is the value of `--shared-key`. Raises Refusal for a key that the server does not know: it must not
    send the private key unencrypted then.
    """
    asked = attribute_values(certificate_request, DECRYPT_KEY_IDENTIFIER)
    if asked:
        name, secret = parse_shared_key(shared_key) if shared_key else ("", b"")
        if not secret or asked[0].content != name.encode():
            raise Refusal(400, "this server shares no symmetric key with you (DecryptKeyIdentifier)")
        return Recipient(None, name.encode(), secret=secret)
    named = attribute_values(certificate_request, ASYMMETRIC_DECRYPT_KEY_IDENTIFIER)
    if not named:
        return None
    known = [_of_request(certificate_request), *([_of_certificate(shown.certificate)] if shown else [])]
    for recipient in known:
        if recipient.key_identifier == named[0].content:
            return recipient
    raise Refusal(400, "this server knows no key with that identifier (AsymmetricDecryptKeyIdentifier)")


def parse_shared_key(flag: str) -> tuple[str, bytes]:
    """The value of `--shared-key`: the name of the key, and the key. Raises ValueError."""
    name, _unused, digits = flag.partition(":")
    secret = bytes.fromhex(digits)
    if not name or len(secret) not in (16, 24, 32):
        raise ValueError(f"--shared-key {flag}: it must be NAME:KEY, with 16, 24 or 32 bytes in hexadecimal")
    return name, secret


def _of_request(certificate_request: x509.CertificateSigningRequest) -> Recipient:
    public_key = certificate_request.public_key()
    return Recipient(public_key, x509.SubjectKeyIdentifier.from_public_key(public_key).digest)


def _of_certificate(certificate: x509.Certificate) -> Recipient:
    public_key = certificate.public_key()
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key).digest
    return Recipient(public_key, identifier, certificate)


DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ASYMMETRIC_KEY_PACKAGE = "2.16.840.1.101.2.1.2.78.5"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_SIGNATURES = {
    "ec": der.sequence(der.oid("1.2.840.10045.4.3.2")),
    "rsa": der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null()),
}


def key_package(private_key_info: bytes) -> bytes:
    """An AsymmetricKeyPackage (RFC 5958 section 2) of one key."""
    return der.sequence(private_key_info)


def signed_data_of(authority: Authority, content_type: str, content: bytes) -> bytes:
    """A SignedData, without the ContentInfo around it, with one signer and the certificates of the authority."""
    attributes = b"".join(
        sorted(
            der.sequence(der.oid(kind), der.set_of(value))
            for kind, value in (
                (_CONTENT_TYPE, der.oid(content_type)),
                (_MESSAGE_DIGEST, der.octet_string(hashlib.sha256(content).digest())),
            )
        )
    )
    key_type = key_type_of(authority.private_key)
    signer = der.sequence(
        der.integer(1),
        issuer_and_serial_number(authority.certificate),
        _SHA256,
        der.tlv(der.context(0), attributes),
        _SIGNATURES[key_type],
        der.octet_string(_signature(authority.private_key, key_type, der.tlv(der.SET, attributes))),
    )
    return der.sequence(
        der.integer(1 if content_type == DATA else 3),
        der.set_of(_SHA256),
        der.sequence(der.oid(content_type), der.tlv(der.context(0), der.octet_string(content))),
        der.tlv(der.context(0), b"".join(sorted(certificate_der(each) for each in authority.chain))),
        der.set_of(signer),
    )


def _signature(private_key: Any, key_type: str, content: bytes) -> bytes:
    scheme = (padding.PKCS1v15(), hashes.SHA256()) if key_type == "rsa" else (ec.ECDSA(hashes.SHA256()),)
    signature: bytes = private_key.sign(content, *scheme)
    return signature


ENVELOPED_DATA = "1.2.840.113549.1.7.3"
ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
_RSA_ENCRYPTION = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())
_RSAES_OAEP = "1.2.840.113549.1.1.7"
_MGF1 = "1.2.840.113549.1.1.8"
_DH_SHA256_KDF = "1.3.132.1.11.1"
_IMPLICIT_CONTENT = 0x80


def enveloped_data(recipient: Recipient, key_transport: str, cipher: str, content_type: str, content: bytes) -> bytes:
    """EnvelopedData for one recipient: key transport to an RSA key, key agreement to an EC key.

    Raises Refusal for a key that nothing can be encrypted to.
    """
    content_key = os.urandom(CIPHERS[cipher][0])
    if recipient.secret:
        version, recipient_info = 2, _shared_key(recipient, content_key)
    elif isinstance(recipient.public_key, rsa.RSAPublicKey):
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


def _shared_key(recipient: Recipient, content_key: bytes) -> bytes:
    """KEKRecipientInfo (RFC 5652 section 6.2.3)."""
    wrap = {16: "2.16.840.1.101.3.4.1.5", 24: "2.16.840.1.101.3.4.1.25", 32: "2.16.840.1.101.3.4.1.45"}
    return der.tlv(
        der.context(2),
        der.integer(4)
        + der.sequence(der.octet_string(recipient.key_identifier))
        + der.sequence(der.oid(wrap[len(recipient.secret)]))
        + der.octet_string(aes_key_wrap(recipient.secret, content_key)),
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
