# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a subject alternative name as text: ``TYPE:value`` (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

from .addresses import check_domain_name, check_email_address, check_host_name, check_ip_address, check_uri
from .attributes import SubjectAttribute, check_attribute, is_object_identifier
from .distinguished_names import format_slash_dn, parse_distinguished_name
from .errors import NameSyntaxError, find_unprintable, normalized, quote
from .identifiers import SID_URI_PREFIX, check_sid, uri_to_sid

#: The types of an entry, as a user writes them. SID stands for Microsoft's strong-mapping URI.
GENERAL_NAME_TYPES = ("UPN", "email", "DNS", "IP", "URI", "RID", "dirName", "SID")

_TYPES_BY_LOWER_NAME: dict[str, str] = {name.lower(): name for name in GENERAL_NAME_TYPES}
_OTHER_TOOLS_TYPES: dict[str, str] = {
    "othername": "UPN",
    "userprincipalname": "UPN",
    "msupn": "UPN",
    "rfc822name": "email",
    "rfc822": "email",
    "mail": "email",
    "e-mail": "email",
    "emailaddress": "email",
    "dnsname": "DNS",
    "hostname": "DNS",
    "ipaddress": "IP",
    "ip address": "IP",
    "uniformresourceidentifier": "URI",
    "url": "URI",
    "registeredid": "RID",
    "oid": "RID",
    "directoryname": "dirName",
    "dn": "dirName",
    "objectsid": "SID",
}
# userPrincipalName in Active Directory's schema (rangeUpper).
_LONGEST_UPN = 1024
_UPN_USER = r'[^\s@"\\/\[\]:;|=,<>?*]+\Z'


class GeneralName(NamedTuple):
    """One entry of a subject alternative name: a type of ``GENERAL_NAME_TYPES`` and its text value."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def parse_general_name(text: str) -> GeneralName:
    """Read ``TYPE:value``. The type may be in any case and comes out in its canonical spelling.

    The value is not looked at, because it may still have variables in it: see ``validate_general_name()``. Only a URI
    with Microsoft's prefix of a security identifier comes out as SID, so that one name has one spelling.

    :raises NameSyntaxError: when there is no type, an unknown one, or no value.
    """
    allowed = f"TYPE:value, TYPE one of {', '.join(GENERAL_NAME_TYPES)}"
    if not text:
        raise NameSyntaxError("is empty", allowed=allowed)
    written, colon, value = text.partition(":")
    type_ = _TYPES_BY_LOWER_NAME.get(written.lower())
    if not colon or type_ is None:
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
    if type_ == "URI" and value.startswith(SID_URI_PREFIX) and value != SID_URI_PREFIX:
        return GeneralName("SID", value[len(SID_URI_PREFIX) :])
    return GeneralName(type_, value)


def canonical_general_name(name: GeneralName) -> GeneralName:
    """Return a valid name as it is read back from a certificate, so that the same name is the same text.

    A directory name is in the slash form, a URI with a security identifier is a SID, a UPN is in normal form C.
    """
    if name.type == "dirName":
        subject = parse_distinguished_name(name.value)
        attributes = (SubjectAttribute(oid, normalized(value)) for oid, value in subject)
        return GeneralName(name.type, format_slash_dn(tuple(attributes)))
    if name.type == "UPN":
        return GeneralName(name.type, normalized(name.value))
    sid = uri_to_sid(name.value) if name.type == "URI" else ""
    return GeneralName("SID", sid) if sid else name


def validate_general_name(name: GeneralName) -> None:
    """Refuse a value that is not one of its type.

    ========  ==========================================================================================
    UPN       ``user@domain``: Microsoft's user principal name (otherName 1.3.6.1.4.1.311.20.2.3), in any script
    email     an ASCII addr-spec (rfc822Name)
    DNS       a host name in ASCII, ``*`` allowed as its whole left-most label (dNSName)
    IP        an IPv4 or IPv6 address without a prefix length (iPAddress)
    URI       absolute: with a scheme, and a host name or address where it has an authority
    RID       a dotted object identifier (registeredID)
    dirName   a distinguished name in the slash form or that of RFC 4514 (directoryName)
    SID       a Windows security identifier, ``S-1-...``, which becomes Microsoft's URI
    ========  ==========================================================================================

    :raises NameSyntaxError: with what is wrong and what is allowed. The reason reads after the value.
    """
    unprintable = find_unprintable(name.value)
    if unprintable:
        raise NameSyntaxError(f"has a control character ({unprintable}) in it")
    try:
        _VALIDATORS[name.type](name.value)
    except NameSyntaxError as exc:
        suggestion = f"{name.type}:{exc.suggestion}" if exc.suggestion else ""
        raise NameSyntaxError(exc.reason, allowed=exc.allowed, suggestion=suggestion) from exc


def _validate_upn(value: str) -> None:
    user, at, domain = value.partition("@")
    if not at or not user or not domain:
        raise NameSyntaxError("is no user principal name", allowed="user@domain")
    if "@" in domain:
        raise NameSyntaxError("has more than one '@'", allowed="user@domain")
    if len(value) > _LONGEST_UPN:
        raise NameSyntaxError(f"has {len(value)} characters", allowed=f"at most {_LONGEST_UPN}")
    if not re.match(_UPN_USER, user):
        raise NameSyntaxError(
            f"has {quote(user)} before the '@', which is no user name", allowed=r'no spaces and none of "\/[]:;|=,<>?*'
        )
    check_domain_name(domain, before=f"{user}@")


def _validate_dns(value: str) -> None:
    wildcard = value[:2] if value.startswith("*.") else ""
    host = value[len(wildcard) :]
    if "*" in host:
        raise NameSyntaxError("has a '*' that is not its whole left-most label", allowed="such as *.example.com")
    if "://" in host:
        raise NameSyntaxError("is a URL", allowed="a host name")
    check_host_name(host, before=wildcard)


def _validate_rid(value: str) -> None:
    if not is_object_identifier(value):
        raise NameSyntaxError("is no object identifier", allowed="dotted numbers such as 1.3.6.1.4.1.311")


def _validate_directory_name(value: str) -> None:
    for attribute in parse_distinguished_name(value):
        check_attribute(attribute)


_VALIDATORS: dict[str, Callable[[str], None]] = {
    "UPN": _validate_upn,
    "email": check_email_address,
    "DNS": _validate_dns,
    "IP": check_ip_address,
    "URI": check_uri,
    "RID": _validate_rid,
    "dirName": _validate_directory_name,
    "SID": check_sid,
}


def _suggest_entry(written: str, value: str) -> str:
    wanted = written.strip().lower()
    known = {**_OTHER_TOOLS_TYPES, **_TYPES_BY_LOWER_NAME}
    if wanted in ("http", "https", "urn", "tag", "ldap", "ldaps"):
        return f"URI:{written}:{value}"
    import difflib  # here, because only an error needs it

    close = [wanted] if wanted in known else difflib.get_close_matches(wanted, known, n=1, cutoff=0.65)
    return f"{known[close[0]]}:{value.strip()}" if close and value.strip() else ""


def _guess_entry(text: str) -> str:
    """Suggest a type for an entry that has none, or that has another separator (``UPN=value``)."""
    written, equals, value = text.partition("=")
    if equals and written.strip().lower() in {**_OTHER_TOOLS_TYPES, **_TYPES_BY_LOWER_NAME}:
        return _suggest_entry(written, value)
    for type_ in ("IP", "SID", "email", "RID", "dirName"):
        try:
            _VALIDATORS[type_](text)
        except NameSyntaxError:
            continue
        return f"{type_}:{text}"
    return ""
