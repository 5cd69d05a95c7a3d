# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this the EST server that was asked for? (RFC 7030 section 3.6, RFC 9525)

TLS has shown that the server's certificate comes from a trusted CA. Here its names are compared with the configured
host.
"""

from __future__ import annotations

import ipaddress
from typing import List, Sequence, Tuple

from ..._names.attributes import ATTRIBUTE_OIDS
from ..base.errors import ParseError, TransportError
from ..x509.extensions import alternative_names, extended_key_usage
from ..x509.fields import Certificate
from .tls import Trust
from .url import IpAddress, ascii_host, ip_address

#: id-kp-cmcRA, RFC 6402 section 2.10: the certificate of a registration authority.
CMC_RA = "1.3.6.1.5.5.7.3.28"

# The alternatives of GeneralName (RFC 5280 section 4.2.1.6).
_DNS_NAME, _IP_ADDRESS = 2, 7

#: What authorizes a server.
HOST_NAME, REGISTRATION_AUTHORITY = "host_name", "cmc_ra"
_WORDS = {HOST_NAME: "host name", REGISTRATION_AUTHORITY: "id-kp-cmcRA"}

_NAMES_SHOWN = 5
_NAME_LENGTH = 80


def authorize(certificate_der: bytes, host: str, trust: Trust) -> str:
    """Decide whether the owner of a certificate may act as the EST server ``host``.

    With explicit anchors a matching name or id-kp-cmcRA will do (RFC 7030 section 3.6.1). With the system's store, in
    which there are CAs that know nothing of EST, only a matching name will (section 3.6.2).

    :param certificate_der: the server's certificate, which TLS has already verified.
    :param host: the host of the URL.
    :returns: ``"host_name"`` or ``"cmc_ra"``: what authorized the server.
    :raises TransportError: stage ``tls``: the certificate is for another server, or cannot be read.
    """
    try:
        certificate = Certificate(certificate_der)
        dns_names, addresses = _alternative_names(certificate)
        is_registration_authority = CMC_RA in (extended_key_usage(certificate) or ())
    except ParseError as error:
        raise TransportError(
            f"the certificate of {host} is trusted, but what it is for cannot be read: {error.reason}",
            code="invalid_server_certificate",
            stage="tls",
            hint="Have the server's certificate issued again: an extension in it is malformed.",
        ) from None
    if matches(host, dns_names, addresses):
        return HOST_NAME
    if trust.kind == "explicit" and is_registration_authority:
        return REGISTRATION_AUTHORITY
    raise _wrong_name(host, dns_names, addresses, _common_name(certificate))


def authorized_words(authorized_by: str) -> str:
    """What ``authorize()`` returned, for people."""
    return _WORDS.get(authorized_by, authorized_by)


def matches(host: str, dns_names: Sequence[str], addresses: Sequence[IpAddress]) -> bool:
    """RFC 9525 section 6: a host name against DNS names only, an IP address against IP addresses only.

    The only wildcard is ``*`` as the whole left-most label; it stands for exactly one label, and at least two labels
    must follow it.
    """
    reference = ascii_host(host)
    address = ip_address(reference)
    if address is not None:
        return address in addresses
    return any(_name_matches(reference, name) for name in dns_names)


def _name_matches(reference: str, presented: str) -> bool:
    name = (presented[:-1] if presented.endswith(".") else presented).lower()
    if not name.startswith("*."):
        return name == reference
    parent = name[2:]
    first, _dot, rest = reference.partition(".")
    return bool(first) and rest == parent and "." in parent and "*" not in parent


def _alternative_names(certificate: Certificate) -> Tuple[List[str], List[IpAddress]]:
    """The names that can be compared with a host; any other is passed over."""
    dns_names: List[str] = []
    addresses: List[IpAddress] = []
    for entry in alternative_names(certificate) or ():
        if entry.is_context(_DNS_NAME):
            dns_names.append(entry.value.decode("latin-1"))  # beyond ASCII it is equal to no host
        elif entry.is_context(_IP_ADDRESS) and len(entry.value) in (4, 16):
            addresses.append(ipaddress.ip_address(entry.value))
    return dns_names, addresses


def _common_name(certificate: Certificate) -> str:
    names = [value for oid, value in certificate.subject.attributes if oid == ATTRIBUTE_OIDS["CN"]]
    return names[0] if names else ""


def _wrong_name(
    host: str, dns_names: Sequence[str], addresses: Sequence[IpAddress], common_name: str
) -> TransportError:
    names = [_clean(str(name)) for name in (*dns_names, *addresses)]
    shown = ", ".join(names[:_NAMES_SHOWN])
    if len(names) > _NAMES_SHOWN:
        shown += f" and {len(names) - _NAMES_SHOWN} more"
    if names:
        return TransportError(
            f"the server's certificate is not for {host}: it is for {shown}",
            code="wrong_server_name",
            stage="tls",
            hint="Set server to a name that the certificate has, or have one issued with the name that is used.",
        )
    words = f"; its common name {_clean(common_name)} does not count (RFC 9525)" if common_name else ""
    return TransportError(
        f"the server's certificate is not for {host}: it has no DNS name and no IP address{words}",
        code="wrong_server_name",
        stage="tls",
        hint=f"Have the server's certificate issued again with {host} as a subject alternative name.",
    )


def _clean(text: str) -> str:
    """Text from a certificate, fit for a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text[:_NAME_LENGTH])
