# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""serverkeygen (RFC 7030 section 4.4): makes the private key, and writes the multipart body that carries it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Optional

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .. import der
from ..http.messages import Refusal
from ..laboratory import Exchange, Lab
from .key_encryption import (
    ASYMMETRIC_KEY_PACKAGE,
    DATA,
    ENCRYPTED_DATA,
    ENVELOPED_DATA,
    SIGNED_DATA,
    Recipient,
    chosen_recipient,
    encrypted_data,
    enveloped_data,
    key_package,
    recipient_asked_for,
    signed_data_of,
)


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


SHAPES = {
    "certificate-first": "the certificate comes before the key",
    "quoted-boundary": "a boundary that has to be quoted",
    "preamble": "text before the first part",
    "epilogue": "text after the last part",
    "lf": "lines of the parts end in LF, not CRLF",
    "no-part-encoding": "parts without Content-Transfer-Encoding",
    "part-headers": "header names in lower case, folded lines, and headers that nobody knows",
}
_BOUNDARY = "estLabServerBoundary"
_BOUNDARY_TO_QUOTE = "=_est lab:(1/2)?"


class Part(NamedTuple):
    """The Content-Type and the body, text whose lines end in LF."""

    content_type: str
    body: bytes


def multipart(key: Part, certificate: Part, shapes: Collection[str], transfer_encoding: str) -> tuple[str, bytes]:
    """Content-Type and body of a message with two parts; `transfer_encoding` `none` leaves that header out."""
    parts = (certificate, key) if "certificate-first" in shapes else (key, certificate)
    end = b"\n" if "lf" in shapes else b"\r\n"
    boundary = _BOUNDARY_TO_QUOTE if "quoted-boundary" in shapes else _BOUNDARY
    delimiter = b"--" + boundary.encode()
    encoding = "none" if "no-part-encoding" in shapes else transfer_encoding
    lines: list[bytes] = [b"This is the preamble. --It is to be ignored."] if "preamble" in shapes else []
    for part in parts:
        body = part.body.rstrip(b"\n").replace(b"\n", end) if part.body.isascii() else part.body
        lines += [delimiter, *_headers(part, encoding, "part-headers" in shapes), b"", body]
    lines.append(delimiter + b"--")
    if "epilogue" in shapes:
        lines.append(b"This is the epilogue. It is to be ignored too.")
    value = f'"{boundary}"' if "quoted-boundary" in shapes else boundary
    return f"multipart/mixed; boundary={value}", end.join(lines) + end


def _headers(part: Part, encoding: str, odd: bool) -> Sequence[bytes]:
    encoded = [] if encoding == "none" else [f"Content-Transfer-Encoding: {encoding}".encode()]
    if not odd:
        return [f"Content-Type: {part.content_type}".encode(), *encoded]
    folded = part.content_type.replace("; ", ";\n ").encode().split(b"\n")
    return [b"x-lab: yes", b"content-type:  " + folded[0], *folded[1:], *(each.lower() for each in encoded)]


_PLAIN_TYPE = "application/pkcs8"
_CMS_TYPE = "application/pkcs7-mime; smime-type=server-generated-key"


def key_part(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest, private_key: Any
) -> tuple[str, bytes]:
    """Content-Type and DER of the private key. Raises Refusal."""
    settings, shown = lab.settings, exchange.client_certificate
    recipient: Optional[Recipient] = None
    if settings.serverkeygen == "as-asked":
        recipient = recipient_asked_for(certificate_request, shown, settings.shared_key)
    elif settings.serverkeygen == "enveloped":
        recipient = chosen_recipient(settings.key_recipient, certificate_request, shown)
    elif settings.serverkeygen == "traditional":
        return _PLAIN_TYPE, traditional(private_key)
    exchange.details["key_encrypted"] = recipient is not None or settings.serverkeygen == "encrypted-data"
    if not exchange.details["key_encrypted"]:
        return _PLAIN_TYPE, pkcs8(private_key)
    content_type, content = _content(lab, private_key)
    if recipient is None:
        return _CMS_TYPE, _content_info(ENCRYPTED_DATA, encrypted_data(settings.key_cipher, content_type, content))
    enveloped = enveloped_data(recipient, settings.key_transport, settings.key_cipher, content_type, content)
    return _CMS_TYPE, _content_info(ENVELOPED_DATA, enveloped)


def _content(lab: Lab, private_key: Any) -> tuple[str, bytes]:
    encoded = pkcs8(private_key)
    if lab.settings.key_content == "pkcs8":
        return DATA, encoded
    if lab.settings.key_content == "signed-pkcs8":
        return SIGNED_DATA, signed_data_of(lab.authority, DATA, encoded)
    return SIGNED_DATA, signed_data_of(lab.authority, ASYMMETRIC_KEY_PACKAGE, key_package(encoded))


def _content_info(content_type: str, content: bytes) -> bytes:
    return der.sequence(der.oid(content_type), der.tlv(der.context(0), content))
