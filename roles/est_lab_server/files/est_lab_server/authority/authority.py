# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority in memory, and two of them while the root changes (RFC 4210 section 4.4)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

KEY_TYPES = ("ec", "rsa")
AUTHORITY_DAYS = 3650

Extension = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""


def now() -> datetime.datetime:
    """The current time, in UTC, without a fraction of a second: certificates have none."""
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def generate_key(key_type: str) -> Any:
    """A new private key: `ec` is P-256, `rsa` has 2048 bits."""
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_type_of(private_key: Any) -> str:
    """The name, among KEY_TYPES, of a private key's type."""
    return "rsa" if isinstance(private_key, rsa.RSAPrivateKey) else "ec"


def common_name(value: str) -> x509.Name:
    """A name that has only a CN."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)])


def certificate_der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_key_pem(private_key: Any) -> bytes:
    """A private key as unencrypted PKCS#8 PEM."""
    encoded: bytes = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded


@dataclass(frozen=True)
class Authority:
    """A certificate authority.

    `parent` is the authority that issued its certificate, None for a root.
    """

    certificate: x509.Certificate
    private_key: Any
    parent: Optional[Authority] = None

    @classmethod
    def create(
        cls, name: str, key_type: str, parent: Optional[Authority] = None, days: int = AUTHORITY_DAYS
    ) -> Authority:
        """A new authority, valid for `days` days: a root, or one under `parent`."""
        key = generate_key(key_type)
        subject = common_name(name)
        path_length = None if parent is None else 0
        start = now() - datetime.timedelta(hours=1)
        certificate = _sign(
            issuer=subject if parent is None else parent.certificate.subject,
            issuer_public_key=key.public_key() if parent is None else parent.private_key.public_key(),
            signing_key=key if parent is None else parent.private_key,
            subject=subject,
            public_key=key.public_key(),
            extensions=(
                (x509.BasicConstraints(ca=True, path_length=path_length), True),
                (key_usage(key_cert_sign=True, crl_sign=True, digital_signature=True), True),
            ),
            not_before=start,
            not_after=start + datetime.timedelta(days=days),
        )
        return cls(certificate, key, parent)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The authority's own certificate first, the root last."""
        return (self.certificate,) + (() if self.parent is None else self.parent.chain)

    def issue(
        self,
        subject: x509.Name,
        public_key: Any,
        extensions: Sequence[Extension],
        not_before: datetime.datetime,
        not_after: datetime.datetime,
    ) -> x509.Certificate:
        """A certificate with the extensions given, both key identifiers (RFC 5280 section 4.2.1), a random serial.

        Raises ValueError or TypeError where the library cannot make a certificate of it.
        """
        return _sign(
            issuer=self.certificate.subject,
            issuer_public_key=self.private_key.public_key(),
            signing_key=self.private_key,
            subject=subject,
            public_key=public_key,
            extensions=extensions,
            not_before=not_before,
            not_after=not_after,
        )

    @property
    def root(self) -> Authority:
        """The authority at the top."""
        return self if self.parent is None else self.parent.root

    def certify(self, other: Authority, not_before: datetime.datetime, not_after: datetime.datetime) -> Authority:
        """The other authority, with the same key, under this one: its certificate is a cross certificate."""
        certificate = self.issue(
            other.certificate.subject,
            other.certificate.public_key(),
            [
                (each.value, each.critical)
                for each in other.certificate.extensions
                if isinstance(each.value, (x509.BasicConstraints, x509.KeyUsage))
            ],
            not_before,
            not_after,
        )
        return Authority(certificate, other.private_key, self)

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority, or one above it, has signed the certificate."""
        return self._has_signed(certificate) or (self.parent is not None and self.parent.has_issued(certificate))

    def _has_signed(self, certificate: x509.Certificate) -> bool:
        scheme: tuple[Any, ...] = (ec.ECDSA(hashes.SHA256()),)
        if key_type_of(self.private_key) == "rsa":
            scheme = (padding.PKCS1v15(), hashes.SHA256())
        try:
            public_key = self.private_key.public_key()
            public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, *scheme)
        except InvalidSignature:
            return False
        return True

    def revocation_list(self) -> bytes:
        """An empty certificate revocation list in DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now())
            .next_update(now() + datetime.timedelta(days=7))
        )
        return builder.sign(self.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def key_usage(**wanted: bool) -> x509.KeyUsage:
    """A KeyUsage extension with only the bits named set."""
    bits = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    bits.update(wanted)
    return x509.KeyUsage(**bits)


def _sign(
    issuer: x509.Name,
    issuer_public_key: Any,
    signing_key: Any,
    subject: x509.Name,
    public_key: Any,
    extensions: Sequence[Extension],
    not_before: datetime.datetime,
    not_after: datetime.datetime,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public_key), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signing_key, hashes.SHA256())


KINDS = {
    "complete": "OldWithOld, OldWithNew, NewWithOld and NewWithNew",
    "no-new-with-old": "without NewWithOld, which clients of the old root need",
    "no-old-with-new": "without OldWithNew",
    "no-cross": "only the two roots",
    "new-only": "only the new root",
}
_LEFT_OUT = {
    "no-new-with-old": {"NewWithOld"},
    "no-old-with-new": {"OldWithNew"},
    "no-cross": {"NewWithOld", "OldWithNew"},
    "new-only": {"NewWithOld", "OldWithNew", "OldWithOld"},
}
_CROSS_DAYS = 365


@dataclass(frozen=True)
class Rollover:
    """The old and the new issuing authority, whose roots have the same name and different keys."""

    kind: str
    old: Authority
    new: Authority
    new_with_old: x509.Certificate
    old_with_new: x509.Certificate

    @classmethod
    def between(cls, kind: str, old: Authority, new: Authority) -> Rollover:
        """Make the cross certificates. `kind` is one of KINDS."""
        start = now() - datetime.timedelta(days=30)
        end = now() + datetime.timedelta(days=_CROSS_DAYS)
        return cls(
            kind,
            old,
            new,
            new_with_old=old.root.certify(new.root, start, end).certificate,
            old_with_new=new.root.certify(old.root, start, end).certificate,
        )

    def certificates(self) -> list[x509.Certificate]:
        """What cacerts answers: the authorities below the new root, the roots and the cross certificates."""
        roots = {
            "OldWithOld": self.old.root.certificate,
            "OldWithNew": self.old_with_new,
            "NewWithOld": self.new_with_old,
            "NewWithNew": self.new.root.certificate,
        }
        kept = [certificate for name, certificate in roots.items() if self._has(name)]
        return [*self.new.chain[:-1], *kept]

    def server_chain(self) -> list[x509.Certificate]:
        """What a server certificate of the new root needs beside it for clients that only know the old root."""
        return [self.new_with_old] if self._has("NewWithOld") else []

    def _has(self, name: str) -> bool:
        return name not in _LEFT_OUT.get(self.kind, ())
