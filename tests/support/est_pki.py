# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates made on the spot for tests: small, fast (EC P-256), and wrong in whatever way a test wants."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, Sequence, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

#: The time of the tests: far from any real clock, so that nothing depends on one.
NOW = datetime(2031, 6, 15, 12, 0, tzinfo=timezone.utc)
_SERIALS = itertools.count(1000)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def new_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def der(certificate: Certificate) -> bytes:
    return certificate.der


def library_certificate(certificate: Certificate) -> x509.Certificate:
    """The same as cryptography reads it."""
    return x509.load_der_x509_certificate(certificate.der)


def key_usage(*uses: str) -> x509.KeyUsage:
    all_uses = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{use: use in uses for use in all_uses})


def make_certificate(
    subject: Any,
    public_key: Any,
    issuer: Any,
    signing_key: Any,
    *,
    ca: Optional[bool] = None,
    path_length: Optional[int] = None,
    uses: Sequence[str] = (),
    extensions: Sequence[Tuple[Any, bool]] = (),
    days: Tuple[float, float] = (-30, 365),
    algorithm: Any = None,
    serial: Optional[int] = None,
) -> Certificate:
    """A certificate. ``ca=None`` leaves basicConstraints out; ``days`` is the validity relative to ``NOW``."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject if isinstance(subject, x509.Name) else name(subject))
        .issuer_name(issuer if isinstance(issuer, x509.Name) else name(issuer))
        .public_key(public_key)
        .serial_number(next(_SERIALS) if serial is None else serial)
        .not_valid_before((NOW + timedelta(days=days[0])).replace(tzinfo=None))
        .not_valid_after((NOW + timedelta(days=days[1])).replace(tzinfo=None))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if uses:
        builder = builder.add_extension(key_usage(*uses), critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    if algorithm is None and not isinstance(signing_key, ed25519.Ed25519PrivateKey):
        algorithm = hashes.SHA256()
    return Certificate(builder.sign(signing_key, algorithm, None).public_bytes(Encoding.DER))


@dataclass
class Authority:
    """A certificate authority: its certificate, and the key that it signs with."""

    certificate: Certificate
    key: Any

    @classmethod
    def root(cls, common_name: str, key: Any = None, **options: Any) -> Authority:
        """A self-signed root; options as of ``make_certificate()``."""
        key = key or new_key()
        options.setdefault("ca", True)
        options.setdefault("days", (-1000, 3000))
        return cls(make_certificate(common_name, key.public_key(), common_name, key, **options), key)

    @property
    def subject(self) -> x509.Name:
        return library_certificate(self.certificate).subject

    def subordinate(self, common_name: str, key: Any = None, **options: Any) -> Authority:
        """An authority below this one."""
        key = key or new_key()
        options.setdefault("ca", True)
        return Authority(self.issue(common_name, key.public_key(), **options), key)

    def issue(self, common_name: Any, public_key: Any = None, **options: Any) -> Certificate:
        """A certificate that this authority signs; an end entity unless ``ca`` says otherwise."""
        public_key = public_key or new_key().public_key()
        return make_certificate(common_name, public_key, self.subject, self.key, **options)
