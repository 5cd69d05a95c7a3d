# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as EST servers and proxies in the field send them, byte by byte: a whole enrolment gets through each."""

from __future__ import annotations

import base64
import socket
import ssl
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest
from support.asn1 import signed_data
from support.est_answers import KEY, PKCS7, REQUEST, days
from support.est_pki import Authority, der
from support.tls_certificates import SERVER_AUTH, Identity, authority
from support.tls_peer import Peer, Step, read_request, response, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import subject_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import same_public_key

ROOT = authority("Field Root")
ISSUING = ROOT.issue("Field Issuing CA", ca=True)
SERVER = ROOT.issue("server", dns=["localhost"], usages=[SERVER_AUTH])
#: For the same server in a PKI of its own, as with a hosted CA behind a public TLS certificate.
PUBLIC = authority("Public TLS Root")
PUBLIC_SERVER = PUBLIC.issue("server", dns=["localhost"], usages=[SERVER_AUTH])


def issued(issuer: Identity = ISSUING) -> bytes:
    """The certificate that the client asks for."""
    return der(Authority(issuer.certificate, issuer.key).issue("device", KEY.public_key(), days=days(-1, 300)))


LEAF = issued()


def bag(*certificates: Any) -> bytes:
    """A certs-only message."""
    return signed_data([one.der if isinstance(one, Identity) else one for one in certificates])


def text(*certificates: Any) -> bytes:
    """The same in base64, as RFC 8951 wants it."""
    return base64.encodebytes(bag(*certificates))


AUTHORITIES, ANSWER = text(ISSUING, ROOT), text(LEAF)


def said(data: bytes) -> Step:
    """Read a request and answer with these bytes."""

    def step(connection: Any, peer: Peer) -> None:
        read_request(connection, peer)
        connection.sendall(data)

    return step


def torn(data: bytes) -> Step:
    """The same, then the connection ends without TLS's own goodbye, as with many embedded servers."""

    def step(connection: Any, peer: Peer) -> None:
        said(data)(connection, peer)
        connection.shutdown(socket.SHUT_RDWR)

    return step


def ok(body: bytes, content_type: str = PKCS7, more: str = "") -> bytes:
    return response(body, headers=f"Content-Type: {content_type}\r\n{more}")


def enrol(
    *connections: Sequence[Step],
    identity: Identity = SERVER,
    trust: str = ROOT.pem,
    tls: Any = None,
    connections_end: bool = False,
) -> Tuple[VerifiedCertificate, Peer, List[str]]:
    """A whole enrolment: what was verified, the server, and what was warned of.

    :param connections_end: the server closes after each answer. The next request waits for that: a POST that goes out
        at the same moment is not sent a second time, since nobody knows whether it arrived.
    """
    context = tls or server_context(identity)
    with Peer(connections, context=context) as peer:
        url = EstUrl.build("localhost", peer.port)
        line = HttpsTransport(
            url,
            Trust.explicit(trust),
            credentials=Credentials("estuser", "canary"),
            connect_timeout=30,
            read_timeout=30,
            timeout=50,
        )
        with EstClient(url, line, anchors=load_pem_certificates(trust), secrets=["canary"]) as est:
            authorities = est.cacerts()
            if connections_end:
                peer.wait_for_the_end_of_a_connection()
            told = est.csrattrs()
            if connections_end:
                peer.wait_for_the_end_of_a_connection()
            answer = est.simpleenroll(REQUEST)
            assert isinstance(answer, Issued)
            verified = est.verify(answer, REQUEST, authorities)
    assert same_public_key(verified.certificate, KEY)
    assert [request.path.rpartition("/")[2] for request in peer.received][-1] == "simpleenroll"
    return verified, peer, [*answer.warnings, *told.warnings]


NONE = said(b"HTTP/1.1 204 No Content\r\n\r\n")


def chunked(body: bytes, extension: str = "", trailer: str = "", name: str = "chunked") -> bytes:
    pieces = [body[start : start + 700] for start in range(0, len(body), 700)]
    parts = [f"{len(piece):X}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {PKCS7}\r\nTransfer-Encoding: {name}\r\n\r\n".encode()
    return head + b"".join(parts) + f"0\r\n{trailer}\r\n".encode()


def until_the_end(body: bytes, version: str, more: str) -> bytes:
    lines = f"HTTP/{version} 200 OK\r\nContent-Type: {PKCS7}\r\nConnection: close\r\n"
    return f"{lines}{more.format(len(body))}\r\n".encode() + body


FRAMES: Dict[str, Callable[[bytes], bytes]] = {
    "chunk extensions": lambda body: chunked(body, ";name=value"),
    "a trailer after the chunks": lambda body: chunked(body, trailer="X-Checksum: 1\r\n"),
    "Chunked in capitals": lambda body: chunked(body, name="Chunked"),
    "no reason phrase": lambda body: response(body, "200 ", f"Content-Type: {PKCS7}\r\n"),
    "no reason phrase and no blank": lambda body: response(body, "200", f"Content-Type: {PKCS7}\r\n"),
    "header names in small letters": lambda body: ok(body).replace(b"Content-", b"content-"),
    "no blanks after colons": lambda body: ok(body).replace(b": ", b":"),
    "lines of the head end in LF": lambda body: b"\n".join(ok(b"").replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(body)).split(b"\r\n")) + body,
    "Content-Length twice": lambda body: ok(body, more=f"Content-Length: {len(body)}\r\n"),
    "Content-Length beside chunks": lambda body: chunked(body).replace(
        b"Transfer-Encoding", b"Content-Length: 99999\r\nTransfer-Encoding"),
    "folded header": lambda body: ok(body, more="X-Folded: a\r\n b\r\n"),
    "a header that is not ASCII": lambda body: ok(body, more="Server: Sch\xfctz\r\n"),
    "100 Continue first": lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + ok(body),
    "103 Early Hints first": lambda body: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(body),
    "102 Processing twice": lambda body: b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + ok(body),
    "cookies": lambda body: ok(body, more="Set-Cookie: ROUTE=1; Path=/\r\nSet-Cookie: JSESSIONID=x; Secure\r\n"),
    "Content-Encoding identity": lambda body: ok(body, more="Content-Encoding: identity\r\n"),
    "Content-Disposition": lambda body: ok(body, more='Content-Disposition: attachment; filename="smime.p7c"\r\n'),
    "Strict-Transport-Security": lambda body: ok(body, more="Strict-Transport-Security: max-age=31536000\r\n"),
    "HTTP/1.0 and keep-alive": lambda body: ok(body, more="Connection: keep-alive\r\n").replace(b"1.1", b"1.0", 1),
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
def test_req_053_frames_of_an_answer(frame: str) -> None:
    wrap = FRAMES[frame]
    enrol([said(wrap(AUTHORITIES)), NONE, said(wrap(ANSWER))])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("end", [said, torn])
@pytest.mark.parametrize("more", ["", "Content-Length: {0}, {0}\r\n"])
def test_req_053_the_end_of_the_connection_is_the_end_of_the_answer(
    version: str, end: Callable[[bytes], Step], more: str
) -> None:
    answers = [end(until_the_end(AUTHORITIES, version, more)), NONE, end(until_the_end(ANSWER, version, more))]
    enrol(*([answer] for answer in answers), connections_end=True)


def test_a_server_that_closes_after_each_answer_without_saying_so() -> None:
    enrol([said(ok(AUTHORITIES))], [NONE], [said(ok(ANSWER))], connections_end=True)


CONTENT_TYPES = [
    "application/pkcs7-mime",
    "Application/PKCS7-MIME; SMIME-TYPE=Certs-Only",
    'application/pkcs7-mime; smime-type="certs-only"; name="smime.p7c"',
    "application/pkcs7-mime;smime-type=certs-only;charset=UTF-8",
    "application/pkcs7-mime; smime-type=certs-only;",
    "application/x-pkcs7-mime",
    "application/pkcs7",
    "application/pkcs7-mime; smime-type=CMC-response",
    "application/x-pkcs7-certificates",
]
ODD_CONTENT_TYPES = ["application/octet-stream", "application/pkix-cert", "application/x-x509-ca-cert", ""]


@pytest.mark.parametrize("content_type", [*CONTENT_TYPES, *ODD_CONTENT_TYPES])
def test_req_054_content_types(content_type: str) -> None:
    _verified, _peer, warnings = enrol([said(ok(AUTHORITIES, content_type)), NONE, said(ok(ANSWER, content_type))])
    assert bool(warnings) == (content_type in ODD_CONTENT_TYPES)


def pem(label: str, content: bytes, line: bytes = b"\n") -> bytes:
    body = base64.encodebytes(content).replace(b"\n", line)
    return b"-----BEGIN %s-----" % label.encode() + line + body + b"-----END %s-----" % label.encode() + line


BODIES: Dict[str, Callable[[bytes], bytes]] = {
    "one line": base64.b64encode,
    "a NUL at the end": lambda content: base64.encodebytes(content) + b"\0",
    "raw DER": bytes,
    "PEM of CMS with CRLF": lambda content: pem("CMS", content, b"\r\n"),
}


@pytest.mark.parametrize("shape", BODIES)
def test_req_052_bodies(shape: str) -> None:
    wrap = BODIES[shape]
    enrol([said(ok(wrap(bag(ISSUING, ROOT)))), NONE, said(ok(wrap(bag(LEAF))))])


def test_req_128_messages_in_ber() -> None:
    # cryptography 45 and newer warns of them, and a warning is an error in these tests.
    authorities, answer = (signed_data(bag, ber=True) for bag in ([ISSUING.der, ROOT.der], [LEAF]))
    enrol([said(ok(base64.encodebytes(authorities))), NONE, said(ok(base64.encodebytes(answer)))])


def test_req_129_pem_certificates_in_place_of_a_message() -> None:
    leaf = pem("CERTIFICATE", LEAF)
    _verified, _peer, warnings = enrol(
        [
            said(ok((ISSUING.pem + ROOT.pem).encode(), "application/x-pem-file")),
            NONE,
            said(ok(leaf + ISSUING.pem.encode())),
        ]
    )
    assert warnings


EXPIRED = ROOT.issue("Field Issuing CA", ca=True, days=(-400, -30))
OLD_ROOT = authority("Field Root", days=(-4000, -10))
STRANGER, LATER_STRANGER = authority("Stranger"), authority("Another Stranger", days=(-1, 9000))
#: Its time of validity is not a time.
UNREADABLE = STRANGER.der.replace(b"\x17\x0d", b"\x0c\x0d")
BAGS: Dict[str, Tuple[List[Any], List[Any]]] = {
    "the root first": ([ROOT, ISSUING], [LEAF]),
    "the issuing CA alone": ([ISSUING], [LEAF]),
    "the root alone, the chain with the certificate": ([ROOT], [ISSUING, LEAF]),
    "the whole chain with the certificate, upside down": ([ROOT, ISSUING], [ROOT, ISSUING, LEAF]),
    "everything twice": ([ROOT, ISSUING, ROOT, ISSUING], [LEAF, LEAF, ISSUING]),
    "expired ones of the same name": ([EXPIRED, OLD_ROOT, ISSUING, ROOT], [EXPIRED, LEAF]),
    "several self-signed roots": ([STRANGER, ROOT, LATER_STRANGER, ISSUING], [LEAF]),
    "the certificate of the server": ([SERVER, ROOT, ISSUING], [LEAF]),
    "what cannot be read": ([ROOT, ISSUING, UNREADABLE], [UNREADABLE, LEAF]),
    "certificates of other devices": ([ROOT, ISSUING], [SERVER, LEAF]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAGS)
def test_req_032_req_035_req_073_what_stands_in_the_bags(name: str) -> None:
    authorities, answer = BAGS[name]
    verified, _peer, _warnings = enrol([said(ok(text(*authorities))), NONE, said(ok(text(*answer)))])
    assert [subject_text(one) for one in verified.chain][-1] == "/CN=Field Root"


def test_req_036_a_private_ca_behind_a_public_tls_certificate() -> None:
    verified, _peer, _warnings = enrol(
        [said(ok(AUTHORITIES)), NONE, said(ok(ANSWER))], identity=PUBLIC_SERVER, trust=PUBLIC.pem
    )
    assert len(verified.chain) == 2


@pytest.mark.parametrize("anchor", ["the issuing CA", "the server's certificate and the root", "root with text around"])
def test_req_001_anchors_as_administrators_give_them(anchor: str) -> None:
    server = ISSUING.issue("server", dns=["localhost"], usages=[SERVER_AUTH])
    trust = {
        "the issuing CA": ISSUING.pem,
        "the server's certificate and the root": server.pem + ROOT.pem,
        "root with text around": f"subject=CN = Field Root\n{ROOT.pem}\nBag Attributes\n".replace("\n", "\r\n"),
    }[anchor]
    tls = server_context(server, chain=[ISSUING])
    enrol([said(ok(AUTHORITIES)), NONE, said(ok(ANSWER))], trust=trust, tls=tls)


@pytest.mark.parametrize("end", ["close", "garbage", "cut off"])
def test_req_096_a_server_that_breaks_off_at_csr_attributes(end: str) -> None:
    step = {"close": read_request, "garbage": said(b"\x00" * 30), "cut off": said(ok(b"MAA=")[:-2])}[end]
    again = [[step]] if end == "close" else []  # without any answer it is asked once more
    _verified, _peer, warnings = enrol([said(ok(AUTHORITIES)), step], *again, [said(ok(ANSWER))])
    assert any("goes on without CSR attributes" in warning for warning in warnings)


CHALLENGES = [
    "WWW-Authenticate: Basic\r\n",
    "WWW-Authenticate: basic realm=EST\r\n",
    "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"r\"\r\n",
    "WWW-Authenticate: Bearer realm=\"r\", error=\"x\", Basic realm=\"a, b\"\r\n",
    "",
]  # fmt: skip


@pytest.mark.parametrize("challenge", CHALLENGES)
@pytest.mark.parametrize("closing", [True, False])
def test_req_064_challenges_to_cacerts(challenge: str, closing: bool) -> None:
    refuse = said(response(b"no", "401 Unauthorized", challenge))
    rest = [said(ok(AUTHORITIES)), NONE, said(ok(ANSWER))]
    _verified, peer, _warnings = enrol(*([[refuse], rest] if closing else [[refuse, *rest]]))
    assert peer.received[1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_req_013_no_session_resumption(version: ssl.TLSVersion) -> None:
    tls = server_context(SERVER, version=version)
    tls.options |= ssl.OP_NO_TICKET
    tls.num_tickets = 0
    enrol([said(ok(AUTHORITIES))], [NONE], [said(ok(ANSWER))], tls=tls, connections_end=True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_req_018_a_server_that_asks_for_a_certificate_of_anybody(version: ssl.TLSVersion) -> None:
    tls = server_context(SERVER, version=version)
    tls.verify_mode = ssl.CERT_OPTIONAL  # with an empty list of CAs
    enrol([said(ok(AUTHORITIES)), NONE, said(ok(ANSWER))], tls=tls)


@pytest.mark.parametrize(
    "suite", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305"]
)
def test_req_011_older_suites_of_tls_1_2(suite: str) -> None:
    tls = server_context(SERVER, version=ssl.TLSVersion.TLSv1_2, ciphers=suite)
    enrol([said(ok(AUTHORITIES)), NONE, said(ok(ANSWER))], tls=tls)


@pytest.mark.parametrize("url", ["https://localhost:{}/", "https://LOCALHOST:{}/.well-known/est/", "localhost.:{}"])
def test_req_005_addresses_as_people_write_them(url: str) -> None:
    with Peer([[said(ok(AUTHORITIES))]], context=server_context(SERVER)) as peer:
        server = EstUrl.build(url.format(peer.port))
        with EstClient(server, HttpsTransport(server, Trust.explicit(ROOT.pem)), anchors=None) as est:
            assert est.cacerts().certificates
    assert peer.received[0].path == "/.well-known/est/cacerts"


def test_a_leaf_alone_without_its_issuer_is_told() -> None:
    with pytest.raises(EstError, match="Field Issuing CA, of which there is no certificate") as caught:
        enrol([said(ok(text(ROOT))), NONE, said(ok(ANSWER))])
    assert caught.value.stage == "verify"
