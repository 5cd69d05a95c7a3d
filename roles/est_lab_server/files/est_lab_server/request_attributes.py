# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a certificate request (RFC 2986 section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from cryptography import x509

from . import der
from .der_reader import Element, read_element, read_elements, read_oid

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
