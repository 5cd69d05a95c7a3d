# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of an EST server, one base for all operations (RFC 7030 sections 3.1 and 3.2.2), and of a proxy."""

from __future__ import annotations

import functools
import ipaddress
from typing import Optional, Tuple, Union
from urllib.parse import quote

from ..._names.errors import quote as quote_value
from ..._names.server_address import (
    OPERATIONS,
    SEGMENT_CHARACTERS,
    WELL_KNOWN,
    AddressError,
    ServerAddress,
    ascii_host,
    read_proxy_address,
    read_server_address,
)
from ..._value import Value
from ..base.errors import InputError

__all__ = ("OPERATIONS", "EstUrl", "IpAddress", "Proxy", "ascii_host", "ip_address")

IpAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def ip_address(host: str) -> Optional[IpAddress]:
    """The host as an IP address, or ``None`` where it is a name. Takes no brackets and no zone identifier."""
    if "%" in host:
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


# ----------------------------------------------------------------------------------------------------------------------


class EstUrl(Value):
    """Where an EST server is. Make one with ``build()``.

    :param host: host name in A-labels, or an IP address without brackets.
    :param label: the CA label, not encoded; ``None`` for the server's default CA.
    :param warnings: what looks like a mistake but is allowed.
    :param base_path: what label and operation are added to, as it stands in a URL; ``None`` for ``/.well-known/est``.
    """

    host: str
    port: int
    label: Optional[str] = None
    warnings: Tuple[str, ...] = ()
    base_path: Optional[str] = None

    @classmethod
    def build(
        cls,
        server: str,
        port: Optional[Union[int, str]] = None,
        label: Optional[str] = None,
        base_path: Optional[str] = None,
    ) -> EstUrl:
        """Build the address from what a user gives.

        :param server: a host (``est.example.com``, ``192.0.2.1``, ``[2001:db8::1]``), an authority (``host:port``), or
            a whole base URL (``https://host:port/.well-known/est/label``, ``https://host:port/v1/pki/est``).
        :param port: 1 to 65535; 443 where neither this nor ``server`` has one.
        :param label: the CA label; it may contain anything but slashes and control characters.
        :param base_path: where the server does not answer at ``/.well-known/est`` (RFC 7030 section 3.2.2).
        :raises InputError: names the option, its value, and what is allowed. Nothing is guessed where two differ.
        """
        return _built(server, _port_number(port), label or None, base_path or None)

    @property
    def authority(self) -> str:
        """``host:port``, with IPv6 addresses in brackets: what error messages name."""
        return ServerAddress(self.host, self.port, None, None).authority

    @property
    def base(self) -> str:
        """The URL to which operations are added."""
        return _base(self.host, self.port, self.label, self.base_path)

    def operation(self, name: str) -> str:
        """The URL of one of ``OPERATIONS``.

        :raises ValueError: it is none of them.
        """
        if name not in OPERATIONS:
            raise ValueError(f"{name!r} is not an EST operation")
        return f"{self.base}/{name}"


@functools.lru_cache(maxsize=64)
def _built(server: str, port: Optional[int], label: Optional[str], base_path: Optional[str]) -> EstUrl:
    """See ``EstUrl.build()``. Hundreds of certificates of one run have the same."""
    try:
        address = read_server_address(server, port, label, base_path)
    except AddressError as error:
        raise _input_error(error) from None
    return EstUrl(address.host, address.port, address.label, _warnings(address.label), address.base_path)


@functools.lru_cache(maxsize=64)
def _base(host: str, port: int, label: Optional[str], base_path: Optional[str]) -> str:
    # RFC 3986 section 3.3: the label is one path segment, and what may stand in one stays as it is given: servers
    # compare it with what they were configured with, and not all of them decode it before.
    segment = f"/{quote(label, safe=SEGMENT_CHARACTERS)}" if label is not None else ""
    return f"https://{EstUrl(host, port).authority}{base_path or WELL_KNOWN}{segment}"


class Proxy(Value):
    """An HTTP proxy. Make one with ``parse()``.

    :param host: host name, or an IP address without brackets.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read the option ``proxy``: ``http://host:port``.

        :raises InputError: anything else; a user name or password, which this option must not hold.
        """
        try:
            return cls(*read_proxy_address(text))
        except AddressError as error:
            raise _input_error(error) from None


def _port_number(port: Optional[Union[int, str]]) -> Optional[int]:
    if port is None:
        return None
    # str.isdigit alone would let in digits of other scripts, which int() reads as well.
    text = str(port)
    if isinstance(port, bool) or not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise InputError(f"port is {port!r}: it is a whole number from 1 to 65535")
    return int(text)


def _input_error(error: AddressError) -> InputError:
    meant = f"Did you mean {quote_value(error.suggestion)}? " if error.suggestion else ""
    return InputError(
        f"{error.option} is {error.shown}, which {error.reason}",
        code="credentials_in_url" if error.has_credentials else None,
        hint=f"{meant}Allowed: {error.allowed}." if error.allowed else meant.rstrip(),
    )


def _warnings(label: Optional[str]) -> Tuple[str, ...]:
    if label not in OPERATIONS:
        return ()
    return (f"label is {label!r}, which is the name of an EST operation: most servers allow no such CA label",)
