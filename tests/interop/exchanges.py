# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole exchanges with a real server, as a program that uses the client makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    CertificateRequest,
    build_csr,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    pem,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
)

CREDENTIALS = Credentials("estuser", "estpwd")
SUBJECT = parse_slash_dn("/C=DE/O=Example GmbH/OU=Mobile/CN=Jörg Müller")
NAMES = (
    GeneralName("UPN", "jdoe@example.com"),
    GeneralName("email", "jdoe@example.com"),
    GeneralName("DNS", "device-1.example.com"),
)


@dataclass
class Enrolled:
    """A certificate with all that belongs to it."""

    key: Any
    request: CertificateRequest
    verified: VerifiedCertificate
    client: EstClient

    @property
    def pem(self) -> str:
        return pem(self.verified.certificate)

    @property
    def chain_pem(self) -> str:
        return "".join(pem(certificate) for certificate in self.verified.chain)

    def for_tls(self, folder: Path, with_chain: bool = True) -> ClientCertificate:
        """The certificate for use as a TLS client certificate, alone or with its chain."""
        certificate, key = folder / "client.pem", folder / "client.key"
        certificate.write_text(self.pem + (self.chain_pem if with_chain else ""), encoding="ascii")
        key.write_bytes(private_key_pem(self.key))
        return ClientCertificate(str(certificate), str(key))


def line_to(server: Any, label: Optional[str] = None, **options: Any) -> HttpsTransport:
    """A transport to the server, which trusts its root only."""
    options.setdefault("credentials", CREDENTIALS)
    return HttpsTransport(EstUrl.build(server.url, label=label), Trust.explicit(server.ca_pem), **options)


def client_of(server: Any, label: Optional[str] = None, **options: Any) -> EstClient:
    """A client for the server."""
    timeline = Timeline()
    line = line_to(server, label, timeline=timeline, **options)
    return EstClient(
        EstUrl.build(server.url, label=label),
        line,
        anchors=load_pem_certificates(server.ca_pem),
        secrets=[CREDENTIALS.password],
        timeline=timeline,
    )


def enrol(server: Any, spec: KeySpec, label: Optional[str] = None, **options: Any) -> Enrolled:
    """cacerts and simpleenroll over one connection, and all checks of the answer."""
    with client_of(server, label, **options) as client:
        authorities = client.cacerts()
        key = generate_key(spec)
        request = build_csr(key, SUBJECT, NAMES)
        answer = client.simpleenroll(request)
        assert isinstance(answer, Issued)
        return Enrolled(key, request, client.verify(answer, request, authorities), client)
