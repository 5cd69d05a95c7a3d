# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a subject name: IBM's spelling, their object identifiers, and what each may hold.

Note S and SN: in a Cloud Extender template S is surname and SN is serialNumber, the opposite of what many tools assume.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple

from .._value import Value
from .addresses import check_email_address
from .errors import NameSyntaxError, check_printable, quote

# ----------------------------------------------------------------------------------------------------------------------
# Dotted object identifiers.

# X.660: the first arc is 0, 1 or 2; under 0 and 1 the second is at most 39. No leading zeros.
_OBJECT_IDENTIFIER = r"(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*\Z"


# What certificate software can hold: numbers of 128 bits (X.667 makes arcs of UUIDs), 63 octets in all.
_LARGEST_NUMBER = 2**128 - 1
_MOST_OCTETS = 63


def is_object_identifier(text: str) -> bool:
    """Tell whether a text is an object identifier in dotted form, such as ``1.3.6.1.4.1.311.20.2.3``."""
    if len(text) > 255 or not re.match(_OBJECT_IDENTIFIER, text):
        return False
    first, second, *others = (int(number) for number in text.split("."))
    arcs = (40 * first + second, *others)
    return max(arcs) <= _LARGEST_NUMBER and sum(-(-max(arc.bit_length(), 1) // 7) for arc in arcs) <= _MOST_OCTETS


# ----------------------------------------------------------------------------------------------------------------------


class SubjectAttribute(NamedTuple):
    """One attribute of a subject name: a dotted object identifier and its text value."""

    oid: str
    value: str


#: A subject name: its attributes in order, one per RDN.
Subject = Tuple[SubjectAttribute, ...]

#: IBM's attribute names (in the order of IBM's documentation) to object identifiers.
ATTRIBUTE_OIDS: dict[str, str] = {
    "CN": "2.5.4.3",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "G": "2.5.4.42",
    "S": "2.5.4.4",
    "I": "2.5.4.43",
    "UID": "0.9.2342.19200300.100.1.1",
    "SN": "2.5.4.5",
    "T": "2.5.4.12",
    "D": "2.5.4.13",
    "emailAddress": "1.2.840.113549.1.9.1",
    "DC": "0.9.2342.19200300.100.1.25",
}

#: Object identifiers to IBM's attribute names.
ATTRIBUTE_NAMES: dict[str, str] = {oid: name for name, oid in ATTRIBUTE_OIDS.items()}


class _Rule(Value):
    """What a value may be: at most ``maximum`` characters, and all of it matching ``pattern``."""

    maximum: int
    pattern: str = ""
    allowed: str = ""


_IA5 = r"[\x20-\x7e]*\Z"
_PRINTABLE = r"[A-Za-z0-9 '()+,\-./:=?]*\Z"

# The upper bounds of RFC 5280 appendix A.1 (X.520); description is X.520's ub-description, userId RFC 4524's, and a
# domainComponent is one label of at most 63 characters (RFC 4519 section 2.4).
_RULES: dict[str, _Rule] = {
    "CN": _Rule(64),
    "C": _Rule(2, r"[A-Z]{2}\Z", "two capital letters (ISO 3166), such as US"),
    "L": _Rule(128),
    "ST": _Rule(128),
    "O": _Rule(64),
    "OU": _Rule(64),
    "G": _Rule(32768),
    "S": _Rule(32768),
    "I": _Rule(32768),
    "UID": _Rule(256),
    "SN": _Rule(64, _PRINTABLE, "letters, digits, space and '()+,-./:=?"),
    "T": _Rule(64),
    "D": _Rule(1024),
    "emailAddress": _Rule(255),
    "DC": _Rule(63, _IA5, "ASCII; an internationalised label in its A-label form (xn--...)"),
    # Two more that X.520 gives PrintableString to: dnQualifier, and Microsoft's jurisdictionOfIncorporationCountryName.
    "2.5.4.46": _Rule(64, _PRINTABLE, "letters, digits, space and '()+,-./:=?"),
    "1.3.6.1.4.1.311.60.2.1.3": _Rule(2, r"[A-Z]{2}\Z", "two capital letters (ISO 3166), such as US"),
}
# Any other attribute: the largest bound there is (ub-name).
_OTHER_RULE = _Rule(32768)
_UNIQUE_IDENTIFIER = "2.5.4.45"


def check_attribute(attribute: SubjectAttribute) -> None:
    """Refuse a value that its attribute cannot hold, by its length (RFC 5280 appendix A.1) or its characters.

    :raises NameSyntaxError: it names the attribute and what it may hold. The reason reads after the whole name.
    """
    name = ATTRIBUTE_NAMES.get(attribute.oid, attribute.oid)
    value = attribute.value
    if name == attribute.oid and not is_object_identifier(name):
        raise NameSyntaxError(f"has the unknown attribute {quote(name)}", allowed=", ".join(ATTRIBUTE_OIDS))
    if not value:
        raise NameSyntaxError(f"has the attribute {name} without a value", allowed=f"/{name}=value")
    if value != value.strip():
        raise NameSyntaxError(f"has a value of {name} that begins or ends with a space")
    check_printable(value, f"the value of {name}")
    if attribute.oid == _UNIQUE_IDENTIFIER:
        raise NameSyntaxError(
            f"has the attribute {name} (x500UniqueIdentifier), which is a BIT STRING and holds no text"
        )
    rule = _RULES.get(name, _OTHER_RULE)
    if rule.pattern and not re.match(rule.pattern, value):
        capital = value.upper() if value.isascii() else ""
        raise NameSyntaxError(
            f"has {quote(value)} as {name}",
            allowed=rule.allowed,
            suggestion=f"/{name}={capital}" if re.match(rule.pattern, capital) and capital else "",
        )
    if len(value) > rule.maximum:
        raise NameSyntaxError(f"has {len(value)} characters in {name}", allowed=f"at most {rule.maximum}")
    if name == "emailAddress":
        try:
            check_email_address(value)
        except NameSyntaxError as exc:
            raise NameSyntaxError(
                f"has an emailAddress {quote(value)} that {exc.reason}",
                allowed=exc.allowed,
                suggestion=f"/emailAddress={exc.suggestion}" if exc.suggestion else "",
            ) from exc


# ----------------------------------------------------------------------------------------------------------------------
# How the attributes of a subject are written: IBM's names, those of other tools, object identifiers.

#: Names that other tools use for the same attributes (lower case): they are suggested, not accepted.
OTHER_TOOLS_NAMES: dict[str, str] = {
    "commonname": "CN",
    "country": "C",
    "countryname": "C",
    "locality": "L",
    "localityname": "L",
    "sp": "ST",
    "state": "ST",
    "stateorprovincename": "ST",
    "organization": "O",
    "organizationname": "O",
    "organizationalunit": "OU",
    "organizationalunitname": "OU",
    "gn": "G",
    "givenname": "G",
    "surname": "S",
    "initials": "I",
    "userid": "UID",
    "serialnumber": "SN",
    "title": "T",
    "description": "D",
    "e": "emailAddress",
    "email": "emailAddress",
    "mail": "emailAddress",
    "domaincomponent": "DC",
}

#: Matches the name of an attribute, IBM's or another tool's, in any case, or an object identifier.
NAME_PATTERN = "(?i:" + "|".join((*ATTRIBUTE_OIDS, *OTHER_TOOLS_NAMES)) + r"|[0-2](?:\.[0-9]+){2,})"

_OIDS_BY_LOWER_NAME: dict[str, str] = {name.lower(): oid for name, oid in ATTRIBUTE_OIDS.items()}


def attribute_oid(name: str) -> str:
    """Return the object identifier of an attribute name in any case, or of a dotted object identifier itself.

    :raises NameSyntaxError: there is no such attribute; with the name that was probably meant.
    """
    oid = known_oid(name)
    if oid:
        return oid
    if is_object_identifier(name):
        return name
    suggestion = _suggested_name(name)
    meant = f"; {suggestion} is IBM's name of it" if name.strip().lower() in OTHER_TOOLS_NAMES else ""
    raise NameSyntaxError(
        f"has the unknown attribute {quote(name)}{meant}", allowed=", ".join(ATTRIBUTE_OIDS), suggestion=suggestion
    )


def known_oid(name: str) -> str:
    """Return the object identifier of one of IBM's attribute names in any case, or an empty string."""
    return _OIDS_BY_LOWER_NAME.get(name.lower(), "")


def _suggested_name(name: str) -> str:
    wanted = name.strip().lower()
    if wanted.startswith("oid."):
        return wanted[4:] if is_object_identifier(wanted[4:]) else ""
    if wanted in OTHER_TOOLS_NAMES:
        return OTHER_TOOLS_NAMES[wanted]
    known = {lower: ATTRIBUTE_NAMES[oid] for lower, oid in _OIDS_BY_LOWER_NAME.items()}
    if wanted in known:
        return known[wanted]
    import difflib  # here, because only an error needs it

    close = difflib.get_close_matches(wanted, [*known, *OTHER_TOOLS_NAMES], n=1, cutoff=0.65)
    return known.get(close[0], OTHER_TOOLS_NAMES.get(close[0], "")) if close else ""
