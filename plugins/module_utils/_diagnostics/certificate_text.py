# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says, read with the standard library only: for hosts without ``cryptography``."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import Any, Dict, List

from ..est.asn1.der import GENERALIZED_TIME, SEQUENCE, Element, encode, read
from ..est.base.errors import ParseError
from ..est.x509.fields import ISSUER, SUBJECT, SUBJECT_ALTERNATIVE_NAME, VALIDITY, certificate_fields, encoded_extension
from ..est.x509.names import read_general_name, read_general_names

# GeneralName, RFC 5280 section 4.2.1.6: directoryName is [4], explicit.
_DIRECTORY_NAME = 0xA4
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def describe_der(certificate: bytes, now: datetime) -> Dict[str, Any]:
    """The certificate in words, with the keys that ``est_server_info`` has for a certificate.

    :param certificate: DER.
    :param now: aware of its time zone.
    :raises ParseError: it is not a certificate.
    """
    fields = certificate_fields(certificate)
    not_before, not_after = (_time(element) for element in _pair(fields[VALIDITY]))
    return {
        "subject": _name(fields[SUBJECT]),
        "issuer": _name(fields[ISSUER]),
        "not_before": not_before.strftime(_TIME),
        "not_after": not_after.strftime(_TIME),
        "days_left": (not_after - now).days,
        "fingerprint_sha256": ":".join(f"{octet:02X}" for octet in hashlib.sha256(certificate).digest()),
        "subject_alternative_names": _alternative_names(certificate),
    }


def _pair(validity: Element) -> List[Element]:
    times = list(validity.expect(SEQUENCE, "the validity of a certificate").children())
    if len(times) != 2:
        raise ParseError("the validity of the certificate has no begin or no end")
    return times


def _time(element: Element) -> datetime:
    """UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5)."""
    text = element.value.decode("ascii", "replace")
    if not element.is_universal(GENERALIZED_TIME):
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ParseError(f"the certificate has a time that is none: {text[:20]!r}") from None


def _name(name: Element) -> str:
    """A Name in slash form: read as the directoryName that it would be among GeneralNames."""
    return read_general_name(read(encode(_DIRECTORY_NAME, name.encoded))).value


def _alternative_names(certificate: bytes) -> List[str]:
    extension = encoded_extension(certificate, SUBJECT_ALTERNATIVE_NAME)
    return [str(name) for name in read_general_names(extension.value)] if extension else []
