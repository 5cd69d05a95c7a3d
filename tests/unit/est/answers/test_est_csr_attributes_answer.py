# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of /csrattrs: what the client asks, and what it makes of the answers of servers, scripted and in the lab."""

from __future__ import annotations

import base64
import inspect
from typing import Any, List

import pytest
from support import csr_attributes as samples
from support.asn1 import oid
from support.csr_attributes import sequence
from support.est_answers import client, reply
from support.est_exchange import context
from support.est_exchange import transport as https_transport
from support.lab import PASSWORD, USERNAME, LabServer
from support.tls_certificates import authority
from support.tls_peer import Peer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import bootstrap as bootstrap_module
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    ParseError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import parse_csr_attributes
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key

CSRATTRS = "https://est.example.com:8443/.well-known/est/lab/csrattrs"
TYPE = "application/csrattrs"
P384 = sequence(oid(samples.P384))


def answer(value: bytes, content_type: Any = TYPE) -> Any:
    return reply(body=base64.encodebytes(value), content_type=content_type)


def steps(est: EstClient) -> List[Any]:
    return [(step["stage"], step["ok"], step["detail"]) for step in est.timeline.as_list()]


def test_req_094_a_get_without_body_and_credentials() -> None:
    est, transport = client(answer(samples.RFC_9908_5_4))
    found = est.csrattrs()
    (sent,) = transport.sent
    assert (sent.method, sent.url, sent.body, sent.authenticate) == ("GET", CSRATTRS, None, False)
    assert found.attributes == parse_csr_attributes(samples.RFC_9908_5_4)
    assert found.warnings == ()
    assert steps(est) == [
        (
            "csrattrs",
            True,
            "RSA 4096; the request is signed with sha256WithRSAEncryption; proof of possession: challengePassword "
            "links the request to the TLS session that carries it",
        )
    ]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "response",
    [
        reply(204, content_type=None),
        reply(404, b"Not here", "text/plain"),
        answer(b"0\0"),
        reply(200, b"", TYPE),
        reply(200, b"\r\n\0", TYPE),
    ],
)
def test_req_095_a_server_without_csr_attributes(response: Any, strict: bool) -> None:
    est, _transport = client(response)
    found = est.csrattrs(strict=strict)
    assert (found.attributes, found.warnings) == (None, ())
    assert steps(est) == [("csrattrs", True, "no CSR attributes")]


@pytest.mark.parametrize("status", [201, 202, 400, 403, 405, 429, 500, 501, 503])
def test_req_096_a_refusal_is_a_warning(status: int) -> None:
    est, _transport = client(reply(status, b"Go away", "text/plain"))
    found = est.csrattrs()
    assert found.attributes is None
    (warning,) = found.warnings
    assert warning.startswith("the enrolment goes on without CSR attributes: the server ")
    assert f"(HTTP {status})" in warning
    assert warning.endswith(": Go away")
    assert steps(est) == [("csrattrs", True, f"no CSR attributes; {warning}")]


@pytest.mark.parametrize("status", [400, 401, 403, 405, 500, 501])
def test_req_096_a_refusal_is_an_error_where_the_user_is_strict(status: int) -> None:
    est, _transport = client(reply(status), reply(status))
    with pytest.raises(ServerError) as caught:
        est.csrattrs(strict=True)
    error = caught.value
    assert (error.stage, error.http_status, error.request_received) == ("csrattrs", status, "not_received")
    assert f"(HTTP {status})" in error.reason
    assert error.hint


def test_req_092_req_096_not_implemented_is_said() -> None:
    est, _transport = client(reply(501))
    assert "the server does not implement CSR attributes (HTTP 501)" in est.csrattrs().warnings[0]


def test_req_096_credentials_are_given_to_a_server_that_wants_them() -> None:
    est, transport = client(reply(401, WWW_Authenticate='Basic realm="est"'), answer(P384))
    assert est.csrattrs().attributes == parse_csr_attributes(P384)
    assert [sent.authenticate for sent in transport.sent] == [False, True]


def test_req_096_credentials_that_are_refused_are_a_warning() -> None:
    est, transport = client(reply(401), reply(401))
    assert "(HTTP 401)" in est.csrattrs().warnings[0]
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    "body",
    [
        base64.b64encode(b"\x30\x82\xff\xffgarbage"),
        b"<html>Welcome</html>",
        base64.b64encode(samples.template(version=3)),
    ],
)
def test_req_096_an_answer_that_cannot_be_read_is_a_warning_or_an_error(body: bytes) -> None:
    est, _transport = client(reply(200, body, TYPE))
    found = est.csrattrs()
    assert found.attributes is None
    assert found.warnings[0].startswith(
        "the enrolment goes on without CSR attributes: the CSR attributes cannot be read: "
    )
    est, _transport = client(reply(200, body, TYPE))
    with pytest.raises(ParseError) as caught:
        est.csrattrs(strict=True)
    assert (caught.value.stage, caught.value.http_status, caught.value.request_received) == (
        "csrattrs",
        200,
        "not_received",
    )
    assert caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        base64.b64encode(P384),
        base64.encodebytes(P384),
        base64.b64encode(P384) + b"\0",  # libest
        P384,
        b"-----BEGIN CSRATTRS-----\n" + base64.encodebytes(P384) + b"-----END CSRATTRS-----\n",
    ],
)
def test_req_052_req_097_shapes_of_the_body(body: bytes) -> None:
    est, _transport = client(reply(200, body, TYPE))
    found = est.csrattrs(strict=True)
    assert (found.attributes, found.warnings) == (parse_csr_attributes(P384), ())


def test_another_content_type_is_told() -> None:
    est, _transport = client(answer(P384, "text/plain; charset=utf-8"), answer(P384, None))
    assert est.csrattrs(strict=True).warnings == (
        "the CSR attributes are text/plain; charset=utf-8, where RFC 7030 asks for application/csrattrs",
    )
    assert "without a Content-Type" in est.csrattrs(strict=True).warnings[0]


def test_req_070_a_secret_that_the_server_sends_back_is_not_shown() -> None:
    secret = "canary-password"
    bodies = [f"no {secret} here".encode(), b"x" * 55 + secret.encode() + b"<"]
    for status, body in ((400, bodies[0]), (200, bodies[0]), (200, bodies[1])):
        est, _transport = client(reply(status, body, f"text/{secret}"), secrets=(secret,))
        found = est.csrattrs()
        shown = f"{found.warnings} {steps(est)}"
        assert found.warnings
        assert "canary" not in shown


class TestRequirement110:
    """CSR attributes of a session in which the server is not authorised are never used: there is no way to get them."""

    def test_req_110_nothing_is_asked_of_an_untrusted_server(self) -> None:
        with Peer([[]], context=context()) as peer:
            line = https_transport(peer.port, trust=Trust.explicit(authority("Stranger").pem))
            with EstClient(EstUrl.build("localhost", peer.port), line) as est, pytest.raises(TransportError) as caught:
                est.csrattrs()
            assert caught.value.stage == "tls"
            assert (peer.received, peer.plain) == ([], [])

    def test_req_110_the_first_contact_can_ask_for_ca_certificates_only(self) -> None:
        assert not [name for name in vars(bootstrap_module) if "csr" in name.lower()]
        assert "csrattrs" not in inspect.getsource(bootstrap_module)


class TestLab:
    """With the lab server: attributes applied to a request that the server then signs."""

    @pytest.mark.parametrize(
        ("preset", "key", "signature"),
        [
            ("ec-p384", KeySpec("ec", curve="P-384"), "sha384"),
            ("rsa-3072", KeySpec("rsa", 3072), None),
            ("san", KeySpec("ec"), None),
        ],
    )
    def test_req_094_attributes_are_applied(self, preset: str, key: KeySpec, signature: Any) -> None:
        with LabServer("--csrattrs", preset) as lab:
            url = EstUrl.build(lab.host, lab.port)
            line = HttpsTransport(url, Trust.explicit(lab.ca_pem), credentials=Credentials(USERNAME, PASSWORD))
            with EstClient(url, line) as est:
                authorities = est.cacerts()
                found = est.csrattrs()
                plan = plan_request(found.attributes, KeySpec("ec"), False, parse_slash_dn("/CN=jdoe"))
                assert (plan.key_spec, plan.hash_name) == (key, signature)
                request = plan.build(generate_key(plan.key_spec))
                issued: Any = est.simpleenroll(request)
                assert est.verify(issued, request, authorities)
            assert found.warnings == ()
            assert [entry["path"].rpartition("/")[2] for entry in lab.requests] == [
                "cacerts",
                "csrattrs",
                "simpleenroll",
            ]
            assert [str(name) for name in plan.general_names] == (["DNS:lab.est.test"] if preset == "san" else [])
