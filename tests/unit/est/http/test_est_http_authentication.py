# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets which credentials, over the wire."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from support.est_answers import REQUEST
from support.est_exchange import CA, CREDENTIALS, context, get, post, transport
from support.lab import PASSWORD, USERNAME, LabServer
from support.tls_peer import Peer, Received, Step, answer, read_request

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError, ServerError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.authentication import (
    HttpAuthentication,
    Next,
    unusable_offer,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.digest_authentication import (
    parse_challenges,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

BASIC = "Basic " + base64.b64encode(b"estuser:canary-password").decode("ascii")
DIGEST = 'Digest realm="est", qop="auth", nonce="{}"'
REALM = 'Basic realm="est"'


def refuse(*challenges: str) -> Step:
    """401, with each challenge in a header of its own."""
    return answer(b"no", "401 Unauthorized", "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in challenges))


def refuse_unread(*challenges: str) -> Step:
    """401 before the body is read, and the end of the connection, without a word of it: libest."""

    def step(connection: Any, peer: Peer) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        lines = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in challenges)
        connection.sendall(f"HTTP/1.1 401 Unauthorized\r\n{lines}Content-Length: 0\r\n\r\n".encode())

    return step


def scheme(request: Received) -> Optional[str]:
    header = request.headers.get("authorization")
    return header.split(" ")[0] if header is not None else None


def digest(request: Received) -> dict[str, str]:
    """The parameters of the Digest answer, once it is clear that it is right."""
    (found,) = parse_challenges(request.headers["authorization"])
    sent = dict(found.parameters)
    new = hashlib.sha256 if sent.get("algorithm") == "SHA-256" else hashlib.md5
    secret = new(b"estuser:est:canary-password").hexdigest()
    target = new(f"{request.method}:{request.path}".encode()).hexdigest()
    whole = ":".join((secret, sent["nonce"], sent["nc"], sent["cnonce"], "auth", target))
    assert sent["response"] == new(whole.encode()).hexdigest()
    assert sent["uri"] == request.path
    return sent


def schemes_of(peer: Peer) -> list[Optional[str]]:
    return [scheme(request) for request in peer.received]


class TestWire:
    def test_req_063_trap_6_digest_on_a_fresh_connection_after_a_401(self) -> None:
        with Peer([[refuse_unread(DIGEST.format("n"))], [answer(b"ok")]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).body == b"ok"
            line.close()
        (request,) = peer.received
        assert digest(request)["nc"] == "00000001"
        assert request.body == b"TUlJQg==\n"
        assert (peer.handshakes, line.authenticated_by) == (2, "digest")

    @pytest.mark.parametrize(
        "challenges",
        [
            (REALM, DIGEST.format("md5"), DIGEST.format("sha") + ", algorithm=SHA-256"),
            (f"{DIGEST.format('sha')}, algorithm=SHA-256, {DIGEST.format('md5')}, {REALM}",),
            (f"Negotiate, {DIGEST.format('md5')}", f"{DIGEST.format('sha')}, algorithm=SHA-256, Bearer"),
        ],
        ids=["many headers", "one header", "both"],
    )
    def test_req_064_the_strongest_of_what_is_offered(self, challenges: tuple[str, ...]) -> None:
        with Peer([[refuse(*challenges)], [answer(b"ok")]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 200
            line.close()
        assert digest(peer.received[1])["nonce"] == "sha"

    def test_req_063_a_stale_nonce_is_replaced_once(self) -> None:
        script = [
            [refuse(DIGEST.format("old"))],
            [refuse(DIGEST.format("new") + ", stale=true")],
            [answer(b"ok")],
        ]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 200
            line.close()
        assert [digest(request)["nonce"] for request in peer.received[1:]] == ["old", "new"]

    def test_endless_stale_nonces_come_to_an_end(self) -> None:
        script = [[refuse(DIGEST.format(number) + ", stale=true")] for number in range(10)]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 401
            line.close()
        assert len(peer.received) == 4

    @pytest.mark.parametrize("challenge", [REALM, "Negotiate", DIGEST.format("n") + ", algorithm=X-NEW"])
    def test_req_065_basic_is_not_repeated_where_it_was_refused(self, challenge: str) -> None:
        with Peer([[refuse(challenge)]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 401
            assert line._line.connection is not None and line._line.connection.sock is None, "closed"
            line.close()
        assert schemes_of(peer) == ["Basic"]

    def test_a_wrong_password_is_not_tried_again_with_digest(self) -> None:
        script = [[refuse(DIGEST.format("1"))], [refuse(DIGEST.format("2"))]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 401
            line.close()
        assert schemes_of(peer) == ["Basic", "Digest"]

    def test_trap_7_a_401_without_a_challenge_is_a_wrong_password(self) -> None:
        script = [[refuse()], [refuse()], [refuse()]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).status == 401
            assert post(line, peer.port, authenticate=True).status == 401
            line.close()
        # Once the server was asked what it offers, with nothing that it could carry out.
        assert schemes_of(peer) == ["Basic", None, "Basic"]
        assert [request.body for request in peer.received] == [b"TUlJQg==\n", b"\n", b"TUlJQg==\n"]

    def test_trap_7_libest_with_digest_says_so_only_where_it_gets_nothing(self) -> None:
        script = [[refuse()], [refuse(DIGEST.format("n"))], [answer(b"ok")], [answer(b"ok")]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert post(line, peer.port, authenticate=True).body == b"ok"
            line.close()
        assert schemes_of(peer) == ["Basic", None, "Digest"]
        assert digest(peer.received[2])["nc"] == "00000001"

    @pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "404 Not Found"])
    def test_whatever_the_question_gets_for_an_answer_the_401_stands(self, status: str) -> None:
        with Peer([[refuse()], [answer(b"other", status)]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            response = post(line, peer.port, authenticate=True)
            line.close()
        assert (response.status, response.body) == (401, b"no")

    def test_req_063_a_nonce_is_used_again_with_the_next_count(self) -> None:
        script = [[refuse(DIGEST.format("n"))], [answer(), answer(), answer()]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            for _request in range(3):
                post(line, peer.port, authenticate=True)
            line.close()
        assert [digest(request)["nc"] for request in peer.received[1:]] == ["00000001", "00000002", "00000003"]
        assert peer.handshakes == 2

    @pytest.mark.parametrize("silent", [True, False])
    def test_req_063_a_nonce_that_the_server_forgot_is_no_wrong_password(self, silent: bool) -> None:
        forgotten = [[refuse()], [refuse(DIGEST.format("2"))]] if silent else [[refuse(DIGEST.format("2"))]]
        script = [[refuse(DIGEST.format("1"))], [answer(), *forgotten[0]], *forgotten[1:], [answer(b"ok")]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            post(line, peer.port, authenticate=True)
            assert post(line, peer.port, authenticate=True).body == b"ok"
            line.close()
        last = digest(peer.received[-1])
        assert (last["nonce"], last["nc"]) == ("2", "00000001")

    def test_req_064_what_an_earlier_401_offered_is_remembered(self) -> None:
        # cacerts is asked for without credentials; after its challenge nobody gets the password itself.
        script = [[refuse(DIGEST.format("n")), answer(b"one"), answer(b"two")]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert get(line, peer.port).status == 401
            assert get(line, peer.port, authenticate=True).body == b"one"
            assert post(line, peer.port, authenticate=True).body == b"two"
            line.close()
        assert schemes_of(peer) == [None, "Digest", "Digest"]

    def test_digest_alone_never_sends_the_password(self) -> None:
        script = [[refuse(REALM, DIGEST.format("n"))], [answer(b"ok")]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS, http_authentication="digest")
            assert post(line, peer.port, authenticate=True).body == b"ok"
            line.close()
        assert schemes_of(peer) == [None, "Digest"]
        for challenges in ((REALM,), ()):
            with Peer([[refuse(*challenges)]], context=context()) as peer:
                line = transport(peer.port, credentials=CREDENTIALS, http_authentication="digest")
                assert post(line, peer.port, authenticate=True).status == 401
                line.close()
            assert schemes_of(peer) == [None]
            assert line.authenticated_by is None

    @pytest.mark.parametrize("challenges", [(DIGEST.format("n"),), ()])
    def test_basic_alone_answers_nothing_else(self, challenges: tuple[str, ...]) -> None:
        with Peer([[refuse(*challenges)]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS, http_authentication="basic")
            assert post(line, peer.port, authenticate=True).status == 401
            line.close()
        assert schemes_of(peer) == ["Basic"]

    def test_another_word_for_authentication_is_refused(self) -> None:
        with pytest.raises(InputError, match="authentication is 'ntlm'"):
            transport(1, credentials=CREDENTIALS, http_authentication="ntlm")

    def test_digest_takes_a_user_name_with_a_colon_but_no_line_end(self) -> None:
        HttpAuthentication(Credentials("a:b", "p"), "digest")
        with pytest.raises(InputError, match="password has a control character"):
            HttpAuthentication(Credentials("a", "p\n"), "digest")

    def test_a_digest_answer_to_a_repeated_get_has_a_new_count(self) -> None:
        # The kept connection is closed by the server without an answer: the GET goes out again by itself.
        script = [[refuse(DIGEST.format("n")), answer(b"one"), read_request], [answer(b"two")]]
        with Peer(script, context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            assert get(line, peer.port).status == 401
            assert get(line, peer.port, authenticate=True).body == b"one"
            assert get(line, peer.port, authenticate=True).body == b"two"
            line.close()
        assert [digest(request)["nc"] for request in peer.received[1:]] == ["00000001", "00000002", "00000003"]

    def test_req_070_no_answer_goes_into_a_repr_or_a_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        with Peer([[refuse(DIGEST.format("n"))], [answer()]], context=context()) as peer:
            line = transport(peer.port, credentials=CREDENTIALS)
            post(line, peer.port, authenticate=True)
            line.close()
        words = caplog.text + repr(vars(line)["_authentication"]) + repr(line)
        assert "canary" not in words
        assert digest(peer.received[1])["response"] not in words

    def test_req_018_req_068_a_client_certificate_and_a_password_in_one_request(self, tmp_path: Path) -> None:
        client = CA.issue("client")
        (tmp_path / "client.pem").write_text(client.pem + client.key_pem(), encoding="ascii")
        seen: list[Any] = []

        def look(connection: Any, peer: Peer) -> None:
            answer(b"ok")(connection, peer)
            seen.append(connection.getpeercert())

        with Peer([[look]], context=context(client_ca=CA)) as peer:
            certificate = ClientCertificate(str(tmp_path / "client.pem"))
            line = transport(peer.port, credentials=CREDENTIALS, client_certificate=certificate)
            assert post(line, peer.port, authenticate=True).body == b"ok"
            line.close()
        assert peer.received[0].headers["authorization"] == BASIC
        assert seen[0]["subject"]

    def test_req_027_a_password_with_system_trust_is_told(self) -> None:
        assert transport(1, credentials=CREDENTIALS).warnings == ()
        assert transport(1, trust=Trust.system()).warnings == ()
        (warning,) = transport(1, trust=Trust.system(), credentials=CREDENTIALS).warnings
        assert "RFC 7030 section 6" in warning


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Negotiate, NTLM, negotiate", "Negotiate, NTLM, negotiate"),
        ("Bearer realm=x", "Bearer"),
        ('Digest realm="r", nonce="n", algorithm=X-NEW', "Digest"),
        (REALM, ""),
        (DIGEST.format("n"), ""),
        (f"Negotiate, {REALM}", ""),
        (None, ""),
    ],
)
def test_req_065_what_cannot_be_done_is_named(header: Optional[str], words: str) -> None:
    assert unusable_offer(header) == words


def test_a_401_to_nothing_is_no_reason_to_ask() -> None:
    authentication = HttpAuthentication(CREDENTIALS, "digest")
    assert authentication.authorization("POST", "/") is None
    assert authentication.refused(None) is Next.GIVE_UP


def lab_client(lab: LabServer, password: str = PASSWORD) -> EstClient:
    url = EstUrl.build(lab.host, lab.port)
    line = HttpsTransport(url, Trust.explicit(lab.ca_pem), credentials=Credentials(USERNAME, password))
    return EstClient(url, line, secrets=[password])


@pytest.fixture(
    scope="module", params=["digest", "digest-sha256", "basic+digest+digest-sha256", "negotiate+digest-sess"]
)
def lab(request: pytest.FixtureRequest) -> Iterator[LabServer]:
    """A server as libest, with nonces that are good for one request."""
    with LabServer("--authentication", request.param, "--close-after-401", "--nonce-uses", "1") as server:
        yield server


def test_req_063_an_enrolment_by_digest(lab: LabServer) -> None:
    with lab_client(lab) as est:
        assert isinstance(est.simpleenroll(REQUEST), Issued)
        # Its nonce is used up: the server says so, and gets an answer to a new one.
        assert isinstance(est.simpleenroll(REQUEST), Issued)


@pytest.mark.parametrize(
    "flags", [("--authentication", "negotiate"), ("--authentication", "negotiate+digest", "--qop", "auth-int")]
)
def test_req_065_the_offered_schemes_are_in_the_error(flags: tuple[str, ...]) -> None:
    words = pytest.raises(ServerError, match=r"wants authentication by Negotiate(, Digest)?, and this client")
    with LabServer(*flags) as lab, lab_client(lab) as est, words as caught:
        est.simpleenroll(REQUEST)
    assert caught.value.request_received == "received"
