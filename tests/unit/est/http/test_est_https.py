# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire, and to whom."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.effort import ends
from support.est_exchange import CA, CREDENTIALS, SERVER, checked, context, failure, get, post, stages, transport
from support.tls_certificates import CMC_RA, SERVER_AUTH, authority
from support.tls_peer import (
    Peer,
    answer,
    closed_port,
    read_request,
    response,
    send,
    server_context,
    stall,
    tunnel,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    MissingLibrary,
    Timeline,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http import https
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

BASIC = "Basic " + base64.b64encode(b"estuser:canary-password").decode("ascii")


def test_req_013_req_053_one_connection_carries_the_whole_exchange() -> None:
    with Peer([[answer(b"one"), answer(b"two"), answer(b"three")]], context=context()) as peer:
        line = transport(peer.port, credentials=CREDENTIALS)
        bodies = [get(line, peer.port).body, post(line, peer.port).body, post(line, peer.port, authenticate=True).body]
        line.close()
        line.close()
    assert bodies == [b"one", b"two", b"three"]
    assert (peer.handshakes, peer.unexpected) == (1, 0)


def test_req_013_the_result_is_the_same_with_a_connection_for_each_request() -> None:
    script = [[answer(b"one", headers="Connection: close\r\n")], [answer(b"two")], [answer(b"three")]]
    with Peer(script, context=context()) as peer:
        timeline = Timeline()
        line = transport(peer.port, timeline=timeline)
        bodies = [get(line, peer.port).body]
        for _request in (2, 3):
            bodies.append(get(line, peer.port).body)
        line.close()
    assert bodies == [b"one", b"two", b"three"]
    assert peer.handshakes == 3
    details = [step["detail"] for step in timeline.as_list()]
    assert details[3:] and all(detail.startswith(("connection 2: ", "connection 3: ")) for detail in details[3:])
    assert not any(detail.startswith("connection") for detail in details[:3])


def test_a_request_goes_out_in_one_piece() -> None:
    """http.client sends head and body apart: two TLS records, of which a reader that reads once gets the first."""
    records: list[bytes] = []

    def read_once(connection: Any, _peer: Peer) -> None:
        records.append(connection.recv(65536))
        connection.sendall(response())

    with Peer([[read_once]], context=context()) as peer:
        line = transport(peer.port)
        post(line, peer.port, b"the body\n")
        line.close()
    assert records[0].startswith(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\n")
    assert records[0].endswith(b"\r\n\r\nthe body\n")


def test_what_is_kept_of_one_request_is_not_in_the_next_one() -> None:
    with Peer([[answer()] * 5], context=context()) as peer:
        line = transport(peer.port, credentials=CREDENTIALS)
        post(line, peer.port, b"a longer body\n", authenticate=True)
        post(line, peer.port, b"body\n")
        get(line, peer.port)
        line.request("GET", f"https://localhost:{peer.port}/.well-known/est/cacerts", {"Accept": "text/plain"})
        post(line, peer.port, lambda _binding: b"made for the connection\n", authenticate=True)
        line.close()
    assert [request.headers.get("authorization") for request in peer.received] == [BASIC, None, None, None, BASIC]
    assert [request.headers.get("content-length") for request in peer.received] == ["14", "5", None, None, "24"]
    assert [request.body[:4] for request in peer.received] == [b"a lo", b"body", b"", b"", b"made"]
    assert [request.headers["accept"] for request in peer.received[2:4]] == ["*/*", "text/plain"]


def test_small_writes_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[tuple[object, ...]] = []
    monkeypatch.setattr(socket.socket, "setsockopt", lambda _socket, *option: options.append(option))
    with Peer([[answer()]], context=context()) as peer:
        options.clear()
        line = transport(peer.port)
        get(line, peer.port)
        line.close()
    assert options[0] == (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert options[1:] == [(socket.IPPROTO_TCP, getattr(socket, "TCP_QUICKACK", None), 1)] * len(options[1:])


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="only Linux can be told to acknowledge at once")
def test_a_body_in_a_packet_of_its_own_costs_no_delayed_acknowledgement() -> None:
    def two_packets(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        head, _end, body = response(b"x" * 1200).partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        # Nagle's algorithm holds this back until the client has acknowledged the header.
        connection.sendall(body)

    def median(step: Any) -> float:
        times = []
        with Peer([[step] * 30], context=context()) as peer:
            line = transport(peer.port)
            get(line, peer.port)
            for _request in range(29):
                started = time.monotonic()
                get(line, peer.port)
                times.append(time.monotonic() - started)
            line.close()
        return sorted(times)[14]

    # One packet takes less than a millisecond, and a delayed acknowledgement 40 of them, at each attempt.
    assert any(median(two_packets) < 10 * median(answer(b"x" * 1200)) for _attempt in range(5))


def test_the_bytes_of_a_request() -> None:
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port, host="localhost.")
        get(line, peer.port)
        line.close()
    lines = peer.received[0].head.decode("ascii").split("\r\n")
    assert lines[0] == "GET /.well-known/est/cacerts HTTP/1.1"
    assert sorted(lines[1:-2]) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        f"Host: localhost:{peer.port}",
        "User-Agent: estfleet.cloud_extender",
    ]


def test_the_label_goes_out_as_it_was_encoded() -> None:
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port)
        url = https.EstUrl.build("localhost", peer.port, "a?b %7E~é").operation("cacerts")
        line.request("GET", url, {})
        line.close()
    assert peer.received[0].path == "/.well-known/est/a%3Fb%20%257E~%C3%A9/cacerts"


def test_the_answer_is_given_whole_whatever_its_status() -> None:
    headers = "Content-Type: text/plain\r\nX-Twice: a\r\nx-twice: b\r\nLocation: https://[bad\r\n"
    with Peer([[answer(b"no", "302 Found", headers)]], context=context()) as peer:
        line = transport(peer.port)
        response = get(line, peer.port)
        line.close()
    assert (response.status, response.body) == (302, b"no")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["x-twice"] == "a, b"
    assert response.url == f"https://localhost:{peer.port}/.well-known/est/cacerts"
    assert len(peer.received) == 1


def test_no_cookie_is_sent_back() -> None:
    with Peer([[answer(headers="Set-Cookie: a=b\r\n"), answer()]], context=context()) as peer:
        line = transport(peer.port)
        get(line, peer.port)
        get(line, peer.port)
        line.close()
    assert "cookie" not in peer.received[1].headers


def test_req_062_basic_is_sent_unasked_but_only_where_it_is_wanted() -> None:
    with Peer([[answer(), answer()]], context=context()) as peer:
        line = transport(peer.port, credentials=CREDENTIALS)
        get(line, peer.port)
        post(line, peer.port, authenticate=True)
        line.close()
    assert "authorization" not in peer.received[0].headers
    assert peer.received[1].headers["authorization"] == BASIC


def test_no_authorization_without_credentials() -> None:
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port)
        post(line, peer.port, authenticate=True)
        line.close()
    assert "authorization" not in peer.received[0].headers


def test_req_043_req_066_a_challenge_is_never_answered_by_itself() -> None:
    challenge = answer(status="401 Unauthorized", headers='WWW-Authenticate: Basic realm="est"\r\n')
    with Peer([[challenge, challenge]], context=context()) as peer:
        line = transport(peer.port, credentials=CREDENTIALS)
        assert get(line, peer.port).status == 401
        assert get(line, peer.port).status == 401
        line.close()
    assert len(peer.received) == 2
    assert all("authorization" not in request.headers for request in peer.received)


def test_after_a_401_to_a_post_the_connection_is_not_used_again() -> None:
    # libest leaves the body of such a request unread, and would take it for the next request.
    script = [[answer(status="401 Unauthorized"), read_request], [answer(b"ok")]]
    with Peer(script, context=context()) as peer:
        line = transport(peer.port)
        assert post(line, peer.port).status == 401
        assert get(line, peer.port).body == b"ok"
        line.close()
    assert peer.handshakes == 2


@pytest.mark.parametrize("headers", ["Content-Length: 5, 5\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n"])
def test_a_length_that_is_given_twice_ends_the_answer_on_a_kept_connection(headers: str) -> None:
    """RFC 9110 section 8.6: the same number may be taken as one."""

    def step(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{headers}\r\nhello".encode())

    with Peer([[step, answer(b"next")]], context=context()) as peer:
        line = transport(peer.port)
        assert get(line, peer.port).body == b"hello"
        assert get(line, peer.port).body == b"next"
        line.close()
    assert peer.handshakes == 1


@pytest.mark.parametrize(
    "trust",
    [Trust.explicit(authority("Another Root").pem), Trust.system()],
    ids=["another CA", "system"],
)
def test_req_001_req_021_req_066_req_070_nothing_is_sent_to_an_untrusted_server(
    trust: Trust, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with Peer([[read_request]], context=context()) as peer:
        error = failure(peer, "POST", trust=trust)
    assert (error.stage, error.request_received) == ("tls", "not_received")
    assert peer.received == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_req_021_req_026_req_066_req_070_nothing_is_sent_to_a_server_with_another_name(method: str) -> None:
    wrong = CA.issue("localhost", dns=["other.example"])
    with Peer([[read_request]], context=server_context(wrong)) as peer:
        timeline = Timeline()
        error = failure(peer, method, timeline=timeline)
    assert (error.stage, error.request_received) == ("tls", "not_received")
    assert "not for localhost: it is for other.example" in error.reason
    assert (peer.handshakes, peer.received) == (1, [])
    assert stages(timeline) == [("resolve", True), ("connect", True), ("tls", False)]


def test_req_003_req_024_the_peer_says_which_trust_and_what_authorised() -> None:
    ra = CA.issue("ra", dns=["ra.example"], usages=[SERVER_AUTH, CMC_RA])
    with Peer([[answer()]], context=server_context(ra)) as peer:
        line = transport(peer.port)
        assert line.peer is None
        get(line, peer.port)
        line.close()
    assert line.peer is not None
    assert (line.peer.trust, line.peer.authorized_by, line.peer.certificate) == ("explicit", "cmc_ra", ra.der)


def test_req_003_req_025_system_trust_needs_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = tmp_path / "store.pem"
    store.write_text(CA.pem, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    ra = CA.issue("ra", dns=["ra.example"], usages=[SERVER_AUTH, CMC_RA])
    with Peer([[read_request]], context=server_context(ra)) as peer:
        assert "not for localhost" in failure(peer, trust=Trust.system()).reason
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port, trust=Trust.system())
        get(line, peer.port)
        line.close()
    assert line.peer is not None
    assert (line.peer.trust, line.peer.authorized_by) == ("system", "host_name")


def test_req_001_req_002_the_environment_adds_no_anchor_no_proxy_and_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(CA.pem, encoding="ascii")
    (tmp_path / ".netrc").write_text("machine localhost login canary password canary\n", encoding="ascii")
    (tmp_path / ".netrc").chmod(0o600)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Peer([[read_request], [answer()]], context=context()) as peer:
        # The server's CA is in every bundle of the environment, but not among the configured anchors.
        error = failure(peer, trust=Trust.explicit(authority("Another Root").pem))
        assert (error.stage, peer.received) == ("tls", [])
        line = transport(peer.port)
        get(line, peer.port)
        line.close()
    assert "authorization" not in peer.received[0].headers


def test_req_001_no_anchors_of_certifi_are_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "certifi.pem"
    bundle.write_text(CA.pem, encoding="ascii")
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(bundle))
    with Peer([[read_request]], context=context()) as peer:
        assert failure(peer, trust=Trust.explicit(authority("Another Root").pem)).stage == "tls"


@pytest.mark.parametrize(
    "url",
    ["https://localhost:{other}/.well-known/est/cacerts", "https://127.0.0.1:{port}/x", "http://localhost:{port}/x",
     "https://user:canary@localhost:{port}/x"],
)  # fmt: skip
def test_req_009_req_070_another_origin_is_refused(url: str) -> None:
    line = transport(8443, credentials=CREDENTIALS)
    with pytest.raises(InputError, match="https://localhost:8443 only") as caught:
        line.request("GET", url.format(port=8443, other=8444), {}, authenticate=True)
    assert "canary" not in caught.value.reason


def test_req_070_no_secret_in_a_repr_or_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port, credentials=CREDENTIALS)
        post(line, peer.port, authenticate=True)
        line.close()
    words = caplog.text + repr(line) + repr(line.peer) + repr(CREDENTIALS)
    assert "canary" not in words
    assert BASIC not in words


def test_unusable_credentials_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError, match="user name"):
        transport(8443, credentials=Credentials("a:b", "canary"))


def test_missing_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingLibrary("no requests")

    monkeypatch.setattr(https, "require_libraries", missing)
    with pytest.raises(MissingLibrary):
        transport(8443)


def test_the_timeline_tells_how_the_server_was_reached() -> None:
    with Peer([[answer()]], context=context()) as peer:
        timeline = Timeline()
        line = transport(peer.port, timeline=timeline)
        get(line, peer.port)
        line.close()
    resolve, connect, tls = timeline.as_list()
    assert "127.0.0.1" in resolve["detail"]
    assert connect["detail"] == f"127.0.0.1 port {peer.port}"
    assert tls["detail"].startswith("TLSv1.3, TLS_")
    assert tls["detail"].endswith("explicit trust, host name")
    assert all(step["ok"] and step["milliseconds"] is not None for step in (resolve, connect, tls))


def test_an_ipv6_address_is_a_host() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 loopback here")
    identity = CA.issue("v6", addresses=["::1"])
    with Peer([[answer()]], context=server_context(identity), address="::1") as peer:
        line = transport(peer.port, host="[::1]")
        assert get(line, peer.port, host="[::1]").status == 200
        line.close()
    assert peer.received[0].headers["host"] == f"[::1]:{peer.port}"


class TestClientCertificate:
    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    def test_it_is_presented_with_its_intermediates(self, version: str, tmp_path: Path) -> None:
        intermediate = CA.issue("intermediate", ca=True)
        client = intermediate.issue("client")
        (tmp_path / "client.pem").write_text(client.pem + intermediate.pem + client.key_pem(b"pass"), encoding="ascii")
        options = context(version=getattr(ssl.TLSVersion, version), client_ca=CA)
        with Peer([[answer()]], context=options) as peer:
            certificate = ClientCertificate(str(tmp_path / "client.pem"), passphrase="pass")
            line = transport(peer.port, client_certificate=certificate)
            assert get(line, peer.port).status == 200
            line.close()
        assert line.peer is not None and line.peer.client_certificate_sent is True

    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    def test_req_069_it_is_known_whether_the_server_wanted_it(self, version: str, tmp_path: Path) -> None:
        client = CA.issue("client")
        (tmp_path / "client.pem").write_text(client.pem + client.key_pem(), encoding="ascii")
        with Peer([[answer()], [answer()]], context=context(version=getattr(ssl.TLSVersion, version))) as peer:
            line = transport(peer.port, client_certificate=ClientCertificate(str(tmp_path / "client.pem")))
            get(line, peer.port)
            line.close()
            assert line.peer is not None and line.peer.client_certificate_sent is False
            line = transport(peer.port)
            get(line, peer.port)
            line.close()
            assert line.peer is not None and line.peer.client_certificate_sent is None

    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    def test_a_server_that_wants_one_and_gets_none_is_told_apart(self, version: str) -> None:
        options = context(version=getattr(ssl.TLSVersion, version), client_ca=CA)
        with Peer([[read_request]], context=options) as peer:
            error = failure(peer, "POST")
        assert (error.stage, error.request_received) == ("tls", "not_received")
        assert "client certificate" in error.reason
        assert "client_certificate_path" in hint_of(error)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_req_020_a_server_may_renegotiate_securely(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_text(SERVER.pem + SERVER.key_pem(), encoding="ascii")
    (tmp_path / "ca.pem").write_text(CA.pem, encoding="ascii")
    port = closed_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2", "-naccept", "1", "-crlf"]
    command += ["-cert", str(tmp_path / "server.pem"), "-CAfile", str(tmp_path / "ca.pem")]
    said = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        assert server.stdin is not None and server.stdout is not None

        def read_until(begin: bytes) -> None:
            assert server.stdout is not None
            for words in server.stdout:
                said.append(words)
                if words.startswith(begin):
                    break

        def serve() -> None:
            assert server.stdin is not None
            read_until(b"Accept: */*")
            # A line with an R asks for a renegotiation, in which the server wants a client certificate.
            for words, outcome in (
                (b"R\n", b"SSL_do_handshake"),
                (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nok\n", b"-"),
            ):
                server.stdin.write(words)
                server.stdin.flush()
                read_until(outcome)

        read_until(b"ACCEPT")
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            line = transport(port)
            assert get(line, port).body == b"ok\r\n"
            line.close()
        finally:
            server.kill()
            thread.join(timeout=60)
    assert b"Secure Renegotiation IS supported\n" in said
    assert b"SSL_do_handshake -> 1\n" in said


class TestProxy:
    def test_the_tunnel_leads_to_a_server_that_is_verified(self) -> None:
        with Peer([[answer(b"x")]], context=context()) as server, Peer([[tunnel(server.port)]]) as proxy:
            timeline = Timeline()
            line = transport(
                server.port, proxy=f"http://127.0.0.1:{proxy.port}", credentials=CREDENTIALS, timeline=timeline
            )
            assert get(line, server.port, authenticate=True).body == b"x"
            line.close()
        connect = proxy.received[0]
        assert (connect.method, connect.path) == ("CONNECT", f"localhost:{server.port}")
        assert list(connect.headers) == ["host"]
        assert "through the proxy" in timeline.as_list()[1]["detail"]

    def test_req_021_req_023_the_identity_of_the_configured_host_is_checked_through_the_tunnel(self) -> None:
        wrong = server_context(CA.issue("localhost", dns=["other.example"], addresses=["127.0.0.1"]))
        with Peer([[read_request]], context=wrong) as server, Peer([[tunnel(server.port)]]) as proxy:
            error = failure(server, "POST", proxy=f"http://127.0.0.1:{proxy.port}")
        assert "not for localhost: it is for other.example, 127.0.0.1" in error.reason
        assert server.received == []

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "(HTTP 407 Proxy Authentication Required)"),
            (b"HTTP/1.0 502 Bad\x1b[31m Gateway\r\n\r\n", "(HTTP 502 Bad)"),
            (b"SSH-2.0-x\r\n\r\n", "does not answer as an HTTP proxy does"),
            (b"", "does not answer as an HTTP proxy does"),
            (b"x" * 20000, "does not answer as an HTTP proxy does"),
        ],
        ids=["407", "502", "other", "nothing", "endless"],
    )
    def test_a_refusal_is_an_error_of_connecting(self, reply: bytes, words: str) -> None:
        with Peer([[read_request, send(reply)]]) as proxy:
            line = transport(8443, proxy=f"http://127.0.0.1:{proxy.port}", credentials=CREDENTIALS)
            with pytest.raises(TransportError) as caught:
                get(line, 8443, authenticate=True)
        error = checked(caught.value)
        assert (error.stage, error.request_received) == ("connect", "not_received")
        assert words in error.reason

    def test_a_proxy_that_does_not_answer(self) -> None:
        with Peer([[stall]]) as proxy:
            line = transport(8443, proxy=f"http://127.0.0.1:{proxy.port}", read_timeout=0.2)
            with ends(), pytest.raises(TransportError, match="did not answer in time"):
                get(line, 8443)

    @pytest.mark.parametrize(
        "proxy",
        ["proxy.example:3128", "https://proxy.example:3128", "http://proxy.example", "http://:3128", "http://a b:1",
         "x", "http://proxy.example:0", "http://proxy.example:99999", "http://proxy.example:3128/path", "socks5://p:1080"],
    )  # fmt: skip
    def test_what_is_no_http_proxy_is_refused(self, proxy: str) -> None:
        with pytest.raises(InputError) as caught:
            transport(8443, proxy=proxy)
        assert repr(proxy) in caught.value.reason

    def test_a_password_in_the_proxy_is_refused_and_not_shown(self) -> None:
        with pytest.raises(InputError) as caught:
            transport(8443, proxy="http://user:canary@proxy.example:3128")
        assert "canary" not in caught.value.reason + caught.value.hint


def test_the_server_certificate_itself_may_be_the_anchor() -> None:
    with Peer([[answer()]], context=context()) as peer:
        line = transport(peer.port, trust=Trust.explicit(SERVER.pem))
        assert get(line, peer.port).status == 200
        line.close()
