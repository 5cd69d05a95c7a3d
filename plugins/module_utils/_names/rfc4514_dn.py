# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The comma form of a distinguished name (RFC 4514): ``CN=Bob Example,OU=Sales,DC=example,DC=com``.

The most specific attribute comes first, so the order is the reverse of that in the slash form and in a certificate.

The escapes of RFC 4514 are understood: a backslash before one of ``" + , ; < > \ # =`` or a space, and hexadecimal
pairs of UTF-8 (``\C4\8D``). Spaces around commas and equals signs do not matter, as in RFC 2253. Refused is what a
template cannot say (several attributes in one RDN), what cannot be checked (``#`` and hexadecimal BER), and what
RFC 4514 no longer has (values in quotes, semicolons between attributes).

``S`` and ``SN`` are refused too: they are surname and serialNumber to Cloud Extender, but SN is the surname to LDAP and
S the state to Microsoft's tools, and names in this form are mostly copied from those.
"""

from __future__ import annotations

import re

from .attributes import ATTRIBUTE_NAMES, ATTRIBUTE_OIDS, NAME_PATTERN, Subject, SubjectAttribute, attribute_oid
from .distinguished_names import split_unescaped
from .errors import NameSyntaxError, check_printable, quote

#: RFC 4519's names of the attributes for which IBM's templates have short names of their own.
LDAP_NAMES: dict[str, str] = {
    "givenName": ATTRIBUTE_OIDS["G"],
    "surname": ATTRIBUTE_OIDS["S"],
    "initials": ATTRIBUTE_OIDS["I"],
    "serialNumber": ATTRIBUTE_OIDS["SN"],
    "title": ATTRIBUTE_OIDS["T"],
    "description": ATTRIBUTE_OIDS["D"],
}

_OIDS_BY_LOWER_LDAP_NAME = {name.lower(): oid for name, oid in LDAP_NAMES.items()}
_LDAP_NAMES_BY_OID = {oid: name for name, oid in LDAP_NAMES.items()}
_AMBIGUOUS = {
    "s": ("is the surname to Cloud Extender and the state to Microsoft's tools", "surname or ST"),
    "sn": ("is the serial number to Cloud Extender and the surname to LDAP", "serialNumber or surname"),
}
_ALLOWED = r"NAME=value,NAME=value; a comma in a value is written \,"
_ALLOWED_ESCAPES = r'a backslash before one of " + , ; < > \ # = or a space, or before two hexadecimal digits'

_UP_TO_SPECIAL = re.compile(r'(?:\\.|[^\\"+;<>])*', re.DOTALL)
_UNIT = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.?)|[^\\]+", re.DOTALL)
_QUOTED = re.compile(r'=\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_UNIT = re.compile(r"\\.|[,+;<>]", re.DOTALL)
_SLASH_ATTRIBUTE = re.compile(rf"/\s*({NAME_PATTERN})\s*=")


def parse_rfc4514_dn(text: str) -> Subject:
    """Read a distinguished name in the comma form.

    Attribute names are IBM's without S and SN, RFC 4519's of ``LDAP_NAMES``, or object identifiers, in any case.
    Values are not checked: see ``check_attribute()``.

    :returns: the attributes in the order of the certificate, which is from right to left; at least one.
    :raises NameSyntaxError: with what is wrong, and with the text that was probably meant.
    """
    check_printable(text)
    if _QUOTED.search(text):
        raise NameSyntaxError(
            "has a value in quotes, which RFC 4514 no longer has", allowed=_ALLOWED, suggestion=_without_quotes(text)
        )
    rdns = split_unescaped(text, ",")
    return tuple(reversed([_parse_rdn(index, rdns, text) for index in range(len(rdns))]))


def format_rfc4514_dn(subject: Subject) -> str:
    """Write a subject in the comma form, so that ``parse_rfc4514_dn()`` gives the same attributes back.

    The short names that only IBM has become those of RFC 4519 (``surname``, ``serialNumber``).
    """
    return ",".join(
        f"{_LDAP_NAMES_BY_OID.get(oid) or ATTRIBUTE_NAMES.get(oid, oid)}={_escape(value)}"
        for oid, value in reversed(subject)
    )


def _trim(raw: str) -> str:
    """Strip the spaces around a raw text, but not one at its end that has a backslash before it."""
    stripped = raw.strip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return f"{stripped} " if backslashes % 2 and raw.endswith(" ") else stripped


def _parse_rdn(index: int, rdns: list[str], text: str) -> SubjectAttribute:
    rdn = _trim(rdns[index])
    if not rdn:
        raise NameSyntaxError("has a ',' with nothing before or after it", allowed=_ALLOWED)
    name, equals, raw = rdn.partition("=")
    if not equals:
        joined = ",".join(rdns[:index]) + r"\," + ",".join(rdns[index:]) if index else ""
        raise NameSyntaxError(
            f"has {quote(rdn)} without an attribute name and '='", allowed=_ALLOWED, suggestion=_if_valid(joined)
        )
    name, raw = name.strip(" "), _trim(raw)
    if not name:
        raise NameSyntaxError(f"has no attribute name before {quote(rdn)}", allowed="NAME=value")
    oid = _attribute_oid(name)
    if not raw:
        raise NameSyntaxError(f"has the attribute {name} without a value", allowed=f"{name}=value")
    if raw.startswith("#"):
        raise NameSyntaxError(
            f"has a value of {name} in hexadecimal BER (#...), which could be of any type and is not supported",
            allowed=r"text; a '#' at its beginning is written \#",
        )
    _refuse_bare(name, raw, text)
    value = _unescape(name, raw)
    check_printable(value, f"the value of {name}")
    if value != value.strip():
        raise NameSyntaxError(f"has a value of {name} that begins or ends with a space")
    return SubjectAttribute(oid, value)


def _attribute_oid(name: str) -> str:
    lower = name.lower()
    if lower in _AMBIGUOUS:
        reason, allowed = _AMBIGUOUS[lower]
        raise NameSyntaxError(f"has the attribute {name}, which {reason}", allowed=allowed)
    return _OIDS_BY_LOWER_LDAP_NAME.get(lower) or attribute_oid(name)


def _refuse_bare(name: str, raw: str, text: str) -> None:
    """Refuse what means something else, or nothing, where there is no backslash before it."""
    found = _UP_TO_SPECIAL.match(raw)
    bare = raw[found.end() : found.end() + 1] if found else ""
    if bare == "+":
        raise NameSyntaxError(
            f"has a '+' after the value of {name}: several attributes in one RDN are not supported",
            allowed=r"each attribute after a ',' of its own; a plus sign in a value is written \+",
        )
    if bare == ";":
        raise NameSyntaxError(
            f"has a ';' after the value of {name}",
            allowed=r"',' between attributes; a semicolon in a value is written \;",
            suggestion=_if_valid(text.replace(";", ",")),
        )
    if bare and bare != "\\":  # a backslash at the end is told as the escape that it is not
        raise NameSyntaxError(
            f"has a {quote(bare)} in the value of {name} without a backslash before it", allowed=rf"\{bare}"
        )
    slash = _SLASH_ATTRIBUTE.search(raw)
    if slash:
        raise NameSyntaxError(
            f"has '/{slash.group(1)}=' in the value of {name}",
            allowed=r"'/' at the very beginning for the slash form; as text it is written /NAME\=",
            suggestion="" if "," in text or "\\" in text else f"/{text.strip()}",
        )


def _unescape(name: str, raw: str) -> str:
    if "\\" not in raw:
        return raw
    value: list[str] = []
    for unit in _UNIT.finditer(raw):
        pairs, character = unit.groups()
        if pairs is not None:
            try:
                value.append(bytes.fromhex(pairs.replace("\\", "")).decode("utf-8"))
            except UnicodeDecodeError:
                raise NameSyntaxError(
                    f"has {quote(pairs)} in the value of {name}, which is not UTF-8",
                    allowed="each octet of a character as two hexadecimal digits after a backslash",
                ) from None
        elif character is None:
            value.append(unit.group())
        elif character and character in '"+,;<>\\#= ':
            value.append(character)
        else:
            raise NameSyntaxError(f"has {quote(unit.group())} in the value of {name}", allowed=_ALLOWED_ESCAPES)
    return "".join(value)


def _escape(value: str) -> str:
    escaped = re.sub(r'[\\",+;<>]', r"\\\g<0>", value)
    if escaped.startswith("#"):
        escaped = "\\" + escaped
    return _SLASH_ATTRIBUTE.sub(lambda found: found.group()[:-1] + r"\=", escaped)


def _without_quotes(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        inner = _QUOTED_UNIT.sub(lambda unit: unit.group() if len(unit.group()) > 1 else f"\\{unit.group()}", found[1])
        return f"={inner}"

    return _if_valid(_QUOTED.sub(plain, text))


def _if_valid(text: str) -> str:
    """Return a text to suggest, or an empty one where it would be refused as well."""
    if not text or _QUOTED.search(text):
        return ""
    try:
        return format_rfc4514_dn(parse_rfc4514_dn(text))
    except NameSyntaxError:
        return ""
