# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation of the real GlobalSign EST server, with this client. https://github.com/globalsign/est"""

from __future__ import annotations

import json

import pytest
from interop.exchanges import CREDENTIALS, NAMES, SUBJECT, client_of, enrol, line_to
from interop.globalsign_server import GlobalSignServer
from interop.go_programs import missing_toolchain
from interop.openssl import MISSING, certificate_text, openssl, public_key, request_text, verify

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    ParseError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.bootstrap import bootstrap
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import (
    REKEY,
    RENEW,
    build_reenrolment_request,
    similar_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.key_protection import KeyProtection
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import certificate as certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import est as cli

NO_GO = missing_toolchain()
if NO_GO:
    pytest.skip(f"the GlobalSign EST server: {NO_GO}", allow_module_level=True)
if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

KEYS = [KeySpec("rsa"), KeySpec("rsa", 3072), KeySpec("ec"), KeySpec("ec", curve="P-384"), KeySpec("ec", curve="P-521")]


def refused(server, subject="/CN=device-1", label=None, **options):
    """The error of an enrolment."""
    with client_of(server, label, **options) as client:
        request = build_csr(generate_key(KeySpec("ec")), parse_slash_dn(subject))
        with pytest.raises(EstError) as caught:
            client.simpleenroll(request)
    return caught.value


# -- cacerts -------------------------------------------------------------------------------------------------------


def test_cacerts_has_the_whole_chain(globalsign):
    with client_of(globalsign) as client:
        authorities = client.cacerts()
    subjects = [certificates.subject_text(each) for each in authorities.certificates]
    assert sorted(subjects) == ["/CN=Interop Issuing CA", "/CN=Interop Root"]
    assert certificates.pem(authorities.root) in globalsign.issuing_pem
    assert authorities.dropped == ()


def test_trap_04_cacerts_in_chunks(globalsign_rsa):
    line = line_to(globalsign_rsa)
    response = line.request("GET", f"{globalsign_rsa.url}/.well-known/est/cacerts", {})
    line.close()
    assert response.headers["transfer-encoding"] == "chunked"
    assert len(response.body) > 2048
    with client_of(globalsign_rsa) as client:
        assert len(client.cacerts().certificates) == 2


def test_cacerts_of_a_label_that_fails(globalsign):
    with client_of(globalsign, "triggererrors") as client, pytest.raises(ServerError) as caught:
        client.cacerts()
    assert caught.value.http_status == 500
    assert "internal server error" in caught.value.server_message
    assert caught.value.stage == "cacerts"


def test_bootstrap_by_the_fingerprint_of_the_root(globalsign):
    anchors = load_pem_certificates(globalsign.ca_pem)
    url = EstUrl.build(globalsign.url)
    trust = bootstrap(url, certificates.fingerprint_sha256(anchors[0]))
    with EstClient(url, HttpsTransport(url, trust, credentials=CREDENTIALS), anchors=anchors) as client:
        assert client.cacerts().root == anchors[0]


def test_bootstrap_with_another_fingerprint_is_refused(globalsign):
    with pytest.raises(ServerError) as caught:
        bootstrap(EstUrl.build(globalsign.url), "sha256:" + "00" * 32)
    assert "/CN=Interop Root" in caught.value.reason


# -- simpleenroll --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", KEYS, ids=lambda spec: f"{spec.type}-{spec.size or spec.curve}")
def test_simpleenroll_and_what_openssl_says_of_it(globalsign, spec, tmp_path):
    enrolled = enrol(globalsign, spec)
    request_text(enrolled.request.der)
    wanted = public_key("req", "-inform", "DER", given=enrolled.request.der)
    assert public_key("x509", given=enrolled.pem.encode()) == wanted
    assert len(enrolled.verified.chain) == 2
    assert "OK" in verify(tmp_path, enrolled.pem, enrolled.chain_pem, globalsign.ca_path)


def test_simpleenroll_keeps_subject_and_alternative_names(globalsign):
    enrolled = enrol(globalsign, KeySpec("ec"))
    issued = certificates.describe(enrolled.verified.certificate)
    assert issued["subject"] == "/C=DE/O=Example GmbH/OU=Mobile/CN=Jörg Müller"
    assert issued["subject_alternative_names"] == [str(name) for name in NAMES]
    words = certificate_text(enrolled.pem)
    assert "email:jdoe@example.com" in words
    assert "DNS:device-1.example.com" in words


def test_simpleenroll_over_one_connection_and_tls_1_3(globalsign):
    enrolled = enrol(globalsign, KeySpec("ec"))
    stages = [(step["stage"], step["ok"]) for step in enrolled.client.timeline.as_list()]
    assert stages == [(name, True) for name in ("resolve", "connect", "tls", "cacerts", "enroll", "verify")]
    tls = enrolled.client.timeline.as_list()[2]["detail"]
    assert tls.startswith("TLSv1.3, ")


def test_simpleenroll_with_rsa_authority_and_chunks(globalsign_rsa, tmp_path):
    enrolled = enrol(globalsign_rsa, KeySpec("rsa"))
    assert "OK" in verify(tmp_path, enrolled.pem, enrolled.chain_pem, globalsign_rsa.ca_path)


def test_simpleenroll_with_a_label(globalsign):
    assert enrol(globalsign, KeySpec("ec"), label="any label").verified.chain


def test_simpleenroll_forbidden(globalsign):
    error = refused(globalsign, "/CN=Trigger Error Forbidden", "triggererrors")
    assert (error.http_status, error.request_received) == (403, "received")
    assert "triggered forbidden response" in error.server_message


def test_simpleenroll_unknown_error(globalsign):
    assert refused(globalsign, "/CN=Trigger Error Unknown", "triggererrors").http_status == 500


def test_simpleenroll_pending_with_retry_after(globalsign):
    with client_of(globalsign, "triggererrors") as client:
        request = build_csr(generate_key(KeySpec("ec")), parse_slash_dn("/CN=Trigger Error Deferred"))
        answer = client.simpleenroll(request)
    assert isinstance(answer, Pending)
    assert answer.retry_after.seconds == 600
    assert "triggered deferred response" in answer.server_message


def test_the_rate_limit_is_told(tmp_path):
    # Two requests are allowed at once, and one more each second.
    server = GlobalSignServer(tmp_path, rate_limit=1)
    with server, client_of(server) as client, pytest.raises(ServerError) as caught:
        [client.cacerts() for _attempt in range(10)]
    assert caught.value.http_status == 429
    assert "rate limit exceeded" in caught.value.server_message


# -- TLS client certificates ---------------------------------------------------------------------------------------


def test_trap_12_client_certificate_with_its_chain(globalsign, tmp_path):
    client_certificate = enrol(globalsign, KeySpec("ec")).for_tls(tmp_path)
    assert enrol(globalsign, KeySpec("ec"), client_certificate=client_certificate, credentials=None).verified.chain


def test_trap_12_client_certificate_without_its_chain_is_refused(globalsign, tmp_path):
    client_certificate = enrol(globalsign, KeySpec("ec")).for_tls(tmp_path, with_chain=False)
    error = refused(globalsign, client_certificate=client_certificate)
    assert isinstance(error, TransportError)
    assert error.request_received in ("not_received", "unknown")
    assert "client certificate" in f"{error.reason} {error.hint}"


def test_client_certificate_and_password_together(globalsign, tmp_path):
    client_certificate = enrol(globalsign, KeySpec("rsa")).for_tls(tmp_path)
    assert enrol(globalsign, KeySpec("rsa"), client_certificate=client_certificate).verified.chain


# -- trust ---------------------------------------------------------------------------------------------------------


def test_a_server_of_another_authority_is_refused(globalsign, globalsign_rsa):
    line = HttpsTransport(EstUrl.build(globalsign.url), Trust.explicit(globalsign_rsa.ca_pem), credentials=CREDENTIALS)
    before = globalsign.log.count("HTTP request")
    with pytest.raises(TransportError) as caught:
        line.request("GET", f"{globalsign.url}/.well-known/est/cacerts", {}, authenticate=True)
    line.close()
    assert caught.value.stage == "tls"
    assert globalsign.log.count("HTTP request") == before


# -- csrattrs ------------------------------------------------------------------------------------------------------


def test_trap_req_103_csrattrs_has_the_example_of_rfc_7030(globalsign):
    with client_of(globalsign, "csrattrs") as client:
        attributes = client.csrattrs(strict=True).attributes
    words = " ".join(line["words"] for line in attributes.describe())
    assert "P-384" in words
    assert not attributes.warnings


def test_csrattrs_is_empty_without_a_label(globalsign):
    with client_of(globalsign) as client:
        assert client.csrattrs(strict=True).attributes is None


def test_csrattrs_that_fails_does_not_stop_an_enrolment(globalsign):
    with client_of(globalsign, "triggererrors") as client:
        answer = client.csrattrs()
        assert answer.attributes is None
        assert "HTTP 500" in " ".join(answer.warnings)
        with pytest.raises(ServerError):
            client.csrattrs(strict=True)


# -- simplereenroll ------------------------------------------------------------------------------------------------


def reenrol(server, held, request):
    """The answer to a request for a certificate in place of the one that is held."""
    with client_of(server, client_certificate=held.tls, credentials=None) as client:
        return client.verify(client.simplereenroll(request), request, client.cacerts()).certificate


@pytest.mark.parametrize("mode", [RENEW, REKEY])
@pytest.mark.parametrize("spec", [KeySpec("rsa"), KeySpec("ec")], ids=["rsa", "ec"])
def test_simplereenroll_keeps_the_names_byte_for_byte(globalsign, spec, mode, tmp_path):
    held = HeldCertificate.load(enrol(globalsign, spec).for_tls(tmp_path))
    key = held.key if mode == RENEW else generate_key(similar_key(held.certificate))
    request = build_reenrolment_request(held, key)
    request_text(request.der)
    issued = reenrol(globalsign, held, request)
    # The server compares the bytes of the request with those of the old certificate, and copies them.
    assert issued.subject.encoded == held.certificate.subject.encoded
    wanted = public_key("req", "-inform", "DER", given=request.der)
    assert public_key("x509", given=certificates.pem(issued).encode()) == wanted
    assert (mode == RENEW) == (wanted == public_key("x509", given=certificates.pem(held.certificate).encode()))


def test_simplereenroll_with_other_names_is_refused(globalsign, tmp_path):
    held = HeldCertificate.load(enrol(globalsign, KeySpec("ec")).for_tls(tmp_path))
    with pytest.raises(ServerError) as caught:
        reenrol(globalsign, held, build_csr(held.key, parse_slash_dn("/CN=another"), NAMES))
    assert caught.value.http_status == 403
    assert "must be identical" in caught.value.server_message


def test_simplereenroll_without_the_certificate_is_refused(globalsign):
    enrolled = enrol(globalsign, KeySpec("ec"))
    with client_of(globalsign) as client, pytest.raises(ServerError) as caught:
        client.simplereenroll(enrolled.request)
    assert caught.value.http_status == 403
    assert "client certificate must be provided" in caught.value.server_message


# -- serverkeygen --------------------------------------------------------------------------------------------------


def test_serverkeygen_gives_a_key_and_its_certificate(globalsign, tmp_path):
    with client_of(globalsign) as client:
        authorities = client.cacerts()
        answer = client.serverkeygen(KeyRequest.build(KeySpec("ec"), SUBJECT, NAMES))
        issued = client.verify(answer.issued, answer, authorities)
    assert not answer.encrypted
    pem = certificates.pem(issued.certificate)
    assert openssl("pkey", "-pubout", given=private_key_pem(answer.key)) == public_key("x509", given=pem.encode())
    chain = "".join(certificates.pem(each) for each in issued.chain)
    assert "OK" in verify(tmp_path, pem, chain, globalsign.ca_path)


def test_serverkeygen_of_the_command(globalsign, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EST_PASSWORD", CREDENTIALS.password)
    server = [globalsign.url, "--ca-path", globalsign.ca_path, "--username", CREDENTIALS.username]
    names = ["--subject", "/CN=device-1", "--key-type", "ec", "--key-curve", "P-384"]
    asked = ["serverkeygen", *server, *names, "--fullchain-path", "device.pem", "--private-key-path", "device.key"]
    assert cli.main([*asked, "--json"]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["key_protected_by"] == ["tls"]
    text, key = (tmp_path / "device.pem").read_text(encoding="ascii"), (tmp_path / "device.key").read_bytes()
    assert openssl("pkey", "-pubout", given=key) == public_key("x509", given=text.encode())
    leaf, *above = (f"{block}-----END CERTIFICATE-----\n" for block in text.split("-----END CERTIFICATE-----\n")[:-1])
    assert "OK" in verify(tmp_path, leaf, "".join(above), globalsign.ca_path)


def test_serverkeygen_of_the_command_saves_no_key_that_came_without_its_encryption(
    globalsign, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    pair = enrol(globalsign, KeySpec("rsa")).for_tls(tmp_path)
    before = sorted(tmp_path.iterdir())
    mine = ["--client-certificate-path", pair.certificate_path, "--client-key-path", pair.key_path]
    recipient = ["--recipient-certificate-path", pair.certificate_path, "--recipient-key-path", pair.key_path]
    server = [globalsign.url, "--ca-path", globalsign.ca_path, *mine, *recipient]
    files = ["--fullchain-path", "device.pem", "--private-key-path", "device.key"]
    asked = ["serverkeygen", *server, "--subject", "/CN=device-1", *files]
    assert cli.main(asked) == cli.FAILED
    said = capsys.readouterr().err
    assert "without the encryption that was asked for" in said
    # The certificate was issued, and is kept; its key is not.
    unusable = tmp_path / ".device.pem.est-unusable"
    assert str(unusable) in said or unusable.name in said
    assert "PRIVATE KEY" not in unusable.read_text(encoding="ascii")
    assert sorted(tmp_path.iterdir()) == sorted([*before, unusable])


@pytest.mark.parametrize("protected", [False, True], ids=["not asked for", "asked for"])
def test_trap_13_serverkeygen_with_encrypted_data_is_a_clear_error(globalsign, protected):
    protection = KeyProtection.by_key(generate_key(KeySpec("rsa"))) if protected else None
    with client_of(globalsign, "pkcs7") as client, pytest.raises(ParseError) as caught:
        client.serverkeygen(KeyRequest.build(KeySpec("rsa"), SUBJECT, protection=protection))
    assert "EncryptedData" in caught.value.reason
    assert caught.value.request_received == "received"
    assert caught.value.hint


def test_serverkeygen_without_the_encryption_that_was_asked_for_is_refused(globalsign):
    protection = KeyProtection.by_key(generate_key(KeySpec("rsa")))
    with client_of(globalsign) as client, pytest.raises(ParseError) as caught:
        client.serverkeygen(KeyRequest.build(KeySpec("rsa"), SUBJECT, protection=protection))
    assert "without the encryption" in caught.value.reason
