# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interoperability traps of est-client-requirements.md, each set once: the client gets through or fails clearly."""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import pytest
from support.est_answers import KEY, REQUEST
from support.est_exchange import CA, context
from support.lab import PASSWORD, USERNAME, LabServer
from support.tls_certificates import CLIENT_AUTH, authority, make
from support.tls_peer import Peer, answer, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import Linking, build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import GeneratedKey, KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, same_public_key

SUBJECT = parse_slash_dn("/CN=device")
CHALLENGE_PASSWORD = bytes.fromhex("06092a864886f70d010907")


def connect(port: int, ca_pem: str, *, host: str = "localhost", password: str = PASSWORD, **options: Any) -> EstClient:
    url = EstUrl.build(host, port)
    limits = {"connect_timeout": 30, "read_timeout": 30, "total_timeout": 50}
    line = HttpsTransport(
        url, Trust.explicit(ca_pem), credentials=Credentials(USERNAME, password), **{**limits, **options}
    )
    return EstClient(url, line, anchors=load_pem_certificates(ca_pem), secrets=[password])


def to(lab: LabServer, **options: Any) -> EstClient:
    return connect(lab.port, lab.ca_pem, **options)


def enrol(est: EstClient, request: Any = REQUEST) -> Tuple[VerifiedCertificate, Tuple[str, ...]]:
    """A whole enrolment: the certificate, once it is verified, and what was odd about the answer."""
    authorities = est.cacerts()
    answered = est.simpleenroll(request)
    assert isinstance(answered, Issued)
    verified = est.verify(answered, request, authorities)
    assert same_public_key(verified.certificate, KEY)
    return verified, answered.warnings


def enrol_at(*flags: str, **options: Any) -> Tuple[str, ...]:
    """A whole enrolment at a lab server of its own: what was odd."""
    with LabServer(*flags) as lab, to(lab, **options) as est:
        return enrol(est)[1]


def linked(linking: str) -> Any:
    return build_csr(KEY, SUBJECT, linking=Linking(linking))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield


def test_trap_01_base64_without_line_breaks() -> None:
    assert enrol_at("--require-wrapped-base64") == ()


def test_trap_02_content_transfer_encoding() -> None:
    assert enrol_at("--require-content-transfer-encoding") == ()


def test_trap_03_pem_armour() -> None:
    assert enrol_at("--strict") == ()


def test_trap_04_chunked_both_ways() -> None:
    # An RSA chain makes an answer of more than 2 KiB, where globalsign's server begins to use chunks.
    assert enrol_at("--strict", "--transfer", "chunked", "--key-type", "rsa", "--intermediate", "--extra-chain") == ()
    refuse = [answer(status="400 Bad Request")]
    with Peer([refuse], context=context()) as peer, connect(peer.port, CA.pem) as est, pytest.raises(ServerError):
        est.simpleenroll(REQUEST)
    (received,) = peer.received
    assert received.headers["content-length"] == str(len(received.body))
    assert "transfer-encoding" not in received.headers


@pytest.mark.parametrize("shape", ["one-line", "64", "76", "nul", "der"])
def test_trap_05_dirty_base64_in_answers(shape: str) -> None:
    with LabServer("--base64", shape, "--csrattrs", "ec-p384") as lab, to(lab) as est:
        told = est.csrattrs(strict=True)
        assert told.attributes is not None
        assert "P-384" in told.in_words()
        enrol(est)


@pytest.mark.parametrize("scheme", ["basic", "digest", "digest-sha256"])
def test_trap_06_the_connection_is_dead_after_a_401(scheme: str) -> None:
    with LabServer("--close-after-401", "--authentication", scheme, "--credentials", "password") as lab:
        with to(lab, authentication="auto") as est:
            enrol(est)
            assert est.authenticated_by == scheme.partition("-")[0]
        statuses = [entry["status"] for entry in lab.enrolments]
    assert statuses == ([200] if scheme == "basic" else [401, 200])


def test_trap_06_proof_of_possession_is_signed_anew_after_a_401() -> None:
    flags = ("--close-after-401", "--authentication", "digest", "--credentials", "password", "--pop", "required")
    with LabServer(*flags) as lab, to(lab) as est:
        enrol(est, est.linked(linked))
        assert [entry["status"] for entry in lab.enrolments] == [401, 200]


def test_trap_07_a_401_without_www_authenticate() -> None:
    with LabServer("--no-www-authenticate", "--credentials", "password") as lab:
        with to(lab) as est:
            enrol(est)
        assert [entry["status"] for entry in lab.enrolments] == [200], "Basic has to go along unasked"
        with to(lab, password="canary-wrong") as est, pytest.raises(ServerError, match="password") as caught:
            est.simpleenroll(REQUEST)
        assert (caught.value.stage, caught.value.http_status) == ("enroll", 401)
        # The second request of the two asks, without the password, whether the server wants another scheme.
        again = [(entry["status"], entry["authorization_present"]) for entry in lab.enrolments[1:]]
        assert again == [(401, True), (401, False)], "the wrong password must not be tried again"


@pytest.mark.parametrize("order", ["--sorted", "--unsorted"])
def test_trap_08_the_leaf_is_not_the_first_certificate(order: str) -> None:
    enrol_at("--extra-chain", order, "--intermediate")


def test_trap_09_no_challenge_password_unasked() -> None:
    assert CHALLENGE_PASSWORD not in REQUEST.der
    # As libest: what is in the attribute is compared with tls-unique although nobody asked for proof of possession.
    assert enrol_at("--pop", "optional") == ()


def test_trap_10_proof_of_possession_needs_the_same_connection() -> None:
    with LabServer("--pop", "required", "--pop-status", "401") as lab, to(lab) as est:
        request = est.linked(linked)
        enrol(est, request)
        assert est.peer is not None
        # tls-unique is not defined in TLS 1.3, where Python has a value all the same.
        assert est.peer.tls_version == "TLSv1.2"
        assert [entry["status"] for entry in lab.enrolments] == [200]
        with to(lab) as other, pytest.raises(ServerError) as caught:
            other.simpleenroll(build_csr(KEY, SUBJECT, linking=Linking("c3RhbGU=")))
        assert caught.value.http_status == 401


@pytest.mark.parametrize("retry_after", ["3600", "none"])
def test_trap_11_pending(retry_after: str) -> None:
    pauses: list[float] = []
    flags = ("--manual-approval", "1", "--retry-after", retry_after, "--pending-body", "unframed")
    with LabServer(*flags) as lab, to(lab) as est:
        authorities = est.cacerts()
        pending = est.simpleenroll(REQUEST, wait_seconds=20, sleep=pauses.append)
        assert isinstance(pending, Pending)
        assert pauses == []
        assert pending.retry_after.requested == (3600 if retry_after == "3600" else None)
        # What the server knows again is the public key.
        answered = est.simpleenroll(REQUEST)
        assert isinstance(answered, Issued)
        est.verify(answered, REQUEST, authorities)
        assert [entry["status"] for entry in lab.enrolments] == [202, 200]


def test_trap_12_the_client_certificate_goes_with_its_chain() -> None:
    intermediate = CA.issue("Issuing CA", ca=True)
    leaf = intermediate.issue("device", usages=[CLIENT_AUTH])
    steps = [answer(status="202 Accepted")]
    with Peer([steps, steps], context=context(client_ca=CA)) as peer:
        whole = ClientCertificate.from_text(leaf.pem + intermediate.pem, leaf.key_pem())
        with connect(peer.port, CA.pem, client_certificate=whole) as est:
            assert isinstance(est.simpleenroll(REQUEST), Pending)
        alone = ClientCertificate.from_text(leaf.pem, leaf.key_pem())
        with connect(peer.port, CA.pem, client_certificate=alone) as est, pytest.raises(TransportError) as caught:
            est.simpleenroll(REQUEST)
    assert "certificate" in f"{caught.value.reason} {caught.value.hint}"
    assert len(peer.received) == 1


@pytest.mark.parametrize("flags", [("--serverkeygen", "traditional"), ("--multipart", "no-part-encoding")])
def test_trap_13_keys_made_by_the_server(flags: Tuple[str, str]) -> None:
    wanted = KeyRequest.build(KeySpec("ec"), SUBJECT)
    with LabServer(*flags) as lab, to(lab) as est:
        authorities = est.cacerts()
        made = est.serverkeygen(wanted)
        assert isinstance(made, GeneratedKey)
        assert same_public_key(est.verify(made.issued, made, authorities).certificate, made.key)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--fault", "serverkeygen:short-length"), "(?i)end|cut"),
        (("--serverkeygen", "encrypted-data"), "EncryptedData|no key|encrypted"),
    ],
)
def test_trap_13_keys_that_cannot_be_read(flags: Tuple[str, str], words: str) -> None:
    wanted = KeyRequest.build(KeySpec("ec"), SUBJECT)
    with LabServer(*flags) as lab, to(lab) as est, pytest.raises(EstError, match=words) as caught:
        est.serverkeygen(wanted)
    assert (caught.value.stage, caught.value.request_received) == ("enroll", "yes")
    assert "BEGIN" not in caught.value.reason


@pytest.mark.parametrize(
    "flags",
    [
        ("--content-type", "application/pkcs7-mime"),
        ("--content-type", "application/pkcs7-mime; smime-type=certs-only"),
        ("--content-type", 'application/pkcs7-mime;smime-type="certs-only"'),
        ("--status", "201"),
        ("--answer", "certificate"),
    ],
)
def test_trap_14_content_types_and_statuses_of_success(flags: Tuple[str, str]) -> None:
    warnings = enrol_at(*flags)
    assert bool(warnings) == (flags[0] == "--answer")


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_trap_14_error_bodies_of_any_type(form: str) -> None:
    refusing = LabServer("--errors", form, "--fault", "simpleenroll:refused")
    with refusing as lab, to(lab) as est, pytest.raises(ServerError) as caught:
        est.simpleenroll(REQUEST)
    assert caught.value.http_status == 400
    assert len(caught.value.server_message) > 5
    assert not set(caught.value.server_message) & set("<>{}")


@pytest.mark.parametrize("flags", [("--ber",), ("--unsorted", "--intermediate"), ("--base64", "nul")])
def test_trap_15_what_cryptography_warns_about(flags: Tuple[str, ...]) -> None:
    enrol_at(*flags)  # warnings are errors in these tests


def test_trap_15_basic_constraints_that_are_not_critical() -> None:
    demo = authority("libest demo CA", ca_critical=False)
    server = server_context(demo.issue("server", dns=["localhost"]))
    with Peer([[answer(status="202 Accepted")]], context=server) as peer, connect(peer.port, demo.pem) as est:
        assert isinstance(est.simpleenroll(REQUEST), Pending)


def test_trap_also_the_environment_does_not_change_trust_or_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    stranger = make("Stranger", ca=True)
    bundle, netrc = tmp_path / "bundle.pem", tmp_path / ".netrc"
    bundle.write_text(stranger.pem, encoding="ascii")
    netrc.write_text("machine localhost login canary password canary\n", encoding="ascii")
    netrc.chmod(0o600)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(bundle))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with LabServer() as lab:
        with to(lab) as est:
            enrol(est)
        assert [entry["authorization_present"] for entry in lab.requests] == [False, True]
    trusted = server_context(stranger.issue("server", dns=["localhost"]))
    peer = Peer([[answer()]], context=trusted)
    with peer, connect(peer.port, CA.pem) as est, pytest.raises(TransportError) as caught:
        est.cacerts()
    assert caught.value.stage == "tls"
    assert peer.received == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_trap_also_a_redirected_post_stays_a_post(status: int) -> None:
    target = "{origin}/.well-known/est/a/simpleenroll"
    with LabServer("--label", "a", "--redirect", f"simpleenroll:{status}:{target}") as lab:
        with to(lab) as est:
            enrol(est)
        assert [entry["method"] for entry in lab.enrolments] == ["POST", "POST"]


def test_trap_also_an_address_is_no_dns_name() -> None:
    with LabServer("--server-certificate", "address-as-dns-name") as lab:
        with to(lab, host="127.0.0.1") as est, pytest.raises(TransportError, match=r"127\.0\.0\.1") as caught:
            est.cacerts()
        assert (caught.value.stage, lab.requests) == ("tls", [])


def test_trap_also_csrattrs_that_make_the_server_fail() -> None:
    with LabServer("--csrattrs", "failed") as lab, to(lab) as est:
        told = est.csrattrs()
        assert told.attributes is None
        assert "500" in " ".join(told.warnings)
        enrol(est)


def test_trap_also_a_label_has_one_segment() -> None:
    with pytest.raises(InputError, match="label"):
        EstUrl.build("localhost", 8443, "a/b")
