# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a certificate (RFC 5280 section 4.1), read with the standard library alone.

CAs issue certificates that no library reads and OpenSSL accepts: names in characters that their type may not have,
defaults written out, extensions that are malformed and that nobody asks for. So nothing is refused here for a field
that no decision needs. What every use of a certificate needs is read at once: names, validity, the place of the public
key, of the extensions and of the signature. An extension is read when somebody asks for it (``extensions.py``).
"""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from ..._value import Value, field
from ..asn1.der import (
    BIT_STRING,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    Element,
    encode,
    encode_oid,
    read_whole,
)
from ..base.errors import ParseError
from .names import Name

SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"

#: The words for extensions that decisions need, as RFC 5280 has them.
EXTENSION_NAMES = {
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    SUBJECT_ALTERNATIVE_NAME: "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.30": "nameConstraints",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.37": "extKeyUsage",
}

_SHOWN_TIME = 30


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


class Algorithm(Value):
    """An AlgorithmIdentifier.

    :param oid: dotted.
    :param parameters: what stands behind it, encoded; ``None`` where nothing does.
    """

    oid: str
    parameters: Optional[bytes] = None

    @classmethod
    def read(cls, element: Element) -> Algorithm:
        """Read one.

        :raises ParseError: it is none.
        """
        fields = list(element.expect(SEQUENCE, "the SEQUENCE of an algorithm").children())
        if not 1 <= len(fields) <= 2:
            raise ParseError(f"the algorithm at byte {element.start} has {len(fields)} fields, not 1 or 2")
        return cls(fields[0].oid(), fields[1].encoded if len(fields) == 2 else None)


class Certificate:
    """An X.509 certificate. Two are equal where all their bytes are.

    :ivar der: the whole of it.
    :ivar version: 1 to 3.
    :ivar serial: the bytes of the serial number, which CAs make negative, empty, or longer than they may.
    :ivar issuer: who issued it.
    :ivar subject: for whom.
    :ivar not_before: the begin of its validity, aware and in UTC.
    :ivar not_after: the end of it.
    :ivar public_key_info: its SubjectPublicKeyInfo, encoded.
    :ivar extensions: in order, also what is there twice.
    :ivar signed: the bytes that the issuer signed.
    :ivar algorithm: with which algorithm.
    :ivar inner_algorithm: and what the signed bytes themselves say of that.
    :ivar signature: the signature.
    :ivar known: by OID, what ``extensions.py`` has read.
    """

    def __init__(self, der: bytes) -> None:
        """Read it.

        :raises ParseError: it is none, something follows it, or a field that every use needs cannot be read.
        """
        to_be_signed, algorithm, signature = _children(read_whole(der), 3, 3, "a certificate")
        self.der = der
        self.signed = to_be_signed.encoded
        self.algorithm = Algorithm.read(algorithm)
        self.signature = signature.expect(BIT_STRING, "the signature of a certificate").bits()
        fields = _children(to_be_signed, 6, 10, "the TBSCertificate of a certificate")
        self.version = 1
        if fields[0].is_context(0):
            self.version = _only_child(fields.pop(0)).integer() + 1
        if len(fields) < 6:
            raise ParseError(f"the certificate has {len(fields)} of the 6 fields that it needs")
        serial, inner_algorithm, issuer, validity, subject, public_key = fields[:6]
        self.serial = serial.expect(INTEGER, "the serial number of a certificate").value
        self.inner_algorithm = Algorithm.read(inner_algorithm)
        self.issuer, self.subject = _issuer(issuer), Name(subject)
        first, last = _children(validity, 2, 2, "the validity of a certificate")
        self.not_before, self.not_after = _time(first, "notBefore"), _time(last, "notAfter")
        self.public_key_info = public_key.expect(SEQUENCE, "the public key of a certificate").encoded
        self.extensions: Tuple[Extension, ...] = ()
        self.known: Dict[str, Any] = {}
        before = 0
        for rest in fields[6:]:
            # issuerUniqueID [1], subjectUniqueID [2] and extensions [3], in this order
            if not any(rest.is_context(number) for number in range(before + 1, 4)):
                raise ParseError(f"the certificate has a field that it cannot have at byte {rest.start}")
            before = rest.number
            if before == 3:
                all_of_them = _only_child(rest).expect(SEQUENCE, "the SEQUENCE of extensions")
                self.extensions = tuple(_extension(extension) for extension in all_of_them.children())

    def extension(self, oid: str) -> Optional[Extension]:
        """An extension; ``None`` where there is none of that kind.

        :param oid: dotted.
        :raises ParseError: it is there twice.
        """
        found = [extension for extension in self.extensions if extension.oid == oid]
        if len(found) > 1:
            raise ParseError(f"there are {len(found)} of it")
        return found[0] if found else None

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, Certificate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"<Certificate {self.subject!r}>"


def _issuer(element: Element) -> Name:
    """The name of an issuer: one has issued many certificates, as a rule."""
    try:
        return _known_name(element.expect(SEQUENCE, "the SEQUENCE of a name").encoded)
    except ParseError:
        return Name(element)  # tells its place


@functools.lru_cache(maxsize=64)
def _known_name(encoded: bytes) -> Name:
    return Name(read_whole(encoded))


def request_public_key(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate request (RFC 2986 section 4.1), encoded.

    :raises ParseError: it is none.
    """
    information = _children(read_whole(der), 3, 3, "a certificate request")[0]
    return _children(information, 3, 4, "the CertificationRequestInfo")[2].expect(SEQUENCE, "a public key").encoded


def _children(element: Element, least: int, most: int, what: str) -> List[Element]:
    found: List[Element] = []
    for child in element.expect(SEQUENCE, what).children():
        found.append(child)
        if len(found) > most:
            break
    if not least <= len(found) <= most:
        raise ParseError(f"the ASN.1 element at byte {element.start} is not {what}: it has {len(found)} fields")
    return found


def _only_child(element: Element) -> Element:
    children = list(element.children())
    if len(children) != 1:
        raise ParseError(f"the ASN.1 element at byte {element.start} holds {len(children)} elements, not one")
    return children[0]


def _extension(extension: Element) -> Extension:
    fields = _children(extension, 2, 3, "an extension")
    return Extension(fields[0].oid(), len(fields) == 3 and fields[1].boolean(), fields[-1].octets())


def _time(element: Element, what: str) -> datetime:
    """UTCTime or GeneralizedTime in the one form that RFC 5280 section 4.1.2.5 and OpenSSL allow."""
    text = element.value.decode("latin-1")
    if element.is_universal(UTC_TIME) and len(text) == 13:
        digits = ("19" if text[:2] >= "50" else "20") + text
    else:
        digits = text if element.is_universal(GENERALIZED_TIME) else ""
    if len(digits) == 15 and digits.isascii() and digits[:14].isdigit() and digits[14] == "Z":
        # There is no year 0 here: what is that old begins with the first one.
        year, rest = max(1, int(digits[:4])), [int(digits[at : at + 2]) for at in range(4, 14, 2)]
        with contextlib.suppress(ValueError):  # the thirteenth month, and the like
            return datetime(year, rest[0], rest[1], rest[2], rest[3], rest[4], tzinfo=timezone.utc)
    shown = repr(text[:_SHOWN_TIME])
    raise ParseError(f"its {what} is no time that a certificate can have (RFC 5280 section 4.1.2.5): {shown}")
