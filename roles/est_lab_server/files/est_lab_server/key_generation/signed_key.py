# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key inside a CMS SignedData (RFC 5652 section 5), signed by the authority."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from .. import der
from ..authority import Authority, certificate_der, key_type_of
from .recipient import issuer_and_serial_number

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
