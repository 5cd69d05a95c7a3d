# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client over a scripted transport: what is asked, in which order, and what is made of the answers."""

from __future__ import annotations

import base64
from typing import Any, List

import pytest
from support.est_answers import REQUEST, ROOT, certs_only, client, days, issue, reply
from support.est_pki import Authority
from support.lab import PASSWORD, USERNAME, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    ParseError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import (
    Binding,
    Credentials,
    Peer,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    Fingerprint,
    subject_text,
)

CACERTS = "https://est.example.com:8443/.well-known/est/lab/cacerts"
SUB = ROOT.subordinate("Client Test Sub", days=days(-500, 2000))
STRANGER = Authority.root("Stranger", days=days(-100, 1000))


def bag_of(*certificates: Any) -> Any:
    return reply(body=certs_only(*certificates))


def steps(timeline: Any) -> List[Any]:
    return [(step["stage"], step["ok"], step["detail"]) for step in timeline.as_list()]


class TestCacerts:
    def test_req_029_a_get_without_body_and_credentials(self) -> None:
        est, transport = client(bag_of(ROOT.certificate, SUB.certificate))
        authorities = est.cacerts()
        (sent,) = transport.sent
        assert (sent.method, sent.url, sent.body, sent.authenticate) == ("GET", CACERTS, None, False)
        assert len(authorities.certificates) == 2
        assert subject_text(authorities.root) == "/CN=Client Test Root"
        assert steps(est.timeline) == [("cacerts", True, "CA certificates: 2 accepted, 0 dropped")]

    def test_req_036_only_a_session_that_the_anchors_vouch_for_makes_another_root_trusted(self) -> None:
        """A transport that knows no trust but the system's may have any CA's word for the server."""
        for trust, accepted in (("explicit", 1), ("system", 0)):
            est, transport = client(bag_of(STRANGER.certificate))
            transport.peer = Peer(trust=trust)
            if accepted:
                assert len(est.cacerts().certificates) == accepted
                continue
            with pytest.raises(ParseError, match="none of the 1 CA certificates") as caught:
                est.cacerts()
            assert "trust anchor" in caught.value.hint
        est, transport = client(bag_of(ROOT.certificate))
        transport.peer = Peer(trust="system")
        assert len(est.cacerts().certificates) == 1
        est, transport = client(bag_of(STRANGER.certificate), anchors=None)
        transport.peer = Peer(trust="system")
        assert len(est.cacerts().certificates) == 1

    def test_credentials_are_given_to_a_server_that_wants_them(self) -> None:
        est, transport = client(reply(401, WWW_Authenticate='Basic realm="est"'), bag_of(ROOT.certificate))
        est.cacerts()
        assert [sent.authenticate for sent in transport.sent] == [False, True]
        assert {(sent.method, sent.url, sent.body) for sent in transport.sent} == {("GET", CACERTS, None)}

    def test_credentials_that_are_refused_are_not_given_again(self) -> None:
        est, transport = client(reply(401), reply(401, b"Who are you?", "text/plain"))
        with pytest.raises(ServerError, match="HTTP 401") as caught:
            est.cacerts()
        assert (caught.value.http_status, caught.value.server_message) == (401, "Who are you?")
        assert len(transport.sent) == 2

    @pytest.mark.parametrize("status", [201, 202, 204, 206, 302, 307, 400, 403, 404, 405, 418, 429, 500, 501, 503])
    def test_req_030_any_status_but_200_is_an_error(self, status: int) -> None:
        # Even where the body is a perfect answer.
        est, transport = client(reply(status, certs_only(ROOT.certificate)))
        with pytest.raises(ServerError) as caught:
            est.cacerts()
        error = caught.value
        assert (error.stage, error.http_status, error.request_received) == ("cacerts", status, "not_received")
        assert f"(HTTP {status})" in error.reason
        assert error.hint
        assert len(transport.sent) == 1
        assert steps(est.timeline) == [("cacerts", False, error.reason)]

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
    def test_nothing_is_said_of_enrolment(self, status: int) -> None:
        est, _transport = client(reply(status))
        with pytest.raises(ServerError) as caught:
            est.cacerts()
        assert "enrol" not in caught.value.reason
        assert "certificate request" not in caught.value.reason

    def test_req_034_req_035_what_is_not_trusted_is_dropped_and_counted(self) -> None:
        est, _transport = client(bag_of(STRANGER.certificate, SUB.certificate, ROOT.certificate))
        authorities = est.cacerts()
        assert subject_text(authorities.root) == "/CN=Client Test Root"
        assert [dropped.subject for dropped in authorities.dropped] == ["/CN=Stranger"]
        assert steps(est.timeline) == [("cacerts", True, "CA certificates: 2 accepted, 1 dropped")]

    def test_warnings_are_in_the_timeline(self) -> None:
        est, _transport = client(reply(body=certs_only(ROOT.certificate), content_type=None))
        est.cacerts()
        ((_stage, _ok, detail),) = steps(est.timeline)
        assert detail == (
            "CA certificates: 1 accepted, 0 dropped; the server's answer is without a Content-Type, "
            "where RFC 7030 asks for application/pkcs7-mime"
        )

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (reply(body=certs_only()), "no X.509 certificate"),
            (reply(body=b""), "empty"),
            (reply(body=b"<html>", content_type="text/html"), "text/html"),
        ],
        ids=["empty bag", "empty body", "HTML"],
    )
    def test_req_130_an_unusable_answer_is_an_error_of_this_stage(self, answer: Any, words: str) -> None:
        est, _transport = client(answer)
        with pytest.raises(ParseError, match=words) as caught:
            est.cacerts()
        error = caught.value
        assert (error.stage, error.http_status, error.request_received) == ("cacerts", 200, "not_received")
        assert error.hint

    def test_an_error_of_connecting_keeps_its_stage(self) -> None:
        est, _transport = client(TransportError("no route", stage="connect", hint="Look.", request_received="unknown"))
        with pytest.raises(TransportError) as caught:
            est.cacerts()
        # Whatever happened to this request: the one to enrol was never sent.
        assert (caught.value.stage, caught.value.hint, caught.value.request_received) == (
            "connect",
            "Look.",
            "not_received",
        )


class TestPin:
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    @pytest.mark.parametrize("authority", [ROOT, SUB], ids=["root", "intermediate"])
    def test_req_004_a_ca_certificate_with_the_fingerprint_is_accepted(
        self, authority: Authority, algorithm: str
    ) -> None:
        pin = Fingerprint.of(authority.certificate, algorithm)
        est, _transport = client(bag_of(SUB.certificate, ROOT.certificate), ca_fingerprint=pin)
        assert len(est.cacerts().certificates) == 2

    def test_req_004_the_root_above_the_bag_counts(self) -> None:
        est, _transport = client(bag_of(SUB.certificate), ca_fingerprint=Fingerprint.of(ROOT.certificate))
        est.cacerts()

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_req_004_another_fingerprint_is_refused_with_those_seen(self, algorithm: str) -> None:
        pin = Fingerprint.of(STRANGER.certificate, algorithm)
        est, _transport = client(bag_of(ROOT.certificate, STRANGER.certificate), ca_fingerprint=pin)
        # The stranger's certificate is in the bag, but nothing in a bag is trusted because it is there.
        with pytest.raises(ServerError) as caught:
            est.cacerts()
        error = caught.value
        assert (error.stage, error.request_received) == ("cacerts", "not_received")
        expected, seen = error.reason.split("; it has ")
        assert str(pin) in expected
        assert seen == f"{Fingerprint.of(ROOT.certificate, algorithm)} (/CN=Client Test Root)"


class TestSimpleenroll:
    @pytest.mark.parametrize("status", [204, 302, 400, 401, 403, 404, 405, 418, 429, 500, 501, 503])
    def test_req_089_a_refusal_is_told_in_the_servers_words(self, status: int) -> None:
        est, transport = client(*2 * [reply(status, b"No\x1b[31m way\r\n", "text/plain")])
        with pytest.raises(ServerError) as caught:
            est.simpleenroll(REQUEST, wait_timeout=60, sleep=pytest.fail)
        error = caught.value
        assert (error.stage, error.http_status, error.request_received) == ("enroll", status, "received")
        assert error.reason.endswith(f"(HTTP {status})")
        assert error.server_message == "No way"
        assert error.hint
        assert len(transport.sent) == (2 if status == 400 else 1)

    @pytest.mark.parametrize(
        ("error", "received"),
        [
            (TransportError("refused", stage="connect", request_received="not_received"), "not_received"),
            (TransportError("cut", stage="", request_received="unknown"), "unknown"),
            (TransportError("too large", stage="", request_received="received", http_status=200), "received"),
        ],
    )
    def test_the_transport_knows_whether_the_request_got_there(self, error: TransportError, received: str) -> None:
        est, _transport = client(error)
        with pytest.raises(TransportError) as caught:
            est.simpleenroll(REQUEST)
        assert caught.value.request_received == received
        assert caught.value.stage == (error.stage or "enroll")
        assert caught.value.hint

    def test_req_130_an_empty_bag_is_no_success(self) -> None:
        est, _transport = client(bag_of())
        with pytest.raises(ParseError) as caught:
            est.simpleenroll(REQUEST)
        assert (caught.value.stage, caught.value.http_status, caught.value.request_received) == (
            "enroll",
            200,
            "received",
        )


class TestOtherForm:
    """A strict base64 decoder refuses line breaks, libest refuses one line."""

    @pytest.mark.parametrize("status", [400, 415, 422])
    @pytest.mark.parametrize("then", [200, 201])
    def test_a_request_that_may_be_unread_goes_out_once_more_in_one_line(self, status: int, then: int) -> None:
        est, transport = client(reply(status), reply(then, certs_only(issue())))
        assert isinstance(est.simpleenroll(REQUEST), Issued)
        first, second = transport.sent
        assert first.body is not None
        assert second.body == base64.b64encode(REQUEST.der), "the very same request"
        assert first.body.replace(b"\n", b"") == second.body
        assert (first.url, first.headers) == (second.url, second.headers)
        detail = f"HTTP {then} in one line of base64, after HTTP {status} to the other form"
        assert steps(est.timeline) == [("enroll", True, detail)]

    def test_what_the_server_takes_is_the_form_of_all_later_requests(self) -> None:
        est, transport = client(
            reply(400), reply(202, Retry_After="1"), reply(202, Retry_After="1"), reply(body=certs_only(issue()))
        )
        assert isinstance(est.simpleenroll(REQUEST, wait_timeout=9, sleep=[].append), Issued)
        assert [b"\n" in (sent.body or b"") for sent in transport.sent] == [True, False, False, False]

    def test_a_linked_request_is_made_by_the_same_function(self) -> None:
        est, transport = client(reply(422), reply(body=certs_only(issue())))
        assert isinstance(est.simpleenroll(lambda _binding: REQUEST), Issued)
        bodies = [sent.body(Binding()) for sent in transport.sent if callable(sent.body)]
        assert [base64.b64decode(body) for body in bodies] == [REQUEST.der] * 2

    @pytest.mark.parametrize("status", [204, 302, 401, 403, 404, 405, 409, 413, 429, 500, 501, 503])
    def test_no_other_answer_makes_it_go_out_again(self, status: int) -> None:
        est, transport = client(reply(status))
        with pytest.raises(ServerError):
            est.simpleenroll(REQUEST)
        assert len(transport.sent) == 1

    def test_no_lost_answer_makes_it_go_out_again(self) -> None:
        est, transport = client(TransportError("lost", stage="", request_received="unknown"))
        with pytest.raises(TransportError):
            est.simpleenroll(REQUEST)
        assert len(transport.sent) == 1

    def test_a_request_that_was_read_is_not_tried_in_another_form_later(self) -> None:
        est, transport = client(reply(202, Retry_After="1"), reply(400, b"Denied.", "text/plain"))
        with pytest.raises(ServerError, match="HTTP 400"):
            est.simpleenroll(REQUEST, wait_timeout=9, sleep=[].append)
        assert len(transport.sent) == 2

    def test_where_neither_is_taken_the_first_answer_stands_and_the_form_stays(self) -> None:
        policy = reply(400, b"No such profile.", "text/plain")
        est, transport = client(policy, reply(400, b"illegal base64", "text/plain"), policy)
        with pytest.raises(ServerError, match="HTTP 400") as caught:
            est.simpleenroll(REQUEST)
        assert caught.value.server_message == "No such profile."
        assert "in one line of base64, the request is refused too (HTTP 400) and says: 'illegal base64'" in (
            caught.value.advice({})
        )
        assert steps(est.timeline)[0][2].endswith("(HTTP 400); sent once more, in one line of base64: HTTP 400")
        with pytest.raises(ServerError):
            est.simpleenroll(REQUEST)
        assert [b"\n" in (sent.body or b"") for sent in transport.sent] == [True, False, True]

    @pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
    def test_another_refusal_of_the_second_hides_the_first_not(self, status: int) -> None:
        est, _transport = client(reply(400, b"No.", "text/plain"), reply(status))
        with pytest.raises(ServerError, match="HTTP 400") as caught:
            est.simpleenroll(REQUEST)
        assert f"(HTTP {status})" in caught.value.advice({})

    def test_a_second_answer_that_is_lost_is_the_failure(self) -> None:
        est, _transport = client(reply(400), TransportError("lost", stage="", request_received="unknown"))
        with pytest.raises(TransportError, match="lost") as caught:
            est.simpleenroll(REQUEST)
        assert caught.value.request_received == "unknown"
        assert "had been refused (HTTP 400), and was sent once more" in caught.value.advice({})

    @pytest.mark.parametrize("status", [400, 415, 422])
    def test_a_strict_server(self, status: int) -> None:
        with LabServer("--require-one-line-base64", str(status), "--manual-approval", "1") as lab:
            url = EstUrl.build(lab.host, lab.port)
            line = HttpsTransport(url, Trust.explicit(lab.ca_pem), credentials=Credentials(USERNAME, PASSWORD))
            with EstClient(url, line) as est:
                assert isinstance(est.simpleenroll(REQUEST, wait_timeout=9), Issued)
            assert [entry["status"] for entry in lab.requests] == [status, 202, 200]
            assert {entry.get("public_key") for entry in lab.requests[1:]} == {lab.requests[1]["public_key"]}


class TestPending:
    """202: RFC 7030 section 4.2.3."""

    def run(self, *script: Any, wait: float) -> Any:
        """The answer or the error, the pauses, the requests, and the timeline."""
        pauses: List[float] = []
        est, transport = client(*script)
        try:
            answer: Any = est.simpleenroll(REQUEST, wait_timeout=wait, sleep=pauses.append)
        except EstError as error:
            answer = error
        return answer, pauses, transport.sent, steps(est.timeline)

    def pending(self, retry_after: Any = "5", body: bytes = b"") -> Any:
        headers = {} if retry_after is None else {"Retry_After": retry_after}
        return reply(202, body, "text/plain" if body else None, **headers)

    def test_req_084_without_time_to_wait_pending_is_the_answer(self) -> None:
        answer, pauses, sent, timeline = self.run(self.pending("5"), wait=0)
        assert isinstance(answer, Pending)
        assert answer.retry_after.seconds == 5
        assert (pauses, len(sent)) == ([], 1)
        assert timeline == [("enroll", True, "HTTP 202: pending, to be asked again in 5 seconds")]

    def test_req_084_req_086_the_same_request_is_repeated_no_sooner_than_asked(self) -> None:
        answer, pauses, sent, timeline = self.run(
            self.pending("5"), self.pending("7"), reply(body=certs_only(issue())), wait=60
        )
        assert isinstance(answer, Issued)
        assert pauses == [5, 7]
        # Byte for byte: the same key, and not even a new signature.
        assert [request.body for request in sent] == [sent[0].body] * 3
        assert sent[0] == sent[1] == sent[2]
        assert [detail for _stage, _ok, detail in timeline] == [
            "HTTP 202: pending, to be asked again in 5 seconds",
            "HTTP 202: pending, to be asked again in 7 seconds",
            "HTTP 200",
        ]

    @pytest.mark.parametrize(
        ("asked", "wait", "pauses"),
        [
            (["10", "10", "10"], 29, [10, 10]),
            (["10", "10", "10"], 20, [10, 10]),
            (["10", "10", "10"], 19.9, [10]),
            (["10", "3600"], 60, [10]),
            (["61"], 60, []),
        ],
    )
    def test_req_085_the_wait_is_bounded_in_all_and_ends_in_pending(
        self, asked: List[str], wait: float, pauses: List[int]
    ) -> None:
        answer, slept, sent, _timeline = self.run(*(self.pending(value) for value in asked), wait=wait)
        assert isinstance(answer, Pending)
        assert slept == pauses
        assert len(sent) == len(pauses) + 1
        assert sum(slept) <= wait

    def test_req_085_the_time_that_answers_take_counts_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter(range(0, 1000, 30))  # every look at it is half a minute later
        monkeypatch.setattr("time.monotonic", lambda: next(clock))
        answer, slept, _sent, _timeline = self.run(*(self.pending("1") for _unused in range(50)), wait=60)
        assert isinstance(answer, Pending)
        assert len(slept) < 5

    @pytest.mark.parametrize(
        ("retry_after", "pause"),
        [(None, 60), ("", 60), ("soon", 60), ("0", 1), ("-5", 1), ("Sun, 06 Nov 1994 08:49:37 GMT", 1)],
    )
    def test_req_085_a_missing_or_senseless_time_has_a_default(self, retry_after: Any, pause: int) -> None:
        answer, pauses, _sent, timeline = self.run(self.pending(retry_after), reply(body=certs_only(issue())), wait=100)
        assert isinstance(answer, Issued)
        assert pauses == [pause]
        assert ("no Retry-After header" in timeline[0][2]) == (retry_after in (None, ""))
        assert ("neither a number" in timeline[0][2]) == (retry_after == "soon")

    @pytest.mark.parametrize("retry_after", ["172800", "9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_req_084_req_085_a_huge_time_is_pending_and_never_asked_early(self, retry_after: str) -> None:
        answer, pauses, sent, _timeline = self.run(self.pending(retry_after), wait=86400)
        assert isinstance(answer, Pending)
        assert (pauses, len(sent)) == ([], 1)
        # Two days is what libest's server can ask for: it is not to be asked sooner.
        assert answer.retry_after.seconds >= 172800

    def test_req_084_a_time_beyond_the_maximum_is_not_waited_for_even_where_there_is_time(self) -> None:
        answer, pauses, _sent, _timeline = self.run(self.pending("9" * 30), wait=float("inf"))
        assert isinstance(answer, Pending)
        assert pauses == []

    @pytest.mark.parametrize(
        "then",
        [
            reply(403),
            reply(body=certs_only()),
            TransportError("refused", stage="connect", request_received="not_received"),
            TransportError("cut", stage="", request_received="unknown"),
        ],
        ids=["refused", "empty bag", "no connection", "broken"],
    )
    def test_after_a_202_the_server_has_had_the_request_whatever_follows(self, then: Any) -> None:
        error, pauses, sent, _timeline = self.run(self.pending("5"), then, wait=60)
        assert isinstance(error, EstError)
        assert error.request_received == "received"
        assert (pauses, len(sent)) == ([5], 2)


class TestVerify:
    def verified(self, *bag: Any, cacerts: Any = None, **options: Any) -> Any:
        est, _transport = client(cacerts or bag_of(ROOT.certificate), bag_of(*bag))
        authorities = est.cacerts()
        answer = est.simpleenroll(REQUEST)
        assert isinstance(answer, Issued)
        try:
            return est.verify(answer, REQUEST, authorities, **options), est
        except EstError as error:
            return error, est

    def test_req_073_the_leaf_is_found_wherever_it_stands(self) -> None:
        leaf = issue(SUB)
        found, est = self.verified(ROOT.certificate, SUB.certificate, leaf)
        assert found.certificate == leaf
        assert found.chain == (SUB.certificate, ROOT.certificate)
        assert found.warnings == ()
        assert steps(est.timeline)[-1] == ("verify", True, "chain of 3 certificates up to the trust anchor")

    def test_req_075_req_076_the_chain_is_completed_from_cacerts(self) -> None:
        found, _est = self.verified(issue(SUB), cacerts=bag_of(SUB.certificate, ROOT.certificate))
        assert found.chain == (SUB.certificate, ROOT.certificate)

    def test_req_074_a_certificate_for_another_key_is_an_error(self) -> None:
        stranger = ROOT.issue("device", days=days(-1, 365))
        error, est = self.verified(stranger)
        assert isinstance(error, ParseError)
        assert "for another public key" in error.reason
        assert (error.stage, error.request_received) == ("verify", "received")
        assert steps(est.timeline)[-1][:2] == ("verify", False)

    def test_req_074_another_key_is_no_matter_of_the_chain(self) -> None:
        stranger = ROOT.issue("device", days=days(-1, 365))
        error, _est = self.verified(stranger, on_unverified_chain="warn")
        assert isinstance(error, ParseError)

    @pytest.mark.parametrize("validity", [(-10, -1), (1, 10)], ids=["expired", "not yet"])
    @pytest.mark.parametrize("on_unverified_chain", ["fail", "warn"])
    def test_a_certificate_outside_of_its_validity_is_an_error(self, validity: Any, on_unverified_chain: str) -> None:
        error, _est = self.verified(issue(validity=validity), on_unverified_chain=on_unverified_chain)
        assert isinstance(error, EstError)
        assert "the issued certificate is valid from" in error.reason
        assert "clock" in error.hint
        assert (error.stage, error.request_received) == ("verify", "received")

    def test_req_075_a_certificate_of_another_ca_is_an_error(self) -> None:
        error, est = self.verified(issue(STRANGER))
        assert isinstance(error, EstError)
        assert "/CN=Stranger" in error.reason
        assert (error.stage, error.request_received) == ("verify", "received")
        assert error.hint
        assert steps(est.timeline)[-1] == ("verify", False, error.reason)

    def test_req_075_a_certificate_of_another_ca_is_a_warning_where_that_is_allowed(self) -> None:
        leaf = issue(STRANGER)
        found, est = self.verified(leaf, STRANGER.certificate, on_unverified_chain="warn")
        assert found.certificate == leaf
        assert found.chain == (STRANGER.certificate,)
        (warning,) = found.warnings
        assert "/CN=Stranger" in warning
        assert steps(est.timeline)[-1] == ("verify", True, warning)

    def test_warnings_of_the_answer_are_passed_on(self) -> None:
        est, _transport = client(
            bag_of(ROOT.certificate), reply(body=certs_only(issue()), content_type="application/octet-stream")
        )
        authorities = est.cacerts()
        answer = est.simpleenroll(REQUEST)
        assert isinstance(answer, Issued)
        (warning,) = est.verify(answer, REQUEST, authorities).warnings
        assert "application/octet-stream" in warning


class TestClose:
    def test_leaving_the_block_closes_the_transport(self) -> None:
        est, transport = client()
        with est as entered:
            assert entered is est
            assert transport.closed == 0
        assert transport.closed == 1

    def test_an_error_closes_it_as_well_and_goes_on(self) -> None:
        est, transport = client(reply(500))
        with pytest.raises(ServerError), est:
            est.cacerts()
        assert transport.closed == 1
