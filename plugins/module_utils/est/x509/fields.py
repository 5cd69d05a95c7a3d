# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields and extensions of a certificate as they are encoded (RFC 5280 section 4.1), without cryptography."""

from __future__ import annotations

from typing import List, Optional

from ..._value import Value, field
from ..asn1.der import SEQUENCE, Element, encode, encode_oid, read
from ..base.errors import ParseError

SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"

#: Where the fields of a TBSCertificate are, counted from the serial number.
ISSUER, VALIDITY, SUBJECT, PUBLIC_KEY = 2, 3, 4, 5
_BOOLEAN = 1


class Extension(Value):
    """An X.509 extension (RFC 5280 section 4.1).

    :param oid: dotted.
    :param critical: whether it is marked critical.
    :param value: the DER that stands inside ``extnValue``.
    """

    oid: str
    critical: bool
    value: bytes = field(repr=False)

    def encoded(self) -> bytes:
        """The Extension in DER: the critical flag is left out where it is false."""
        critical = (encode(0x01, b"\xff"),) if self.critical else ()
        return encode(0x30, encode_oid(self.oid), *critical, encode(0x04, self.value))


def certificate_fields(certificate: bytes) -> List[Element]:
    """The fields of the TBSCertificate from the serial number on.

    :param certificate: DER.
    :raises ParseError: not a certificate.
    """
    to_be_signed = next(read(certificate).expect(SEQUENCE, "a certificate").children(), None)
    if to_be_signed is None:
        raise ParseError("the certificate is empty")
    fields = list(to_be_signed.expect(SEQUENCE, "the TBSCertificate of a certificate").children())
    if fields and fields[0].is_context(0):
        del fields[0]  # the version
    if len(fields) <= PUBLIC_KEY:
        raise ParseError(f"the certificate has {len(fields)} of the 6 fields that it needs")
    fields[SUBJECT].expect(SEQUENCE, "the subject of a certificate")
    return fields


def encoded_extension(certificate: bytes, oid: str) -> Optional[Extension]:
    """An extension of a certificate with its critical flag, or ``None`` where the certificate has none of that kind.

    :param certificate: DER.
    :param oid: dotted.
    :raises ParseError: not a certificate.
    """
    for rest in certificate_fields(certificate)[PUBLIC_KEY + 1 :]:
        if rest.is_context(3):
            for extensions in rest.children():
                for extension in extensions.expect(SEQUENCE, "the SEQUENCE of extensions").children():
                    found = _extension(extension)
                    if found.oid == oid:
                        return found
    return None


def _extension(extension: Element) -> Extension:
    fields = list(extension.expect(SEQUENCE, "an extension").children())
    critical = len(fields) == 3 and fields[1].expect(_BOOLEAN, "the critical flag of an extension").value != b"\0"
    if len(fields) not in (2, 3):
        raise ParseError(f"the extension at byte {extension.start} has {len(fields)} fields, not 2 or 3")
    return Extension(fields[0].oid(), critical, fields[-1].octets())
