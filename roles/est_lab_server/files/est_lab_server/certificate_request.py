# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the PKCS#10 certificate request out of a POST body, and checks it as real EST servers do."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .problems import Refusal
from .request import Request
from .settings import Settings

_MAX_LINE = 76


def read_certificate_request(settings: Settings, request: Request, body: bytes) -> x509.CertificateSigningRequest:
    """The certificate request, its signature verified (RFC 7030 section 4.2.1). Raises Refusal."""
    media_type = (request.header("content-type") or "").split(";")[0].strip().lower()
    if media_type != "application/pkcs10":
        raise Refusal(415, f"the Content-Type must be application/pkcs10, not {media_type[:60] or 'absent'}")
    if settings.strict and request.chunked:
        raise Refusal(400, "Content-Length is negative: this server takes no chunked requests")
    transfer_encoding = (request.header("content-transfer-encoding") or "").lower()
    if settings.require_content_transfer_encoding and transfer_encoding != "base64":
        raise Refusal(500, "no Content-Transfer-Encoding: base64 header, the body was not decoded")
    encoded = _without_armour(settings, body)
    if settings.require_wrapped_base64 and any(len(line) > _MAX_LINE for line in encoded.splitlines()):
        raise Refusal(400, f"the base64 body has lines longer than {_MAX_LINE} characters")
    try:
        content = base64.b64decode(b"".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "the body is not valid base64") from None
    return _verified(content)


def public_key_digest(public_key: Any) -> str:
    """The SHA-256 of a public key's SubjectPublicKeyInfo, in hexadecimal."""
    encoded = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def _without_armour(settings: Settings, body: bytes) -> bytes:
    text = body.strip()
    if not text.startswith(b"-----BEGIN"):
        return body
    if settings.strict:
        raise Refusal(400, "invalid base64 encoding: the body is PEM (RFC 8951 section 3 wants bare base64)")
    return b"\n".join(line for line in text.splitlines() if not line.startswith(b"-----"))


def _verified(content: bytes) -> x509.CertificateSigningRequest:
    try:
        certificate_request = x509.load_der_x509_csr(content)
        valid = certificate_request.is_signature_valid
        certificate_request.public_key()
    except Exception:
        # Bytes from strangers: what the library raises for them differs from version to version.
        raise Refusal(400, "the body is not a PKCS#10 certificate request that this server can read") from None
    if not valid:
        raise Refusal(400, "the signature of the certificate request is wrong")
    return certificate_request
