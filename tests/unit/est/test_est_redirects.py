# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects, and servers that have no time."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from support.est_answers import REQUEST, ROOT, certs_only
from support.est_exchange import CA, CREDENTIALS, context, transport
from support.tls_certificates import Identity, authority
from support.tls_peer import Peer, answer, read_request, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import hiding
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import send_patiently
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Response
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.redirects import (
    MAX_REDIRECTS,
    FollowingTransport,
    redirect_target,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

HOME = EstUrl.build("est.example.com")
START = HOME.operation("cacerts")
BASIC = "Basic " + base64.b64encode(b"estuser:canary-password").decode("ascii")


def redirect(location: Optional[str], status: int = 302) -> Response:
    return Response(status, {} if location is None else {"location": location}, b"moved")


OK = Response(200, {}, b"ok")


@dataclass
class Sent:
    server: str
    method: str
    url: str
    body: Any
    authenticate: bool


@dataclass
class Fake:
    """A transport, and all those that it makes for other origins; they take the answers from one script."""

    script: List[Response]
    server: str = "home"
    sent: List[Sent] = field(default_factory=list)
    made: List[Tuple[str, bool]] = field(default_factory=list)
    closed: List[str] = field(default_factory=list)
    bound: List[str] = field(default_factory=list)
    authenticated_by: Optional[str] = None
    warnings: Tuple[str, ...] = ("a warning",)

    @property
    def peer(self) -> Any:
        return self.server

    def request(self, method: str, url: str, headers: Any, body: Any = None, authenticate: bool = False) -> Response:
        self.sent.append(Sent(self.server, method, url, body, authenticate))
        self.authenticated_by = "basic" if authenticate else None
        return self.script.pop(0)

    def require_tls_unique(self) -> None:
        self.bound.append(self.server)

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> Any:
        self.made.append((url.authority, with_credentials))
        return Fake(self.script, url.authority, self.sent, self.made, self.closed, self.bound)

    def close(self) -> None:
        self.closed.append(self.server)


def follow(*script: Response, **options: Any) -> Tuple[FollowingTransport, Fake]:
    fake = Fake(list(script))
    return FollowingTransport(fake, HOME, **options), fake


def get(line: FollowingTransport, **options: Any) -> Response:
    return line.request("GET", START, {}, **options)


def post(line: FollowingTransport) -> Response:
    return line.request("POST", HOME.operation("simpleenroll"), {}, b"body", authenticate=True)


class TestSameOrigin:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    @pytest.mark.parametrize(
        ("location", "target"),
        [
            ("/x", "https://est.example.com:443/x"),
            ("https://est.example.com/x?y=z#f", "https://est.example.com:443/x?y=z"),
            ("https://EST.example.com:443/x", "https://est.example.com:443/x"),
            ("//est.example.com/x", "https://est.example.com:443/x"),
            ("csrattrs", "https://est.example.com:443/.well-known/est/csrattrs"),
            ("https://est.example.com", "https://est.example.com:443/"),
            (" /x ", "https://est.example.com:443/x"),
        ],
    )
    def test_req_055_a_post_stays_a_post_with_its_body(self, status: int, location: str, target: str) -> None:
        line, fake = follow(redirect(location, status), OK)
        assert post(line) is OK
        first, second = fake.sent
        assert (second.server, second.method, second.url) == ("home", "POST", target)
        assert (second.body, second.authenticate) == (b"body", True)
        assert fake.made == []
        assert (first.method, first.body) == ("POST", b"body")

    def test_req_055_a_303_is_followed_for_a_get_alone(self) -> None:
        line, fake = follow(redirect("/x", 303), OK)
        assert get(line) is OK
        line, fake = follow(redirect("/x", 303), OK)
        with pytest.raises(ServerError, match="to be asked by GET") as caught:
            post(line)
        assert (caught.value.http_status, caught.value.request_received) == (303, "received")
        assert len(fake.sent) == 1

    @pytest.mark.parametrize(("status", "location"), [(300, "/x"), (304, "/x"), (305, "/x"), (302, None), (302, " ")])
    def test_what_leads_nowhere_is_an_answer(self, status: int, location: Optional[str]) -> None:
        line, _fake = follow(redirect(location, status))
        assert get(line).status == status

    def test_req_058_the_number_is_bounded(self) -> None:
        line, fake = follow(*(redirect(f"/{number}") for number in range(20)))
        with pytest.raises(
            ServerError, match=f"more than {MAX_REDIRECTS} times, at last to https://est.example.com:443/5"
        ):
            get(line)
        assert len(fake.sent) == MAX_REDIRECTS + 1
        line, _fake = follow(*(redirect(f"/{number}") for number in range(MAX_REDIRECTS)), OK)
        assert get(line) is OK

    @pytest.mark.parametrize("path", [[START], ["/a", "/b", "/a"], ["/a", "/a"]])
    def test_req_058_a_circle_is_seen(self, path: List[str]) -> None:
        line, fake = follow(*(redirect(location) for location in path), OK)
        with pytest.raises(ServerError, match="redirects in a circle"):
            get(line)
        assert len(fake.sent) == len(path)


class TestOtherOrigin:
    def test_req_056_a_get_goes_there_without_anything_secret(self) -> None:
        line, fake = follow(redirect("https://other.example:8443/x"), OK)
        assert get(line, authenticate=True) is OK
        assert fake.made == [("other.example:8443", False)]
        assert fake.sent[1] == Sent("other.example:8443", "GET", "https://other.example:8443/x", None, False)
        assert line.peer == "other.example:8443"
        assert line.authenticated_by is None
        assert line.warnings == ("a warning", "the server redirects to another server, https://other.example:8443")

    @pytest.mark.parametrize(
        "location", ["https://est.example.com:8443/x", "https://example.com/x", "https://10.0.0.1/"]
    )
    def test_req_057_a_post_does_not_without_consent(self, location: str) -> None:
        line, fake = follow(redirect(location, 307), OK)
        with pytest.raises(ServerError, match=r"to another server, https://.*needs your consent") as caught:
            post(line)
        error = caught.value
        assert EstUrl.build(location.split("/")[2]).authority in error.reason
        assert (error.http_status, error.request_received, error.server_message) == (307, "received", "moved")
        assert fake.made == []

    def test_req_057_a_post_goes_to_a_server_that_was_allowed(self) -> None:
        line, fake = follow(redirect("https://other.example/x"), OK, OK, allowed=["https://other.example"])
        assert post(line) is OK
        assert fake.made == [("other.example:443", True)]
        assert fake.sent[1] == Sent("other.example:443", "POST", "https://other.example:443/x", b"body", True)
        assert line.authenticated_by == "basic"
        post(line)
        assert fake.sent[2].server == "home", "the next request begins at home"

    def test_an_allowed_server_needs_its_very_port(self) -> None:
        line, _fake = follow(redirect("https://other.example:444/x"), allowed=["other.example"])
        with pytest.raises(ServerError, match="needs your consent"):
            post(line)

    def test_who_is_allowed_must_be_a_server(self) -> None:
        with pytest.raises(InputError):
            follow(allowed=["http://other.example"])

    def test_credentials_do_not_come_back_by_way_of_a_stranger(self) -> None:
        line, fake = follow(redirect("https://other.example/x"), redirect("https://est.example.com/y"), OK)
        get(line, authenticate=True)
        assert [(sent.server, sent.authenticate) for sent in fake.sent] == [
            ("home", True),
            ("other.example:443", False),
            ("home", False),
        ]

    def test_one_transport_for_each_origin_and_all_are_closed(self) -> None:
        line, fake = follow(redirect("https://a.example/"), OK, redirect("https://a.example/"), OK)
        get(line)
        get(line)
        assert fake.made == [("a.example:443", False)]
        line.require_tls_unique()
        line.close()
        assert fake.bound == fake.closed == ["home", "a.example:443"]


class TestTargets:
    @pytest.mark.parametrize(
        "location", ["http://est.example.com/x", "HTTP://other/", "ftp://x/", "file:///etc/passwd", "javascript:x"]
    )
    def test_req_009_req_058_only_https(self, location: str) -> None:
        line, fake = follow(redirect(location))
        with pytest.raises(ServerError, match="EST runs over https only"):
            get(line)
        assert len(fake.sent) == 1

    @pytest.mark.parametrize(
        ("location", "words"),
        [
            ("https://user:canary@est.example.com/x", "a URL with a user name or password"),
            ("https://[::1/x", "which is not a URL"),
            ("https://est.example.com:99999/x", "host or port cannot be used"),
            ("https://est.example.com:x/x", "host or port cannot be used"),
            ("https://-/x", "host or port cannot be used"),
            ("/\x01\x1b[31m", "which is not a URL"),
            ("/a b", "which is not a URL"),
            ("/é", "which is not a URL"),
        ],
    )
    def test_what_is_no_target(self, location: str, words: str) -> None:
        with pytest.raises(ServerError, match=words) as caught:
            redirect_target(redirect(location), START, "GET")
        assert "canary" not in caught.value.reason
        assert "\x1b" not in caught.value.reason
        assert caught.value.hint

    def test_req_070_a_redirect_with_the_password_in_it_is_not_followed(self) -> None:
        for location in (
            "https://x.example/?p=canary-password",
            "/canary%2dpassword",
            "https://canary-password.example/",
        ):
            line, fake = follow(redirect(location))
            refused = pytest.raises(ServerError, match="user name or password in it")
            with hiding(("canary-password",)), refused as caught:
                get(line)
            assert "canary" not in caught.value.reason
            assert len(fake.sent) == 1


class TestRetries:
    def answers(self, *responses: Response) -> Any:
        script = list(responses)
        return lambda: script.pop(0)

    @pytest.mark.parametrize("status", [503, 429])
    def test_req_060_a_busy_server_is_asked_again_when_it_says(self, status: int) -> None:
        pauses: List[float] = []
        busy = Response(status, {"retry-after": "20"}, b"")
        assert send_patiently(self.answers(busy, busy, OK), 60, pauses.append) is OK
        assert pauses == [20, 20]

    @pytest.mark.parametrize(
        ("status", "headers", "wait"),
        [
            (503, {"retry-after": "20"}, 0),
            (503, {"retry-after": "20"}, 19),
            (503, {}, 1000),
            (503, {"retry-after": "soon"}, 1000),
            (503, {"retry-after": "99999999999"}, 10**12),
            (500, {"retry-after": "1"}, 1000),
            (202, {"retry-after": "1"}, 1000),
        ],
    )
    def test_req_060_else_the_answer_stands(self, status: int, headers: Dict[str, str], wait: float) -> None:
        response = Response(status, headers, b"")
        assert send_patiently(self.answers(response), wait, pytest.fail) is response

    def test_req_060_the_waiting_is_bounded_whatever_the_server_says(self) -> None:
        pauses: List[float] = []
        busy = Response(503, {"retry-after": "0"}, b"")
        assert send_patiently(lambda: busy, 5, pauses.append) is busy
        assert pauses == [1] * 5

    def test_req_060_the_client_waits_only_where_it_is_told_to(self) -> None:
        pauses: List[float] = []
        busy = Response(503, {"retry-after": "2"}, b"")
        line, fake = follow(busy, redirect("/x"), busy, OK, busy_timeout=5, sleep=pauses.append)
        assert get(line) is OK
        assert pauses == [2, 2]
        line, fake = follow(busy, OK)
        assert get(line).status == 503
        assert len(fake.sent) == 1


def certificates(*bag: Any) -> Any:
    return answer(certs_only(*bag), headers="Content-Type: application/pkcs7-mime\r\n")


def moved(port: int, path: str = "/x", host: str = "localhost") -> Any:
    return answer(b"", "302 Found", f"Location: https://{host}:{port}{path}\r\n")


class TestWire:
    def client(self, port: int, **options: Any) -> EstClient:
        url = EstUrl.build("localhost", port)
        line = transport(port, credentials=CREDENTIALS, **options.pop("line", {}))
        return EstClient(url, line, secrets=[CREDENTIALS.password], **options)

    def test_req_055_one_connection_carries_a_redirect(self) -> None:
        script = [[answer(b"", "302 Found", "Location: /y\r\n"), answer(b"", "202 Accepted")]]
        with Peer(script, context=context()) as peer, self.client(peer.port) as est:
            assert isinstance(est.simpleenroll(REQUEST), Pending)
        first, second = peer.received
        assert (second.method, second.path, second.body) == ("POST", "/y", first.body)
        assert second.headers["authorization"] == BASIC
        assert second.headers["content-type"] == "application/pkcs10"
        assert peer.handshakes == 1

    def test_req_023_req_056_another_server_is_checked_and_gets_nothing_secret(self, tmp_path: Path) -> None:
        mine = CA.issue("client")
        (tmp_path / "client.pem").write_text(mine.pem + mine.key_pem(), encoding="ascii")
        seen: List[bool] = []

        def look(connection: Any, _peer: Peer) -> None:
            seen.append(connection.getpeercert() is not None)

        asks = context(client_ca=CA)
        asks.verify_mode = ssl.CERT_OPTIONAL
        line = {"client_certificate": ClientCertificate(str(tmp_path / "client.pem"))}
        other = Peer([[look, certificates(ROOT.certificate)]], context=asks)
        peer = Peer([[look, moved(other.port)]], context=asks)
        with other, peer, self.client(peer.port, line=line) as est:
            assert len(est.cacerts().certificates) == 1
            assert est.warnings == (f"the server redirects to another server, https://localhost:{other.port}",)
        (request,) = other.received
        assert (request.method, request.path) == ("GET", "/x")
        assert "authorization" not in request.headers
        assert seen == [True, False], "the client certificate is for the first server only"

    @pytest.mark.parametrize(
        "identity",
        [CA.issue("o", dns=["other.example"]), authority("Another").issue("o", dns=["localhost"])],
        ids=["name", "CA"],
    )
    def test_req_023_req_025_the_identity_of_the_last_server_counts(self, identity: Identity) -> None:
        other = Peer([[read_request]], context=server_context(identity))
        peer = Peer([[moved(other.port)]], context=context())
        with other, peer, self.client(peer.port) as est, pytest.raises(TransportError) as caught:
            est.cacerts()
        assert caught.value.stage == "tls"
        assert other.received == []

    def test_req_056_a_challenge_of_another_server_is_not_answered(self) -> None:
        refuse = answer(b"", "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n')
        other = Peer([[refuse, refuse]], context=context())
        peer = Peer([[moved(other.port), moved(other.port)]], context=context())
        with other, peer, self.client(peer.port) as est, pytest.raises(ServerError, match="HTTP 401"):
            est.cacerts()
        assert [request.headers.get("authorization") for request in other.received] == [None, None]
