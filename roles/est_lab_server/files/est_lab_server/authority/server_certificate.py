# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own certificate, and its side of TLS."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from ..settings import Settings
from .authority import (
    Authority,
    Rollover,
    certificate_pem,
    common_name,
    generate_key,
    key_type_of,
    key_usage,
    now,
    private_key_pem,
)
from .state import StateFolder

ALWAYS_NAMED = ("localhost", "127.0.0.1")
_KEPT_WHILE_DAYS_LEFT = 1


@dataclass(frozen=True)
class ServerCertificateKind:
    """What a kind of server certificate is like; another kind than GOOD is one that clients should refuse.

    `names` are its subject alternative names, None for the server's own, () for no such extension;
    `days` when it starts and ends, counted from now.
    """

    name: str
    help: str
    names: Optional[tuple[str, ...]] = None
    days: tuple[int, int] = (-1, 365)
    usages: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    other_authority: bool = False


GOOD = ServerCertificateKind("good", "valid for localhost, 127.0.0.1 and every --host-name")


def server_certificate_file(
    state: StateFolder,
    authority: Authority,
    kind: ServerCertificateKind,
    host_names: Sequence[str],
    rollover: Optional[Rollover] = None,
) -> str:
    """The path of a PEM file (0600) with the server's key, its certificate and the authorities up to below the root.

    With a `rollover` there is more in it: what the clients of the old root need to trust the new one.

    A file made by an earlier start for the same names and the same authority is used again while it is valid.
    """
    names = _own_names(host_names) if kind.names is None else list(kind.names)
    variant = [] if rollover is None else [rollover.kind]
    wanted = json.dumps(
        [kind.name, names, *variant, hashlib.sha256(certificate_pem(authority.certificate)).hexdigest()]
    )
    name = f"server-{kind.name}-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.pem"
    with state.lock():
        kept = state.read(name)
        if kept is None or _ends_soon(kept, kind):
            more = [] if rollover is None else rollover.server_chain()
            state.write(name, _make(authority, kind, names, more))
    return state.file(name)


def _own_names(host_names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*host_names, *ALWAYS_NAMED]))


def _ends_soon(pem: bytes, kind: ServerCertificateKind) -> bool:
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    # cryptography 42 renamed the attribute, later versions dropped the old name
    end = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after.replace(
        tzinfo=datetime.timezone.utc
    )
    left = min(_KEPT_WHILE_DAYS_LEFT, kind.days[1])
    return bool(end < now() + datetime.timedelta(days=left))


def _make(
    authority: Authority, kind: ServerCertificateKind, names: Sequence[str], more: Sequence[x509.Certificate]
) -> bytes:
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


VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_VERIFY_MODES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def server_context(settings: Settings, certificate_file: str, trust_anchors: Sequence[str]) -> ssl.SSLContext:
    """A TLS context with the versions asked for and the certificate, key and chain in `certificate_file`.

    Client certificates, where they are asked for, must chain to one of the `trust_anchors` (files). No intermediate
    is among these, so a client has to send its own: without them the handshake fails, as with GlobalSign's server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file)
    context.verify_mode = _VERIFY_MODES[settings.client_certificates]
    for path in trust_anchors:
        context.load_verify_locations(path)
    with warnings.catch_warnings():
        # Python calls the versions before 1.2 deprecated; offering them is what the flag is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = VERSIONS[settings.tls_min]
        context.maximum_version = VERSIONS[settings.tls_max]
    if settings.tls_max in ("1.0", "1.1"):
        # OpenSSL 3 allows the SHA-1 signatures of these versions only at security level 0.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
