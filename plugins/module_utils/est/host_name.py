# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One spelling for every host: what is resolved, put into a URL, and compared with the names in a certificate."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional, Union

IpAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# Underscores are no part of host names (RFC 1123), but internal DNS zones have them.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z"


def ip_address(host: str) -> Optional[IpAddress]:
    """The host as an IP address, or ``None`` where it is a name. Takes no brackets and no zone identifier."""
    if "%" in host:
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def ascii_host(text: str) -> str:
    """A host in the form in which hosts are compared: lower case, A-labels (RFC 5890), without a trailing dot.

    IP addresses come back in their shortest form, IPv6 without brackets.

    :raises ValueError: no host name and no IP address; the text says why.
    """
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address = ip_address(host)
    if address is not None:
        return address.compressed
    if host is not text or ":" in host:
        raise ValueError("it is no IPv6 address")
    if not host.isascii():
        host = _a_labels(host)
    host = (host[:-1] if host.endswith(".") else host).lower()
    labels = host.split(".")
    if len(host) > 253 or not all(re.match(_LABEL, label) for label in labels):
        raise ValueError("host names have letters, digits and hyphens in labels of up to 63, separated by dots")
    if labels[-1].isdigit():
        raise ValueError("it is neither an IPv4 address nor a host name")
    return host


def _a_labels(host: str) -> str:
    # Only a host with letters outside ASCII needs the tables of this library (it comes with requests).
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"it has no valid internationalised form ({error})") from None
