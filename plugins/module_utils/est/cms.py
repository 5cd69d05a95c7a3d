# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outer layers of a CMS message: ContentInfo and SignedData (RFC 5652 sections 3 and 5.1), without signatures.

EST uses SignedData only as a bag: for certificates (``certs_only.py``) and for CMC messages (``cmc.py``). Nothing here
is trusted for being signed: trust comes from the TLS session and from path building.
"""

from __future__ import annotations

from typing import Iterator, Optional

from .der import OBJECT_IDENTIFIER, SEQUENCE, SET, Element
from .errors import ParseError
from .value import Value

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
    :param signed: there is at least one SignerInfo.
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
    """Take a ContentInfo of type signedData apart (RFC 5652 section 5.1; any version, DER or BER).

    :param content_info: an element for which :func:`content_type_of` says :data:`ID_SIGNED_DATA`.
    :raises ParseError: malformed.
    """
    return signed_data_of(content_of(content_info))


def signed_data_of(element: Element) -> SignedData:
    """Take a SignedData apart that has no ContentInfo around it, as inside of an EnvelopedData.

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
