# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small EST client for the lab server's own tests: requests for the wire, openssl to read what comes back."""

from __future__ import annotations

import base64
import subprocess
from typing import Any, Callable, Optional

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.lab import LabServer
from support.lab_certificates import IssuedCertificate

#: For tests that need requests to notice that a body is short, which it does not do in its older releases.
COUNTS_OCTETS = pytest.mark.skipif(
    tuple(int(part) for part in requests.__version__.split(".")[:2]) < (2, 32),
    reason="this release of requests takes short bodies",
)


def make_request(
    key: Any,
    common_name: Optional[str] = "device",
    extensions: tuple = (),
    subject: Optional[x509.Name] = None,
    attributes: tuple = (),
) -> bytes:
    """A certificate request in DER; `attributes` are pairs of an object identifier and the text of its value."""
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab")]
    if common_name:
        names.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or x509.Name(names))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    for kind, text in attributes:
        builder = builder.add_attribute(x509.ObjectIdentifier(kind), text)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def read_bag(der: bytes) -> list[x509.Certificate]:
    """The certificates of a certs-only message as openssl reads them, in their order."""
    told = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=der, capture_output=True, check=True, timeout=10
    ).stdout
    pieces = told.split(b"-----BEGIN CERTIFICATE-----")[1:]
    return [x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + piece) for piece in pieces]


class Client:
    """Talks to one lab server on one connection. `shown` is its TLS client certificate."""

    def __init__(self, lab: LabServer, shown: Optional[IssuedCertificate] = None) -> None:
        self.lab = lab
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = lab.ca_path
        if shown is not None:
            self.session.cert = (shown.chain_path, shown.key_path)

    def get(self, operation: str, **options: Any) -> requests.Response:
        return self.session.get(f"{self.lab.est_url}/{operation}", timeout=60, allow_redirects=False, **options)

    def enroll(
        self,
        request: Optional[bytes] = None,
        body: Any = None,
        headers: Optional[dict[str, str]] = None,
        auth: Optional[tuple[str, str]] = ("estuser", "estpwd"),
        operation: str = "simpleenroll",
    ) -> requests.Response:
        if body is None:
            body = base64.encodebytes(make_request(self.key) if request is None else request)
        sent = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64", **(headers or {})}
        return self.session.post(
            f"{self.lab.est_url}/{operation}", data=body, headers=sent, auth=auth, timeout=60, allow_redirects=False
        )

    def issued(self, **options: Any) -> x509.Certificate:
        """Enrol, and give the one certificate of the answer."""
        answer = self.enroll(**options)
        assert answer.status_code == 200, answer.text
        (certificate,) = read_bag(base64.b64decode(answer.content))
        return certificate


@pytest.fixture
def client_of():
    """Makes clients, and closes their connections at the end."""
    clients: list[Client] = []

    def make(lab: LabServer, shown: Optional[IssuedCertificate] = None) -> Client:
        clients.append(Client(lab, shown))
        return clients[-1]

    yield make
    for client in clients:
        client.session.close()


@pytest.fixture(scope="session")
def plain_lab():
    """One server without flags, for tests that need nothing special."""
    with LabServer() as lab:
        yield lab


@pytest.fixture
def client(plain_lab: LabServer, client_of: Callable[[LabServer], Client]) -> Client:
    return client_of(plain_lab)
