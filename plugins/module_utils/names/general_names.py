# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a subject alternative name as text: ``TYPE:value`` (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

import difflib
import re
from typing import Callable, NamedTuple

from .attributes import check_attribute
from .email_address import check_email_address
from .errors import NameSyntaxError
from .host_names import check_host_name, is_host_name
from .object_identifiers import is_object_identifier
from .slash_dn import parse_slash_dn
from .text import find_unprintable

#: The types of an entry, as a user writes them. SID stands for Microsoft's strong-mapping URI.
GENERAL_NAME_TYPES = ("UPN", "email", "DNS", "IP", "URI", "RID", "dirName", "SID")

#: A URI with this prefix carries a security identifier: Microsoft's strong certificate mapping.
SID_URI_PREFIX = "tag:microsoft.com,2022-09-14:sid:"

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
_UPN_USER = re.compile(r'[^\s@"\\/\[\]:;|=,<>?*]+\Z')
# RFC 3986 section 2: unreserved, reserved and percent-encoded characters only.
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)\Z")
_URI_WITH_HOST = re.compile(r"//(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]]*)(?::[0-9]*)?(?:[/?#]|\Z)")
# [MS-DTYP] section 2.4.2.1: revision 1, an authority, up to 15 sub-authorities of 32 bits.
_SID = re.compile(r"S-1-(?:[0-9]{1,15}|0x[0-9A-Fa-f]{12})(?:-(?:0|[1-9][0-9]{0,9})){1,15}\Z")


class GeneralName(NamedTuple):
    """One entry of a subject alternative name: a type of :data:`GENERAL_NAME_TYPES` and its text value."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def parse_general_name(text: str) -> GeneralName:
    """Read ``TYPE:value``. The type may be in any case and comes out in its canonical spelling.

    The value is not looked at, because it may still have variables in it: see :func:`validate_general_name`.

    :raises NameSyntaxError: when there is no type, an unknown one, or no value.
    """
    allowed = f"TYPE:value, TYPE one of {', '.join(GENERAL_NAME_TYPES)}"
    if not text:
        raise NameSyntaxError("is empty", allowed=allowed)
    written, colon, value = text.partition(":")
    type_ = _TYPES_BY_LOWER_NAME.get(written.lower())
    if not colon or type_ is None:
        raise NameSyntaxError(
            f"has the unknown type '{written}'" if colon else "has no type before a ':'",
            allowed=allowed,
            suggestion=_suggest_entry(written, value) if colon else _guess_entry(text),
        )
    if not value:
        raise NameSyntaxError(f"has no value after '{type_}:'", allowed=allowed)
    if value != value.strip():
        raise NameSyntaxError(
            "has a space before or after its value", allowed=allowed, suggestion=f"{type_}:{value.strip()}"
        )
    return GeneralName(type_, value)


def validate_general_name(name: GeneralName) -> None:
    """Refuse a value that is not one of its type.

    ========  ==========================================================================================
    UPN       ``user@domain``: Microsoft's user principal name (otherName 1.3.6.1.4.1.311.20.2.3)
    email     an ASCII addr-spec (rfc822Name)
    DNS       a host name in ASCII, ``*`` allowed as its whole left-most label (dNSName)
    IP        an IPv4 or IPv6 address without a prefix length (iPAddress)
    URI       absolute: with a scheme, and a host name or address where it has an authority
    RID       a dotted object identifier (registeredID)
    dirName   a distinguished name in slash form (directoryName)
    SID       a Windows security identifier, ``S-1-...``
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


def sid_to_uri(sid: str) -> str:
    """Return the URI that carries a security identifier (Microsoft's strong certificate mapping)."""
    return SID_URI_PREFIX + sid


def uri_to_sid(uri: str) -> str:
    """Return the security identifier that a URI carries, or an empty string when it is an ordinary URI."""
    sid = uri[len(SID_URI_PREFIX) :] if uri.startswith(SID_URI_PREFIX) else ""
    return sid if _SID.match(sid) else ""


def _validate_upn(value: str) -> None:
    user, at, domain = value.partition("@")
    if not at or not user or not domain:
        raise NameSyntaxError("is no user principal name", allowed="user@domain")
    if "@" in domain:
        raise NameSyntaxError("has more than one '@'", allowed="user@domain")
    if not _UPN_USER.match(user):
        raise NameSyntaxError(
            f"has '{user}' before the '@', which is no user name", allowed=r'no spaces and none of "\/[]:;|=,<>?*'
        )
    check_host_name(domain, before=f"{user}@")


def _validate_dns(value: str) -> None:
    wildcard = value[:2] if value.startswith("*.") else ""
    host = value[len(wildcard) :]
    if "*" in host:
        raise NameSyntaxError("has a '*' that is not its whole left-most label", allowed="such as *.example.com")
    if "://" in host:
        raise NameSyntaxError("is a URL", allowed="a host name")
    check_host_name(host, before=wildcard)


def _validate_ip(value: str) -> None:
    import ipaddress  # here, because it costs every start-up some milliseconds and few templates have an IP entry

    try:
        if "%" in value:
            raise ValueError
        ipaddress.ip_address(value)
    except ValueError:
        address = value.partition("/")[0].partition("%")[0].strip("[]")
        try:
            ipaddress.ip_address(address)
        except ValueError:
            address = ""
        raise NameSyntaxError(
            "is no IP address",
            allowed="IPv4 such as 192.0.2.1 or IPv6 such as 2001:db8::1, without a prefix length",
            suggestion=address,
        ) from None


def _validate_uri(value: str) -> None:
    found = _URI.match(value)
    if not found:
        allowed = "an absolute URI in ASCII such as https://example.com/id or urn:uuid:..."
        if ":" not in value:
            raise NameSyntaxError("has no scheme", allowed=allowed)
        raise NameSyntaxError("is no URI", allowed=f"{allowed}; other characters percent-encoded")
    rest = found.group(2)
    if rest.startswith("//"):
        with_host = _URI_WITH_HOST.match(rest)
        if not with_host or (not with_host.group(1) and found.group(1).lower() != "file"):
            raise NameSyntaxError("has no valid host after '//'", allowed="scheme://host/path")
        host = with_host.group(1)
        if host.startswith("["):
            _validate_ip(host[1:-1])
        elif host and host.replace(".", "").isdigit():
            _validate_ip(host)
        elif host and not is_host_name(host):
            raise NameSyntaxError(f"has '{host}' as host, which is none", allowed="a host name or an IP address")
    if value.startswith(SID_URI_PREFIX) and not uri_to_sid(value):
        raise NameSyntaxError("has no security identifier after Microsoft's prefix", allowed=f"{SID_URI_PREFIX}S-1-...")


def _validate_rid(value: str) -> None:
    if not is_object_identifier(value):
        raise NameSyntaxError("is no object identifier", allowed="dotted numbers such as 1.3.6.1.4.1.311")


def _validate_directory_name(value: str) -> None:
    for attribute in parse_slash_dn(value):
        check_attribute(attribute)


def _validate_sid(value: str) -> None:
    if _SID.match(value):
        return
    suggestion = ""
    if uri_to_sid(value):
        suggestion = uri_to_sid(value)
    elif _SID.match(value.upper()):
        suggestion = value.upper()
    raise NameSyntaxError(
        "is no security identifier",
        allowed="S-1-... such as S-1-5-21-1004336348-1177238915-682003330-512",
        suggestion=suggestion,
    )


_VALIDATORS: dict[str, Callable[[str], None]] = {
    "UPN": _validate_upn,
    "email": check_email_address,
    "DNS": _validate_dns,
    "IP": _validate_ip,
    "URI": _validate_uri,
    "RID": _validate_rid,
    "dirName": _validate_directory_name,
    "SID": _validate_sid,
}


def _suggest_entry(written: str, value: str) -> str:
    wanted = written.strip().lower()
    known = {**_OTHER_TOOLS_TYPES, **_TYPES_BY_LOWER_NAME}
    if wanted in ("http", "https", "urn", "tag", "ldap", "ldaps"):
        return f"URI:{written}:{value}"
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
