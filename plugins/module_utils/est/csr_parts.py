# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a certificate request carries beside name and key: extensions, and attributes such as challengePassword."""

from __future__ import annotations

import re
from typing import Optional, Sequence, Tuple

from ..names.attributes import Subject
from ..names.general_names import GeneralName
from .der_writer import encode, encode_oid
from .encoded_names import encode_general_names, encode_name
from .errors import InputError
from .value import Value, not_shown

#: PKCS #9 (RFC 2985 section 5.4): the attributes of a request.
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 (an object identifier)
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
#: RFC 7894 section 3: what challengePassword can mean, each with an attribute of its own.
OTP_CHALLENGE = "1.2.840.113549.1.9.16.2.56"
REVOCATION_CHALLENGE = "1.2.840.113549.1.9.16.2.57"
EST_IDENTITY_LINKING = "1.2.840.113549.1.9.16.2.58"
#: RFC 6402 section 2.8.
CHANGE_SUBJECT_NAME = "1.3.6.1.5.5.7.7.36"

SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"

#: The most bytes of a challengePassword and of the attributes of RFC 7894 (ub-challenge-password and its like).
MAX_CHALLENGE_BYTES = 255

_PRINTABLE = r"[A-Za-z0-9 '()+,\-./:=?]+\Z"
_PRINTABLE_STRING, _UTF8_STRING = 0x13, 0x0C
_CHALLENGE_NAMES = {
    CHALLENGE_PASSWORD: "challengePassword",
    OTP_CHALLENGE: "otpChallenge",
    REVOCATION_CHALLENGE: "revocationChallenge",
    EST_IDENTITY_LINKING: "estIdentityLinking",
}


class Extension(Value):
    """An X.509 extension that is asked for (RFC 5280 section 4.1).

    :param oid: dotted.
    :param critical: whether it is to be marked critical.
    :param value: the DER that stands inside ``extnValue``.
    """

    oid: str
    critical: bool
    value: bytes = not_shown()

    def encoded(self) -> bytes:
        """The Extension in DER: the critical flag is left out where it is false."""
        critical = (encode(0x01, b"\xff"),) if self.critical else ()
        return encode(0x30, encode_oid(self.oid), *critical, encode(0x04, self.value))


class Attribute(Value):
    """An attribute of a request (RFC 2986 section 4.1). Its values may be secrets, so ``repr()`` has none.

    :param oid: dotted.
    :param values: each the DER of one value.
    """

    oid: str
    values: Tuple[bytes, ...] = not_shown()

    def encoded(self) -> bytes:
        """The Attribute in DER."""
        return encode(0x30, encode_oid(self.oid), encode(0x31, *sorted(self.values)))


def extension_request(extensions: Sequence[Extension]) -> Attribute:
    """The attribute that asks for extensions (RFC 2985 section 5.4.2).

    :raises InputError: one extension twice, which RFC 5280 section 4.2 forbids.
    """
    oids = [extension.oid for extension in extensions]
    for oid in oids:
        if oids.count(oid) > 1:
            raise InputError(f"the certificate request would have the extension {oid} twice")
    return Attribute(EXTENSION_REQUEST, (encode(0x30, *(extension.encoded() for extension in extensions)),))


def challenge(oid: str, text: str) -> Attribute:
    """challengePassword, or one of the attributes that RFC 7894 splits it into.

    A PrintableString where the text allows it, otherwise a UTF8String.

    :param oid: :data:`CHALLENGE_PASSWORD`, :data:`OTP_CHALLENGE`, :data:`REVOCATION_CHALLENGE` or
        :data:`EST_IDENTITY_LINKING`.
    :param text: 1 to 255 bytes of UTF-8. It never shows in an error.
    :raises InputError: it is empty or longer (RFC 7030 section 3.5).
    """
    name = _CHALLENGE_NAMES[oid]
    encoded = text.encode("utf-8", "replace")
    if not 1 <= len(encoded) <= MAX_CHALLENGE_BYTES:
        raise InputError(
            f"the value for {name} has {len(encoded)} bytes in UTF-8, but must have 1 to {MAX_CHALLENGE_BYTES}",
            hint="Use a shorter value.",
        )
    return Attribute(oid, (encode(_PRINTABLE_STRING if re.match(_PRINTABLE, text) else _UTF8_STRING, encoded),))


def change_subject_name(subject: Subject = (), general_names: Sequence[GeneralName] = ()) -> Attribute:
    """ChangeSubjectName (RFC 6402 section 2.8, RFC 7030 sections 4.2.1 and 4.2.2).

    It has the names that the new certificate is to have, while those of the request itself are the old certificate's.

    :raises InputError: neither is given, or a name that cannot be encoded.
    """
    parts: Tuple[Optional[bytes], Optional[bytes]] = (
        encode_name(subject) if subject else None,
        encode_general_names(general_names) if general_names else None,
    )
    if parts == (None, None):
        raise InputError("a change of the subject name needs a new subject or a new subject alternative name")
    return Attribute(CHANGE_SUBJECT_NAME, (encode(0x30, *(part for part in parts if part is not None)),))
