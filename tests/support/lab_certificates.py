# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the lab's authority for tests, issued without the server: any names, any validity, files for TLS."""

from __future__ import annotations

import datetime
import os
import tempfile
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate with its private key.

    `authorities` are the certificates between it and the root, the issuer first.
    """

    certificate: x509.Certificate
    private_key: Any
    authorities: Tuple[x509.Certificate, ...]
    folder: str

    @property
    def certificate_pem(self) -> str:
        """The certificate alone."""
        return _pem(self.certificate)

    @property
    def chain_pem(self) -> str:
        """The certificate and the authorities below the root."""
        return "".join(_pem(each) for each in (self.certificate, *self.authorities))

    @property
    def key_pem(self) -> str:
        """The private key as PKCS#8, not encrypted."""
        return self.encrypted_key_pem(None)

    def encrypted_key_pem(self, passphrase: Optional[str]) -> str:
        """The private key as PKCS#8, encrypted where there is a passphrase."""
        algorithm = (
            serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
        )
        encoded = self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, algorithm
        )
        return encoded.decode()

    @property
    def certificate_path(self) -> str:
        """A file with the certificate alone."""
        return self._file("certificate.pem", self.certificate_pem)

    @property
    def chain_path(self) -> str:
        """A file with the certificate and the authorities below the root."""
        return self._file("chain.pem", self.chain_pem)

    @property
    def key_path(self) -> str:
        """A file (0600) with the private key."""
        return self._file("key.pem", self.key_pem)

    def _file(self, name: str, content: str) -> str:
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as stream:
                stream.write(content)
        return path


def issue_certificate(
    state: str,
    authorities: Sequence[str],
    folder: str,
    common_name: str = "device",
    *,
    subject: Optional[x509.Name] = None,
    extensions: Sequence[x509.ExtensionType] = (),
    private_key: Any = None,
    days: Tuple[float, float] = (-1, 30),
) -> IssuedCertificate:
    """A certificate of the authority in a state folder.

    :param authorities: names of the files, without extension, of the issuing authority and those above it but the root.
    :param folder: where the files of the certificate go, each in a folder of its own.
    :param subject: instead of a subject with only the `common_name`.
    :param days: when it starts and ends, counted from now.
    """
    issuer_name = authorities[0] if authorities else "root"
    with open(os.path.join(state, f"{issuer_name}.key"), "rb") as stream:
        issuer_key = serialization.load_pem_private_key(stream.read(), None)
    chain = tuple(_load(os.path.join(state, f"{name}.pem")) for name in authorities)
    issuer = chain[0] if chain else _load(os.path.join(state, "ca.pem"))
    private_key = private_key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer.subject)
        .subject_name(subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)  # type: ignore[arg-type]
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]
    return IssuedCertificate(certificate, private_key, chain, tempfile.mkdtemp(prefix="issued-", dir=folder))


def _load(path: str) -> x509.Certificate:
    with open(path, "rb") as stream:
        return x509.load_pem_x509_certificate(stream.read())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
