# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outer layers of a CMS message: ContentInfo and SignedData (RFC 5652 sections 3 and 5.1), without signatures.

EST uses SignedData only as a container of certificates (certs-only messages) and of CMC messages (``cmc.py``). Nothing
is trusted here for being signed: trust comes from the TLS session and from path building.
"""

from __future__ import annotations

import itertools
from typing import Iterator, List, Optional, Tuple

from ..._value import Value, field
from ..base.errors import ParseError
from ..base.text import preview
from .der import BIT_STRING, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, Element, read

ID_SIGNED_DATA = "1.2.840.113549.1.7.2"
ID_PKI_RESPONSE = "1.3.6.1.5.5.7.12.3"

#: Content types that a message may have instead of the expected one (RFC 5652, RFC 5083, RFC 5272).
CONTENT_TYPE_NAMES = {
    "1.2.840.113549.1.7.1": "data",
    ID_SIGNED_DATA: "signedData",
    "1.2.840.113549.1.7.3": "envelopedData",
    "1.2.840.113549.1.7.5": "digestedData",
    "1.2.840.113549.1.7.6": "encryptedData",
    "1.2.840.113549.1.9.16.1.2": "authenticatedData",
    "1.2.840.113549.1.9.16.1.23": "authEnvelopedData",
    "1.3.6.1.5.5.7.12.2": "PKIData, a CMC request",
    ID_PKI_RESPONSE: "PKIResponse, a Full PKI Response",
}


class SignedData(Value):
    """The parts of a SignedData that EST uses.

    :param content_type: OID of the encapsulated content, dotted.
    :param content: the element inside ``eContent``, or ``None`` where there is none: an OCTET STRING in CMS, any type
        in PKCS #7 (RFC 2315).
    :param certificates: the CertificateSet element (``[0]``), or ``None``.
    :param signed: whether there is at least one SignerInfo.
    """

    content_type: str
    content: Optional[Element]
    certificates: Optional[Element]
    signed: bool


def describe_content_type(oid: str) -> str:
    """The OID with its name, where it has a known one: ``1.2.840.113549.1.7.3 (envelopedData)``."""
    name = CONTENT_TYPE_NAMES.get(oid)
    return f"{oid} ({name})" if name else oid


def content_type_of(content_info: Element) -> Optional[str]:
    """The content type OID of a ContentInfo (RFC 5652 section 3), or ``None`` if the element has another shape.

    :raises ParseError: the element is malformed ASN.1.
    """
    if not (content_info.is_universal(SEQUENCE) and content_info.constructed):
        return None
    first = next(content_info.children(), None)
    if first is None or not first.is_universal(OBJECT_IDENTIFIER):
        return None
    return first.oid()


def content_of(content_info: Element) -> Element:
    """What the explicit ``[0]`` of a ContentInfo holds (RFC 5652 section 3).

    :raises ParseError: there is no content, or it is malformed.
    """
    fields = content_info.children()
    next(fields, None)
    wrapper = next(fields, None)
    content = next(wrapper.children(), None) if wrapper is not None and wrapper.is_context(0) else None
    if content is None:
        raise ParseError("the CMS message has a content type but no content")
    return content


def read_signed_data(content_info: Element) -> SignedData:
    """Read a ContentInfo of type signedData (RFC 5652 section 5.1; any version, DER or BER).

    :param content_info: an element for which ``content_type_of()`` says ``ID_SIGNED_DATA``.
    :raises ParseError: malformed.
    """
    return signed_data_of(content_of(content_info))


def signed_data_of(element: Element) -> SignedData:
    """Read a SignedData that has no ContentInfo around it, as inside an EnvelopedData.

    :raises ParseError: malformed.
    """
    fields = element.expect(SEQUENCE, "the SEQUENCE of a SignedData").children()
    _next(fields, "version").integer()
    _next(fields, "digestAlgorithms").expect(SET, "the SET of digest algorithms of a SignedData")
    encapsulated = _next(fields, "encapContentInfo").expect(SEQUENCE, "the encapContentInfo of a SignedData")
    inner = encapsulated.children()
    content_type = _next(inner, "eContentType").oid()
    wrapper = next(inner, None)
    certificates: Optional[Element] = None
    signed = False
    for element in fields:
        if element.is_context(0) and certificates is None:
            certificates = element
        elif element.is_universal(SET):
            signed = next(element.children(), None) is not None
    content = next(wrapper.children(), None) if wrapper is not None else None
    return SignedData(content_type, content, certificates, signed)


def _next(fields: Iterator[Element], name: str) -> Element:
    element = next(fields, None)
    if element is None:
        raise ParseError(f"the SignedData ends where its {name} should be")
    return element


# ----------------------------------------------------------------------------------------------------------------------
# Certificates out of a certs-only message, the answer to /cacerts and to an enrolment.
#
# A certs-only message, or CMC Simple PKI Response, is a CMS SignedData without signers that serves as a bag of
# certificates (RFC 7030 sections 4.1.3 and 4.2.3, RFC 5272 section 4.1, RFC 5652 section 5.1).

#: The most certificates that are taken from one message.
MAX_CERTIFICATES = 256


class CertsOnly(Value):
    """What a certs-only message holds.

    :param certificates: DER, the exact bytes of the message, in its order (which means nothing: DER sorts the set).
    :param warnings: what was odd about the message, although it could be used; written like ``EstError.reason``.
    """

    certificates: Tuple[bytes, ...] = field(repr=False)
    warnings: Tuple[str, ...] = ()


def parse_certs_only(data: bytes) -> CertsOnly:
    """Read the certificates of a certs-only message.

    DER and BER are read, with or without eContent and CRLs, of any version, with an unsorted set. Bare X.509
    certificates in place of the message, which old Trustpoint servers send, are taken with a warning.

    :param data: the message as ``decode_body()`` returns it.
    :raises ParseError: it is not a certs-only message (the error says what it is instead), is truncated, holds no
        certificate, or more than ``MAX_CERTIFICATES``.
    """
    if not data.strip(b"\0"):
        raise ParseError("the server's answer is empty: there is no certificate message in it")
    if data[0] != 0x30:
        raise ParseError(
            f"the server's answer is not ASN.1 (a SEQUENCE should begin it); it begins with {preview(data)}"
        )
    message = read(data)
    content_type = content_type_of(message)
    if content_type == ID_SIGNED_DATA:
        return _certificates_of_bag(message, data)
    if content_type is not None:
        raise ParseError(
            f"the server's answer is a CMS message, but not a SignedData: {describe_content_type(content_type)}"
        )
    if _is_certificate(message):
        return _bare_certificates(message, data)
    raise ParseError("the server's answer is ASN.1, but neither a CMS message nor a certificate")


def _certificates_of_bag(message: Element, data: bytes) -> CertsOnly:
    signed_data = read_signed_data(message)
    certificates: List[bytes] = []
    skipped = 0
    for element in signed_data.certificates.children() if signed_data.certificates is not None else ():
        # The other choices of CertificateChoices (RFC 5652 section 10.2.2) all carry context tags.
        if not element.is_universal(SEQUENCE):
            skipped += 1
        elif not _is_certificate(element):
            raise ParseError(f"the element at byte {element.start} of the certificate set is not an X.509 certificate")
        else:
            certificates.append(element.encoded)
        if len(certificates) + skipped > MAX_CERTIFICATES:
            raise ParseError(f"the message holds more than {MAX_CERTIFICATES} certificates")
    if not certificates:
        other = ": it is a Full PKI Response (CMC)" if signed_data.content_type == ID_PKI_RESPONSE else ""
        raise ParseError(f"the server's certificate message holds no X.509 certificate{other}")
    warnings: List[str] = []
    if skipped:
        warnings.append(f"the certificate message holds {skipped} other than X.509 certificates, which were skipped")
    if signed_data.signed:
        warnings.append(
            "the certificate message is signed, which a certs-only message is not; the signature was not checked"
        )
    warnings.extend(_trailing(data, message.end))
    return CertsOnly(tuple(certificates), tuple(warnings))


def _bare_certificates(first: Element, data: bytes) -> CertsOnly:
    """X.509 certificates one after another, as they are left of a PEM file (requirement 129)."""
    certificates = [first.encoded]
    end = first.end
    while data[end : end + 1] == b"\x30":
        following = read(data, end)
        if not _is_certificate(following):
            break
        if len(certificates) == MAX_CERTIFICATES:
            raise ParseError(f"the answer holds more than {MAX_CERTIFICATES} certificates")
        certificates.append(following.encoded)
        end = following.end
    warning = "the server sent a bare X.509 certificate in place of a certs-only message (RFC 7030 section 4.2.3)"
    return CertsOnly(tuple(certificates), (warning, *_trailing(data, end)))


def _trailing(data: bytes, end: int) -> Tuple[str, ...]:
    count = len(data) - end
    return (f"{count} bytes after the end of the certificate message were ignored.",) if count else ()


def _is_certificate(element: Element) -> bool:
    """Whether the element has the shape of an X.509 Certificate (RFC 5280 section 4.1), and not of a PKCS #10 request.

    :raises ParseError: it is malformed ASN.1 down to the fields of its TBSCertificate.
    """
    if not element.constructed:
        return False
    outer = list(itertools.islice(element.children(), 4))
    if [child.is_universal(kind) for child, kind in zip(outer, (SEQUENCE, SEQUENCE, BIT_STRING))] != [True] * 3:
        return False
    if len(outer) != 3 or not outer[0].constructed:
        return False
    fields = list(itertools.islice(outer[0].children(), 7))
    if fields and fields[0].is_context(0):
        del fields[0]
    # serialNumber, then signature, issuer, validity, subject, subjectPublicKeyInfo
    kinds = (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE)
    return len(fields) >= len(kinds) and all(child.is_universal(kind) for child, kind in zip(fields, kinds))
