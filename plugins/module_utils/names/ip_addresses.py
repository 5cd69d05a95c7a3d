# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses as a subject alternative name has them: one host, without prefix length and zone."""

from __future__ import annotations

from .errors import NameSyntaxError


def check_ip_address(text: str) -> None:
    """Refuse a text that is neither an IPv4 nor an IPv6 address.

    :raises NameSyntaxError: also for a network and for a zone (``%eth0``), with the address in it as suggestion.
    """
    if not is_ip_address(text):
        address = text.partition("/")[0].partition("%")[0].strip("[]")
        raise NameSyntaxError(
            "is no IP address",
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
