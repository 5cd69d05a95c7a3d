# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extensions that decisions need (RFC 5280 section 4.2.1), each read when it is asked for.

A reader gives ``None`` where there is no such extension, and raises ``ParseError`` where there is one that cannot be
read, or that is there twice: what is needed for a decision is read exactly. Each is read once, however often a search
for paths asks for it.
"""

from __future__ import annotations

from typing import Callable, FrozenSet, Optional, Tuple, TypeVar

from ..._value import Value
from ..asn1.der import BOOLEAN, INTEGER, SEQUENCE, Element, read_whole
from ..base.errors import ParseError
from .fields import EXTENSION_NAMES, SUBJECT_ALTERNATIVE_NAME, Certificate

_SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
_KEY_USAGE = "2.5.29.15"
_BASIC_CONSTRAINTS = "2.5.29.19"
_NAME_CONSTRAINTS = "2.5.29.30"
_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
_EXTENDED_KEY_USAGE = "2.5.29.37"

#: The bits of a keyUsage, by their numbers (RFC 5280 section 4.2.1.3).
DIGITAL_SIGNATURE, KEY_CERT_SIGN = 0, 5

_Read = TypeVar("_Read")


class BasicConstraints(Value):
    """Whether the owner of a certificate is a CA, and how many CAs may be below it."""

    ca: bool
    path_length: Optional[int] = None


class NameConstraints(Value):
    """The names that a CA may issue for: GeneralNames, one element each."""

    permitted: Tuple[Element, ...]
    excluded: Tuple[Element, ...]


def basic_constraints(certificate: Certificate) -> Optional[BasicConstraints]:
    """What basicConstraints say; a default that is written out is what it is."""
    return _read(certificate, _BASIC_CONSTRAINTS, _basic_constraints)


def key_usage(certificate: Certificate) -> Optional[FrozenSet[int]]:
    """The numbers of the bits that keyUsage has."""
    return _read(certificate, _KEY_USAGE, _key_usage)


def extended_key_usage(certificate: Certificate) -> Optional[FrozenSet[str]]:
    """The OIDs that extKeyUsage names."""
    return _read(
        certificate,
        _EXTENDED_KEY_USAGE,
        lambda value: frozenset(usage.oid() for usage in value.expect(SEQUENCE, "extKeyUsage").children()),
    )


def alternative_names(certificate: Certificate) -> Optional[Tuple[Element, ...]]:
    """The GeneralNames of subjectAltName, one element each."""
    return _read(
        certificate,
        SUBJECT_ALTERNATIVE_NAME,
        lambda value: tuple(value.expect(SEQUENCE, "the SEQUENCE of general names").children()),
    )


def name_constraints(certificate: Certificate) -> Optional[NameConstraints]:
    """What nameConstraints permit and exclude."""
    return _read(certificate, _NAME_CONSTRAINTS, _name_constraints)


def subject_key_identifier(certificate: Certificate) -> Optional[bytes]:
    """The identifier of the key of a certificate."""
    return _read(certificate, _SUBJECT_KEY_IDENTIFIER, Element.octets)


def authority_key_identifier(certificate: Certificate) -> Optional[bytes]:
    """The identifier of the key that signed a certificate; ``None`` also where only issuer and serial number say it."""
    return _read(certificate, _AUTHORITY_KEY_IDENTIFIER, _key_identifier)


def _read(certificate: Certificate, oid: str, read_value: Callable[[Element], Optional[_Read]]) -> Optional[_Read]:
    if oid not in certificate.known:
        try:
            extension = certificate.extension(oid)
            certificate.known[oid] = None if extension is None else read_value(read_whole(extension.value))
        except ParseError as error:
            certificate.known[oid] = ParseError(f"its {EXTENSION_NAMES[oid]} cannot be read: {error.reason}")
    value = certificate.known[oid]
    if isinstance(value, ParseError):
        raise ParseError(value.reason)
    found: Optional[_Read] = value
    return found


def _basic_constraints(value: Element) -> BasicConstraints:
    fields = list(value.expect(SEQUENCE, "basicConstraints").children())
    is_ca = bool(fields) and fields[0].is_universal(BOOLEAN) and fields.pop(0).boolean()
    path_length = fields.pop(0).integer() if fields and fields[0].is_universal(INTEGER) else None
    if fields or (path_length is not None and path_length < 0):
        raise ParseError("it holds more than a CA flag and a path length")
    return BasicConstraints(is_ca, path_length)


def _key_usage(value: Element) -> FrozenSet[int]:
    octets = value.bits()
    return frozenset(number for number in range(8 * len(octets)) if octets[number // 8] >> (7 - number % 8) & 1)


def _name_constraints(value: Element) -> NameConstraints:
    found: dict[int, Tuple[Element, ...]] = {}
    for subtrees in value.expect(SEQUENCE, "nameConstraints").children():
        if not (subtrees.is_context(0) or subtrees.is_context(1)) or subtrees.number in found:
            raise ParseError("it holds more than permitted and excluded subtrees")
        found[subtrees.number] = tuple(map(_base, subtrees.children()))
    return NameConstraints(found.get(0, ()), found.get(1, ()))


def _base(subtree: Element) -> Element:
    fields = list(subtree.expect(SEQUENCE, "a subtree").children())
    # A minimum of 0 is the default. RFC 5280 allows no other, and no maximum: nobody could process it.
    others = [(other.is_context(0), other.value) for other in fields[1:]]
    if not fields or others not in ([], [(True, b"\0")]):
        raise ParseError("a subtree has a minimum or a maximum")
    return fields[0]


def _key_identifier(value: Element) -> Optional[bytes]:
    for part in value.expect(SEQUENCE, "authorityKeyIdentifier").children():
        if part.is_context(0):
            return part.value
    return None
