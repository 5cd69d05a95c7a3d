# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose public key the private key is encrypted to (RFC 7030 section 4.4.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from cryptography import x509

from .. import der
from ..client_certificate import ClientCertificate
from ..der_reader import read_element, read_elements
from ..problems import Refusal
from ..request_attributes import attribute_values

DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.54"
_KEY_IDENTIFIER_TAG = 0x80


@dataclass(frozen=True)
class Recipient:
    """A public key and how CMS names it: by its identifier, or by issuer and serial number (RFC 5652 section 6.2.1)."""

    public_key: Any
    key_identifier: bytes
    certificate: Optional[x509.Certificate] = None

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
    certificate_request: x509.CertificateSigningRequest, shown: Optional[ClientCertificate]
) -> Optional[Recipient]:
    """The recipient that the attributes of the request name; None where they ask for no encryption.

    Raises Refusal for a key that the server does not know: it must not send the private key unencrypted then.
    """
    if attribute_values(certificate_request, DECRYPT_KEY_IDENTIFIER):
        raise Refusal(400, "this server shares no symmetric key with you (DecryptKeyIdentifier)")
    named = attribute_values(certificate_request, ASYMMETRIC_DECRYPT_KEY_IDENTIFIER)
    if not named:
        return None
    known = [_of_request(certificate_request), *([_of_certificate(shown.certificate)] if shown else [])]
    for recipient in known:
        if recipient.key_identifier == named[0].content:
            return recipient
    raise Refusal(400, "this server knows no key with that identifier (AsymmetricDecryptKeyIdentifier)")


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
