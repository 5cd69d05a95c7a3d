# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: loading and describing them, and finding the issued one (RFC 5280); fingerprints of CA certificates.

CAs in the field issue odd certificates. ``load_certificate()`` refuses what cannot be read at all; ``describe()`` puts
what is odd in any other into words, and never fails.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Optional, Sequence, Tuple

from ..._names.errors import NameSyntaxError
from ..._names.general_names import GeneralName
from ..._names.identifiers import parse_fingerprint
from ..._names.pem import pem_text
from ..._value import Value
from ..base.errors import InputError, ParseError
from .extensions import alternative_names
from .fields import Certificate
from .keys import KeyFacts, describe_public_key, key_facts, load_public_key, same_public_key
from .names import Name, read_general_name

#: How many bytes of a serial number are shown; RFC 5280 section 4.1.2.2 allows 20.
_SHOWN_SERIAL = 64
#: What is told of a certificate, in the order in which people read it.
_DESCRIBED = (
    "subject",
    "issuer",
    "serial_number",
    "not_before",
    "not_after",
    "days_left",
    "fingerprint_sha256",
    "public_key_type",
    "public_key_size",
    "public_key_curve",
    "subject_alternative_names",
)
#: How much of a name is in a message. A CA can write what it likes there, and an answer can have a hundred of them.
_LONGEST_NAME = 300


def load_certificate(der: bytes) -> Certificate:
    """Read a certificate from DER.

    :raises ParseError: not a certificate, or one whose names or dates cannot be read: the reason names the field.
    """
    try:
        return Certificate(der)
    except ParseError as error:
        raise ParseError(f"this is not a readable X.509 certificate: {error.reason}") from None


def not_before(certificate: Certificate) -> datetime:
    """The begin of the validity period, as an aware time in UTC."""
    return certificate.not_before


def not_after(certificate: Certificate) -> datetime:
    """The end of the validity period, as an aware time in UTC."""
    return certificate.not_after


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until the certificate expires (rounded down); negative once it has expired.

    :param now: an aware time.
    """
    return (not_after(certificate) - now) // timedelta(days=1)


def subject_text(certificate: Certificate) -> str:
    """The subject in slash form for a message; ``(empty subject)`` where there is none."""
    return _name_text(certificate.subject) or "(empty subject)"


def issuer_text(certificate: Certificate) -> str:
    """The issuer in slash form for a message; ``(empty issuer)`` where there is none."""
    return _name_text(certificate.issuer) or "(empty issuer)"


def _name_text(name: Name) -> str:
    return name.text if len(name.text) <= _LONGEST_NAME else f"{name.text[: _LONGEST_NAME - 3]}..."


def subject_alternative_names(certificate: Certificate) -> Tuple[GeneralName, ...]:
    """The entries of the subject alternative name; an empty tuple where there are none.

    An extension that cannot be read becomes one entry, ``unreadable:`` and the reason.
    """
    try:
        return tuple(map(read_general_name, alternative_names(certificate) or ()))
    except ParseError as error:
        return (GeneralName("unreadable", error.reason),)


def public_key_words(certificate: Certificate) -> str:
    """The public key in words, such as ``RSA 2048``."""
    try:
        return describe_public_key(load_public_key(certificate.public_key_info))
    except InputError:
        return "unknown kind of key"


def _key_facts(certificate: Certificate) -> KeyFacts:
    try:
        return key_facts(load_public_key(certificate.public_key_info))
    except InputError:
        return KeyFacts("unknown")


def fingerprint_sha256(certificate: Certificate) -> str:
    """The SHA-256 fingerprint as OpenSSL prints it: pairs of capital hexadecimal digits with colons."""
    return fingerprint_of(certificate.der)


def fingerprint_of(der: bytes) -> str:
    """The same of octets that need not be a certificate."""
    return hashlib.sha256(der).digest().hex(":").upper()


def describe(certificate: Certificate, now: Optional[datetime] = None) -> Dict[str, Any]:
    """What a user wants to know about a certificate, as plain JSON data. Never fails.

    :param now: an aware time, for ``days_left``; by default the time now.
    :returns: ``subject`` and ``issuer`` in slash form; ``serial_number`` as text in capital hexadecimal digits, an even
        number of them as OpenSSL prints it (a JSON number would lose digits); ``not_before`` and ``not_after`` in ISO
        8601 and UTC, such as ``2026-11-22T15:04:05Z``; ``days_left``, see ``days_left()``; ``fingerprint_sha256`` with
        colons; ``public_key_type``, ``public_key_size`` and ``public_key_curve``, see ``KeyFacts`` (the type is
        ``unknown`` where the key cannot be read); ``subject_alternative_names``, a list of ``TYPE:value``.
    """
    key = _key_facts(certificate)
    found = {
        **describe_names(certificate, now),
        "serial_number": _serial_text(certificate.serial),
        "public_key_type": key.type,
        "public_key_size": key.size,
        "public_key_curve": key.curve,
    }
    return {name: found[name] for name in _DESCRIBED}


def describe_names(certificate: Certificate, now: Optional[datetime] = None) -> Dict[str, Any]:
    """The part of ``describe()`` that needs no ``cryptography``: all but serial number and public key."""
    return {
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "not_before": iso_utc(not_before(certificate)),
        "not_after": iso_utc(not_after(certificate)),
        "days_left": days_left(certificate, now or datetime.now(timezone.utc)),
        "fingerprint_sha256": fingerprint_sha256(certificate),
        "subject_alternative_names": [str(name) for name in subject_alternative_names(certificate)],
    }


def _serial_text(octets: bytes) -> str:
    if len(octets) > _SHOWN_SERIAL:
        return f"{octets[:_SHOWN_SERIAL].hex().upper()}..."
    number = int.from_bytes(octets, "big", signed=True)
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def iso_utc(moment: datetime) -> str:
    """An aware time in ISO 8601 and UTC, to the second: ``2026-11-22T15:04:05Z``."""
    return f"{moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def pem(certificate: Certificate) -> str:
    """The certificate as PEM text that ends in a line feed."""
    return pem_text(certificate.der)


def find_leaf(certificates: Sequence[Certificate], public_key: Any) -> Certificate:
    """The issued certificate: the one with the public key of the request, wherever it stands (RFC 7030 section 4.2.3).

    Where a server sends several for the same key (such as an older one), it is the one whose validity begins last.

    :param public_key: what was requested: SubjectPublicKeyInfo in DER, or anything else that has a public key.
    :raises ParseError: no certificate is for that key; then nothing of the answer may be used.
    """
    keys = [certificate.public_key_info for certificate in certificates]
    if public_key in keys:  # equal bytes are equal keys
        matching = [certificate for certificate, key in zip(certificates, keys) if key == public_key]
    else:  # the same key may still be encoded in another way
        matching = [certificate for certificate in certificates if same_public_key(certificate, public_key)]
    if matching:
        return max(matching, key=not_before)
    if not certificates:
        raise ParseError("the server sent no certificate", hint="Look at the log of the EST server for this request.")
    found = ", ".join(f"{subject_text(certificate)} ({public_key_words(certificate)})" for certificate in certificates)
    raise ParseError(
        f"the server sent no certificate for the requested key: it is for another public key; it sent: {found}",
        code="wrong_key",
        hint="The CA mixed up requests, or answers from a cache. Nothing was saved; look at the log of the EST server.",
    )


# ----------------------------------------------------------------------------------------------------------------------
# The fingerprint by which an administrator names a CA certificate (RFC 7030 sections 3.1 and 4.1.1).


class Fingerprint(Value):
    """A hash over a whole certificate in DER. It is made by ``parse()`` or ``of()``.

    :param algorithm: ``sha256`` or ``sha512``.
    :param digits: lower-case hexadecimal.
    """

    algorithm: str
    digits: str

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Read a fingerprint in any spelling that ``parse_fingerprint()`` reads.

        :raises InputError: neither a SHA-256 nor a SHA-512. Shorter hashes are not safe.
        """
        try:
            return cls(*parse_fingerprint(text))
        except NameSyntaxError as error:
            raise InputError(
                f"the fingerprint {text[:200]!r} {error.reason}; what is needed is {error.allowed}",
                hint="openssl x509 -noout -fingerprint -sha256 -in ca.pem shows the one of a certificate.",
            ) from None

    @classmethod
    def of(cls, certificate: Certificate, algorithm: str = "sha256") -> Fingerprint:
        """The fingerprint of a certificate."""
        return cls(algorithm, hashlib.new(algorithm, certificate.der).hexdigest())

    def matches(self, certificate: Certificate) -> bool:
        """Whether this is the fingerprint of that certificate."""
        return Fingerprint.of(certificate, self.algorithm) == self

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"
