# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client certificate that a server refuses: what is told of it, and what is tried without its intermediates."""

from __future__ import annotations

import contextlib
import shlex
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.est_exchange import CA, context, get, post, stages, transport
from support.tls_certificates import Identity, authority
from support.tls_peer import Peer, Step, answer, read_request, response, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failures import REFUSING_ALERTS, alert_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

ISSUING = CA.issue("Issuing CA", ca=True)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def pair(folder: Path, identity: Identity, *above: Identity) -> ClientCertificate:
    """A certificate with what is above it, and its key, in files."""
    certificate, key = folder / "my client.pem", folder / "client.key"
    certificate.write_text(identity.pem + "".join(one.pem for one in above), encoding="ascii")
    key.write_text(identity.key_pem(), encoding="ascii")
    return ClientCertificate(str(certificate), str(key))


def fails(peer: Any, client: ClientCertificate, **options: Any) -> TransportError:
    line = transport(peer.port, client_certificate=client, **options)
    with contextlib.closing(line), pytest.raises(TransportError) as caught:
        post(line, peer.port)
    assert caught.value.request_received == "not_received"
    return caught.value


def command(peer: Any, client: ClientCertificate) -> str:
    return (
        f"openssl s_client -connect localhost:{peer.port} -cert {shlex.quote(client.certificate_path)} "
        f"-key {client.key_path}"
    )


class TestWords:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_a_certificate_of_a_ca_that_the_server_does_not_know(self, tmp_path: Path, version: Any) -> None:
        client = pair(tmp_path, authority("Other CA").issue("client"))
        with Peer([[answer()]], context=context(client_ca=CA, version=version)) as peer:
            error = fails(peer, client)
        assert error.reason == (
            f"localhost:{peer.port} refused the TLS client certificate /CN=client (key EC P-256) "
            "(tlsv1 alert unknown ca)"
        )
        assert (error.code, error.alert, error.stage) == ("client_certificate_refused", "unknown_ca", "tls")
        assert command(peer, client) in error.advice({"client_certificate_refused": "Do something."})

    def test_a_key_that_the_server_s_own_tls_refuses(self, tmp_path: Path) -> None:
        """libest asks for P-384 in its CSR attributes, and takes no P-384 client certificate."""
        client = pair(tmp_path, CA.issue("client", curve=ec.SECP384R1))
        tls = context(client_ca=CA, version=ssl.TLSVersion.TLSv1_2)
        tls.set_ecdh_curve("prime256v1")
        with Peer([[answer()]], context=tls) as peer:
            error = fails(peer, client)
        assert (error.code, error.alert) == ("client_certificate_refused", "illegal_parameter")
        assert "the TLS client certificate /CN=client (key EC P-384)" in error.reason
        assert command(peer, client) in error.advice({})

    @pytest.mark.parametrize("version", VERSIONS)
    def test_a_server_that_goes_away_after_it_got_the_certificate(self, tmp_path: Path, version: Any) -> None:
        client = pair(tmp_path, CA.issue("client"))
        with Peer([[]], context=context(client_ca=CA, version=version)) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line), pytest.raises(TransportError) as caught:
                post(line, peer.port)
        assert "closed the connection without an answer; it had got the TLS client certificate /CN=client (key EC" in (
            caught.value.reason
        )
        assert command(peer, client) in caught.value.advice({})

    def test_nothing_is_said_of_a_certificate_that_the_server_did_not_ask_for(self, tmp_path: Path) -> None:
        client = pair(tmp_path, CA.issue("client"))
        with Peer([[read_request]], context=context()) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line), pytest.raises(TransportError) as caught:
                post(line, peer.port)
        assert "certificate /CN=client" not in caught.value.reason
        assert "-cert" not in caught.value.advice({})

    def test_the_lack_of_one_is_told_as_that(self) -> None:
        with Peer([[answer()]], context=context(client_ca=CA, version=ssl.TLSVersion.TLSv1_3)) as peer:
            line = transport(peer.port)
            with contextlib.closing(line), pytest.raises(TransportError) as caught:
                get(line, peer.port)
        assert f"localhost:{peer.port} refused a client without a TLS client certificate" in caught.value.reason
        assert caught.value.alert == "certificate_required"

    def test_one_that_was_given_as_text(self, tmp_path: Path) -> None:
        other = authority("Other CA").issue("client")
        with Peer([[answer()]], context=context(client_ca=CA)) as peer:
            error = fails(peer, ClientCertificate.from_text(other.pem, other.key_pem()))
        assert "/CN=client (key EC P-256)" in error.reason
        assert "-cert FILE -key FILE" in error.advice({})
        assert "PRIVATE" not in f"{error.reason} {error.advice({})}"

    @pytest.mark.parametrize(
        ("reason", "alert"),
        [
            ("TLSV1_ALERT_UNKNOWN_CA", "unknown_ca"),
            ("SSLV3_ALERT_BAD_CERTIFICATE", "bad_certificate"),
            ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_required"),
            ("TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", "bad_certificate_status_response"),
            ("TLSV1_CERTIFICATE_UNOBTAINABLE", "certificate_unobtainable"),
            ("TLSV1_ALERT_INSUFFICIENT_SECURITY", "insufficient_security"),
            ("CERTIFICATE_VERIFY_FAILED", ""),
            (None, ""),
        ],
    )
    def test_alerts_have_the_names_of_the_rfc(self, reason: Optional[str], alert: str) -> None:
        error = ssl.SSLError(1, "x")
        error.reason = reason  # type: ignore[assignment]
        assert alert_of(error) == alert
        assert not alert or alert in REFUSING_ALERTS


class Gate:
    """Passes TLS 1.2 connections on, but ends the handshake of a client that sends more certificates than one."""

    def __init__(self, port: int, alert: int) -> None:
        self._target = port
        self._alert = alert
        self.counts: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                threading.Thread(target=self._carry, args=(connection,), daemon=True).start()

    def _carry(self, connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=self._pass_on, args=(server, connection), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while True:
                    head = self._take(connection, 5)
                    record = self._take(connection, int.from_bytes(head[3:5], "big"))
                    if head[0] == 22 and record[0] == 11:  # Certificate (RFC 5246 section 7.4.2)
                        self.counts.append(self._count(record))
                        if self.counts[-1] > 1:
                            connection.sendall(bytes((21, 3, 3, 0, 2, 2, self._alert)))
                            connection.shutdown(socket.SHUT_WR)
                            while connection.recv(65536):
                                pass
                            break
                    server.sendall(head + record)
            for each in (server, connection):  # else the other thread would keep them open
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _count(record: bytes) -> int:
        end, position, found = 4 + int.from_bytes(record[1:4], "big"), 7, 0
        while position < end:
            position, found = position + 3 + int.from_bytes(record[position : position + 3], "big"), found + 1
        return found

    @staticmethod
    def _take(connection: socket.socket, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = connection.recv(size - len(found))
            if not piece:
                raise ConnectionError("the client has gone")
            found += piece
        return found

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    return
                target.sendall(data)


@contextlib.contextmanager
def gate(peer: Peer, alert: int = 42) -> Iterator[Gate]:
    with contextlib.closing(Gate(peer.port, alert)) as made:
        yield made


def knowing_all(version: Optional[ssl.TLSVersion] = None) -> ssl.SSLContext:
    """The context of a server that needs no intermediates of a client."""
    tls = context(client_ca=CA, version=version)
    tls.load_verify_locations(cadata=ISSUING.pem)
    return tls


class TestOneCertificate:
    """Some servers accept exactly one certificate from the client."""

    @pytest.mark.parametrize("alert", [42, 43, 46, 47, 48, 49, 50, 80])
    def test_after_an_alert_it_goes_without_its_intermediates(self, tmp_path: Path, alert: int) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        with (
            Peer([[], [answer(b"one"), answer(b"two")]], context=knowing_all(ssl.TLSVersion.TLSv1_2)) as peer,
            gate(peer, alert) as way,
        ):
            timeline = Timeline()
            line = transport(way.port, client_certificate=client, timeline=timeline)
            with contextlib.closing(line):
                assert get(line, way.port).body == b"one"
                assert post(line, way.port).body == b"two"
        assert way.counts == [2, 1]
        assert stages(timeline)[-4:] == [("tls", False), ("resolve", True), ("connect", True), ("tls", True)]
        assert timeline.as_list()[-1]["detail"].endswith(", client certificate without its intermediates")

    def test_the_same_with_the_intermediates_in_a_file_of_their_own(self, tmp_path: Path) -> None:
        client = pair(tmp_path, ISSUING.issue("client")).replace(chain_path=str(tmp_path / "chain.pem"))
        (tmp_path / "chain.pem").write_text(ISSUING.pem, encoding="ascii")
        with Peer([[], [answer(b"one")]], context=knowing_all(ssl.TLSVersion.TLSv1_2)) as peer, gate(peer) as way:
            line = transport(way.port, client_certificate=client)
            with contextlib.closing(line):
                assert get(line, way.port).body == b"one"
        assert way.counts == [2, 1]

    def test_an_anchor_that_has_issued_it_is_not_sent_along(self, tmp_path: Path) -> None:
        """OpenSSL completes the chain of a client certificate from the anchors."""
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        tls = knowing_all(ssl.TLSVersion.TLSv1_2)
        with Peer([[], [answer(b"one")]], context=tls) as peer, gate(peer) as way:
            line = transport(way.port, client_certificate=client, trust=Trust.explicit(CA.pem + ISSUING.pem))
            with contextlib.closing(line):
                assert get(line, way.port).body == b"one"
        assert way.counts == [2, 1]

    def test_where_the_server_s_certificate_needs_that_anchor_the_first_refusal_stands(self, tmp_path: Path) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        server = ISSUING.issue("server", dns=["localhost"])
        tls = server_context(server, version=ssl.TLSVersion.TLSv1_2, client_ca=CA)
        with Peer([[], []], context=tls) as peer, gate(peer) as way:
            trust = Trust.explicit(authority("Another").pem + ISSUING.pem)
            assert fails(way, client, trust=trust).alert == "bad_certificate"
        assert way.counts == [2]

    def test_after_revoked_it_does_not_go_again(self, tmp_path: Path) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        with Peer([[]], context=knowing_all(ssl.TLSVersion.TLSv1_2)) as peer, gate(peer, 44) as way:
            assert fails(way, client).alert == "certificate_revoked"
        assert way.counts == [2]

    def test_one_without_intermediates_does_not_go_again(self, tmp_path: Path) -> None:
        client = pair(tmp_path, authority("Other CA").issue("client"))
        with Peer([[]], context=context(client_ca=CA)) as peer:
            fails(peer, client)
        assert peer.unexpected == 0

    @pytest.mark.parametrize("version", VERSIONS)
    def test_where_that_does_not_help_the_first_refusal_stands_and_is_not_tried_again(
        self, tmp_path: Path, version: Any
    ) -> None:
        client = pair(tmp_path, authority("Other CA").issue("client"), ISSUING)
        with Peer([[], [], [], []], context=context(client_ca=CA, version=version)) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line):
                for attempts in (2, 3):
                    with pytest.raises(TransportError) as caught:
                        get(line, peer.port)
                    assert ("without its intermediates either" in caught.value.advice({})) == (attempts == 2)
        assert caught.value.code == "client_certificate_refused"

    @pytest.mark.skipif(not hasattr(ssl.SSLSocket, "get_unverified_chain"), reason="Python tells it from 3.13 on")
    @pytest.mark.parametrize(("send", "status"), [(get, 400), (get, 403), (post, 401), (post, 403)])
    def test_a_server_that_says_so_by_http(self, tmp_path: Path, send: Callable[..., Any], status: int) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        with Peer([[one_only(status)], [one_only(status), one_only(status)]], context=knowing_all()) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line):
                assert send(line, peer.port).status == 200
                assert send(line, peer.port).status == 200
        assert len(peer.received) == 3
        assert len({request.body for request in peer.received}) == 1

    @pytest.mark.parametrize(("send", "status"), [(get, 403), (post, 403)])
    def test_a_refusal_for_another_reason_is_asked_twice_once(
        self, tmp_path: Path, send: Callable[..., Any], status: int
    ) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        no = answer(b"no", "403 Forbidden")
        with Peer([[no], [no], [no, no]], context=knowing_all()) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line):
                assert [send(line, peer.port).status for _request in range(2)] == [403, 403]
        assert len(peer.received) == 3

    @pytest.mark.parametrize("send", [get, post])
    def test_a_refusal_of_a_server_that_needs_the_intermediates_stands(
        self, tmp_path: Path, send: Callable[..., Any]
    ) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        no = answer(b"no", "403 Forbidden")
        with Peer([[no], [no], [answer(b"ok")]], context=context(client_ca=CA)) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line):
                assert send(line, peer.port).body == b"no"
                assert send(line, peer.port).body == b"ok", "with its intermediates again"

    @pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oops", "503 Later"])
    def test_what_refuses_no_certificate_makes_no_request_go_again(self, tmp_path: Path, status: str) -> None:
        client = pair(tmp_path, ISSUING.issue("client"), ISSUING)
        with Peer([[answer(b"no", status)]], context=knowing_all()) as peer:
            line = transport(peer.port, client_certificate=client)
            with contextlib.closing(line):
                post(line, peer.port)
        assert (len(peer.received), peer.unexpected) == (1, 0)


def one_only(status: int) -> Step:
    """Answer with a status of refusal where the client has sent more than one certificate."""

    def step(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        alone = len(connection.get_unverified_chain()) == 1
        connection.sendall(response(b"", "200 OK" if alone else f"{status} No"))

    return step
