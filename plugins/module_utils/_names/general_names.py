# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a subject alternative name as text: ``TYPE:value`` (RFC 5280 section 4.2.1.6).

All that the types differ in stands in one table, ``KINDS``. How the alternatives of GeneralName are encoded stands in
``est/x509/names.py``.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Tuple

from .._value import Value
from .addresses import check_domain_name, check_email_address, check_host_name, check_ip_address, check_uri
from .attributes import SubjectAttribute, check_attribute, is_object_identifier
from .comparison import (
    comparable_address,
    comparable_directory_name,
    comparable_domain,
    comparable_ip_address,
    comparable_upn,
    comparable_uri,
)
from .distinguished_names import format_slash_dn, parse_distinguished_name
from .errors import NameSyntaxError, check_printable, normalized, quote
from .identifiers import SID_URI_PREFIX, check_sid

# ----------------------------------------------------------------------------------------------------------------------
# What is to be known of each kind of name.

#: The type of an otherName that is a Windows user principal name.
UPN_OID = "1.3.6.1.4.1.311.20.2.3"
# userPrincipalName in Active Directory's schema (rangeUpper).
_LONGEST_UPN = 1024
_UPN_USER = r'[^\s@"\\/\[\]:;|=,<>?*]+\Z'


class GeneralName(NamedTuple):
    """One entry of a subject alternative name: a type, mostly one of ``KINDS``, and its text value."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


class Kind(Value):
    """A kind of name.

    :param alternative: the alternative of GeneralName that holds it (RFC 5280 section 4.2.1.6).
    :param check: raises ``NameSyntaxError`` for a value that is not of this kind; the reason reads after the value.
    :param oid: the type of an otherName, which holds a UTF8String.
    :param prefix: what stands before the value in a certificate.
    :param synonyms: other tools' names of it (lower case): they are suggested, not accepted.
    :param canonical: gives a valid value in the spelling that a certificate has.
    :param comparable: gives any value in a form that is the same for all spellings.
    :param stand_ins: values of a template's variable that can make an entry valid, the likeliest first.
    :param has_domain: the value ends in a domain, which is not made up for a variable that was not collected.
    :param is_evident: a value that is valid without its type is of this kind.
    """

    alternative: str
    check: Callable[[str], None]
    oid: str = ""
    prefix: str = ""
    synonyms: Tuple[str, ...] = ()
    canonical: Callable[[str], str] = str
    comparable: Callable[[str], str] = str
    stand_ins: Tuple[str, ...] = ()
    has_domain: bool = False
    is_evident: bool = False


def _check_upn(value: str) -> None:
    user, at, domain = value.partition("@")
    if not at or not user or not domain:
        raise NameSyntaxError("is not a user principal name", allowed="user@domain")
    if "@" in domain:
        raise NameSyntaxError("has more than one '@'", allowed="user@domain")
    if len(value) > _LONGEST_UPN:
        raise NameSyntaxError(f"has {len(value)} characters", allowed=f"at most {_LONGEST_UPN}")
    if not re.match(_UPN_USER, user):
        raise NameSyntaxError(
            f"has {quote(user)} before the '@', which is not a user name",
            allowed=r'no spaces and none of "\/[]:;|=,<>?*',
        )
    check_domain_name(domain, before=f"{user}@")


def _check_dns(value: str) -> None:
    wildcard = value[:2] if value.startswith("*.") else ""
    host = value[len(wildcard) :]
    if "*" in host:
        raise NameSyntaxError("has a '*' that is not its whole left-most label", allowed="such as *.example.com")
    if "://" in host:
        raise NameSyntaxError("is a URL", allowed="a host name")
    check_host_name(host, before=wildcard)


def _check_rid(value: str) -> None:
    if not is_object_identifier(value):
        raise NameSyntaxError("is not an object identifier", allowed="dotted numbers such as 1.3.6.1.4.1.311")


def _check_directory_name(value: str) -> None:
    for attribute in parse_distinguished_name(value):
        check_attribute(attribute)


def _slash_form(value: str) -> str:
    subject = parse_distinguished_name(value)
    return format_slash_dn(tuple(SubjectAttribute(oid, normalized(text)) for oid, text in subject))


_ADDRESSES = ("a", "a.example", "a@a.example")

#: The kinds of names by their types, as a user writes them.
KINDS: dict[str, Kind] = {
    # user@domain in any script, as Active Directory has it
    "UPN": Kind(
        "otherName",
        _check_upn,
        oid=UPN_OID,
        synonyms=("othername", "userprincipalname", "msupn"),
        canonical=normalized,
        comparable=comparable_upn,
        stand_ins=_ADDRESSES,
        has_domain=True,
    ),
    # an ASCII addr-spec
    "email": Kind(
        "rfc822Name",
        check_email_address,
        synonyms=("rfc822name", "rfc822", "mail", "e-mail", "emailaddress"),
        comparable=comparable_address,
        stand_ins=_ADDRESSES,
        has_domain=True,
        is_evident=True,
    ),
    # a host name in ASCII, ``*`` allowed as its whole left-most label
    "DNS": Kind(
        "dNSName",
        _check_dns,
        synonyms=("dnsname", "hostname"),
        comparable=comparable_domain,
        stand_ins=("a", "a.example", "*.a"),
    ),
    # IPv4 or IPv6 without a prefix length
    "IP": Kind(
        "iPAddress",
        check_ip_address,
        synonyms=("ipaddress", "ip address"),
        comparable=comparable_ip_address,
        stand_ins=("1", "1.1", "1.1.1", "192.0.2.1", "::1", "1::1", ""),
        is_evident=True,
    ),
    # absolute: with a scheme, and a host name or address where it has an authority
    "URI": Kind(
        "uniformResourceIdentifier",
        check_uri,
        synonyms=("uniformresourceidentifier", "url"),
        comparable=comparable_uri,
        stand_ins=("a", "https://a", "a:a", "1", "::1"),
    ),
    # a dotted object identifier
    "RID": Kind(
        "registeredID",
        _check_rid,
        synonyms=("registeredid", "oid"),
        stand_ins=("1", "1.3.6.1"),
        is_evident=True,
    ),
    # a distinguished name in either form; where a template has one, its attributes are checked one by one
    "dirName": Kind(
        "directoryName",
        _check_directory_name,
        synonyms=("directoryname", "dn"),
        canonical=_slash_form,
        comparable=comparable_directory_name,
        stand_ins=("/CN=a",),
        is_evident=True,
    ),
    # a Windows security identifier, in the URI of Microsoft's strong certificate mapping
    "SID": Kind(
        "uniformResourceIdentifier",
        check_sid,
        prefix=SID_URI_PREFIX,
        synonyms=("objectsid",),
        stand_ins=("1", "S-1-5-21-1-1-1-1", "1-5-21-1-1-1-1", "5-21-1-1-1-1", "21-1-1-1-1", "1-1-1-1", "1-1-1", "1-1"),
        is_evident=True,
    ),
}


# ----------------------------------------------------------------------------------------------------------------------


def find_type(written: str) -> str:
    """The type of ``KINDS`` that is meant by a text in any case, or an empty string."""
    wanted = written.lower()
    return written if written in KINDS else next((type_ for type_ in KINDS if type_.lower() == wanted), "")


def parse_general_name(text: str) -> GeneralName:
    """Read ``TYPE:value``. The type may be in any case and comes out in its canonical spelling.

    The value is not looked at, because it may still have variables in it: see ``validate_general_name()``. Only a URI
    with Microsoft's prefix of a security identifier comes out as SID, so that one name has one spelling.

    :raises NameSyntaxError: there is no type, an unknown one, or no value.
    """
    allowed = f"TYPE:value, TYPE one of {', '.join(KINDS)}"
    if not text:
        raise NameSyntaxError("is empty", allowed=allowed)
    written, colon, value = text.partition(":")
    type_ = find_type(written)
    if not colon or not type_:
        raise NameSyntaxError(
            f"has the unknown type {quote(written)}" if colon else "has no type before a ':'",
            allowed=allowed,
            suggestion=_suggest_entry(written, value) if colon else _guess_entry(text),
        )
    if not value:
        raise NameSyntaxError(f"has no value after '{type_}:'", allowed=allowed)
    if value != value.strip():
        raise NameSyntaxError(
            "has a space before or after its value", allowed=allowed, suggestion=f"{type_}:{value.strip()}"
        )
    return _without_prefix(GeneralName(type_, value), lambda name: name.value != "")


def validate_general_name(name: GeneralName) -> None:
    """Refuse an unknown type, and a value that is not one of its type.

    :raises NameSyntaxError: with what is wrong and what is allowed. The reason reads after the value.
    """
    kind = KINDS.get(name.type)
    if kind is None:
        raise NameSyntaxError("has an unknown type", allowed=", ".join(KINDS))
    check_printable(name.value)
    try:
        kind.check(name.value)
    except NameSyntaxError as exc:
        suggestion = f"{name.type}:{exc.suggestion}" if exc.suggestion else ""
        raise NameSyntaxError(exc.reason, allowed=exc.allowed, suggestion=suggestion) from exc


def canonical_general_name(name: GeneralName) -> GeneralName:
    """Return a valid name as it is read back from a certificate, so that the same name is the same text.

    A directory name is in the slash form, a URI with a security identifier is a SID, a UPN is in normal form C.
    """
    return _without_prefix(GeneralName(name.type, KINDS[name.type].canonical(name.value)), _is_valid)


def comparable_general_name(name: GeneralName) -> GeneralName:
    """Return a name in the form that all its spellings share; one of an unknown type as it is."""
    kind = KINDS.get(name.type)
    return GeneralName(name.type, kind.comparable(name.value)) if kind else name


def held_general_name(alternative: str, text: str, oid: str = "") -> Optional[GeneralName]:
    """Return the name that a certificate holds, or ``None`` where no kind of ours is held in this way.

    :param alternative: the alternative of GeneralName that holds it.
    :param text: what it holds; it is not checked, because a CA can put anything there.
    :param oid: the type of an otherName.
    """
    for type_, kind in KINDS.items():
        if (kind.alternative, kind.oid, kind.prefix) == (alternative, oid, ""):
            return _without_prefix(GeneralName(type_, text), _is_valid)
    return None


def _without_prefix(name: GeneralName, fits: Callable[[GeneralName], bool]) -> GeneralName:
    """A name that has the prefix of another kind as one of that kind: a URI that holds a SID as this SID."""
    for type_, kind in KINDS.items():
        if kind.prefix and name.value.startswith(kind.prefix):
            own, special = KINDS[name.type], GeneralName(type_, name.value[len(kind.prefix) :])
            if (own.alternative, own.oid, own.prefix) == (kind.alternative, kind.oid, "") and fits(special):
                return special
    return name


def _is_valid(name: GeneralName) -> bool:
    try:
        validate_general_name(name)
    except NameSyntaxError:
        return False
    return True


def _suggest_entry(written: str, value: str) -> str:
    wanted = written.strip().lower()
    known = _known_types()
    if wanted in ("http", "https", "urn", "tag", "ldap", "ldaps"):
        return f"URI:{written}:{value}"
    import difflib  # here, because only an error needs it

    close = [wanted] if wanted in known else difflib.get_close_matches(wanted, known, n=1, cutoff=0.65)
    return f"{known[close[0]]}:{value.strip()}" if close and value.strip() else ""


def _known_types() -> dict[str, str]:
    """The types by what they are called here and elsewhere, in lower case."""
    return {name: type_ for type_, kind in KINDS.items() for name in (*kind.synonyms, type_.lower())}


def _guess_entry(text: str) -> str:
    """Suggest a type for an entry that has none, or that has another separator (``UPN=value``)."""
    written, equals, value = text.partition("=")
    if equals and written.strip().lower() in _known_types():
        return _suggest_entry(written, value)
    for type_, kind in KINDS.items():
        if kind.is_evident and _is_valid(GeneralName(type_, text)):
            return f"{type_}:{text}"
    return ""
