# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject and subjectAltName exactly as they are encoded, for the comparison of RFC 7030 section 4.2.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional

from cryptography import x509

from . import der
from .der_reader import Element, read_element, read_elements
from .request_attributes import EXTENSION_REQUEST, attribute_values

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
