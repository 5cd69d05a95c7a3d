# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a certificate as they are encoded (RFC 5280 section 4.1), for what has to keep them byte for byte."""

from __future__ import annotations

from typing import List, Optional

from .csr_parts import Extension
from .der import SEQUENCE, Element, read
from .errors import ParseError

_BOOLEAN = 1
# Where the fields of a TBSCertificate are, counted from the serial number: signature, issuer, validity, subject, key.
_SUBJECT, _PUBLIC_KEY = 4, 5


def encoded_subject(certificate: bytes) -> bytes:
    """The Name that a certificate has as its subject.

    :param certificate: DER.
    :raises ParseError: not a certificate.
    """
    return _fields(certificate)[_SUBJECT].encoded


def encoded_extension(certificate: bytes, oid: str) -> Optional[Extension]:
    """An extension of a certificate with its critical flag, or ``None`` where the certificate has none of that kind.

    :param certificate: DER.
    :param oid: dotted.
    :raises ParseError: not a certificate.
    """
    for field in _fields(certificate)[_PUBLIC_KEY + 1 :]:
        if field.is_context(3):
            for extensions in field.children():
                for extension in extensions.expect(SEQUENCE, "the SEQUENCE of extensions").children():
                    found = _extension(extension)
                    if found.oid == oid:
                        return found
    return None


def _fields(certificate: bytes) -> List[Element]:
    """The fields of the TBSCertificate from the serial number on."""
    to_be_signed = next(read(certificate).expect(SEQUENCE, "a certificate").children(), None)
    if to_be_signed is None:
        raise ParseError("the certificate is empty")
    fields = list(to_be_signed.expect(SEQUENCE, "the TBSCertificate of a certificate").children())
    if fields and fields[0].is_context(0):
        del fields[0]  # the version
    if len(fields) <= _PUBLIC_KEY:
        raise ParseError(f"the certificate has {len(fields)} of the 6 fields that it needs")
    fields[_SUBJECT].expect(SEQUENCE, "the subject of a certificate")
    return fields


def _extension(extension: Element) -> Extension:
    fields = list(extension.expect(SEQUENCE, "an extension").children())
    critical = len(fields) == 3 and fields[1].expect(_BOOLEAN, "the critical flag of an extension").value != b"\0"
    if len(fields) not in (2, 3):
        raise ParseError(f"the extension at byte {extension.start} has {len(fields)} fields, not 2 or 3")
    return Extension(fields[0].oid(), critical, fields[-1].octets())
