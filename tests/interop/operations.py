# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client does with a server, one function for each row of the matrix in README.md.

A function gets the server and an empty folder. It fails, with an error of the client's or an assertion, where the
server does not do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Optional

from interop.exchanges import NAMES, SUBJECT, client_of, enrol, line_to

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ServerError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import encode_body
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.bootstrap import bootstrap
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import (
    REKEY,
    RENEW,
    build_reenrolment_request,
    similar_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import Linking, build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.key_protection import KeyProtection
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import GeneratedKey, KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import certificate as certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    same_public_key,
)


@dataclass(frozen=True)
class Server:
    """A server that is ready for one row: some need a label or a subject that makes it do what the row is about."""

    url: str
    ca_pem: str
    label: Optional[str] = None
    subject: str = "/CN=device-1"


EC = KeySpec("ec")


def cacerts(server: Server, _folder: Path) -> None:
    with client_of(server, server.label) as client:
        assert certificates.pem(client.cacerts().root) == server.ca_pem


def bootstrap_by_fingerprint(server: Server, _folder: Path) -> None:
    fingerprint = certificates.fingerprint_sha256(load_pem_certificates(server.ca_pem)[0])
    assert bootstrap(EstUrl.build(server.url), fingerprint).pem == server.ca_pem


def csrattrs(server: Server, _folder: Path) -> None:
    """The malformed example of RFC 7030 section 4.5.2 is read, and a request is made by it."""
    with client_of(server, server.label) as client:
        answer = client.csrattrs(strict=True)
    assert answer.attributes is not None
    assert answer.attributes.wants_linking
    plan = plan_request(answer.attributes, EC, False, SUBJECT, NAMES, proof_of_possession="never")
    assert (plan.key_spec.curve, plan.hash_name) == ("P-384", "sha384")
    plan.build(generate_key(plan.key_spec))


def simpleenroll_rsa(server: Server, _folder: Path) -> None:
    enrol(server, KeySpec("rsa"))


def simpleenroll_ec(server: Server, _folder: Path) -> None:
    enrol(server, EC)


def simpleenroll_ed25519(server: Server, _folder: Path) -> None:
    enrol(server, KeySpec("ed25519"))


def names_as_requested(server: Server, _folder: Path) -> None:
    issued = certificates.describe(enrol(server, EC).verified.certificate)
    assert issued["subject"] == "/C=DE/O=Example GmbH/OU=Mobile/CN=Jörg Müller"
    assert issued["subject_alternative_names"] == [str(name) for name in NAMES]


def pending(server: Server, _folder: Path) -> None:
    with client_of(server, server.label) as client:
        answer = client.simpleenroll(build_csr(generate_key(EC), parse_slash_dn(server.subject)))
    assert isinstance(answer, Pending)
    assert answer.retry_after.seconds > 0


def password_checked(server: Server, _folder: Path) -> None:
    enrol(server, EC)
    with client_of(server, credentials=Credentials("estuser", "wrong")) as client:
        try:
            client.simpleenroll(build_csr(generate_key(EC), SUBJECT))
        except ServerError as error:
            assert error.http_status == 401
            assert error.server_message
            return
    raise AssertionError("the server takes any password")


def digest(server: Server, _folder: Path) -> None:
    line = line_to(server)
    body = encode_body(build_csr(generate_key(EC), SUBJECT).der)
    headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    url = EstUrl.build(server.url).operation("simpleenroll")
    response = line.request("POST", url, headers, body, authenticate=True)
    line.close()
    assert response.status == 200
    assert line.authenticated_by == "digest", line.authenticated_by


def client_certificate(server: Server, folder: Path) -> None:
    """Without a password."""
    pair = enrol(server, EC).for_tls(folder)
    enrol(server, EC, client_certificate=pair, credentials=None)


def client_certificate_and_password(server: Server, folder: Path) -> None:
    pair = enrol(server, EC).for_tls(folder)
    enrol(server, EC, client_certificate=pair)


def _reenrol(server: Server, folder: Path, mode: str) -> None:
    held = HeldCertificate.load(enrol(server, EC).for_tls(folder))
    key = held.key if mode == RENEW else generate_key(similar_key(held.certificate))
    request = build_reenrolment_request(held, key)
    with client_of(server, client_certificate=held.tls, credentials=None) as client:
        authorities = client.cacerts()
        answer = client.simplereenroll(request)
        assert isinstance(answer, Issued)
        new = client.verify(answer, request, authorities).certificate
    old = certificates.describe(held.certificate)
    for what in ("subject", "subject_alternative_names"):
        assert certificates.describe(new)[what] == old[what]
    assert new.serial != held.certificate.serial
    assert (mode == RENEW) == same_public_key(new, held.certificate)


def simplereenroll_renew(server: Server, folder: Path) -> None:
    _reenrol(server, folder, RENEW)


def simplereenroll_rekey(server: Server, folder: Path) -> None:
    _reenrol(server, folder, REKEY)


def proof_of_possession(server: Server, _folder: Path) -> None:
    """A request that is linked to its session is granted, one that is linked to another is not."""
    key = generate_key(EC)

    def enrol_linked(build: Callable[[str], object]) -> object:
        with client_of(server) as client:
            return client.simpleenroll(client.linked(build))

    right = enrol_linked(lambda value: build_csr(key, SUBJECT, linking=Linking(value)))
    assert isinstance(right, Issued)
    try:
        enrol_linked(lambda value: build_csr(key, SUBJECT, linking=Linking("AAAAAAAAAAAAAAAA")))
    except ServerError as error:
        assert error.http_status in (400, 401)
    else:
        raise AssertionError("the server does not look at the proof of possession")


def _serverkeygen(
    server: Server, protection: Optional[KeyProtection] = None, pair: Optional[ClientCertificate] = None
) -> None:
    with client_of(server, server.label, client_certificate=pair) as client:
        authorities = client.cacerts()
        answer = client.serverkeygen(KeyRequest.build(KeySpec("rsa"), SUBJECT, NAMES, protection=protection))
        assert isinstance(answer, GeneratedKey)
        issued = client.verify(answer.issued, answer, authorities).certificate
    assert same_public_key(issued, answer.key)
    assert answer.encrypted == (protection is not None)


def serverkeygen(server: Server, _folder: Path) -> None:
    _serverkeygen(server)


def serverkeygen_encrypted(server: Server, folder: Path) -> None:
    """With EnvelopedData, to the key of the TLS client certificate."""
    enrolled = enrol(server, KeySpec("rsa"))
    protection = KeyProtection.by_certificate(enrolled.verified.certificate, enrolled.key)
    _serverkeygen(server, protection, enrolled.for_tls(folder))


def fullcmc(server: Server, _folder: Path) -> None:
    with client_of(server) as client:
        client.fullcmc()


#: The rows of the matrix.
OPERATIONS: Dict[str, Callable[[Server, Path], None]] = {
    function.__name__: function
    for function in (
        cacerts,
        bootstrap_by_fingerprint,
        csrattrs,
        simpleenroll_rsa,
        simpleenroll_ec,
        simpleenroll_ed25519,
        names_as_requested,
        pending,
        password_checked,
        digest,
        client_certificate,
        client_certificate_and_password,
        simplereenroll_renew,
        simplereenroll_rekey,
        proof_of_possession,
        serverkeygen,
        serverkeygen_encrypted,
        fullcmc,
    )
}
