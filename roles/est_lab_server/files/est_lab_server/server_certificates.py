# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own certificate: a good one, or one of the bad ones that clients must refuse."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from .authority import (
    Authority,
    certificate_pem,
    common_name,
    generate_key,
    key_type_of,
    key_usage,
    now,
    private_key_pem,
)
from .rollover import Rollover
from .state import StateFolder

CMC_REGISTRATION_AUTHORITY = ObjectIdentifier("1.3.6.1.5.5.7.3.28")
ALWAYS_NAMED = ("localhost", "127.0.0.1")
_VALID_DAYS = (-1, 365)
_KEPT_WHILE_DAYS_LEFT = 1


@dataclass(frozen=True)
class Kind:
    """How a kind of server certificate differs from a good one.

    `names` are its subject alternative names, None for the server's own, () for no such extension;
    `days` when it starts and ends, counted from now.
    """

    help: str
    names: Optional[tuple[str, ...]] = None
    days: tuple[int, int] = _VALID_DAYS
    usages: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    other_authority: bool = False


KINDS: dict[str, Kind] = {
    "good": Kind("valid for localhost, 127.0.0.1 and every --host-name"),
    "expired": Kind("ended yesterday", days=(-30, -1)),
    "not-yet-valid": Kind("starts tomorrow", days=(1, 30)),
    "wrong-host": Kind("names only est.example.invalid", names=("est.example.invalid",)),
    "other-ca": Kind("issued by an authority that is not in ca.pem", other_authority=True),
    "cn-only": Kind("the host name is only in the CN, there are no subject alternative names", names=()),
    "cmc-ra": Kind(
        "names only est.example.invalid, with the extended key usage id-kp-cmcRA (RFC 7030 section 3.6.1)",
        names=("est.example.invalid",),
        usages=(ExtendedKeyUsageOID.SERVER_AUTH, CMC_REGISTRATION_AUTHORITY),
    ),
    "cmc-ra-only": Kind(
        "as cmc-ra, but without serverAuth",
        names=("est.example.invalid",),
        usages=(CMC_REGISTRATION_AUTHORITY,),
    ),
    "no-server-auth": Kind("the extended key usage is clientAuth only", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    "wildcard": Kind("names *.localhost and *.est.test", names=("*.localhost", "*.est.test")),
    "partial-wildcard": Kind("names loc*, l*.localhost and 127.0.0.*", names=("loc*", "l*.localhost", "127.0.0.*")),
    "address-as-dns-name": Kind("127.0.0.1 is a DNS name instead of an IP address", names=("dns:127.0.0.1",)),
}


def server_certificate_file(
    state: StateFolder,
    authority: Authority,
    kind_name: str,
    host_names: Sequence[str],
    rollover: Optional[Rollover] = None,
) -> str:
    """The path of a PEM file (0600) with the server's key, its certificate and the authorities up to below the root.

    With a `rollover` there is more in it: what the clients of the old root need to trust the new one.

    A file made by an earlier start for the same names and the same authority is used again while it is valid.
    """
    kind = KINDS[kind_name]
    names = _own_names(host_names) if kind.names is None else list(kind.names)
    variant = [] if rollover is None else [rollover.kind]
    wanted = json.dumps(
        [kind_name, names, *variant, hashlib.sha256(certificate_pem(authority.certificate)).hexdigest()]
    )
    name = f"server-{kind_name}-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.pem"
    with state.lock():
        kept = state.read(name)
        if kept is None or _ends_soon(kept, kind):
            more = [] if rollover is None else rollover.server_chain()
            state.write(name, _make(authority, kind, names, more))
    return state.file(name)


def _own_names(host_names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*host_names, *ALWAYS_NAMED]))


def _ends_soon(pem: bytes, kind: Kind) -> bool:
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    # cryptography 42 renamed the attribute, later versions dropped the old name
    end = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after.replace(
        tzinfo=datetime.timezone.utc
    )
    left = min(_KEPT_WHILE_DAYS_LEFT, kind.days[1])
    return bool(end < now() + datetime.timedelta(days=left))


def _make(authority: Authority, kind: Kind, names: Sequence[str], more: Sequence[x509.Certificate]) -> bytes:
    issuer = authority
    if kind.other_authority:
        issuer = Authority.create("EST Lab Stranger CA", key_type_of(authority.private_key))
    key = generate_key(key_type_of(authority.private_key))
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage(list(kind.usages)), False),
    ]
    if names:
        extensions.append((x509.SubjectAlternativeName([_general_name(name) for name in names]), False))
    certificate = issuer.issue(
        # Without subject alternative names the CN is the only place for the host's name.
        common_name("EST Lab Server" if names else "localhost"),
        key.public_key(),
        extensions,
        now() + datetime.timedelta(days=kind.days[0]),
        now() + datetime.timedelta(days=kind.days[1]),
    )
    above = issuer.chain[:-1]
    return private_key_pem(key) + b"".join(certificate_pem(each) for each in (certificate, *above, *more))


def _general_name(name: str) -> x509.GeneralName:
    if name.startswith("dns:"):
        return x509.DNSName(name[len("dns:") :])
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
