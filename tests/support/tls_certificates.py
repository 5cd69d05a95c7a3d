# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server and client certificates for tests of TLS, made on the spot: EC P-256, valid now by default."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import pem
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

CMC_RA = "1.3.6.1.5.5.7.3.28"
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
_SERIALS = itertools.count(1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: Certificate
    key: Any

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.der

    @property
    def name(self) -> x509.Name:
        """Its subject, as cryptography takes it."""
        return x509.load_der_x509_certificate(self.der).subject

    def key_pem(self, passphrase: Optional[bytes] = None) -> str:
        protection: Any = serialization.NoEncryption()
        if passphrase:
            protection = serialization.BestAvailableEncryption(passphrase)
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection).decode(
            "ascii"
        )

    def issue(self, common_name: str, **options: Any) -> Identity:
        """A certificate signed by this one; options as of ``make()``."""
        return make(common_name, issuer=self, **options)


def make(
    common_name: str,
    *,
    issuer: Optional[Identity] = None,
    dns: Sequence[str] = (),
    addresses: Sequence[str] = (),
    usages: Sequence[str] = (),
    ca: Optional[bool] = None,
    ca_critical: bool = True,
    path_length: Optional[int] = None,
    days: Tuple[int, int] = (-30, 365),
    key: Any = None,
    curve: Any = ec.SECP256R1,
) -> Identity:
    """A certificate, self-signed where there is no issuer. ``days`` is its validity relative to today."""
    key = key or ec.generate_private_key(curve())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    today = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.name if issuer else name)
        .public_key(key.public_key())
        .serial_number(next(_SERIALS))
        .not_valid_before(today + datetime.timedelta(days=days[0]))
        .not_valid_after(today + datetime.timedelta(days=days[1]))
    )
    names: list[Any] = [x509.DNSName(value) for value in dns]
    names += [x509.IPAddress(ipaddress.ip_address(value)) for value in addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages:
        purposes = [ObjectIdentifier(usage) for usage in usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=ca_critical)
    signed = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Identity(Certificate(signed.public_bytes(serialization.Encoding.DER)), key)


def authority(common_name: str = "Test Root", **options: Any) -> Identity:
    """A self-signed CA."""
    return make(common_name, ca=True, **options)
