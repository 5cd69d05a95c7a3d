# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the attributes of a subject are written: IBM's names, those of other tools, object identifiers."""

from __future__ import annotations

from .attributes import ATTRIBUTE_NAMES, ATTRIBUTE_OIDS
from .errors import NameSyntaxError
from .object_identifiers import is_object_identifier
from .text import quote

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

    :raises NameSyntaxError: when there is no such attribute, with the likely intended name.
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
