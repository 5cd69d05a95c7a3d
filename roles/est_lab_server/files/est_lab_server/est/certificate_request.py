# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PKCS#10 certificate request: taken out of a POST body, checked as real servers do, its attributes and names.

Names are compared as they are encoded (RFC 7030 section 4.2.2). Proof of possession links a request to its TLS session
(section 3.5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Optional

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .. import der
from ..der import Element, read_element, read_elements, read_oid
from ..http.messages import Refusal, Request
from ..laboratory import Exchange, Lab
from ..settings import Settings

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}


def attribute_kinds(certificate_request: x509.CertificateSigningRequest) -> list[str]:
    """The object identifiers of all attributes, in their order."""
    return [kind for kind, _unused in _attributes(certificate_request)]


def attribute_values(certificate_request: x509.CertificateSigningRequest, kind: str) -> list[Element]:
    """The values of all attributes of a kind, an object identifier in dotted form."""
    return [value for each, values in _attributes(certificate_request) if each == kind for value in values]


def attribute_text(certificate_request: x509.CertificateSigningRequest, kind: str) -> Optional[str]:
    """The text of an attribute with one value, a DirectoryString or an IA5String; None without the attribute.

    Raises ValueError for another value.
    """
    values = attribute_values(certificate_request, kind)
    if not values:
        return None
    if len(values) > 1 or values[0].tag not in _STRINGS:
        raise ValueError(f"the attribute {kind} of the certificate request is not one string")
    return values[0].content.decode(_STRINGS[values[0].tag])


def _attributes(certificate_request: x509.CertificateSigningRequest) -> Iterator[tuple[str, list[Element]]]:
    for field in read_elements(read_element(certificate_request.tbs_certrequest_bytes).content)[3:]:
        for attribute in read_elements(field.content) if field.tag == der.context(0) else ():
            kind, values = read_elements(attribute.content)
            yield read_oid(kind), read_elements(values.content)


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
    if settings.require_one_line_base64 and b"\n" in encoded:
        raise Refusal(settings.require_one_line_base64, "illegal base64 data: there is a line break in the body")
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


_SUBJECT_ALTERNATIVE_NAME = der.oid("2.5.29.17")
_EXTENSIONS = der.context(3)


class NamesInUse(NamedTuple):
    """The DER of a Name, and that of the GeneralNames; None where there is no such extension."""

    subject: bytes
    alternative_names: Optional[bytes]


def names_of_certificate(certificate: x509.Certificate) -> NamesInUse:
    """The names in a TBSCertificate (RFC 5280 section 4.1.2)."""
    fields = read_elements(read_element(certificate.tbs_certificate_bytes).content)
    if fields[0].tag == der.context(0):
        del fields[0]
    extensions = [each for each in fields if each.tag == _EXTENSIONS]
    return NamesInUse(fields[4].whole, _alternative_names(extensions[0].content) if extensions else None)


def names_of_request(certificate_request: x509.CertificateSigningRequest) -> NamesInUse:
    """The names in a CertificationRequestInfo (RFC 2986 section 4.1)."""
    fields = read_elements(read_element(certificate_request.tbs_certrequest_bytes).content)
    asked = attribute_values(certificate_request, EXTENSION_REQUEST)
    return NamesInUse(fields[1].whole, _alternative_names(asked[0].whole) if asked else None)


def _alternative_names(extensions: bytes) -> Optional[bytes]:
    for extension in read_elements(read_element(extensions).content):
        parts: Sequence[Element] = read_elements(extension.content)
        if parts[0].whole == _SUBJECT_ALTERNATIVE_NAME:
            return parts[-1].content
    return None


LEVELS = {
    "off": "it is not looked at",
    "optional": "one that comes must be right, as libest does even without PoP",
    "required": "there must be one, and it must be right",
}
# RFC 2985 section 5.4.1, RFC 7894 section 3.3
_ATTRIBUTES = {"challengePassword": "1.2.840.113549.1.9.7", "estIdentityLinking": "1.2.840.113549.1.9.16.2.58"}


def check_proof_of_possession(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest
) -> None:
    """Compare what the request says with the tls-unique (RFC 5929) of the connection on which it came.

    Raises Refusal as `--pop` says. The log tells the result and the attribute that it is about.
    """
    settings = lab.settings
    given: dict[str, str] = {}
    for name, kind in _ATTRIBUTES.items():
        try:
            text = attribute_text(certificate_request, kind)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        if text is not None:
            given[name] = text
    result = "absent"
    if given:
        result = "undefined" if exchange.tls_unique is None else "verified"
        expected = base64.b64encode(exchange.tls_unique or b"").decode("ascii")
        if result == "verified" and any(text != expected for text in given.values()):
            result = "mismatch"
    exchange.details.update(proof_of_possession=result, proof_of_possession_attributes=sorted(given))
    if settings.pop == "off" or result == "verified" or (settings.pop == "optional" and not given):
        return
    if result == "absent":
        raise Refusal(settings.pop_status, "Proof of Possession is required: the request is not linked to this session")
    reason = "there is no tls-unique under this TLS version" if result == "undefined" else "it is not of this session"
    raise Refusal(settings.pop_status, f"Proof of Possession Mismatch: {reason}")
