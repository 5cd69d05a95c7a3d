# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: loading and describing them, and finding the issued one (RFC 5280); fingerprints of CA certificates.

CAs in the field issue odd certificates. ``load_certificate()`` refuses what cannot be read at all; ``describe()`` puts
what is odd in any other into words, and never fails.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Optional, Sequence, Tuple

from ..._names.distinguished_names import format_slash_dn
from ..._names.errors import NameSyntaxError
from ..._names.general_names import GeneralName
from ..._names.identifiers import parse_fingerprint
from ..._value import Value
from ..base.errors import InputError, ParseError
from ..base.libraries import without_warnings
from .fields import SUBJECT_ALTERNATIVE_NAME, encoded_extension
from .keys import KeyFacts, describe_public_key, key_facts, public_key_der
from .names import read_general_names, read_name

try:
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
except ImportError:  # reported by require_libraries()
    pass


_PEM_BLOCK = r"(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"


#: What reading a malformed certificate can raise: it differs between the versions of cryptography.
try:
    READ_ERRORS: Tuple[Any, ...] = (
        ValueError,
        TypeError,
        OverflowError,
        AssertionError,
        InternalError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )
except NameError:  # without cryptography nothing here is called
    READ_ERRORS = ()


def load_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate from DER.

    :raises ParseError: not a certificate, or one whose names, serial number or dates cannot be read.
    """
    try:
        with without_warnings():
            return _readable(x509.load_der_x509_certificate(der, None))
    except READ_ERRORS as error:
        raise ParseError(f"this is not a readable X.509 certificate: {_first_line(error)}") from None


def _readable(certificate: x509.Certificate) -> x509.Certificate:
    """The certificate, once its fields were read: cryptography reads them only when asked, and fails only then."""
    read_name(certificate.subject)
    read_name(certificate.issuer)
    _unused = certificate.version, certificate.serial_number, not_before(certificate), not_after(certificate)
    return certificate


def load_pem_certificates(text: str) -> Tuple[x509.Certificate, ...]:
    """Read all certificates of a PEM text, such as a file of trust anchors, in order and without repetitions.

    :raises InputError: there is none, or one of them cannot be read.
    """
    certificates: Dict[x509.Certificate, None] = {}
    for number, block in enumerate(re.findall(_PEM_BLOCK, text), start=1):
        try:
            with without_warnings():
                certificates.setdefault(_readable(x509.load_pem_x509_certificate(block.encode("ascii"), None)))
        except READ_ERRORS as error:
            raise InputError(
                f"certificate {number} of the PEM text cannot be read: {_first_line(error)}",
                hint="Give PEM certificates (BEGIN CERTIFICATE ... END CERTIFICATE), complete and unchanged.",
            ) from None
    if not certificates:
        raise InputError(
            "the text holds no PEM certificate",
            hint="Give one or more PEM certificates: text that begins with -----BEGIN CERTIFICATE-----.",
        )
    return tuple(certificates)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def not_before(certificate: x509.Certificate) -> datetime:
    """The begin of the validity period, as an aware time in UTC."""
    return _utc(certificate, "not_valid_before")


def not_after(certificate: x509.Certificate) -> datetime:
    """The end of the validity period, as an aware time in UTC."""
    return _utc(certificate, "not_valid_after")


def _utc(certificate: x509.Certificate, attribute: str) -> datetime:
    # From 42 on the aware attribute is there and the naive one is deprecated; before, there is only the naive one.
    aware = f"{attribute}_utc"
    if hasattr(type(certificate), aware):
        moment: datetime = getattr(certificate, aware)
        return moment
    naive: datetime = getattr(certificate, attribute)
    return naive.replace(tzinfo=timezone.utc)


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days until the certificate expires (rounded down); negative once it has expired.

    :param now: an aware time.
    """
    return (not_after(certificate) - now) // timedelta(days=1)


def subject_text(certificate: x509.Certificate) -> str:
    """The subject in slash form for a message; ``(empty subject)`` where there is none."""
    with without_warnings():
        return _name_text(certificate.subject) or "(empty subject)"


def issuer_text(certificate: x509.Certificate) -> str:
    """The issuer in slash form for a message; ``(empty issuer)`` where there is none."""
    with without_warnings():
        return _name_text(certificate.issuer) or "(empty issuer)"


def _name_text(name: x509.Name) -> str:
    return format_slash_dn(read_name(name))


def subject_alternative_names(certificate: x509.Certificate) -> Tuple[GeneralName, ...]:
    """The entries of the subject alternative name; an empty tuple where there are none.

    An extension that cannot be read becomes one entry, ``unreadable:`` and the reason.
    """
    # Here, for the reason that keys.py names.
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with without_warnings():
            _unused = certificate.extensions  # cryptography is stricter, and refuses what is there twice
        extension = encoded_extension(certificate.public_bytes(Encoding.DER), SUBJECT_ALTERNATIVE_NAME)
        return read_general_names(extension.value) if extension else ()
    except (*READ_ERRORS, ParseError) as error:
        return (GeneralName("unreadable", _first_line(error)),)


def public_key_words(certificate: x509.Certificate) -> str:
    """The public key in words, such as ``RSA 2048``."""
    try:
        with without_warnings():
            return describe_public_key(certificate.public_key())
    except READ_ERRORS:
        return "unknown kind of key"


def _key_facts(certificate: x509.Certificate) -> KeyFacts:
    try:
        with without_warnings():
            return key_facts(certificate.public_key())
    except READ_ERRORS:
        return KeyFacts("unknown")


def fingerprint_sha256(certificate: x509.Certificate) -> str:
    """The SHA-256 fingerprint as OpenSSL prints it: pairs of capital hexadecimal digits with colons."""
    return ":".join(f"{octet:02X}" for octet in certificate.fingerprint(hashes.SHA256()))


def describe(certificate: x509.Certificate, now: Optional[datetime] = None) -> Dict[str, Any]:
    """What a user wants to know about a certificate, as plain JSON data. Never fails.

    :param now: an aware time, for ``days_left``; by default the time now.
    :returns: ``subject`` and ``issuer`` in slash form; ``serial_number`` as text in capital hexadecimal digits, an even
        number of them as OpenSSL prints it (a JSON number would lose digits); ``not_before`` and ``not_after`` in ISO
        8601 and UTC, such as ``2026-11-22T15:04:05Z``; ``days_left``, see ``days_left()``; ``fingerprint_sha256`` with
        colons; ``public_key_type``, ``public_key_size`` and ``public_key_curve``, see ``KeyFacts`` (the type is
        ``unknown`` where the key cannot be read); ``subject_alternative_names``, a list of ``TYPE:value``.
    """
    key = _key_facts(certificate)
    with without_warnings():
        return {
            "subject": _name_text(certificate.subject),
            "issuer": _name_text(certificate.issuer),
            "serial_number": _serial_text(certificate.serial_number),
            "not_before": iso_utc(not_before(certificate)),
            "not_after": iso_utc(not_after(certificate)),
            "days_left": days_left(certificate, now or datetime.now(timezone.utc)),
            "fingerprint_sha256": fingerprint_sha256(certificate),
            "public_key_type": key.type,
            "public_key_size": key.size,
            "public_key_curve": key.curve,
            "subject_alternative_names": [str(name) for name in subject_alternative_names(certificate)],
        }


def _serial_text(number: int) -> str:
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def iso_utc(moment: datetime) -> str:
    """An aware time in ISO 8601 and UTC, to the second: ``2026-11-22T15:04:05Z``."""
    return f"{moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def pem(certificate: x509.Certificate) -> str:
    """The certificate as PEM text that ends in a line feed."""
    # Here, for the reason that keys.py names.
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def find_leaf(certificates: Sequence[x509.Certificate], public_key: Any) -> x509.Certificate:
    """The issued certificate: the one with the public key of the request, wherever it stands (RFC 7030 section 4.2.3).

    Where a server sends several for the same key (such as an older one), it is the one whose validity begins last.

    :param public_key: what was requested: SubjectPublicKeyInfo in DER, or anything else that has a public key.
    :raises ParseError: no certificate is for that key; then nothing of the answer may be used.
    """
    keys = [_public_key_der(certificate) for certificate in certificates]
    # Equal bytes are equal keys. Where there are none, the same key may still be encoded in another way.
    wanted = public_key if public_key in keys else public_key_der(public_key)
    matching = [certificate for certificate, key in zip(certificates, keys) if key == wanted]
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


def _public_key_der(certificate: x509.Certificate) -> Optional[bytes]:
    """The public key of a certificate; ``None`` where it cannot be read."""
    try:
        return public_key_der(certificate)
    except InputError:
        return None


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
    def of(cls, certificate: x509.Certificate, algorithm: str = "sha256") -> Fingerprint:
        """The fingerprint of a certificate."""
        hash_algorithm = hashes.SHA512() if algorithm == "sha512" else hashes.SHA256()
        return cls(algorithm, certificate.fingerprint(hash_algorithm).hex())

    def matches(self, certificate: x509.Certificate) -> bool:
        """Whether this is the fingerprint of that certificate."""
        return Fingerprint.of(certificate, self.algorithm) == self

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"
