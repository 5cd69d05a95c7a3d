# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof of possession: requests that are bound to the connection that carries them."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from typing import Any, List, Optional

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.est_answers import KEY, REQUEST, ROOT, ScriptedTransport, certs_only, issue, reply
from support.est_answers import client as scripted_client
from support.est_exchange import CA, CREDENTIALS, POST_HEADERS, checked, context, get, transport
from support.lab import PASSWORD, USERNAME, LabServer
from support.tls_peer import Peer, Step, answer, read_request, response

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Binding, Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    CertificateRequest,
    LinkedRequest,
    Linking,
    build_csr,
    tls_unique_base64,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key

SUBJECT = parse_slash_dn("/CN=device")
TLS_1_2 = ssl.TLSVersion.TLSv1_2
TLS_1_3 = ssl.TLSVersion.TLSv1_3


def linked(linking: str) -> CertificateRequest:
    return build_csr(KEY, SUBJECT, linking=Linking(linking))


class Bindings:
    """Steps that note what tls-unique is at the server's end of a connection, and the bodies that came over it."""

    def __init__(self) -> None:
        self.of_server: List[Optional[bytes]] = []

    def answer(self, body: bytes = b"", status: str = "200 OK", headers: str = "") -> Step:
        def step(connection: Any, peer: Peer) -> None:
            read_request(connection, peer)
            self.of_server.append(connection.get_channel_binding("tls-unique"))
            connection.sendall(response(body, status, headers))

        return step


def send(line: HttpsTransport, port: int, body: Any, **options: Any) -> Any:
    url = EstUrl.build("localhost", port).operation("simpleenroll")
    return line.request("POST", url, POST_HEADERS, body, **options)


def unique(binding: Binding) -> bytes:
    assert binding.tls_unique is not None
    return base64.b64encode(binding.tls_unique)


class TestBinding:
    def test_req_112_the_binding_is_the_one_of_the_connection_that_carries_the_request(self) -> None:
        seen = Bindings()
        script = [[answer(b"cacerts"), seen.answer(b"ok")]]
        with Peer(script, context=context(version=TLS_1_2)) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            send(line, peer.port, unique)
            line.close()
        assert peer.handshakes == 1
        (expected,) = seen.of_server
        assert expected is not None
        assert peer.received[1].body == base64.b64encode(expected)
        assert peer.received[1].headers["content-length"] == str(len(peer.received[1].body))
        assert "transfer-encoding" not in peer.received[1].headers

    def test_req_112_after_a_401_it_is_made_anew(self) -> None:
        seen = Bindings()
        challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
        script = [[seen.answer(b"", "401 Unauthorized", challenge)], [seen.answer(b"ok")]]
        with Peer(script, context=context(version=TLS_1_2)) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert send(line, peer.port, unique, authenticate=True).body == b"ok"
            line.close()
        assert [request.body for request in peer.received] == [base64.b64encode(each or b"") for each in seen.of_server]
        assert seen.of_server[0] != seen.of_server[1]

    def test_req_112_trap_10_a_connection_that_was_closed_meanwhile(self) -> None:
        seen = Bindings()
        script = [[answer(b"one", headers="Connection: close\r\n")], [seen.answer(b"ok")]]
        with Peer(script, context=context(version=TLS_1_2)) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            assert send(line, peer.port, unique).body == b"ok"
            line.close()
        assert peer.received[1].body == base64.b64encode(seen.of_server[0] or b"")

    def test_req_115_a_binding_is_used_once(self) -> None:
        seen = Bindings()
        with Peer([[seen.answer(b"1")], [seen.answer(b"2"), answer(b"3")]], context=context(version=TLS_1_2)) as peer:
            line = transport(peer.port)
            assert [send(line, peer.port, unique).body for _request in range(2)] == [b"1", b"2"]
            assert get(line, peer.port).body == b"3", "what is not bound may go over it"
            line.close()
        assert len(set(seen.of_server)) == 2

    def test_req_114_trap_10_there_is_none_in_tls_1_3(self) -> None:
        bindings: List[Binding] = []

        def make(binding: Binding) -> bytes:
            bindings.append(binding)
            return b"body"

        with Peer([[answer(), answer()]], context=context(version=TLS_1_3)) as peer:
            line = transport(peer.port)
            send(line, peer.port, make)
            send(line, peer.port, make)
            line.close()
        assert bindings == [Binding("TLSv1.3", None)] * 2
        assert peer.handshakes == 1

    def test_req_114_tls_is_held_at_1_2_where_the_binding_is_needed(self) -> None:
        seen = Bindings()
        with Peer([[answer(b"one")], [seen.answer(b"two")]], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            assert line.peer is not None and line.peer.tls_version == "TLSv1.3"
            line.require_tls_unique()
            send(line, peer.port, unique)
            assert line.peer.tls_version == "TLSv1.2"
            line.close()
        assert peer.received[1].body == base64.b64encode(seen.of_server[0] or b"")

    def test_a_connection_that_is_right_already_is_kept(self) -> None:
        with Peer([[answer(), answer()]], context=context(version=TLS_1_2)) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            line.require_tls_unique()
            send(line, peer.port, unique)
            line.close()
        assert peer.handshakes == 1

    def test_req_114_a_server_without_tls_1_2_is_told(self) -> None:
        with Peer([[read_request]], context=context(version=TLS_1_3)) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            line.require_tls_unique()
            with pytest.raises(
                TransportError, match=r"does not speak TLS 1\.2, which the proof of possession"
            ) as caught:
                send(line, peer.port, unique)
        assert checked(caught.value).stage == "tls"
        assert peer.received == []

    def test_another_origin_is_held_at_it_too(self) -> None:
        line = transport(8443)
        assert not line.for_origin(EstUrl.build("other"))._line.dialler.only_tls_1_2
        line.require_tls_unique()
        assert line.for_origin(EstUrl.build("other"))._line.dialler.only_tls_1_2

    def test_what_goes_wrong_in_making_the_body_is_the_error(self) -> None:
        def refuse(_binding: Binding) -> bytes:
            raise InputError("no such key")

        def broken(_binding: Binding) -> bytes:
            raise ValueError("a mistake")

        with Peer([[read_request], [answer(b"ok")]], context=context()) as peer:
            line = transport(peer.port)
            with pytest.raises(InputError, match="no such key"):
                send(line, peer.port, refuse)
            with pytest.raises(ValueError, match="a mistake"):
                send(line, peer.port, broken)
            line.close()
        assert peer.received == []

    def test_the_binding_is_not_in_a_repr(self) -> None:
        assert "canary" not in repr(Binding("TLSv1.2", b"canary"))


class TestLinkedRequest:
    def test_req_111_req_113_the_binding_is_the_challenge_password(self) -> None:
        request = LinkedRequest(linked)(Binding("TLSv1.2", bytes(range(12))))
        # challengePassword, SET, PrintableString of 16 characters; at most 255 are allowed.
        assert bytes.fromhex("06092a864886f70d010907") + b"\x31\x12\x13\x10AAECAwQFBgcICQoL" in request.der

    def test_req_086_req_112_it_is_signed_anew_with_the_same_key(self) -> None:
        request = LinkedRequest(linked)
        first = request(Binding("TLSv1.2", b"1" * 12))
        second = request(Binding("TLSv1.2", b"2" * 12))
        assert first.der != second.der
        public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert first.public_key_der == second.public_key_der == request.public_key_der == public
        assert request.last is second

    def test_req_059_req_086_another_key_is_a_mistake(self) -> None:
        request = LinkedRequest(lambda linking: build_csr(generate_key(KeySpec("ec")), SUBJECT))
        request(Binding("TLSv1.2", b"1" * 12))
        with pytest.raises(ValueError, match="keeps its key"):
            request(Binding("TLSv1.2", b"2" * 12))

    @pytest.mark.parametrize(
        ("binding", "words"),
        [
            (Binding("TLSv1.3"), "over TLSv1.3"),
            (Binding(), "over this transport"),
            (Binding("TLSv1.2", b""), "TLSv1.2"),
        ],
    )
    def test_req_099_req_114_without_a_binding_there_is_no_proof(self, binding: Binding, words: str) -> None:
        with pytest.raises(InputError, match=f"cannot be given .*{words}") as caught:
            tls_unique_base64(binding)
        assert caught.value.hint


class TestClient:
    def client(self, port: int) -> EstClient:
        return EstClient(EstUrl.build("localhost", port), transport(port, credentials=CREDENTIALS))

    def body(self, sent: bytes) -> bytes:
        return base64.b64decode(sent)

    def test_req_084_req_086_req_112_a_pending_enrolment_is_repeated_with_a_new_binding(self) -> None:
        seen = Bindings()
        later = seen.answer(b"", "202 Accepted", "Retry-After: 1\r\n")
        certificates = "Content-Type: application/pkcs7-mime\r\n"
        script = [[later], [later], [seen.answer(certs_only(issue()), headers=certificates)]]
        with Peer(script, context=context()) as peer, self.client(peer.port) as est:
            request = est.linked(linked)
            answered = est.simpleenroll(request, wait_timeout=60, sleep=lambda _seconds: None)
            assert isinstance(answered, Issued)
        bodies = [self.body(received.body) for received in peer.received]
        assert len(set(bodies)) == 3
        for body, binding in zip(bodies, seen.of_server):
            assert base64.b64encode(binding or b"") in body
        assert request.public_key_der in bodies[0] and request.public_key_der in bodies[2]

    def test_req_059_a_redirect_is_followed_with_a_new_binding(self) -> None:
        seen = Bindings()
        redirect = seen.answer(b"", "307 Temporary Redirect", "Location: /elsewhere\r\n")
        script = [[redirect], [seen.answer(b"", "202 Accepted")]]
        with Peer(script, context=context()) as peer, self.client(peer.port) as est:
            assert isinstance(est.simpleenroll(est.linked(linked)), Pending)
        assert [received.path for received in peer.received] == ["/.well-known/est/simpleenroll", "/elsewhere"]
        for received, binding in zip(peer.received, seen.of_server):
            assert base64.b64encode(binding or b"") in self.body(received.body)

    def test_req_028_with_the_cas_of_the_system_too(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "store.pem").write_text(CA.pem, encoding="ascii")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
        seen = Bindings()
        with Peer([[seen.answer(b"", "202 Accepted")]], context=context()) as peer:
            line = transport(peer.port, trust=Trust.system(), credentials=CREDENTIALS)
            with EstClient(EstUrl.build("localhost", peer.port), line) as est:
                est.simpleenroll(est.linked(linked))
                assert "RFC 7030 section 6" in est.warnings[0]
        assert base64.b64encode(seen.of_server[0] or b"") in self.body(peer.received[0].body)

    def test_req_111_nothing_is_linked_that_was_not_asked_for(self) -> None:
        est, line = scripted_client(reply(202))
        est.simpleenroll(REQUEST)
        assert isinstance(line, ScriptedTransport)
        assert bytes.fromhex("06092a864886f70d010907") not in self.body(line.sent[0].body or b"")

    def test_the_linked_request_finds_its_certificate(self) -> None:
        headers = "Content-Type: application/pkcs7-mime\r\n"
        bags = [answer(certs_only(ROOT.certificate), headers=headers), answer(certs_only(issue()), headers=headers)]
        with Peer([[bags[0]], [bags[1]]], context=context()) as peer, self.client(peer.port) as est:
            authorities = est.cacerts()
            request = est.linked(linked)
            answered = est.simpleenroll(request)
            assert isinstance(answered, Issued)
            assert est.verify(answered, request, authorities).certificate == issue_of(answered)


def issue_of(answered: Issued) -> Certificate:
    return Certificate(answered.certificates[0])


class TestLab:
    def enrol(self, lab: LabServer, **options: Any) -> Any:
        url = EstUrl.build(lab.host, lab.port)
        line = HttpsTransport(url, Trust.explicit(lab.ca_pem), credentials=Credentials(USERNAME, PASSWORD), **options)
        with EstClient(url, line) as est:
            est.cacerts()
            return est.simpleenroll(est.linked(linked))

    @pytest.mark.parametrize(
        "flags",
        [("--authentication", "digest", "--close-after-401"), ("--authentication", "basic")],
        ids=["digest", "basic"],
    )
    def test_req_111_a_server_verifies_the_binding(self, flags: tuple[str, ...]) -> None:
        with LabServer("--pop", "required", *flags) as lab:
            assert isinstance(self.enrol(lab), Issued)
