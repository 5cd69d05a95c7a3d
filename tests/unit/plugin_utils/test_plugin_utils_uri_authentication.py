# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the uri transport does with challenges, bodies that are bound to a connection, and other origins."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.est_answers import REQUEST
from support.lab import PASSWORD, USERNAME, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import (
    Binding,
    Credentials,
    Shown,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.uri_transport import UriTransport

CREDENTIALS = Credentials(USERNAME, PASSWORD)


def run_uri(name: str, arguments: Any) -> Any:
    """The real module in a process of its own."""
    assert name == "ansible.builtin.uri"
    process = subprocess.run(
        [sys.executable, "-m", "ansible.modules.uri"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return json.loads(process.stdout.strip().split("\n")[-1])


def fake(*results: Any) -> tuple[list[Any], Any]:
    asked: list[Any] = []
    script = list(results)

    def execute(_name: str, arguments: Any) -> Any:
        asked.append(arguments)
        return script.pop(0)

    return asked, execute


def client(lab: LabServer) -> EstClient:
    line = UriTransport(run_uri, trust="explicit", ca_path=lab.ca_path, credentials=CREDENTIALS)
    return EstClient(EstUrl.build(lab.host, lab.port), line)


def test_req_063_digest_with_md5_is_answered() -> None:
    with LabServer("--authentication", "digest") as lab, client(lab) as est:
        assert isinstance(est.simpleenroll(REQUEST), Issued)
        assert est.authenticated_by == "digest"


def test_req_065_what_python_cannot_answer_is_an_error() -> None:
    with LabServer("--authentication", "digest-sha256") as lab, client(lab) as est:
        with pytest.raises(EstError, match="HTTP 401"):
            est.simpleenroll(REQUEST)
        assert len(lab.enrolments) == 1


@pytest.mark.parametrize(
    ("challenge", "requests"),
    [
        ('Digest realm="r", nonce="n"', 2),
        ('Basic realm="r", Digest realm="r", nonce="n", algorithm=md5', 2),
        ('Digest realm="r", nonce="n", algorithm=SHA-256', 1),
        ('Basic realm="r"', 1),
    ],
)
def test_only_a_challenge_that_can_be_answered_costs_a_second_request(challenge: Any, requests: int) -> None:
    asked, execute = fake({"status": 401, "www_authenticate": challenge}, {"status": 200})
    line = UriTransport(execute, trust="explicit", credentials=CREDENTIALS)
    line.request("POST", "https://x/", {}, b"body", authenticate=True)
    assert [arguments["force_basic_auth"] for arguments in asked] == [True, False][:requests]
    asked, execute = fake({"status": 401, "www_authenticate": challenge})
    UriTransport(execute, trust="explicit", credentials=CREDENTIALS).request("GET", "https://x/", {})
    assert "url_password" not in asked[0]


SILENT, DIGEST = {"status": 401}, {"status": 401, "www_authenticate": 'Digest realm="r", nonce="n"'}
BASIC = {"status": 401, "www_authenticate": 'Basic realm="r"'}


def test_a_server_that_says_nothing_to_basic_is_asked_once_what_it_offers() -> None:
    asked, execute = fake(SILENT, DIGEST, {"status": 200}, SILENT)
    line = UriTransport(execute, trust="explicit", credentials=CREDENTIALS)
    assert line.request("POST", "https://x/", {}, b"body", authenticate=True).status == 200
    assert [(entry.get("force_basic_auth"), entry["body"]) for entry in asked] == [
        (True, "body"),
        (None, ""),
        (False, "body"),
    ]
    assert "url_password" not in asked[1]
    assert line.authenticated_by == "digest"


@pytest.mark.parametrize(("offer", "offered"), [(SILENT, ()), (BASIC, ("Basic",)), ({"status": 404}, ())])
def test_a_refused_password_is_told_by_what_the_server_offers(offer: Any, offered: Any) -> None:
    asked, execute = fake(SILENT, offer, SILENT)
    line = UriTransport(execute, trust="explicit", credentials=CREDENTIALS)
    for requests in (2, 3):
        shown = line.request("POST", "https://x/", {}, b"body", authenticate=True).shown
        assert shown == Shown(account=True, scheme="basic", offered=offered)
        assert len(asked) == requests


def test_in_a_renewal_only_a_challenge_gets_the_account() -> None:
    for challenge, forced in ((BASIC, [None, True]), (DIGEST, [None, False]), (SILENT, [None])):
        asked, execute = fake(challenge, {"status": 200})
        line = UriTransport(execute, trust="explicit", credentials=CREDENTIALS, unasked=False)
        line.request("POST", "https://x/", {}, b"body", authenticate=True)
        assert [entry.get("force_basic_auth") for entry in asked] == forced
        assert "url_password" not in asked[0]


def test_req_112_a_bound_request_is_refused_with_what_to_do() -> None:
    asked, execute = fake({"status": 200})
    line = UriTransport(execute, trust="explicit")
    with pytest.raises(InputError, match="proof of possession") as caught:
        line.require_tls_unique()
    assert "exchange" in caught.value.hint
    seen: list[Binding] = []

    def make(binding: Binding) -> bytes:
        seen.append(binding)
        return b"body"

    line.request("POST", "https://x/", {}, make)
    assert seen == [Binding(None, None)]
    assert asked[0]["body"] == "body"


def test_req_056_another_origin_gets_nothing_secret() -> None:
    asked, execute = fake({"status": 200}, {"status": 200})
    line = UriTransport(
        execute,
        trust="explicit",
        ca_path="/ca.pem",
        credentials=CREDENTIALS,
        client_certificate_path="/c.pem",
        client_key_path="/k.pem",
        timeout=7,
    )
    other = line.for_origin(EstUrl.build("other"))
    other.request("GET", "https://other/", {}, authenticate=True)
    assert not {"client_cert", "client_key", "url_username", "url_password"} & set(asked[0])
    assert (asked[0]["ca_path"], asked[0]["timeout"], asked[0]["validate_certs"]) == ("/ca.pem", 7, True)
    allowed = line.for_origin(EstUrl.build("other"), with_credentials=True)
    allowed.request("GET", "https://other/", {}, authenticate=True)
    assert (asked[1]["client_cert"], asked[1]["url_password"]) == ("/c.pem", PASSWORD)


def test_req_027_a_password_with_system_trust_is_told() -> None:
    asked, execute = fake()
    assert UriTransport(execute, trust="explicit", credentials=CREDENTIALS).warnings == ()
    assert UriTransport(execute, trust="system").warnings == ()
    assert len(UriTransport(execute, trust="system", credentials=CREDENTIALS).warnings) == 1
    assert asked == []
