# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a test enrolment fails on the server's side: stage, reason, and whether the request got there.

The lab server misbehaves by flag; each case is one real exchange.
"""

from __future__ import annotations

import os
import socket

import pytest
from support.enrolment import enrol, template_for
from support.lab import LabServer
from support.server_faults import patience

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

# flags of the server | stage | did the request get there | HTTP status | words of the reason
FAILURES = {
    "wrong_host_name": (["--server-certificate", "wrong-host"], "tls", "no", None, "est.example.invalid"),
    "req_022_no_fallback_to_cn": (["--server-certificate", "cn-only"], "tls", "no", None, "localhost"),
    "req_022_partial_wildcard": (["--server-certificate", "partial-wildcard"], "tls", "no", None, "localhost"),
    "req_014_expired_server": (["--server-certificate", "expired"], "tls", "no", None, "expired"),
    "req_014_not_yet_valid_server": (["--server-certificate", "not-yet-valid"], "tls", "no", None, "not valid yet"),
    "req_014_no_server_auth": (["--server-certificate", "no-server-auth"], "tls", "no", None, "purpose|serverAuth"),
    "wrong_ca": (["--server-certificate", "other-ca"], "tls", "no", None, "CA"),
    "req_010_tls_1_1_only": (["--tls-min", "1.1", "--tls-max", "1.1"], "tls", "no", None, "TLS"),
    "plain_http": (["--plain-http"], "tls", "no", None, "TLS"),
    "reset_on_connect": (["--fault", "reset-on-connect"], "connect or tls", "no", None, "closed|reset"),
    "no_handshake": (["--fault", "no-handshake"], "tls", "no", None, "second"),
    "req_030_cacerts_refused": (["--fault", "cacerts:http-404"], "cacerts", "no", 404, "CA certificates"),
    "req_130_cacerts_empty_bag": (["--fault", "cacerts:empty-bag"], "cacerts", "no", None, "no X.509 certificate"),
    "req_054_cacerts_html": (["--fault", "cacerts:html-200"], "cacerts", "no", None, "text/html"),
    "cacerts_truncated": (["--fault", "cacerts:truncated"], "cacerts", "no", None, "cut|end|short|bytes"),
    "req_061_cacerts_huge": (["--fault", "cacerts:huge"], "cacerts", "no", None, "1 MiB|1048576|larger|limit"),
    "req_061_cacerts_never": (["--fault", "cacerts:never-answers"], "cacerts", "no", None, "second"),
    "req_061_cacerts_slow_drip": (["--fault", "cacerts:slow-drip"], "cacerts", "no", None, "second"),
    "req_061_endless_headers": (["--fault", "cacerts:endless-headers"], "cacerts", "no", None, "not valid HTTP"),
    "req_061_endless_body": (["--fault", "cacerts:endless-body"], "cacerts", "no", None, "larger|limit"),
    "cacerts_not_base64": (["--fault", "cacerts:not-base64"], "cacerts", "no", None, "base64"),
    "req_053_truncated": (["--fault", "simpleenroll:truncated"], "enroll", "yes", 200, "cut|end|short|bytes"),
    "reset_in_answer": (["--fault", "simpleenroll:reset-in-answer"], "enroll", "yes", None, "closed|reset|cut|broke"),
    "req_054_html_with_200": (["--fault", "simpleenroll:html-200"], "enroll", "yes", 200, "text/html"),
    "req_091_text_with_200": (["--fault", "simpleenroll:text-200"], "enroll", "yes", 200, "text/plain"),
    "req_130_empty_bag": (["--fault", "simpleenroll:empty-bag"], "enroll", "yes", 200, "no X.509 certificate"),
    "empty_body": (["--fault", "simpleenroll:empty-200"], "enroll", "yes", 200, "empty"),
    "not_cms": (["--fault", "simpleenroll:not-cms"], "enroll", "yes", 200, "."),
    "req_061_huge": (["--fault", "simpleenroll:huge"], "enroll", "yes", 200, "larger|limit"),
    "req_061_never_answers": (["--fault", "simpleenroll:never-answers"], "enroll", "unknown", None, "second"),
    "reset_after_request": (["--fault", "simpleenroll:reset-after-request"], "enroll", "unknown", None, "closed|reset"),
    "close_after_request": (["--fault", "simpleenroll:close-after-request"], "enroll", "unknown", None, "closed"),
    "req_074_certificate_for_another_key": (["--fault", "simpleenroll:wrong-key"], "verify", "yes", None, "key"),
    "req_075_unrelated_issuer": (["--fault", "simpleenroll:unrelated-issuer"], "verify", "yes", None, "issue|anchor"),
    "req_089_http_400": (["--fault", "simpleenroll:http-400"], "enroll", "yes", 400, "refused the certificate request"),
    "http_403": (["--fault", "simpleenroll:http-403"], "enroll", "yes", 403, "not let it enrol"),
    "http_404": (["--fault", "simpleenroll:http-404"], "enroll", "yes", 404, "no enrolment at this address"),
    "http_500": (["--fault", "simpleenroll:http-500"], "enroll", "yes", 500, "failed"),
    "http_501": (["--fault", "simpleenroll:http-501"], "enroll", "yes", 501, "does not implement"),
    "http_503": (["--fault", "simpleenroll:http-503"], "enroll", "yes", 503, "not available"),
    "redirect": (["--fault", "simpleenroll:redirect"], "enroll", "yes", 302, "redirects to"),
    "bad_status_line": (["--fault", "simpleenroll:bad-status-line"], "enroll", "yes", None, "HTTP"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(name, tmp_path):
    flags, stage, received, status, words = FAILURES[name]
    with LabServer(*flags) as lab, pytest.raises(EstError, match=f"(?i){words}") as caught:
        enrol(tmp_path, template_for(lab), timeout=patience(flags), connect_timeout=patience(flags))
    error = caught.value
    assert error.stage in stage.split(" or ")  # the reset can come before the handshake begins
    assert error.request_received == received
    if status is not None:
        assert error.http_status == status
    assert hint_of(error)
    assert "estpwd" not in f"{error.reason} {hint_of(error)} {error.server_message}"
    assert not any(files for _folder, _folders, files in os.walk(tmp_path)), "nothing may be written"


def test_req_021_nothing_is_sent_to_a_server_that_is_not_verified(tmp_path):
    with LabServer("--server-certificate", "other-ca") as lab:
        with pytest.raises(EstError):
            enrol(tmp_path, template_for(lab))
        assert lab.requests == []


def test_refused_connection(tmp_path):
    with LabServer() as lab:
        template = template_for(lab)
    with pytest.raises(EstError, match="refused") as caught:
        enrol(tmp_path, template)
    assert (caught.value.stage, caught.value.request_received) == ("connect", "no")


def test_unknown_host(tmp_path, monkeypatch):
    def unknown(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with LabServer() as lab:
        # Names under .invalid never exist (RFC 6761), but asking for one would be traffic off this machine.
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(EstError, match=r"est\.example\.invalid") as caught:
            enrol(tmp_path, template_for(lab, server="est.example.invalid"))
    assert (caught.value.stage, caught.value.request_received) == ("resolve", "no")


@pytest.mark.parametrize("kind", ["text", "json", "html", "cmc"])
def test_req_089_req_090_the_server_is_quoted(kind, tmp_path):
    with LabServer("--errors", kind, "--profile", "cisco") as lab, pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(lab, subject="/O=No common name"))
    assert caught.value.http_status == 400
    assert caught.value.server_message
    assert "<" not in caught.value.server_message
    assert "{" not in caught.value.server_message


def test_req_089_control_characters_and_endless_messages_are_cleaned(tmp_path):
    with LabServer("--fault", "simpleenroll:control-characters") as lab, pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(lab))
    assert caught.value.server_message.isprintable()
    assert len(caught.value.server_message) < 2000


def test_req_075_an_unverified_chain_can_be_a_warning(tmp_path):
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as lab:
        outcome = enrol(tmp_path, template_for(lab), allow_unverified_chain=True)
    assert outcome["status"] == "issued"
    assert outcome["warnings"]


def test_no_certificate_is_asked_for_that_could_not_be_kept(tmp_path):
    (tmp_path / "file").write_text("in the place of a folder")
    with LabServer() as lab:
        with pytest.raises(EstError) as caught:
            enrol(tmp_path / "file" / "tests", template_for(lab))
        assert [request["path"] for request in lab.requests] == []
    assert (caught.value.stage, caught.value.request_received) == ("save", "no")
    assert "Not a directory" in caught.value.reason and "output_path" in caught.value.hint
