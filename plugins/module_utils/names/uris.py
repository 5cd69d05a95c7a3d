# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URIs as a subject alternative name has them: absolute and in ASCII (RFC 5280 section 4.2.1.6, RFC 3986)."""

from __future__ import annotations

import re

from .errors import NameSyntaxError
from .host_names import a_label_form, is_host_name
from .ip_addresses import check_ip_address
from .security_identifiers import check_sid_uri
from .text import quote

# Nothing bounds a URI; more than this is a mistake, and no software can be relied on to take it.
_LONGEST = 2048
# RFC 3986 section 2: unreserved, reserved and percent-encoded characters only.
_URI = r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)\Z"
_URI_WITH_HOST = r"//(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]]*)(?::[0-9]*)?(?:[/?#]|\Z)"
_ALLOWED = "an absolute URI in ASCII such as https://example.com/id or urn:uuid:..."


def check_uri(text: str) -> None:
    """Refuse a text that is no absolute URI, or that was meant for Microsoft's strong mapping and is not.

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
        raise NameSyntaxError("is no URI", allowed=f"{_ALLOWED}; other characters percent-encoded")
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
