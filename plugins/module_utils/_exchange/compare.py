# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked for against what the CA put into the certificate.

CAs drop what their policy does not know, and say nothing: Cisco's demo CA keeps only the common name. An enrolment
therefore lists what was lost, and what came in place of it. What a user accepts of that is in ``acceptance.py``.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import Dict, List, Sequence, Tuple

from .._names.attributes import ATTRIBUTE_NAMES, Subject, SubjectAttribute
from .._names.distinguished_names import format_slash_dn, parse_distinguished_name
from .._names.errors import NameSyntaxError, normalized
from .._names.general_names import GeneralName

# ----------------------------------------------------------------------------------------------------------------------
# Names in a form in which two spellings of the same name are equal, but no two names.
#
# A CA may spell a name in its own way. That is no loss, and no reason to refuse a renewal.

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)(//[^/?#]*)?(.*)\Z", re.DOTALL)
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]\Z")


def comparable_attribute(attribute: SubjectAttribute) -> SubjectAttribute:
    """An attribute of a subject: without regard to case, surrounding and repeated spaces (RFC 5280 section 7.1).

    That holds for an emailAddress as a whole, too (section 4.1.2.6), unlike for the alternative name ``email``.
    """
    value = " ".join(normalized(normalized(attribute.value).casefold()).split())
    name = ATTRIBUTE_NAMES.get(attribute.oid)
    if name == "emailAddress":
        value = _with_comparable_domain(value)
    elif name == "DC":  # one label of a domain, in either form
        value = _domain(value)
    return SubjectAttribute(attribute.oid, value)


def comparable_name(name: GeneralName) -> GeneralName:
    """An entry of a subject alternative name."""
    compared = _COMPARABLE.get(name.type)
    return GeneralName(name.type, compared(name.value)) if compared else name


def _domain(text: str) -> str:
    """A domain without regard to case (RFC 4343), without the dot of the root, each label as its U-label."""
    lower = normalized(normalized(text).lower())
    if lower.endswith("."):
        lower = lower[:-1]
    return ".".join(map(_u_label, lower.split(".")))


def _u_label(label: str) -> str:
    """The U-label of an A-label (RFC 5890 section 2.3.2.1); anything else as it is.

    A label that no U-label gives stays as it is, so that it is equal to no other name. Decoded, not encoded: only the
    owner knows whether ``faß`` was registered as ``fass`` (IDNA 2003) or under a name of its own (IDNA 2008).
    """
    if not label.startswith("xn--") or not label.isascii():
        return label
    encoded = label[4:].encode("ascii")
    try:
        decoded = encoded.decode("punycode")
        if decoded.encode("punycode") != encoded:
            return label
    except (UnicodeError, ValueError, OverflowError):
        return label
    return label if decoded.isascii() or decoded != normalized(decoded.lower()) else decoded


def _with_comparable_domain(address: str) -> str:
    """An address whose part before the ``@`` counts as it is (RFC 5280 section 7.5)."""
    local_part, at, domain = normalized(address).rpartition("@")
    return f"{local_part}{at}{_domain(domain)}"


def _upn(value: str) -> str:
    """A user principal name: Active Directory compares it as a whole without regard to case."""
    return _with_comparable_domain(normalized(value).lower())


def _ip(value: str) -> str:
    """IPv6 addresses have many spellings."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value


def _uri(value: str) -> str:
    """A URI after the normalisations of RFC 3986 section 6.2.2 that are for case and percent-encoding."""
    found = _URI.match(re.sub("%[0-9A-Fa-f]{2}", _percent_encoded, value))
    if not found:
        return value
    scheme, authority, rest = found.groups(default="")
    user, at, host = authority.rpartition("@")
    if not at:
        user, host = "", authority
    host = re.sub("%..", lambda octet: octet.group().upper(), host.lower())
    return f"{scheme.lower()}{user}{at}{host}{rest}"


def _percent_encoded(found: re.Match[str]) -> str:
    """One octet in its normal form: a character that needs no encoding is itself."""
    character = chr(int(found.group()[1:], 16))
    return character if _UNRESERVED.match(character) else found.group().upper()


def _directory_name(value: str) -> str:
    """A directory name: compared like a subject, attribute by attribute in their order."""
    try:
        subject = parse_distinguished_name(value)
    except NameSyntaxError:
        return normalized(value)
    return format_slash_dn(tuple(map(comparable_attribute, subject)))


_COMPARABLE = {
    "DNS": _domain,
    "email": _with_comparable_domain,
    "UPN": _upn,
    "IP": _ip,
    "URI": _uri,
    "dirName": _directory_name,
}


# ----------------------------------------------------------------------------------------------------------------------

#: What each line about a name begins with, and what stands between the value asked for and the one that came.
SUBJECT, NAME, NOW = "subject", "subject_alternative_name", " came as "
#: What each line about a name that was added ends with.
ADDED = " was not asked for"


def lost(
    requested_subject: Subject,
    requested_names: Sequence[GeneralName],
    issued_subject: Subject,
    issued_names: Sequence[GeneralName],
) -> List[str]:
    """What was requested and is not in the certificate, in the order of the request.

    :returns: entries such as ``subject emailAddress=jdoe@example.com`` and
        ``subject_alternative_name UPN:jdoe@example.com``; empty where everything was granted.
    """
    missing: List[SubjectAttribute] = []
    left = Counter(map(comparable_attribute, issued_subject))  # an attribute can be there more than once
    for attribute in requested_subject:
        wanted = comparable_attribute(attribute)
        if left[wanted] == 0:
            missing.append(attribute)
        left[wanted] -= 1
    granted = {comparable_name(name) for name in issued_names}
    return in_words(missing, [name for name in requested_names if comparable_name(name) not in granted])


def differs(
    requested_subject: Subject,
    requested_names: Sequence[GeneralName],
    issued_subject: Subject,
    issued_names: Sequence[GeneralName],
    *,
    same_subject: bool = False,
) -> List[str]:
    """Other values of what was requested, and what was added: a name that is not that of the host.

    An alternative name that nobody asked for is one, whatever its type: it says who the host is, or who its user is.

    :param same_subject: whether an attribute of a type that nobody asked for, such as the ``O`` of a CA, is one too.
    :returns: entries such as ``subject CN=ce1 came as CN=root``, in the order of the request, and ``subject OU=x was
        not asked for`` where another value joins those that were requested, or where none was.
    """
    asked = _by_type(in_words(requested_subject, requested_names))
    request, certificate = (requested_subject, requested_names), (issued_subject, issued_names)
    missing = _by_type(_beyond(request, certificate))
    surplus = _by_type(_beyond(certificate, request))
    found: List[str] = []
    for type_ in [*asked, *(type_ for type_ in surplus if type_ not in asked)]:
        if type_ not in asked and not same_subject and type_.startswith(f"{SUBJECT} "):
            continue
        came = surplus.get(type_, [])
        wanted = missing.get(type_, [])
        found.extend(f"{old}{NOW}{new.partition(' ')[2]}" for old, new in zip(wanted, came))
        found.extend(f"{new}{ADDED}" for new in came[len(wanted) :])
    return found


def _beyond(one: Tuple[Subject, Sequence[GeneralName]], other: Tuple[Subject, Sequence[GeneralName]]) -> List[str]:
    """What of one subject and its alternative names the other does not have."""
    return lost(one[0], one[1], other[0], other[1])


def _by_type(entries: Sequence[str]) -> Dict[str, List[str]]:
    """Entries of ``in_words()`` by what they begin with, up to the sign before the value."""
    found: Dict[str, List[str]] = {}
    for entry in entries:
        sign = "=" if entry.startswith(f"{SUBJECT} ") else ":"
        found.setdefault(entry.partition(sign)[0], []).append(entry)
    return found


def in_words(subject: Sequence[SubjectAttribute], names: Sequence[GeneralName]) -> List[str]:
    """Each attribute of a subject and each entry of a subject alternative name in words, in their order."""
    return [
        *(f"{SUBJECT} {ATTRIBUTE_NAMES.get(attribute.oid, attribute.oid)}={attribute.value}" for attribute in subject),
        *(f"{NAME} {name}" for name in names),
    ]
