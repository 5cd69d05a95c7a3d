# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which there is no usable answer, told in words."""

from __future__ import annotations

import itertools
import os
import select
import socket
import ssl
import struct
import threading
from typing import Any

import pytest
from support.effort import ends
from support.est_exchange import CA, SERVER, checked, context, failure, get, post, stages, transport
from support.tls_certificates import CLIENT_AUTH, Identity, authority, make
from support.tls_peer import (
    Peer,
    answer,
    closed_port,
    drip,
    note_plain,
    read_request,
    reset,
    response,
    send,
    server_context,
    stall,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.connection import Dialler
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.deadline import Exchange, TimedSocket
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failure_words import Way, in_words
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failures import handshake_failed
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust, make_context
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl


class TestReaching:
    def test_an_unknown_host(self) -> None:
        timeline = Timeline()
        line = transport(8443, host="no-such-host.invalid", timeline=timeline)
        with pytest.raises(TransportError) as caught:
            get(line, 8443, host="no-such-host.invalid")
        error = checked(caught.value)
        assert (error.stage, error.request_received) == ("resolve", "not_received")
        assert "no-such-host.invalid" in error.reason
        assert stages(timeline) == [("resolve", False)]

    def test_a_name_service_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: release.wait(5))
        line = transport(8443, connect_timeout=0.2)
        with ends(), pytest.raises(TransportError) as caught:
            get(line, 8443)
        release.set()
        error = checked(caught.value)
        assert error.stage == "resolve"
        assert "did not say within 0.2 seconds" in error.reason

    @pytest.mark.parametrize(
        ("code", "words"),
        [(socket.EAI_NONAME, "the host localhost is not known"), (socket.EAI_AGAIN, "the name service gave no answer")],
    )
    def test_what_the_name_service_says(self, code: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_arguments: Any, **_options: Any) -> None:
            raise socket.gaierror(code, "no")

        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        with pytest.raises(TransportError, match=words):
            get(transport(8443), 8443)

    def test_a_refused_connection(self) -> None:
        port = closed_port()
        timeline = Timeline()
        with pytest.raises(TransportError) as caught:
            get(transport(port, timeline=timeline), port)
        error = checked(caught.value)
        assert (error.stage, error.request_received) == ("connect", "not_received")
        assert error.reason == f"nothing listens on localhost:{port} (connection refused)"
        assert stages(timeline) == [("resolve", True), ("connect", False)]

    @pytest.mark.parametrize(
        ("raised", "words"),
        [
            (socket.timeout("timed out"), "did not accept a connection within 30 seconds"),
            (OSError(113, "No route to host"), "cannot be reached (No route to host)"),
        ],
    )
    def test_a_server_that_cannot_be_reached(
        self, raised: OSError, words: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_arguments: Any) -> None:
            raise raised

        monkeypatch.setattr(socket.socket, "connect", fail)
        with pytest.raises(TransportError) as caught:
            get(transport(8443), 8443)
        error = checked(caught.value)
        assert error.stage == "connect"
        assert words in error.reason

    def test_the_next_address_is_tried_when_one_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Peer([[answer(b"x")]], context=context()) as peer:
            dead = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", closed_port()))
            live = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", peer.port))
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [dead, live])
            line = transport(peer.port)
            assert get(line, peer.port).body == b"x"
            line.close()


class TestHandshake:
    def refused(self, identity: Identity, *chain: Identity, trust: Trust | None = None) -> TransportError:
        with Peer([[read_request]], context=server_context(identity, chain=chain)) as peer:
            error = failure(peer, "POST", trust=trust)
        assert (error.stage, error.request_received) == ("tls", "not_received")
        assert peer.received == []
        return error

    def accepted(self, identity: Identity, *chain: Identity, trust: Trust | None = None) -> None:
        with Peer([[answer()]], context=server_context(identity, chain=chain)) as peer:
            line = transport(peer.port, trust=trust)
            assert get(line, peer.port).status == 200
            line.close()

    def test_another_ca(self) -> None:
        error = self.refused(SERVER, trust=Trust.explicit(authority("Another Root").pem))
        assert "not issued by a CA that is in the trusted CA certificates" in error.reason
        assert "ca_certificate" in hint_of(error)

    def test_a_self_signed_certificate(self) -> None:
        assert "is self-signed and not in" in self.refused(make("localhost", dns=["localhost"])).reason

    def test_a_ca_of_the_same_name_with_another_key(self) -> None:
        impostor = authority()
        self.refused(impostor.issue("server", dns=["localhost"]))

    def test_req_014_an_expired_certificate(self) -> None:
        error = self.refused(CA.issue("server", dns=["localhost"], days=(-100, -1)))
        assert "has expired" in error.reason
        assert "clock" in error.hint

    def test_req_014_a_certificate_of_the_future(self) -> None:
        assert "not valid yet" in self.refused(CA.issue("server", dns=["localhost"], days=(10, 100))).reason

    def test_req_014_an_expired_intermediate(self) -> None:
        intermediate = CA.issue("intermediate", ca=True, days=(-100, -1))
        assert "has expired" in self.refused(intermediate.issue("server", dns=["localhost"]), intermediate).reason

    def test_req_014_an_issuer_that_is_no_ca(self) -> None:
        leaf = CA.issue("leaf", ca=False)
        assert "it is not a CA" in self.refused(leaf.issue("server", dns=["localhost"]), leaf).reason

    def test_req_014_a_path_that_is_too_long(self) -> None:
        first = CA.issue("first", ca=True, path_length=0)
        second = first.issue("second", ca=True)
        assert "path length" in self.refused(second.issue("server", dns=["localhost"]), first, second).reason

    def test_req_014_a_certificate_for_clients_only(self) -> None:
        error = self.refused(CA.issue("server", dns=["localhost"], usages=[CLIENT_AUTH]))
        assert "serverAuth" in error.reason + error.hint

    def test_req_014_a_chain_without_its_intermediate(self) -> None:
        intermediate = CA.issue("intermediate", ca=True)
        leaf = intermediate.issue("server", dns=["localhost"])
        assert "intermediate" in self.refused(leaf).hint
        self.accepted(leaf, intermediate)

    def test_an_intermediate_may_be_the_anchor(self) -> None:
        intermediate = CA.issue("intermediate", ca=True)
        self.accepted(intermediate.issue("server", dns=["localhost"]), trust=Trust.explicit(intermediate.pem))

    def test_an_anchor_that_is_no_ca_issues_nothing(self) -> None:
        leaf = CA.issue("leaf", ca=False)
        self.refused(leaf.issue("server", dns=["localhost"]), trust=Trust.explicit(leaf.pem))

    def test_basic_constraints_need_not_be_critical(self) -> None:
        root = authority("Demo Root", ca_critical=False)
        self.accepted(root.issue("server", dns=["localhost"]), trust=Trust.explicit(root.pem))

    def test_req_011_a_server_with_tls_1_2_only_works(self) -> None:
        with Peer([[answer()]], context=context(version=ssl.TLSVersion.TLSv1_2)) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            line.close()
        assert line.peer is not None
        assert line.peer.tls_version == "TLSv1.2"

    def test_req_011_tls_1_3_is_used_where_the_server_has_it(self) -> None:
        with Peer([[answer()]], context=context(version=ssl.TLSVersion.TLSv1_3)) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            line.close()
        assert line.peer is not None
        assert line.peer.tls_version == "TLSv1.3"

    @pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
    def test_req_010_a_server_with_older_versions_only(self, version: str) -> None:
        old = context(version=getattr(ssl.TLSVersion, version), ciphers="DEFAULT:@SECLEVEL=0")
        with Peer([[read_request]], context=old) as peer:
            error = failure(peer, "POST")
        assert (error.stage, error.request_received) == ("tls", "not_received")
        assert "TLS 1.2 or 1.3 is needed" in error.reason

    @pytest.mark.parametrize("version", [b"\x03\x01", b"\x03\x02"])
    def test_req_010_a_server_that_chooses_an_older_version(self, version: bytes) -> None:
        hello = version + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
        message = b"\x02" + len(hello).to_bytes(3, "big") + hello
        record = b"\x16" + version + len(message).to_bytes(2, "big") + message
        with Peer([[send(record), note_plain]]) as peer:
            error = failure(peer)
        assert "TLS 1.2 or 1.3 is needed" in error.reason

    def test_req_012_a_server_with_weak_ciphers_only(self) -> None:
        weak = context(version=ssl.TLSVersion.TLSv1_2, ciphers="aNULL:eNULL:@SECLEVEL=0")
        with Peer([[read_request]], context=weak) as peer:
            error = failure(peer)
        assert "no cipher suite in common" in error.reason

    @pytest.mark.parametrize(
        "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n"]
    )
    def test_a_port_without_tls(self, words: bytes) -> None:
        with Peer([[send(words), note_plain]]) as peer:
            error = failure(peer, "POST")
        assert error.stage == "tls"
        assert f"the server does not speak TLS on this port (localhost:{peer.port})" in error.reason

    def test_a_server_that_closes_during_the_handshake(self) -> None:
        with Peer([[note_plain]]) as peer:
            assert "closed the connection during the TLS handshake" in failure(peer).reason

    def test_a_server_that_resets_during_the_handshake(self) -> None:
        with Peer([[note_plain, reset]]) as peer:
            assert "closed the connection during the TLS handshake" in failure(peer).reason

    @pytest.mark.parametrize("step", [stall, drip(iter(lambda: b"\x16", None), 0.05)], ids=["silent", "slow"])
    def test_req_061_a_handshake_that_does_not_end(self, step: Any) -> None:
        with Peer([[step]]) as peer, ends():
            error = failure(peer, connect_timeout=0.3)
        assert error.stage == "tls"

    @pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3,), reason="an older OpenSSL connects all the same")
    def test_req_020_a_server_without_secure_renegotiation(self) -> None:
        # ServerHello of TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256 and without any extension.
        hello = bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00c02b00")
        record = bytes.fromhex("160303") + (len(hello) + 4).to_bytes(2, "big")
        step = send(record + b"\x02" + len(hello).to_bytes(3, "big") + hello)
        with Peer([[note_plain, step, stall]]) as peer:
            error = failure(peer)
        assert "does not know secure renegotiation (RFC 5746)" in error.reason
        assert error.stage == "tls"

    def test_what_openssl_says_otherwise_is_passed_on(self) -> None:
        other = ssl.SSLError(1, "x")
        other.reason = "BAD_ECPOINT"
        error = in_words(handshake_failed(other), Way(EstUrl.build("est.example.com"), None, "system", 5))
        assert error.reason == "the TLS handshake with est.example.com:443 failed (bad ecpoint)"


class TestAnswers:
    @pytest.mark.parametrize("status", ["204 No Content", "202 Accepted", "304 Not Modified"])
    def test_req_053_an_answer_without_a_body(self, status: str) -> None:
        length = "" if status.startswith("204") else "Content-Length: 0\r\n"
        data = f"HTTP/1.1 {status}\r\n{length}\r\n".encode("ascii")
        with Peer([[read_request, send(data), answer(b"next")]], context=context()) as peer:
            line = transport(peer.port)
            assert post(line, peer.port).body == b""
            assert get(line, peer.port).body == b"next"
            line.close()

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"x" * 245, "is 500 bytes, and 245 arrived"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", "in the middle of its answer"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "in the middle of its answer"),
            (b"HTTP/1.1 200 OK\r\nContent-", "in the middle of its answer"),
            (b"HTT", "in the middle of its answer"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello", "no usable Content-Length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "no usable Content-Length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 245, 245\r\n\r\nhello", "is 245 bytes, and 5 arrived"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "Content-Encoding"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
            (b"220 mail ESMTP\r\n" * 20, "not valid HTTP"),
            (b"HTTP/1.1 999999 x\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "not valid HTTP"),
        ],
        ids=["short", "short chunk", "no end", "short headers", "short status", "no number", "negative", "short twice",
             "two lengths", "gzip", "gzip chunked", "other protocol", "status", "many headers", "long header",
             "chunk size"],
    )  # fmt: skip
    def test_req_053_an_answer_that_is_not_whole_or_not_http(self, data: bytes, words: str) -> None:
        with Peer([[read_request, send(data)]], context=context()) as peer:
            error = failure(peer, "POST")
        assert words in error.reason
        assert (error.stage, error.request_received) == ("", "received")
        assert len(peer.received) == 1

    @pytest.mark.parametrize(
        "data",
        [
            response(b"x" * 2000),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"3e8\r\n"
            + b"x" * 1000
            + b"\r\n7d0\r\n"
            + b"x" * 2000,
        ],
        ids=["length", "huge length", "close", "chunked"],
    )
    def test_req_061_an_answer_that_is_too_large(self, data: bytes) -> None:
        with Peer([[read_request, send(data), stall]], context=context()) as peer, ends():
            error = failure(peer, max_response_size=1500)
        assert "larger than 1500 bytes" in error.reason
        assert (error.http_status, error.request_received) == (200, "received")

    def test_req_061_ten_megabytes_are_not_read(self) -> None:
        chunks = itertools.repeat(b"10000\r\n" + b"x" * 65536 + b"\r\n", 160)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with Peer([[read_request, send(head), drip(chunks, 0)]], context=context()) as peer:
            assert "larger than 1048576 bytes" in failure(peer).reason

    def test_req_061_an_answer_at_the_limit_is_read(self) -> None:
        with Peer([[answer(b"x" * 1500)]], context=context()) as peer:
            line = transport(peer.port, max_response_size=1500)
            assert len(get(line, peer.port).body) == 1500
            line.close()


class TestTimeLimits:
    def test_req_061_a_server_that_never_answers(self) -> None:
        with Peer([[read_request, stall]], context=context()) as peer, ends():
            error = failure(peer, "POST", read_timeout=0.3)
        assert "sent nothing for 0.3 seconds" in error.reason
        assert (error.stage, error.request_received) == ("", "unknown")
        assert len(peer.received) == 1

    @pytest.mark.parametrize(
        "data",
        [
            itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X")),
            itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x")),
            itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
            itertools.chain(
                [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"], itertools.repeat(b"X: y\r\n")
            ),
        ],
        ids=["headers", "body", "continue", "trailers"],
    )
    def test_req_061_an_answer_that_drips_without_end(self, data: Any) -> None:
        with Peer([[read_request, drip(data, 0.05)]], context=context()) as peer, ends():
            error = failure(peer, "POST", timeout=1.5)
        assert error.reason.endswith("did not complete its answer within 1.5 seconds")
        assert error.request_received == "received"

    def test_req_061_a_server_that_does_not_read(self) -> None:
        with Peer([[stall]], context=context()) as peer, ends():
            line = transport(peer.port, read_timeout=0.3)
            with pytest.raises(TransportError) as caught:
                post(line, peer.port, b"x" * 20_000_000)
        assert checked(caught.value).request_received == "not_received"


class TestClosedConnections:
    @pytest.mark.parametrize("steps", [[read_request], [read_request, reset]], ids=["closed", "reset"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_fresh_connection_is_not_tried_twice(self, steps: Any, method: str) -> None:
        with Peer([steps], context=context()) as peer:
            error = failure(peer, method)
        assert "closed the connection without an answer" in error.reason
        assert error.request_received == "unknown"
        assert (len(peer.received), peer.unexpected) == (1, 0)

    def test_a_get_on_a_kept_connection_is_sent_once_more(self) -> None:
        with Peer([[answer(b"one"), read_request], [answer(b"two")]], context=context()) as peer:
            line = transport(peer.port)
            assert get(line, peer.port).body == b"one"
            assert get(line, peer.port).body == b"two"
            line.close()
        assert len(peer.received) == 3

    def test_a_get_that_ran_out_of_time_is_not_sent_once_more(self) -> None:
        with Peer([[answer(b"one"), read_request, stall]], context=context()) as peer:
            line = transport(peer.port, read_timeout=0.3)
            get(line, peer.port)
            with pytest.raises(TransportError, match="sent nothing for"):
                get(line, peer.port)
        assert (len(peer.received), peer.unexpected) == (2, 0)

    def test_a_get_is_not_sent_a_third_time(self) -> None:
        with Peer([[answer(b"one"), read_request], [read_request]], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            with pytest.raises(TransportError, match="without an answer"):
                get(line, peer.port)
        assert (len(peer.received), peer.unexpected) == (3, 0)

    def test_a_post_that_the_server_may_have_read_is_not_repeated(self) -> None:
        with Peer([[answer(b"one"), read_request]], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            with pytest.raises(TransportError) as caught:
                post(line, peer.port)
        assert checked(caught.value).request_received == "unknown"
        assert (len(peer.received), peer.unexpected) == (2, 0)

    def test_a_post_goes_to_a_new_connection_when_the_old_one_is_seen_to_be_closed(self) -> None:
        with Peer([[answer(b"one")], [answer(b"two")]], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            peer.wait(0.2)
            assert post(line, peer.port).body == b"two"
            line.close()
        assert [request.method for request in peer.received] == ["GET", "POST"]

    def test_a_post_that_was_not_written_whole_is_sent_once_more(self) -> None:
        def read_head(connection: Any, _peer: Peer) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)

        with Peer([[answer(b"one"), read_head], [answer(b"two")]], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            assert post(line, peer.port, b"x" * 20_000_000).body == b"two"
            line.close()
        assert peer.handshakes == 2

    def test_an_answer_before_the_request_was_read_is_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Over TCP a reset may or may not destroy the answer on its way; a pair of local sockets always keeps it.
        near, far = socket.socketpair()
        far.settimeout(60)

        def serve() -> None:
            with context().wrap_socket(far, server_side=True) as secured:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += secured.recv(4096)
                secured.sendall(response(b"no", "413 Too Large", "Connection: close\r\n"))

        def dial(_dialler: Dialler, exchange: Exchange) -> TimedSocket:
            client = make_context(Trust.explicit(CA.pem))
            client.sslsocket_class = TimedSocket
            secured = client.wrap_socket(near, server_hostname="localhost")
            assert isinstance(secured, TimedSocket)
            secured.exchange = exchange
            return secured

        monkeypatch.setattr(Dialler, "dial", dial)
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        line = transport(8443)
        answered = post(line, 8443, b"x" * 5_000_000)
        server.join(timeout=60)
        line.close()
        assert (answered.status, answered.body) == (413, b"no")

    def test_an_error_leaves_nothing_behind_for_the_next_request(self) -> None:
        unusable = send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nx")
        with Peer([[read_request, unusable, read_request], [answer(b"ok")]], context=context()) as peer:
            line = transport(peer.port)
            with pytest.raises(TransportError, match="larger than"):
                get(line, peer.port)
            assert get(line, peer.port).body == b"ok"
            line.close()
        assert peer.handshakes == 2


def test_a_server_that_resets_before_the_handshake_leaves_no_socket_open() -> None:
    """ssl raises then from within the making of a socket that nobody else can close."""
    anchors = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anchors.sslsocket_class = TimedSocket
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = socket.create_connection(listener.getsockname())
        accepted, _address = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        select.select([connection], [], [], 10)
        descriptor = connection.fileno()
        with pytest.raises(OSError) as raised:  # which keeps alive what it was raised from
            anchors.wrap_socket(connection, server_hostname="localhost", do_handshake_on_connect=False).do_handshake()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        assert raised.value
