# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to an enrolment means, and that no answer brings a secret back into an error."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from support.est_answers import REQUEST, ROOT, certs_only, client, days, issue, reply
from support.est_pki import Authority

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import (
    Issued,
    Pending,
    read_certificates,
    read_enrolment_answer,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.refusals import refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    ParseError,
    ServerError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import hiding
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Shown

PASSWORD = "canary-hunter2"
BASIC = base64.b64encode(f"estuser:{PASSWORD}".encode()).decode()
# Neither as it is nor a beginning of it, nor in base64.
TRACES = ("canary", "hunter", "Y2FuYXJ5", "aHVudGVy", BASIC[12:20])


def words_of(error: EstError) -> str:
    return " ".join((error.reason, error.hint, error.server_message, str(error), repr(error), repr(error.args)))


def assert_no_trace(words: str) -> None:
    assert [trace for trace in TRACES if trace in words] == []


class TestMeaning:
    def test_req_091_text_with_status_200_is_no_success(self) -> None:
        with pytest.raises(ParseError, match="text/plain") as caught:
            read_enrolment_answer(reply(200, b"Enrolled.", "text/plain"))
        assert (caught.value.http_status, caught.value.request_received) == (200, "received")
        assert '"Enrolled."' in caught.value.reason

    def test_req_091_text_with_status_400_is_the_message(self) -> None:
        with pytest.raises(ServerError) as caught:
            read_enrolment_answer(reply(400, b"No such profile.", "text/plain"))
        assert caught.value.server_message == "No such profile."

    def test_req_084_req_087_202_is_pending_with_the_servers_words(self) -> None:
        answer = read_enrolment_answer(reply(202, b"<p>Wait for Bob</p>", "text/html", Retry_After="90"))
        assert answer == Pending(answer.retry_after, "Wait for Bob")  # type: ignore[union-attr]
        assert answer.retry_after.seconds == 90  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (302, "redirects"),
            (400, "refused the certificate request"),
            (401, "refused the user name or the password"),
            (403, "does not let this client enrol"),
            (404, "no enrolment at this address"),
            (405, "does not offer enrolment"),
            (418, "did not accept the request"),
            (429, "fewer requests"),
            (500, "the server failed"),
            (501, "does not implement enrolment"),
            (503, "not available at the moment"),
            (599, "the server failed"),
        ],
    )
    def test_req_089_every_refusal_has_words_and_a_hint(self, status: int, words: str) -> None:
        with pytest.raises(ServerError, match=words) as caught:
            read_enrolment_answer(reply(status))
        assert caught.value.http_status == status
        assert caught.value.hint

    @pytest.mark.parametrize("operation", ["cacerts", "csrattrs", "simpleenroll", "serverkeygen"])
    def test_a_401_without_a_password_says_that_none_was_given(self, operation: str) -> None:
        error = refusal(reply(401, WWW_Authenticate='Basic realm="x"').replace(shown=Shown()), operation)
        assert error.reason == "the server wants a user name and a password, and none was given (HTTP 401)"
        assert error.code == "credentials_required"
        assert "Give the user name and the password" in error.hint

    @pytest.mark.parametrize("status", [429, 503])
    def test_the_time_to_come_back_is_in_the_hint(self, status: int) -> None:
        assert "again in 120 seconds" in refusal(reply(status, Retry_After="120"), "simpleenroll").hint
        assert "120" not in refusal(reply(500, Retry_After="120"), "simpleenroll").hint

    @pytest.mark.parametrize(
        ("location", "shown"),
        [
            (None, "redirects to nowhere (no Location header) (HTTP 302)"),
            ("", "redirects to nowhere (no Location header) (HTTP 302)"),
            ("https://other.example/x", "redirects to https://other.example/x (HTTP 302)"),
            ("https://x/\x1b[31m\u202e", "redirects to https://x/ (HTTP 302)"),
        ],
    )
    def test_a_redirect_names_its_target_cleaned(self, location: Any, shown: str) -> None:
        headers = {} if location is None else {"Location": location}
        assert refusal(reply(302, **headers), "cacerts").reason == f"the server {shown}"

    def test_a_long_target_is_cut(self) -> None:
        assert len(refusal(reply(302, Location="https://x/" + "y" * 9000), "cacerts").reason) < 300


BASIC_OFFER, DIGEST_OFFER = 'Basic realm="x"', 'Digest realm="x", nonce="n"'
ACCOUNT = Shown(account=True, scheme="basic")
CERTIFICATE = Shown(client_certificate=True)


class TestWordsOfWhatWasShown:
    """A refusal is told by what the server offered and by what the client sent."""

    @pytest.mark.parametrize(
        ("offer", "shown", "code", "words"),
        [
            (BASIC_OFFER, ACCOUNT, "authentication_failed", "refused the user name or the password"),
            (
                DIGEST_OFFER,
                Shown(account=True, scheme="digest"),
                "authentication_failed",
                "refused the user name or the password",
            ),
            (
                None,
                ACCOUNT,
                "authentication_failed",
                "offers no HTTP authentication (no WWW-Authenticate): it may take TLS client certificates only",
            ),
            (
                None,
                Shown(account=True, scheme="basic", offered=("Basic",)),
                "authentication_failed",
                "refused the user name or the password",
            ),
            (
                BASIC_OFFER,
                Shown(account=True, allowed="digest"),
                "authentication_not_supported",
                "offers Basic, and only Digest may be used: user name and password were not sent",
            ),
            (
                None,
                Shown(account=True, allowed="digest"),
                "authentication_not_supported",
                "does not say how (no WWW-Authenticate), and only Digest may be used: user name and password were "
                "not sent",
            ),
            (
                DIGEST_OFFER,
                Shown(account=True, scheme="basic", allowed="basic"),
                "authentication_not_supported",
                "the server wants Digest authentication, and got Basic, the only one that may be used",
            ),
            (
                'Digest realm="x", nonce="n", algorithm=SHA-256',
                ACCOUNT,
                "authentication_not_supported",
                "wants Digest authentication, and got Basic, the only one that can be used here",
            ),
            (None, Shown(), "authentication_required", "does not say how (no WWW-Authenticate): by a TLS client"),
            (None, CERTIFICATE, "authentication_required", "it does not take the TLS client certificate"),
            (BASIC_OFFER, CERTIFICATE, "credentials_required", "the TLS client certificate alone is not enough"),
        ],
    )
    def test_401(self, offer: Any, shown: Shown, code: str, words: str) -> None:
        headers = {} if offer is None else {"WWW_Authenticate": offer}
        error = refusal(reply(401, **headers).replace(shown=shown), "simpleenroll")
        assert words in error.reason
        assert (error.code, bool(error.hint)) == (code, True)
        assert ("the user name or the password" in error.reason) == (words.endswith("or the password"))

    @pytest.mark.parametrize(
        ("offer", "shown", "code", "words"),
        [
            (None, Shown(client_certificate=False), "old_certificate_refused", "did not ask for the certificate"),
            (
                BASIC_OFFER,
                Shown(account=True, client_certificate=False),
                "old_certificate_refused",
                "did not ask for the certificate that is to be renewed, but wants a user name and a password (Basic)",
            ),
            (None, CERTIFICATE, "old_certificate_refused", "does not accept the certificate that is to be renewed"),
            (BASIC_OFFER, CERTIFICATE, "old_certificate_refused", "a password (Basic) beside the certificate"),
            (
                BASIC_OFFER,
                Shown(account=True, scheme="basic", client_certificate=True),
                "authentication_failed",
                "refused the user name or the password",
            ),
        ],
    )
    def test_401_to_a_renewal(self, offer: Any, shown: Shown, code: str, words: str) -> None:
        headers = {} if offer is None else {"WWW_Authenticate": offer}
        error = refusal(reply(401, **headers).replace(shown=shown), "simplereenroll")
        assert words in error.reason
        assert (error.code, bool(error.hint)) == (code, True)

    @pytest.mark.parametrize(
        ("said", "shown", "code", "words"),
        [
            (b"This user may not.", ACCOUNT, "forbidden", "does not let this client enrol"),
            (b"This host may not.", CERTIFICATE, "forbidden", "knows the TLS client certificate but does not let it"),
            (b"No.", Shown(), "authentication_required", "neither a user name and a password nor a TLS client"),
            (b'{"errors":["missing client token"]}', ACCOUNT, "authentication_failed", "as proof of who the client is"),
            (b"invalid token", Shown(), "authentication_required", "wants to know who the client is"),
            (b"Bad credentials", ACCOUNT, "authentication_failed", "as proof of who the client is"),
            (b"a client certificate is needed", ACCOUNT, "client_certificate_refused", "and none was shown"),
            (b"mTLS required", Shown(), "client_certificate_refused", "and none was shown"),
        ],
    )
    def test_403(self, said: bytes, shown: Shown, code: str, words: str) -> None:
        kind = "application/json" if said.startswith(b"{") else "text/plain"
        error = refusal(reply(403, said, kind).replace(shown=shown), "simpleenroll")
        assert words in error.reason
        assert (error.code, bool(error.hint)) == (code, True)

    @pytest.mark.parametrize("status", [400, 401, 403])
    @pytest.mark.parametrize("operation", ["simpleenroll", "simplereenroll", "serverkeygen"])
    @pytest.mark.parametrize("said", [b"Proof of Possession is required", b"PoP check failed", b"no tls-unique"])
    def test_a_missing_proof_of_possession(self, status: int, operation: str, said: bytes) -> None:
        error = refusal(reply(status, said, "text/plain").replace(shown=ACCOUNT), operation)
        assert error.code == "proof_of_possession_refused"
        assert "wants a proof of possession" in error.reason
        assert "password" not in error.reason


# Where in an answer the secret stands; {} is the secret.
ECHOES = {
    "text": (400, "text/plain", "You sent {}, which is wrong", {}),
    "html": (403, "text/html", "<html><body><h1>No</h1><p>You are {}</p></body></html>", {}),
    "json": (500, "application/json", '{{"message": "bad password {}"}}', {}),
    "401": (401, "text/plain", "wrong: {}", {"WWW_Authenticate": 'Basic realm="{}"'}),
    "pending": (202, "text/plain", "Wait, {}", {"Retry_After": "{}"}),
    "location": (302, None, "", {"Location": "https://x.example/?auth={}&x=1"}),
    "content type": (200, "text/html; x={}", "<html>", {}),
    "vague content type": (200, "application/octet-stream; x={}", "~~~", {}),
    "text with 200": (200, "text/plain", "Hello {}!", {}),
    "html with 200": (200, "text/html", "<html>{}", {}),
    "not base64": (200, "application/pkcs7-mime", "~~~ {}", {}),
    "later text is not base64": (200, "application/pkcs7-mime", "MIIB" * 20 + "~ {}", {}),
    "no ASN.1": (200, "application/pkcs7-mime", "{}", {}),
}
SECRETS = {"plain": PASSWORD, "base64": BASIC, "url": quote(PASSWORD, safe=""), "spelt": PASSWORD.replace("-", "%2D")}


def echo(name: str, secret: str) -> Any:
    status, content_type, body, headers = ECHOES[name]
    return reply(
        status,
        body.format(secret).encode(),
        content_type and content_type.format(secret),
        **{key: value.format(secret) for key, value in headers.items()},
    )


class TestSecrets:
    @pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
    @pytest.mark.parametrize("name", ECHOES)
    @pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
    def test_req_070_what_a_server_echoes_is_not_shown(self, operation: str, name: str, secret: str) -> None:
        # Twice, as a 401 to /cacerts is followed by a second request.
        est, _transport = client(echo(name, secret), echo(name, secret), secrets=[PASSWORD])
        try:
            answer = est.cacerts() if operation == "cacerts" else est.simpleenroll(REQUEST)
        except EstError as error:
            assert_no_trace(words_of(error))
        else:
            assert_no_trace(repr(answer))
        assert_no_trace(repr(est.timeline.as_list()))

    @pytest.mark.parametrize("secret", [PASSWORD, BASIC], ids=["plain", "base64"])
    @pytest.mark.parametrize(
        ("status", "content_type", "header"),
        [(200, "text/html", ""), (200, "application/pkcs7-mime", ""), (400, "text/plain", ""), (302, None, "Location"),
         (200, None, "content-type")],
    )  # fmt: skip
    def test_req_070_a_secret_that_a_limit_cuts_in_two_is_not_shown(
        self, status: int, content_type: Any, header: str, secret: str
    ) -> None:
        shown = 0
        for length in (*range(20, 110), *range(180, 205), *range(470, 505)):
            text = "~" + "x" * (length - 2) + " " + secret
            response = reply(status, b"" if header else text.encode(), content_type)
            if header:
                response = reply(status, b"<", None, **{header: f"text/html; {text}"})
            with pytest.raises(EstError) as caught, hiding((PASSWORD,)):
                read_enrolment_answer(response)
            words = caught.value.reason + caught.value.server_message
            shown += "xxxx" in words
            assert not [size for size in range(4, len(secret)) if f"x {secret[:size]}..." in words]
            assert_no_trace(words)
        assert shown > 10, "else this test would look at nothing"

    def test_req_070_certificates_are_searched_for_secrets_too(self) -> None:
        leaf = ROOT.issue(PASSWORD)
        est, _transport = client(
            reply(body=certs_only(ROOT.certificate)), reply(body=certs_only(leaf)), secrets=[PASSWORD]
        )
        authorities = est.cacerts()
        answer = est.simpleenroll(REQUEST)
        assert isinstance(answer, Issued)
        with pytest.raises(EstError, match=r"it sent: /CN=\*\*\*\*") as caught:
            est.verify(answer, REQUEST, authorities)
        assert_no_trace(words_of(caught.value))
        assert_no_trace(repr(est.timeline.as_list()))

    def test_req_070_warnings_about_the_chain_are_searched_too(self) -> None:
        stranger = Authority.root(PASSWORD, days=days(-10, 100))
        est, _transport = client(
            reply(body=certs_only(ROOT.certificate)), reply(body=certs_only(issue(stranger))), secrets=[PASSWORD]
        )
        authorities = est.cacerts()
        answer = est.simpleenroll(REQUEST)
        assert isinstance(answer, Issued)
        found = est.verify(answer, REQUEST, authorities, on_unverified_chain="warn")
        assert found.warnings
        assert_no_trace(repr(found.warnings) + repr(est.timeline.as_list()))

    def test_a_secret_in_a_good_answer_does_not_spoil_it(self) -> None:
        # "MIIB" begins many messages; four letters of base64 are soon found by chance.
        body = certs_only(issue(), ROOT.certificate)
        secret = base64.b64decode(body[40:60]).decode("latin-1")
        with hiding((secret, "pkcs7", body[8:16].decode())):
            bag, _warnings = read_certificates(reply(body=body))
        assert len(bag) == 2

    def test_where_no_secret_is_given_the_answer_is_shown_as_it_is(self) -> None:
        with pytest.raises(ParseError, match="canary-hunter2"):
            read_enrolment_answer(echo("text with 200", PASSWORD))
