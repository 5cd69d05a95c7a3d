# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority and the TLS certificate of a real EST server: root, issuing CA, and a certificate for localhost."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def write_server_certificates(folder: Path, key_type: str) -> None:
    """Make everything that a server needs, as PEM files in the folder.

    root.pem; authorities.pem with the issuing CA and the root; issuing.key; server.pem with the issuing CA; server.key.
    """
    root_key, issuing_key, server_key = (_new_key(key_type) for _unused in range(3))
    root = _certificate("Interop Root", root_key.public_key(), None, root_key, path_length=1)
    issuing = _certificate("Interop Issuing CA", issuing_key.public_key(), root, root_key, path_length=0)
    server = _certificate("localhost", server_key.public_key(), issuing, issuing_key)
    texts = {
        "root.pem": _pem(root),
        "authorities.pem": _pem(issuing) + _pem(root),
        "issuing.key": key_pem(issuing_key),
        "server.pem": _pem(server) + _pem(issuing),
        "server.key": key_pem(server_key),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")


def key_pem(key: Any) -> str:
    """A private key as PKCS#8, not encrypted."""
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode("ascii")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _new_key(key_type: str) -> Any:
    return rsa.generate_private_key(65537, 2048) if key_type == "rsa" else ec.generate_private_key(ec.SECP256R1())


def _certificate(
    common_name: str,
    public_key: Any,
    issuer: Optional[x509.Certificate],
    signing_key: Any,
    path_length: Optional[int] = None,
) -> x509.Certificate:
    """A certificate of a CA where there is a path length, else of a TLS server on this machine."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
    certifies = path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(certifies, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .add_extension(_key_usage(certifies), critical=True)
    )
    if not certifies:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _key_usage(certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        key_encipherment=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
