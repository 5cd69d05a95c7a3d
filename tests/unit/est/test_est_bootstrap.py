# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first contact with a server of which only a fingerprint is known."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import ssl

import pytest
from support.asn1 import signed_data
from support.est_exchange import CA, CREDENTIALS, context
from support.tls_certificates import authority
from support.tls_peer import Peer, answer, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import api as est
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import bootstrap as bootstrap_module
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ParseError,
    ServerError,
    Timeline,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.bootstrap import (
    bootstrap,
    fetch_unauthenticated,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust, make_context
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.unverified import NOBODY
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import subject_text

LIMITS = {"connect_timeout": 30, "read_timeout": 30, "timeout": 50}
OTHER = authority("Other CA")
# A certificate without dates.
UNREADABLE = re.sub(rb"\d{12}Z", b"?" * 13, OTHER.der)


def pin(der: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, der).hexdigest()}"


def bag_answer(*certificates: bytes):
    return answer(base64.encodebytes(signed_data(certificates)), headers="Content-Type: application/pkcs7-mime\r\n")


def here(peer: Peer) -> EstUrl:
    return EstUrl.build("localhost", peer.port)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_req_004_exactly_the_pinned_certificate_is_trusted(algorithm: str) -> None:
    with Peer([[bag_answer(OTHER.der, CA.der)]], context=context()) as peer:
        trust = bootstrap(here(peer), pin(CA.der, algorithm), **LIMITS)
    assert (trust.kind, trust.origin, trust.fingerprint) == ("explicit", "fingerprint", pin(CA.der, algorithm))
    assert [ssl.PEM_cert_to_DER_cert(trust.pem)] == [CA.der]


def test_req_042_only_a_get_of_cacerts_goes_out() -> None:
    with Peer([[bag_answer(CA.der)]], context=context()) as peer:
        bootstrap(here(peer), pin(CA.der), **LIMITS)
    (request,) = peer.received
    assert (request.method, request.path, request.body) == ("GET", "/.well-known/est/cacerts", b"")
    assert (peer.handshakes, peer.unexpected) == (1, 0)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "POST", "body": b"csr"},
        {"operation": "simpleenroll"},
        {"operation": "csrattrs"},
        {"headers": {"Accept": "*/*", "Authorization": "Basic eDp5"}},
        {"headers": {}},
        {"authenticate": True},
        {"host": "elsewhere.example.com"},
        {"label": "other"},
    ],
    ids=str,
)
def test_req_042_req_066_its_transport_refuses_every_other_request(request_: dict[str, object]) -> None:
    with Peer([[bag_answer(CA.der)]], context=context()) as peer:
        url = here(peer)
        line = bootstrap_module._CaCertificatesOnly(url, **LIMITS)
        target = EstUrl.build(str(request_.get("host", "localhost")), peer.port, request_.get("label"))
        with pytest.raises(InputError, match="only the CA certificates may be asked for"):
            line.request(
                request_.get("method", "GET"),
                target.operation(request_.get("operation", "cacerts")),
                request_.get("headers", {"Accept": "*/*"}),
                request_.get("body"),
                request_.get("authenticate", False),
            )
        line.close()
        assert (peer.handshakes, peer.unexpected) == (0, 0)


def test_req_042_verification_is_switched_off_in_one_place_of_the_collection() -> None:
    root = os.path.join(os.path.dirname(str(est.__file__)), "..", "..")
    found = []
    users = []
    for folder, _folders, files in os.walk(root):
        for name in files:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text = file.read()
                found += [(name, hit) for hit in re.findall(r"CERT_NONE|_create_unverified|verify=False", text)]
                found += [(name, hit) for hit in re.findall(r"validate_certs.: False|CERT_OPTIONAL", text)]
                users += [name] if re.search(r"\bunverified import|import unverified\b", text) else []
    assert found == [("unverified.py", "CERT_NONE")]
    assert sorted(users) == ["bootstrap.py", "relay.py"], (
        "and the relay, for the first contact of the controller's client"
    )


def test_req_042_the_trust_of_the_first_contact_opens_no_other_connection() -> None:
    with pytest.raises(ValueError, match="not a kind of trust"):
        make_context(NOBODY)
    with pytest.raises(ValueError, match="not a kind of trust"):
        HttpsTransport(EstUrl.build("localhost"), Trust("none"), credentials=CREDENTIALS)


@pytest.mark.parametrize("option", ["credentials", "client_certificate", "trust"])
def test_req_043_there_is_nowhere_to_put_a_secret(option: str) -> None:
    with pytest.raises(TypeError, match=option):
        fetch_unauthenticated(EstUrl.build("localhost", 1), **{option: CREDENTIALS})


@pytest.mark.parametrize("challenge", ['Basic realm="est"', 'Digest realm="est", nonce="abc", qop="auth"'])
def test_req_043_req_066_a_challenge_is_not_answered(challenge: str) -> None:
    script = [[answer(b"who?", status="401 Unauthorized", headers=f"WWW-Authenticate: {challenge}\r\n")] * 2] * 2
    with (
        Peer(script, context=context()) as peer,
        pytest.raises(ServerError, match="gets no user name and no password") as caught,
    ):
        bootstrap(here(peer), pin(CA.der), **LIMITS)
    assert (caught.value.http_status, caught.value.stage, caught.value.request_received) == (
        401,
        "cacerts",
        "not_received",
    )
    assert [sorted(request.headers) for request in peer.received] == [
        ["accept", "accept-encoding", "host", "user-agent"]
    ]


def test_req_043_no_client_certificate_is_sent(tmp_path) -> None:
    seen = []
    peer_context = server_context(CA.issue("server", dns=["localhost"]), client_ca=CA)
    peer_context.verify_mode = ssl.CERT_OPTIONAL
    steps = [lambda connection, _peer: seen.append(connection.getpeercert()), bag_answer(CA.der)]
    with Peer([steps], context=peer_context) as peer:
        bootstrap(here(peer), pin(CA.der), **LIMITS)
    assert seen in ([{}], [None])


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_req_046_a_mismatch_names_what_was_expected_and_what_was_seen(algorithm: str) -> None:
    wanted = pin(b"something else", algorithm)
    timeline = Timeline()
    with Peer([[bag_answer(OTHER.der, CA.der)]], context=context()) as peer, pytest.raises(ServerError) as caught:
        bootstrap(here(peer), wanted, timeline=timeline, **LIMITS)
    for fingerprint in (wanted, pin(CA.der, algorithm), pin(OTHER.der, algorithm)):
        assert fingerprint in caught.value.reason
    assert "Nothing was accepted" in caught.value.hint
    assert caught.value.request_received == "not_received"
    assert timeline.as_list()[-1]["detail"].startswith("bootstrap: no CA certificate of the server has")


def test_req_046_a_long_list_is_cut() -> None:
    many = [authority(f"CA {number}").der for number in range(12)]
    with Peer([[bag_answer(*many)]], context=context()) as peer, pytest.raises(ServerError, match="2 more") as caught:
        bootstrap(here(peer), None, **LIMITS)
    assert caught.value.reason.count("sha256:") == 10


@pytest.mark.parametrize("text", ["", "ab" * 16, "ab" * 20, "ab" * 31, "ab" * 33, "sha512:" + "ab" * 32, "xyz"])
def test_req_047_another_length_is_refused_before_anything_is_sent(text: str) -> None:
    with Peer([], context=context()) as peer:
        with pytest.raises(InputError, match="what is needed is a SHA-256"):
            bootstrap(here(peer), text, **LIMITS)
        assert (peer.handshakes, peer.unexpected) == (0, 0)


def test_what_the_first_contact_shows() -> None:
    leaf = CA.issue("no CA", dns=["localhost"])
    server = OTHER.issue("server", dns=["elsewhere.example.com"], days=(-30, -1))
    with Peer([[bag_answer(leaf.der, CA.der, UNREADABLE)]], context=server_context(server)) as peer:
        bag = fetch_unauthenticated(here(peer), **LIMITS)
    assert [subject_text(certificate) for certificate in bag.certificates] == ["/CN=Test Root", "/CN=no CA"]
    assert bag.peer.certificate == server.der
    assert bag.peer.tls_version == "TLSv1.3"
    assert len(bag.warnings) == 1 and "not a readable X.509 certificate" in bag.warnings[0]


def test_req_045_a_server_that_the_pinned_ca_did_not_certify_gets_nothing() -> None:
    """Somebody in between can pass on the true CA certificates, but not speak for the server."""
    imposter = server_context(OTHER.issue("server", dns=["localhost"]))
    with Peer([[bag_answer(CA.der)], [answer()]], context=imposter) as peer:
        trust = bootstrap(here(peer), pin(CA.der), **LIMITS)
        transport = HttpsTransport(here(peer), trust, credentials=CREDENTIALS, **LIMITS)
        with EstClient(here(peer), transport) as client, pytest.raises(TransportError) as caught:
            client.cacerts()
    assert caught.value.stage == "tls"
    assert len(peer.received) == 1


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ([answer(b"", status="404 Not Found")], ServerError, "no CA certificates at this address"),
        ([answer(b"", status="302 Found", headers="Location: https://x.example/\r\n")], ServerError, "x.example"),
        ([answer(b"<html>", headers="Content-Type: text/html\r\n")], ParseError, "text/html"),
        ([bag_answer()], ParseError, "holds no X.509 certificate"),
        ([bag_answer(UNREADABLE)], ParseError, "can be read"),
        ([answer(b"x" * 5000)], TransportError, "larger than 4096 bytes"),
    ],
)
def test_a_server_that_does_not_answer_as_it_should(script, kind: type[EstError], words: str) -> None:
    with Peer([script], context=context()) as peer, pytest.raises(kind, match=words) as caught:
        fetch_unauthenticated(here(peer), max_response_size=4096, **LIMITS)
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")
    assert caught.value.hint
