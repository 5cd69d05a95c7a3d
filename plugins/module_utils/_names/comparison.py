# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a form to compare: two spellings of one name are equal, two names never are.

A CA may spell a name in its own way. Then nothing is lost, and there is no reason to refuse a renewal.
"""

from __future__ import annotations

import re

from .attributes import ATTRIBUTE_NAMES, SubjectAttribute
from .distinguished_names import format_slash_dn, parse_distinguished_name
from .errors import NameSyntaxError, normalized

_URI = r"(?s)([A-Za-z][A-Za-z0-9+.-]*:)(//[^/?#]*)?(.*)\Z"
_UNRESERVED = r"[A-Za-z0-9._~-]\Z"


def comparable_attribute(attribute: SubjectAttribute) -> SubjectAttribute:
    """An attribute of a subject, without regard to case and to surrounding or repeated spaces (RFC 5280 section 7.1).

    An emailAddress is compared so as a whole (section 4.1.2.6), unlike the alternative name ``email``.
    """
    value = " ".join(normalized(normalized(attribute.value).casefold()).split())
    name = ATTRIBUTE_NAMES.get(attribute.oid)
    if name == "emailAddress":
        value = comparable_address(value)
    elif name == "DC":  # one label of a domain, in either form
        value = comparable_domain(value)
    return SubjectAttribute(attribute.oid, value)


def comparable_directory_name(value: str) -> str:
    """A directory name: compared like a subject, attribute by attribute in their order."""
    try:
        subject = parse_distinguished_name(value)
    except NameSyntaxError:
        return normalized(value)
    return format_slash_dn(tuple(map(comparable_attribute, subject)))


def comparable_domain(text: str) -> str:
    """A domain in lower case (RFC 4343), without the dot of the root, each label as its U-label."""
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


def comparable_address(address: str) -> str:
    """An e-mail address, whose part before the ``@`` counts as it is (RFC 5280 section 7.5)."""
    local_part, at, domain = normalized(address).rpartition("@")
    return f"{local_part}{at}{comparable_domain(domain)}"


def comparable_upn(value: str) -> str:
    """A user principal name: Active Directory compares it as a whole without regard to case."""
    return comparable_address(normalized(value).lower())


def comparable_ip_address(value: str) -> str:
    """An IP address in one of its many spellings (IPv6); any other text as it is."""
    import ipaddress  # here, because it costs every start-up some milliseconds

    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value


def comparable_uri(value: str) -> str:
    """A URI, normalised in case and percent-encoding (RFC 3986 sections 6.2.2.1 and 6.2.2.2)."""
    found = re.match(_URI, re.sub("%[0-9A-Fa-f]{2}", _percent_encoded, value))
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
    return character if re.match(_UNRESERVED, character) else found.group().upper()
