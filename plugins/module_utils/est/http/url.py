# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of an EST server: one base built from host, port and label (RFC 7030 sections 3.1 and 3.2.2)."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional, Tuple, Union
from urllib.parse import quote, unquote, urlsplit

from ..._value import Value
from ..base.errors import InputError

# ----------------------------------------------------------------------------------------------------------------------
# One spelling for every host: what is resolved, put into a URL, and compared with the names in a certificate.

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
        raise ValueError("it is not an IPv6 address")
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


# ----------------------------------------------------------------------------------------------------------------------

#: RFC 7030 section 3.2.2, table of operation paths.
OPERATIONS = ("cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs")

_WELL_KNOWN = "/.well-known/est"
_DEFAULT_PORT = 443
_CONTROL = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"


class EstUrl(Value):
    """Where an EST server is. Make one with ``build()``.

    :param host: host name in A-labels, or an IP address without brackets.
    :param label: the CA label, not encoded; ``None`` for the server's default CA.
    :param warnings: what looks like a mistake but is allowed.
    """

    host: str
    port: int
    label: Optional[str] = None
    warnings: Tuple[str, ...] = ()

    @classmethod
    def build(cls, server: str, port: Optional[Union[int, str]] = None, label: Optional[str] = None) -> EstUrl:
        """Build the address from what a user gives.

        :param server: a host (``est.example.com``, ``192.0.2.1``, ``[2001:db8::1]``), an authority (``host:port``), or
            a whole base URL (``https://host:port/.well-known/est/label``).
        :param port: 1 to 65535; 443 where neither this nor ``server`` has one.
        :param label: the CA label; it may contain anything but ``/`` and control characters.
        :raises InputError: names the option, its value, and what is allowed. Nothing is guessed where two differ.
        """
        authority, url_label = _split_server(server)
        host, url_port = _split_authority(server, authority)
        wanted = _check_port(port)
        if wanted is not None and url_port is not None and wanted != url_port:
            raise InputError(
                f"port is {wanted}, but server {server!r} has port {url_port}",
                hint="Give the port once, or the same port twice.",
            )
        label = _check_label(label) if label else None
        if label is not None and url_label is not None and label != url_label:
            raise InputError(
                f"label is {label!r}, but the label in server {server!r} is {url_label!r}",
                hint="Give the label once, or the same label twice.",
            )
        label = label if label is not None else url_label
        return cls(host, wanted or url_port or _DEFAULT_PORT, label, _warnings(label))

    @property
    def authority(self) -> str:
        """``host:port``, with IPv6 addresses in brackets: what error messages name."""
        address = ip_address(self.host)
        return f"[{self.host}]:{self.port}" if address and address.version == 6 else f"{self.host}:{self.port}"

    @property
    def base(self) -> str:
        """The URL to which operations are added."""
        # RFC 3986 section 3.3: the label is one path segment, so everything but unreserved characters is encoded.
        segment = f"/{quote(self.label, safe='')}" if self.label is not None else ""
        return f"https://{self.authority}{_WELL_KNOWN}{segment}"

    def operation(self, name: str) -> str:
        """The URL of one of ``OPERATIONS``.

        :raises ValueError: it is none of them.
        """
        if name not in OPERATIONS:
            raise ValueError(f"{name!r} is not an EST operation")
        return f"{self.base}/{name}"


def _split_server(server: str) -> Tuple[str, Optional[str]]:
    """``server`` as authority and label."""
    allowed = "server may be a host name, an IP address, host:port, or https://host:port/.well-known/est/label"
    if not server or server != server.strip() or re.search(_CONTROL, server) or " " in server:
        raise InputError(f"server is {server!r}: {allowed}", hint="Remove blanks and control characters.")
    if "://" not in server:
        if "/" in server:
            raise InputError(f"server is {server!r}: a URL begins with https://", hint=f"{allowed}.")
        return server, None
    try:
        parts = urlsplit(server)
    except ValueError:
        raise InputError(f"server is {server!r}, which is not a URL", hint=f"{allowed}.") from None
    if parts.scheme != "https":
        raise InputError(
            f"server is {server!r}: EST runs over https only (RFC 7030 section 3.3)",
            hint="Give the https:// address of the server, or only its host name.",
        )
    if "@" in parts.netloc:
        raise InputError(
            "server has a user name or a password in its URL",
            code="credentials_in_url",
            hint="Give them apart from the URL.",
        )
    if parts.query or parts.fragment:
        raise InputError(f"server is {server!r}: it has a query or a fragment", hint=f"{allowed}.")
    return parts.netloc, _label_of_path(server, parts.path)


def _label_of_path(server: str, path: str) -> Optional[str]:
    rest = path.rstrip("/")
    if not rest:
        return None
    if rest != _WELL_KNOWN and not rest.startswith(f"{_WELL_KNOWN}/"):
        raise InputError(
            f"server is {server!r}: the path of an EST server begins with {_WELL_KNOWN}",
            hint="Give only https://host:port, and the CA label apart from it.",
        )
    segment = rest[len(_WELL_KNOWN) + 1 :]
    if "/" in segment:
        raise InputError(
            f"server is {server!r}: there is one CA label at most after {_WELL_KNOWN} (RFC 7030 section 3.2.2)",
            hint="Remove the operation from the end of the URL: it is added to it.",
        )
    return _check_label(unquote(segment, errors="surrogateescape")) if segment else None


def _split_authority(server: str, authority: str) -> Tuple[str, Optional[int]]:
    host, port = authority, ""
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        host += bracket
        if rest and not rest.startswith(":"):
            raise InputError(
                f"server is {server!r}: only a port may follow the bracket", hint="Example: [2001:db8::1]:8443."
            )
        port = rest[1:]
    elif authority.count(":") == 1:
        host, _colon, port = authority.partition(":")
    try:
        name = ascii_host(host)
    except ValueError as error:
        raise InputError(
            f"server is {server!r}, and its host {host!r} cannot be used: {error}",
            hint="Give a host name such as est.example.com, or an IP address (IPv6 in brackets).",
        ) from None
    return name, _check_port(port) if port else None


def _check_port(port: Optional[Union[int, str]]) -> Optional[int]:
    if port is None:
        return None
    # str.isdigit alone would let in digits of other scripts, which int() reads as well.
    text = str(port)
    number = int(text) if not isinstance(port, bool) and text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= number <= 65535:
        raise InputError(f"port is {port!r}: it is a whole number from 1 to 65535")
    return number


def _check_label(label: str) -> str:
    if "/" in label:
        raise InputError(
            f"label is {label!r}: a CA label is one segment of the path, without a slash (RFC 7030 section 3.2.2)"
        )
    if not label.strip() or re.search(_CONTROL, label):
        raise InputError(f"label is {label!r}: a CA label has characters other than blanks, and no control characters")
    if label in (".", ".."):
        raise InputError(f"label is {label!r}: as a path segment this has another meaning (RFC 3986 section 3.3)")
    return label


def _warnings(label: Optional[str]) -> Tuple[str, ...]:
    if label not in OPERATIONS:
        return ()
    return (f"label is {label!r}, which is the name of an EST operation: most servers allow no such CA label",)
