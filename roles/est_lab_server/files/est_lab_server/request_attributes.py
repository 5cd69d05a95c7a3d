# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a certificate request (RFC 2986 section 4.1)."""

from __future__ import annotations

from typing import Optional

from cryptography import x509

from . import der
from .der_reader import Element, read_element, read_elements

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}


def attribute_values(certificate_request: x509.CertificateSigningRequest, kind: str) -> list[Element]:
    """The values of all attributes of a kind, an object identifier in dotted form."""
    wanted = der.oid(kind)
    info = read_elements(read_element(certificate_request.tbs_certrequest_bytes).content)
    values: list[Element] = []
    for attribute in (
        each for field in info[3:] if field.tag == der.context(0) for each in read_elements(field.content)
    ):
        parts = read_elements(attribute.content)
        if parts[0].whole == wanted:
            values += read_elements(parts[1].content)
    return values


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
