# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole exchanges with a real server, as a program that uses the client makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.certificate import load_pem_certificates, pem
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.client_certificate import ClientCertificate
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.csr import CertificateRequest, build_csr
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.enrolment import Issued
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.https import HttpsTransport
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.tls import Trust
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.transport import Credentials
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.url import EstUrl
from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.general_names import GeneralName
from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.slash_dn import parse_slash_dn

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
