# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""E-mail addresses, IP addresses, URIs and host names, as a certificate can hold them (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

import re

from .errors import NameSyntaxError, normalized, quote
from .identifiers import check_sid_uri

# ----------------------------------------------------------------------------------------------------------------------
# E-mail addresses: the addr-spec of RFC 5322 section 3.4.1 in the ASCII subset that certificates hold (rfc822Name).

# dot-atom only: a quoted local part is legal, but no directory and no certificate authority deals in it.
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z"


def check_email_address(text: str) -> None:
    """Refuse a text that is not an e-mail address.

    :raises NameSyntaxError: with what is wrong.
    """
    allowed = "local-part@domain"
    local, at, domain = text.rpartition("@")
    if not at:
        raise NameSyntaxError("has no '@'", allowed=allowed)
    if not local or not domain:
        raise NameSyntaxError("has nothing on one side of the '@'", allowed=allowed)
    if not local.isascii():
        raise NameSyntaxError(
            "has letters outside ASCII before the '@'",
            allowed="ASCII: an rfc822Name holds no other (RFC 5280), and few certificate authorities know the"
            " SmtpUTF8Mailbox of RFC 8398, which does",
        )
    if "@" in local:
        raise NameSyntaxError("has more than one '@'", allowed=allowed)
    if len(local) > 64:
        raise NameSyntaxError(f"has {len(local)} characters before the '@'", allowed="at most 64")
    if not re.match(_LOCAL_PART, local):
        raise NameSyntaxError(
            f"has {quote(local)} before the '@', which is not a local part",
            allowed="letters, digits and !#$%&'*+/=?^_`{|}~-, with single dots between them",
        )
    check_host_name(domain, before=f"{local}@")


# ----------------------------------------------------------------------------------------------------------------------
# IP addresses as a subject alternative name has them: one host, without prefix length and zone.


def check_ip_address(text: str) -> None:
    """Refuse a text that is neither an IPv4 nor an IPv6 address.

    :raises NameSyntaxError: also for a network and for an address with a zone (``%eth0``); it suggests the address.
    """
    if not is_ip_address(text):
        address = text.partition("/")[0].partition("%")[0].strip("[]")
        raise NameSyntaxError(
            "is not an IP address",
            allowed="IPv4 such as 192.0.2.1 or IPv6 such as 2001:db8::1, without a prefix length and a zone",
            suggestion=address if is_ip_address(address) else "",
        )


def is_ip_address(text: str) -> bool:
    """Tell whether a text is an IPv4 or IPv6 address and nothing else."""
    import ipaddress  # here, because it costs every start-up some milliseconds and few templates have an IP entry

    if "%" in text or len(text) > 45:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ----------------------------------------------------------------------------------------------------------------------
# URIs as a subject alternative name has them: absolute and in ASCII (RFC 5280 section 4.2.1.6, RFC 3986).

# Nothing bounds a URI; more than this is a mistake, and no software can be relied on to take it.
_LONGEST = 2048
# RFC 3986 section 2: unreserved, reserved and percent-encoded characters only.
_URI = r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)\Z"
_URI_WITH_HOST = r"//(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]]*)(?::[0-9]*)?(?:[/?#]|\Z)"
_ALLOWED = "an absolute URI in ASCII such as https://example.com/id or urn:uuid:..."


def check_uri(text: str) -> None:
    """Refuse a text that is not an absolute URI, or that is almost one of Microsoft's strong certificate mapping.

    :raises NameSyntaxError: with what is wrong.
    """
    if len(text) > _LONGEST:
        raise NameSyntaxError(f"has {len(text)} characters", allowed=f"at most {_LONGEST}")
    if ":" not in text:
        raise NameSyntaxError("has no scheme", allowed=_ALLOWED)
    if not text.isascii():
        raise NameSyntaxError(
            "has letters outside ASCII: in the host they are written in A-label form (xn--...), elsewhere"
            " percent-encoded in UTF-8",
            allowed=_ALLOWED,
            suggestion=_ascii_form(text),
        )
    found = re.match(_URI, text)
    if not found:
        raise NameSyntaxError("is not a URI", allowed=f"{_ALLOWED}; other characters percent-encoded")
    scheme, rest = found.groups()
    if rest.startswith("//"):
        _check_authority(scheme, rest)
    check_sid_uri(text)


def _check_authority(scheme: str, rest: str) -> None:
    with_host = re.match(_URI_WITH_HOST, rest)
    if not with_host or (not with_host.group(1) and scheme.lower() != "file"):
        raise NameSyntaxError("has no valid host after '//'", allowed="scheme://host/path")
    host = with_host.group(1)
    if host.startswith("["):
        check_ip_address(host[1:-1])
    elif host and host.replace(".", "").isdigit():
        check_ip_address(host)
    elif host and not is_host_name(host):
        raise NameSyntaxError(f"has {quote(host)} as host, which is none", allowed="a host name or an IP address")


def _ascii_form(text: str) -> str:
    """Return an internationalised URI (RFC 3987) in ASCII, or an empty string where there is none."""
    from urllib.parse import quote as percent_encode  # here, because only this error needs it

    scheme, _colon, rest = text.partition(":")
    start = ""
    with_host = re.match(_URI_WITH_HOST, rest)
    if with_host and not with_host.group(1).isascii():
        begin, end = with_host.span(1)
        start, rest = rest[:begin] + a_label_form(with_host.group(1)), rest[end:]
    candidate = f"{scheme}:" + percent_encode(start + rest, safe="%/?#[]@!$&'()*+,;=:~")
    if not candidate.isascii():  # the scheme
        return ""
    try:
        check_uri(candidate)
    except NameSyntaxError:
        return ""
    return candidate


# ----------------------------------------------------------------------------------------------------------------------
# Host and domain names: RFC 1123 section 2.1, the preferred name syntax of RFC 5280, and underscores. These are no part
# of either, but Active Directory and other internal zones have them, and resolvers and TLS libraries take them.

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = rf"(?:{_LABEL}\.)*{_LABEL}\Z"
_ONE_LABEL = rf"{_LABEL}\Z"
_MAXIMUM = 253
_ALLOWED_HOST = "labels of letters, digits, hyphens and underscores, with dots between them"
# IDNA 2003 takes these for dots.
_OTHER_DOTS = "[\u3002\uff0e\uff61]"


def is_host_name(text: str) -> bool:
    """Tell whether a text is a host name: labels of letters, digits, hyphens and underscores.

    The last label is not only digits: that is an IPv4 address, or a mistyped one.
    """
    return len(text) <= _MAXIMUM and re.match(_HOST_NAME, text) is not None and not text.rpartition(".")[2].isdigit()


def a_label_form(text: str) -> str:
    """Return an internationalised name in its ASCII form (``xn--``), or an empty string where there is none.

    There is none where IDNA 2003 and IDNA 2008 (RFC 5891) make different names of it, as of ``faß.example``: only the
    owner knows which of the two was registered.
    """
    ascii_form = _idna(text)
    if not ascii_form or ascii_form.encode("ascii").decode("idna") != normalized(text).lower():
        return ""
    return ascii_form


def check_domain_name(text: str, *, before: str = "") -> None:
    """Refuse a text that is not a host name, in ASCII or with letters of other scripts (U-labels, RFC 5890).

    :param before: as in ``check_host_name()``.
    :raises NameSyntaxError: with what is wrong.
    """
    if text.isascii():
        check_host_name(text, before=before)
    elif re.search(_OTHER_DOTS, text) or not _idna(text):
        raise NameSyntaxError(
            f"has {quote(text)}, which is not an internationalised host name",
            allowed=_ALLOWED_HOST,
        )


def _idna(text: str) -> str:
    # An underscore is in names that are written in ASCII; IDNA (RFC 5891) has none.
    if len(text) > _MAXIMUM or any("_" in label for label in text.split(".") if not label.isascii()):
        return ""
    try:
        ascii_form = text.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return ascii_form if is_host_name(ascii_form) else ""


def check_host_name(text: str, *, before: str = "") -> None:
    """Refuse a text that is not a host name.

    :param before: what stands before the name (``bob@``); a suggestion repeats it.
    :raises NameSyntaxError: it names the label that is wrong, and says why.
    """
    if not is_host_name(text):
        error = _wrong_host_name(text)
        if error.suggestion:
            error.suggestion = before + error.suggestion
        raise error


def _wrong_host_name(text: str) -> NameSyntaxError:
    if not text:
        return NameSyntaxError("has no host name", allowed=_ALLOWED_HOST)
    if not text.isascii():
        return NameSyntaxError(
            "has letters outside ASCII: an internationalised name is written in its A-label form (xn--...)",
            suggestion=a_label_form(text),
        )
    if len(text) > _MAXIMUM:
        return NameSyntaxError(f"has {len(text)} characters", allowed=f"at most {_MAXIMUM}")
    for label in text.split("."):
        if not label:
            return NameSyntaxError("has an empty label", allowed=_ALLOWED_HOST, suggestion=_without_empty_labels(text))
        if len(label) > 63:
            return NameSyntaxError(f"has a label of {len(label)} characters", allowed="at most 63")
        if not re.match(_ONE_LABEL, label):
            return NameSyntaxError(
                f"has the label {quote(label)}, which is not one of a host name",
                allowed="letters, digits, hyphens and underscores, no hyphen first or last",
            )
    return NameSyntaxError("ends in a number, so it is neither a host name nor an IP address", allowed=_ALLOWED_HOST)


def _without_empty_labels(text: str) -> str:
    candidate = ".".join(label for label in text.split(".") if label)
    return candidate if is_host_name(candidate) else ""
