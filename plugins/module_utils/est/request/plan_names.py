# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a request under the CSR attributes of a server (RFC 9908 section 3.4).

The client has to use the values that the server gives, and is expected to fill in those that the server leaves out.
What else the client has is left out, which is a conflict between the two.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from ..._names.attributes import ATTRIBUTE_NAMES, Subject, SubjectAttribute
from ..._names.distinguished_names import format_slash_dn
from ..._names.general_names import GeneralName
from ..._value import Value, field
from ..asn1.der import encode, encode_oid, read
from ..base.errors import ParseError
from ..base.text import printable
from ..x509.fields import SUBJECT_ALTERNATIVE_NAME, Extension
from ..x509.names import (
    encode_general_name,
    encode_general_names,
    encode_name,
    fill_in_type,
    read_general_name,
    read_string,
    split_general_names,
)
from .requirements import RequiredExtension, RequiredRdn, RequiredSubjectAttribute

_LIMIT = 300


class SubjectPlan(Value):
    """The subject of a request.

    :param subject: as text.
    :param encoded: the Name in DER; ``None`` where it is to be made of ``subject``.
    :param warnings: what is missing.
    :param conflicts: where the wishes of client and server differ.
    """

    subject: Subject
    encoded: Optional[bytes] = field(default=None, repr=False)
    warnings: Tuple[str, ...] = ()
    conflicts: Tuple[str, ...] = ()


class AlternativeNamePlan(Value):
    """The subject alternative name of a request.

    :param general_names: as text.
    :param extension: ready-made; ``None`` where it is to be made of ``general_names``.
    :param warnings: what is missing.
    :param conflicts: where the wishes of client and server differ.
    """

    general_names: Tuple[GeneralName, ...]
    extension: Optional[Extension] = None
    warnings: Tuple[str, ...] = ()
    conflicts: Tuple[str, ...] = ()


def plan_subject(rdns: Optional[Tuple[RequiredRdn, ...]], wanted: Sequence[str], subject: Subject) -> SubjectPlan:
    """Fit the subject of the client to what the server asks for.

    :param rdns: the subject of a template, or ``None`` where the server has no requirement.
    :param wanted: object identifiers of the attributes that a list of CSR attributes asks for.
    :raises InputError: a value of ``subject`` cannot be encoded.
    """
    present = {attribute.oid for attribute in subject}
    missing = tuple(_missing(oid) for oid in wanted if oid not in present)
    if rdns is None:
        return SubjectPlan(subject, warnings=missing)
    filler = _SubjectFiller(rdns, subject)
    encoded_rdns = [encoded for encoded in (filler.encode_rdn(rdn) for rdn in rdns) if encoded]
    conflicts: Tuple[str, ...] = ()
    if filler.left:
        asked, left = _shown(filler.result), _shown(filler.left)
        conflicts = (f"the server asks for the subject {asked}, so {left} of the request is left out",)
    return SubjectPlan(tuple(filler.result), encode(0x30, *encoded_rdns), (*missing, *filler.warnings), conflicts)


class _SubjectFiller:
    """Takes values out of the client's subject, one for each place that the server left empty."""

    def __init__(self, rdns: Sequence[RequiredRdn], subject: Subject) -> None:
        given = [
            SubjectAttribute(single.oid, read_string(single.value))
            for rdn in rdns
            for single in rdn
            if single.value is not None
        ]
        #: What the client has and the server has not asked for (yet).
        self.left: List[SubjectAttribute] = [attribute for attribute in subject if attribute not in given]
        self.result: List[SubjectAttribute] = []
        self.warnings: List[str] = []

    def encode_rdn(self, rdn: RequiredRdn) -> bytes:
        """The RDN in DER; empty where there is no value for any of its attributes."""
        encoded = sorted(filter(None, (self._encode(single) for single in rdn)))
        return encode(0x31, *encoded) if encoded else b""

    def _encode(self, single: RequiredSubjectAttribute) -> bytes:
        if single.value is not None:
            self.result.append(SubjectAttribute(single.oid, read_string(single.value)))
            return encode(0x30, encode_oid(single.oid), single.value)
        for attribute in self.left:
            if attribute.oid == single.oid:
                self.left.remove(attribute)
                self.result.append(attribute)
                (rdn,) = read(encode_name((attribute,))).children()
                return rdn.value
        self.warnings.append(_missing(single.oid))
        return b""


def plan_alternative_name(
    required: Optional[RequiredExtension], general_names: Sequence[GeneralName]
) -> AlternativeNamePlan:
    """Fit the subject alternative name of the client to what the server asks for.

    It gets the critical flag of the server, where the server gives one.

    :param required: the server's wish, or ``None`` where it has none.
    :raises InputError: a value of ``general_names`` cannot be encoded.
    """
    names = tuple(general_names)
    if required is None:
        return AlternativeNamePlan(names)
    if required.value is None:
        if not names:
            return AlternativeNamePlan((), warnings=(_MISSING_ALTERNATIVE_NAME,))
        if required.critical is None:
            return AlternativeNamePlan(names)
        value = encode_general_names(names)
        return AlternativeNamePlan(names, Extension(SUBJECT_ALTERNATIVE_NAME, required.critical, value))
    try:
        entries = split_general_names(required.value)
    except ParseError:
        extension = Extension(SUBJECT_ALTERNATIVE_NAME, bool(required.critical), required.value)
        return AlternativeNamePlan(names, extension, (_DAMAGED_ALTERNATIVE_NAME,))
    given = {read_general_name(entry) for entry in entries}
    left = [name for name in names if name not in given]
    result: List[GeneralName] = []
    encoded: List[bytes] = []
    warnings: List[str] = []
    for entry in entries:
        kind = fill_in_type(entry)
        if kind is None:
            result.append(read_general_name(entry))
            encoded.append(entry.encoded)
            continue
        filling = next((name for name in left if name.type == kind), None)
        if filling is None:
            warnings.append(f"the server asks for a subject alternative name of type {kind}, which the request has not")
            continue
        left.remove(filling)
        result.append(filling)
        encoded.append(encode_general_name(filling))
    if not encoded:
        return AlternativeNamePlan((), warnings=tuple(warnings), conflicts=_left_out(result, left))
    extension = Extension(SUBJECT_ALTERNATIVE_NAME, bool(required.critical), encode(0x30, *encoded))
    return AlternativeNamePlan(tuple(result), extension, tuple(warnings), _left_out(result, left))


_MISSING_ALTERNATIVE_NAME = "the server asks for a subject alternative name, which the request has not"
_DAMAGED_ALTERNATIVE_NAME = "the subject alternative name that the server asks for is damaged: it is sent as it is"


def _left_out(result: Sequence[GeneralName], left: Sequence[GeneralName]) -> Tuple[str, ...]:
    if not left:
        return ()
    asked = printable(", ".join(str(name) for name in result), _LIMIT) or "none of these"
    return (
        f"the server asks for the subject alternative name {asked}, so {', '.join(str(name) for name in left)} of the "
        "request is left out",
    )


def _missing(oid: str) -> str:
    return f"the server asks for {ATTRIBUTE_NAMES.get(oid, oid)} in the subject, for which the request has no value"


def _shown(subject: Sequence[SubjectAttribute]) -> str:
    return printable(format_slash_dn(tuple(subject)), _LIMIT) or "without attributes"
