# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client and its transport together, against scripted TLS servers: the bytes of a whole exchange."""

from __future__ import annotations

import base64
import re
from typing import Any, Tuple

import pytest
from support.est_answers import REQUEST, ROOT, certs_only, issue
from support.est_exchange import CA, CREDENTIALS, context, transport
from support.est_pki import der
from support.tls_certificates import CMC_RA, SERVER_AUTH
from support.tls_peer import Peer, answer, read_request, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ServerError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import load_certificate

PKCS7 = "Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n"
ANCHORS = [load_certificate(der(ROOT.certificate))]
BASIC = "Basic " + base64.b64encode(b"estuser:canary-password").decode("ascii")


def est_client(peer: Peer, **options: Any) -> EstClient:
    """A client with credentials, closed by the test's ``with``."""
    line = transport(peer.port, credentials=CREDENTIALS, **options)
    return EstClient(EstUrl.build("localhost", peer.port), line, anchors=ANCHORS, secrets=[CREDENTIALS.password])


def exchange(*answers: Any) -> Tuple[Peer, Any]:
    """One whole exchange over one connection: the server, and what came out."""
    with Peer([list(answers)], context=context()) as peer, est_client(peer) as est:
        authorities = est.cacerts()
        issued = est.simpleenroll(REQUEST, wait_timeout=10, sleep=lambda _seconds: None)
        assert isinstance(issued, Issued)
        return peer, est.verify(issued, REQUEST, authorities)


CACERTS = answer(certs_only(ROOT.certificate), headers=PKCS7)
ISSUED = answer(certs_only(issue()), headers=PKCS7)


def test_req_048_the_content_type_of_the_request() -> None:
    peer, _found = exchange(CACERTS, ISSUED)
    enrol = peer.received[1]
    assert (enrol.method, enrol.path) == ("POST", "/.well-known/est/simpleenroll")
    assert enrol.headers["content-type"] == "application/pkcs10"


def test_req_049_the_body_is_base64_of_der_without_armour() -> None:
    peer, _found = exchange(CACERTS, ISSUED)
    body = peer.received[1].body
    assert re.fullmatch(rb"([A-Za-z0-9+/]+={0,2}\n)+", body)
    assert base64.b64decode(body) == REQUEST.der


def test_req_050_lines_transfer_encoding_and_length() -> None:
    peer, _found = exchange(CACERTS, ISSUED)
    enrol = peer.received[1]
    *lines, last = enrol.body.splitlines()
    assert lines and {len(line) for line in lines} == {64}
    assert 1 <= len(last) <= 64
    assert enrol.headers["content-transfer-encoding"] == "base64"
    assert enrol.headers["content-length"] == str(len(enrol.body))
    assert "transfer-encoding" not in enrol.headers


def test_req_076_the_ca_certificates_are_fetched_before_enrolling_over_the_same_connection() -> None:
    peer, found = exchange(CACERTS, ISSUED)
    assert [(request.method, request.path.rsplit("/", 1)[1]) for request in peer.received] == [
        ("GET", "cacerts"),
        ("POST", "simpleenroll"),
    ]
    assert (peer.handshakes, peer.unexpected) == (1, 0)
    # ... and they are what the issued certificate is verified by.
    assert found.chain == (ROOT.certificate,)


@pytest.mark.parametrize("encoding", ["", "base64", "binary", "8bit", "quoted-printable"])
def test_req_051_a_transfer_encoding_header_of_the_answer_changes_nothing(encoding: str) -> None:
    headers = PKCS7 + (f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else "")
    leaf = issue()
    _peer, found = exchange(
        answer(certs_only(ROOT.certificate), headers=headers), answer(certs_only(leaf), headers=headers)
    )
    assert found.certificate == leaf
    assert found.warnings == ()


def test_req_024_a_registration_authority_under_another_name_may_enrol() -> None:
    ra = server_context(CA.issue("ra", dns=["ra.example"], usages=[SERVER_AUTH, CMC_RA]))
    with Peer([[CACERTS, ISSUED]], context=ra) as peer, est_client(peer) as est:
        est.cacerts()
        assert isinstance(est.simpleenroll(REQUEST), Issued)
    assert peer.received[1].headers["authorization"] == BASIC


def test_req_070_a_server_that_echoes_the_request_shows_nothing_of_the_password() -> None:
    def echo(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        head = peer.received[-1].head
        assert BASIC.encode() in head
        connection.sendall(
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head)
        )

    with Peer([[CACERTS, echo, echo]], context=context()) as peer, est_client(peer) as est:
        est.cacerts()
        with pytest.raises(ServerError) as caught:
            est.simpleenroll(REQUEST)
    assert "Authorization: Basic ********" in caught.value.server_message
    assert "canary" not in repr(vars(caught.value)) + repr(est.timeline.as_list())
    assert BASIC[6:] not in repr(vars(caught.value)) + repr(est.timeline.as_list())
