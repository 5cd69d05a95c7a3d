# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``est_relay`` and ``win_est_relay``: real TLS servers on this machine, and the same codes from each twin."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from support import tls_peer
from support.returned import documented, wrong_result
from support.tls_certificates import CLIENT_AUTH, CMC_RA, SERVER_AUTH, Identity, authority, make
from support.tls_peer import Peer, Step, answer, read_request, response, send, server_context, stall, tunnel
from twins.twin import PLUGINS, SYSTEM, MissingError, Twin, powershell

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failure_words import _OF_A_CHAIN
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failures import _CHAIN_DETAILS

MODULE = PLUGINS / "modules" / "est_relay.py"

ROOT = authority("Test Root")
OTHER = authority("Other Root")
MIDDLE = ROOT.issue("Test Intermediate", ca=True)
NAMES = {"dns": ["localhost"], "addresses": ["127.0.0.1"]}
SERVER = ROOT.issue("Server", **NAMES)
BELOW = MIDDLE.issue("Below", **NAMES)

GET = b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def ask(
    twin: Twin, port: int, requests: int | list[str] = 1, anchors: tuple[Identity, ...] = (ROOT,), **more: Any
) -> dict[str, Any]:
    """Have the twin send so many requests, and return its result."""
    options = {
        "host": "localhost",
        "port": port,
        "trust": "explicit",
        "anchors": [b64(anchor.der) for anchor in anchors],
        "requests": [b64(GET)] * requests if isinstance(requests, int) else requests,
        "connect_timeout": 5,
        "timeout": 10,
        **more,
    }
    result = twin.run(options)
    assert wrong_result("est_relay", result, False) == []
    assert result.pop("changed") is False
    assert "dXNlcjpwYXNzd29yZA" not in twin.said
    return result


def codes(result: dict[str, Any]) -> tuple[str, ...]:
    """The stage, the kind, the detail and the alert of a failure, as far as there are any."""
    failure = result.get("failure", {})
    return tuple(failure[name] for name in ("stage", "kind", "detail", "alert") if failure.get(name))


def octets(result: dict[str, Any], number: int = 0) -> bytes:
    """An answer as it came."""
    assert "failure" not in result or len(result["answers"]) > number, result
    return base64.b64decode(result["answers"][number]["octets"], validate=True)


# ----------------------------------------------------------------------------------------------------------------------
# Is it the right server?


@dataclass
class Verdict:
    """A server, whom the client trusts, and what comes of it: codes, or nothing where it is accepted."""

    server: Identity
    codes: tuple[str, ...] = ()
    anchors: tuple[Identity, ...] = (ROOT,)
    chain: tuple[Identity, ...] = ()
    host: str = "localhost"
    trust: str = "explicit"
    by: str = "host_name"
    # Other codes of a twin, with the reason beside them.
    otherwise: dict[str, tuple[str, ...]] = field(default_factory=dict)


UNKNOWN = ("tls", "untrusted_certificate", "unknown_issuer")
SELF_SIGNED = ("tls", "untrusted_certificate", "self_signed")
WRONG_NAME = ("tls", "wrong_server_name")
UNFIT = ("tls", "invalid_server_certificate")
FORGED_MIDDLE = OTHER.issue("Test Intermediate", ca=True)
NO_CA = ROOT.issue("No CA", ca=False)
OLD = authority("Old Root", days=(-90, -1))
OLD_MIDDLE = ROOT.issue("Old Intermediate", ca=True, days=(-90, -1))

SHORT = authority("Short Root", path_length=0)
TOO_DEEP = SHORT.issue("Too Deep", ca=True)


def rsa_key() -> Any:
    return rsa.generate_private_key(65537, 2048)


RSA = authority("RSA Root", key=rsa_key())

VERDICTS = {
    "explicit anchor": Verdict(SERVER),
    "all of it RSA": Verdict(RSA.issue("Server", key=rsa_key(), **NAMES), anchors=(RSA,)),
    "RSA, and an anchor's name and another key": Verdict(
        authority("RSA Root", key=rsa_key()).issue("Server", key=rsa_key(), **NAMES),
        (*UNFIT, "wrong_signature"),
        anchors=(RSA,),
    ),
    "one of several anchors": Verdict(SERVER, anchors=(OTHER, MIDDLE, ROOT)),
    "foreign anchor": Verdict(SERVER, UNKNOWN, anchors=(OTHER,)),
    "nobody is verified": Verdict(make("Own", dns=["elsewhere"]), trust="unverified", anchors=(), by=""),
    "the system knows it": Verdict(SYSTEM.issue("Server", **NAMES), trust="system", anchors=()),
    "the system knows it, and not the name": Verdict(
        SYSTEM.issue("Server", usages=[SERVER_AUTH, CMC_RA], dns=["other"]), WRONG_NAME, trust="system"
    ),
    "the system knows it, and explicit anchors do not": Verdict(SYSTEM.issue("Server", **NAMES), UNKNOWN),
    "the system does not know it": Verdict(SERVER, UNKNOWN, trust="system"),
    "the system does not know a self-signed one": Verdict(make("Own", **NAMES), SELF_SIGNED, trust="system"),
    "wrong name": Verdict(ROOT.issue("localhost", dns=["est.example.com"]), WRONG_NAME),
    "common name only": Verdict(ROOT.issue("localhost"), WRONG_NAME),
    "no name": Verdict(ROOT.issue("Server", usages=[SERVER_AUTH]), WRONG_NAME),
    "upper case and a dot": Verdict(ROOT.issue("Server", dns=["LocalHost."])),
    "one name of many": Verdict(ROOT.issue("Server", dns=[f"{n}.example.com" for n in range(200)] + ["localhost"])),
    "address": Verdict(SERVER, host="127.0.0.1"),
    "address as a name": Verdict(ROOT.issue("Server", dns=["127.0.0.1"]), WRONG_NAME, host="127.0.0.1"),
    "name as an address": Verdict(ROOT.issue("Server", addresses=["127.0.0.1"]), WRONG_NAME),
    "another address": Verdict(ROOT.issue("Server", addresses=["127.0.0.2", "::1"]), WRONG_NAME, host="127.0.0.1"),
    "registration authority": Verdict(ROOT.issue("RA", usages=[SERVER_AUTH, CMC_RA]), by="cmc_ra"),
    "registration authority that is no server": Verdict(ROOT.issue("RA", usages=[CMC_RA]), (*UNFIT, "wrong_purpose")),
    "expired": Verdict(ROOT.issue("Server", days=(-30, -1), **NAMES), (*UNFIT, "expired")),
    "not yet valid": Verdict(ROOT.issue("Server", days=(1, 30), **NAMES), (*UNFIT, "not_yet_valid")),
    "expired, of a foreign CA": Verdict(OTHER.issue("Server", days=(-30, -1), **NAMES), UNKNOWN),
    "self-signed": Verdict(make("Own", **NAMES), SELF_SIGNED),
    "the anchor itself": Verdict(SERVER, anchors=(SERVER,)),
    "the anchor itself, for another name": Verdict(NO_CA, WRONG_NAME, anchors=(NO_CA,)),
    "intermediate sent": Verdict(BELOW, chain=(MIDDLE,)),
    "intermediate and root sent": Verdict(BELOW, chain=(MIDDLE, ROOT)),
    "intermediate missing": Verdict(BELOW, UNKNOWN),
    "intermediate among the anchors": Verdict(BELOW, anchors=(MIDDLE,)),
    "intermediate expired": Verdict(OLD_MIDDLE.issue("Server", **NAMES), (*UNFIT, "expired"), chain=(OLD_MIDDLE,)),
    "intermediate is no CA": Verdict(NO_CA.issue("Server", **NAMES), (*UNFIT, "not_a_ca"), chain=(NO_CA,)),
    "path is too long": Verdict(
        TOO_DEEP.issue("Server", **NAMES),
        (*UNFIT, "not_a_ca"),
        (SHORT,),
        (TOO_DEEP,),
        # .NET has one code for all that is wrong with basic constraints.
        otherwise={"python": (*UNFIT, "path_too_long")},
    ),
    "an anchor's name and another key": Verdict(
        authority("Test Root").issue("Server", **NAMES), (*UNFIT, "wrong_signature")
    ),
    "an intermediate's name and another key": Verdict(
        FORGED_MIDDLE.issue("Server", **NAMES), (*UNFIT, "wrong_signature"), chain=(MIDDLE,)
    ),
    "an anchor's name and another key, and the anchor is no root": Verdict(
        FORGED_MIDDLE.issue("Server", **NAMES), (*UNFIT, "wrong_signature"), anchors=(MIDDLE,)
    ),
    "a forged intermediate": Verdict(
        FORGED_MIDDLE.issue("Server", **NAMES),
        (*UNFIT, "wrong_signature"),
        chain=(FORGED_MIDDLE,),
        anchors=(MIDDLE,),
        # OpenSSL takes the anchor of that name, .NET that of two certificates whose key fits.
        otherwise={"pwsh": UNKNOWN, "wine": UNKNOWN},
    ),
    "for clients only": Verdict(ROOT.issue("Server", usages=[CLIENT_AUTH], **NAMES), (*UNFIT, "wrong_purpose")),
    "of an expired anchor": Verdict(OLD.issue("Server", **NAMES), (*UNFIT, "expired"), anchors=(OLD, ROOT)),
}


NO_STORE = "what is put into a store of CAs in Wine is gone with the process"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.cannot_show(wine=NO_STORE))
        if name.startswith("the system knows it")
        else name
        for name in VERDICTS
    ],
)
def test_the_verdict_on_a_server_and_nothing_is_sent_to_a_wrong_one(twin: Twin, name: str) -> None:
    case = VERDICTS[name]
    with Peer([[answer(b"body")]], context=server_context(case.server, chain=case.chain)) as peer:
        result = ask(twin, peer.port, host=case.host, trust=case.trust, anchors=case.anchors)
    assert codes(result) == case.otherwise.get(twin.kind, case.codes)
    if case.codes:
        assert (result["answers"], peer.received) == ([], [])
        assert (result["failure"]["written"], result["failure"]["request"]) == (False, 0)
        return
    assert octets(result) == response(b"body")
    (connection,) = result["connections"]
    assert connection["authorized_by"] == case.by
    assert connection["certificates"][0] == b64(case.server.der)
    assert connection["tls_version"] in ("TLSv1.2", "TLSv1.3")
    assert "AES" in connection["cipher"].upper() or "CHACHA" in connection["cipher"].upper()
    assert (connection["address"], connection["port"]) == ("127.0.0.1", peer.port)
    assert connection["local_address"] == "127.0.0.1" and connection["local_port"] > 0
    assert set(connection["seconds"]) == {"resolve", "connect", "tls"}
    assert all(0 <= seconds < 10 for seconds in connection["seconds"].values())


# Through a proxy any name leads here.
PRESENTED = {
    ("est.example.com", "*.example.com"): True,
    ("EST.example.com", "est.EXAMPLE.com"): True,
    ("a.b.example.com", "*.example.com"): False,
    ("example.com", "*.example.com"): False,
    ("example.com", "*.com"): False,
    ("est.example.com", "e*.example.com"): False,
    ("est.example.com", "est.*.com"): False,
    ("est.example.com", "*.*.com"): False,
    ("est.example.com", "est.example.com.evil.test"): False,
    ("est.example.com", "est.example.com\x00.evil.test"): False,
}


@pytest.mark.parametrize(("host", "presented"), PRESENTED)
def test_names_are_compared_as_rfc_9525_says(twin: Twin, host: str, presented: str) -> None:
    context = server_context(ROOT.issue("Server", dns=[presented]))
    with Peer([[answer()]], context=context) as peer, Peer([[tunnel(peer.port)]]) as proxy:
        result = ask(twin, 443, host=host, proxy_host="127.0.0.1", proxy_port=proxy.port)
    assert codes(result) == (() if PRESENTED[host, presented] else WRONG_NAME)


# ----------------------------------------------------------------------------------------------------------------------
# On the way to the server


def test_nothing_listens(twin: Twin) -> None:
    assert codes(ask(twin, tls_peer.closed_port())) == ("connect", "connection_refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'a' * 64}.example.com"])
def test_a_host_that_is_not_known(twin: Twin, host: str) -> None:
    assert codes(ask(twin, 443, host=host))[:2] == ("resolve", "name_not_resolved")


def test_a_server_that_accepts_no_connection_is_given_up_in_time(twin: Twin) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # The queue is full: who comes now is not answered.
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        started = time.monotonic()
        result = ask(twin, listener.getsockname()[1], host="127.0.0.1", connect_timeout=1)
    assert codes(result) == ("connect", "connection_failed", "timeout")
    assert 0.9 < time.monotonic() - started < 8


def alert(number: int) -> bytes:
    return struct.pack(">BHHBB", 21, 0x0303, 2, 2, number)


def hello_then(*steps: Step) -> list[Step]:
    """Take the ClientHello before anything else, so that closing is not a reset."""
    return [lambda connection, _peer: connection.recv(65536) and None, *steps]


def drip_a_record(connection: Any, peer: Peer) -> None:
    """Send a record of TLS that never ends."""
    record = itertools.chain([b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"], itertools.repeat(b"\x00"))
    tls_peer.drip(record, 0.1)(connection, peer)


BEFORE_TLS: dict[str, tuple[list[Step], tuple[str, ...]]] = {
    "plain HTTP": (hello_then(send(b"HTTP/1.1 400 Bad Request\r\n\r\n")), ("tls", "not_tls")),
    "another protocol": ([send(b"220 mail.example.com ESMTP\r\n"), stall], ("tls", "not_tls")),
    "closes": (hello_then(), ("tls", "tls_failed", "closed")),
    "resets": (hello_then(tls_peer.reset), ("tls", "tls_failed", "closed")),
    "hangs": ([stall], ("tls", "tls_failed", "timeout")),
    "drips": (hello_then(drip_a_record), ("tls", "tls_failed", "timeout")),
    "alert handshake_failure": (hello_then(send(alert(40))), ("tls", "no_common_cipher", "handshake_failure")),
    "alert protocol_version": (hello_then(send(alert(70))), ("tls", "no_common_tls", "protocol_version")),
    "alert access_denied": (hello_then(send(alert(49))), ("tls", "client_certificate_refused", "access_denied")),
    "alert internal_error": (hello_then(send(alert(80))), ("tls", "tls_failed", "alert", "internal_error")),
    "alert unrecognized_name": (hello_then(send(alert(112))), ("tls", "tls_failed", "alert", "unrecognized_name")),
}


@pytest.mark.parametrize("name", BEFORE_TLS)
def test_a_server_without_tls_or_that_wants_none(twin: Twin, name: str) -> None:
    steps, expected = BEFORE_TLS[name]
    with Peer([steps]) as peer:
        started = time.monotonic()
        result = ask(twin, peer.port, connect_timeout=1)
    assert codes(result) == expected
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_each_version_of_tls(twin: Twin, version: ssl.TLSVersion) -> None:
    with Peer([[answer(b"body")]], context=server_context(SERVER, version=version)) as peer:
        result = ask(twin, peer.port)
    if twin.windows and version == ssl.TLSVersion.TLSv1_3:
        assert codes(result) == ("tls", "no_common_tls", "protocol_version")  # Wine's TLS ends at 1.2
    else:
        assert octets(result) == response(b"body")
        assert result["connections"][0]["tls_version"] == version.name.replace("_", ".")


# ----------------------------------------------------------------------------------------------------------------------
# Through a proxy


def test_a_proxy_makes_a_tunnel_and_is_told_no_more_than_where_to(twin: Twin) -> None:
    context = server_context(ROOT.issue("Server", dns=["est.example.com"]))
    with Peer([[answer(b"body")]], context=context) as peer, Peer([[tunnel(peer.port)]]) as proxy:
        result = ask(twin, 8443, host="est.example.com", proxy_host="127.0.0.1", proxy_port=proxy.port)
    assert octets(result) == response(b"body")
    assert proxy.received[0].head == b"CONNECT est.example.com:8443 HTTP/1.1\r\nHost: est.example.com:8443\r\n\r\n"
    assert result["connections"][0]["port"] == proxy.port
    assert set(result["connections"][0]["seconds"]) == {"resolve", "connect", "proxy", "tls"}


def test_an_ipv6_address_through_a_proxy(twin: Twin) -> None:
    context = server_context(ROOT.issue("Server", addresses=["2001:db8::1"]))
    with Peer([[answer()]], context=context) as peer, Peer([[tunnel(peer.port)]]) as proxy:
        result = ask(twin, 443, host="2001:db8::1", proxy_host="127.0.0.1", proxy_port=proxy.port)
    assert codes(result) == ()
    assert proxy.received[0].path == "[2001:db8::1]:443"


def refusing(status: str) -> list[Step]:
    return [read_request, send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())]


PROXIES: dict[str, tuple[list[Step], tuple[str, ...], int]] = {
    "forbids": (refusing("403 Forbidden"), ("refused",), 403),
    "wants a password": (refusing("407 Proxy Authentication Required"), ("refused",), 407),
    "does not reach it": (refusing("502 failed"), ("refused",), 502),
    "closes": ([read_request], ("closed",), 0),
    "resets": ([read_request, tls_peer.reset], ("closed",), 0),
    "is no proxy": ([read_request, send(b"220 hello\r\n\r\n"), stall], ("not_http",), 0),
    "hangs": ([read_request, stall], ("timeout",), 0),
    "drips": ([read_request, tls_peer.drip(itertools.repeat(b"x"), 0.1)], ("timeout",), 0),
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_that_makes_no_tunnel(twin: Twin, name: str) -> None:
    steps, detail, status = PROXIES[name]
    with Peer([steps]) as proxy:
        started = time.monotonic()
        result = ask(twin, 443, proxy_host="127.0.0.1", proxy_port=proxy.port, connect_timeout=1)
    assert codes(result) == ("proxy", "proxy_failed", *detail)
    assert result["failure"].get("proxy_status", 0) == status
    assert time.monotonic() - started < 8


def test_a_proxy_that_is_not_there(twin: Twin) -> None:
    result = ask(twin, 443, proxy_host="127.0.0.1", proxy_port=tls_peer.closed_port())
    assert codes(result) == ("connect", "connection_refused")


# ----------------------------------------------------------------------------------------------------------------------
# Answers

CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"
ODD = (
    b"HTTP/1.1 200 OK\r\nfailed: true\r\nchanged: true\r\nmsg: no\r\nansible_facts: {}\r\ninvocation: x\r\n"
    b"exception: y\r\nContent-Type: text/plain; charset=x-unknown\r\nContent-Length: 6\r\n\r\n\xff\xfe\x00\x80\r\n"
)
ANSWERS = {
    "length": (response(b"body"), "length"),
    "no body": (response(), "length"),
    "large": (response(bytes(range(256)) * 2048), "length"),
    "header names like keys of Ansible, an unknown charset and no text": (ODD, "length"),
    "chunks": (CHUNKS, "chunked"),
    "chunks in upper case": (CHUNKS.replace(b"chunked", b"Chunked").replace(b"4;", b"04;"), "chunked"),
    "chunks of one octet": (CHUNKS.replace(b"0\r\nT", b"1\r\n\n\r\n" * 100_000 + b"0\r\nT"), "chunked"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "empty"),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nbody", "closed"),
    "old and until the end": (b"HTTP/1.0 200 OK\r\n\r\nbody", "closed"),
    "informational": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(b"body"), "length"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", "length"),
    "the same length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nbody", "length"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", "malformed"),
    "no number": (b"HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\n", "malformed"),
    "no chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed"),
    "no end of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "malformed"),
    "no HTTP": (b"220 mail.example.com\r\n\r\n", "not_http"),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", "not_http"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("step", [1 << 20, 7], ids=["at once", "in pieces"])
def test_an_answer_comes_back_as_it_was_sent(twin: Twin, name: str, step: int) -> None:
    sent, end = ANSWERS[name]
    if len(sent) > 1000 and step == 7:
        step = 50000
    pieces = [sent[start : start + step] for start in range(0, len(sent), step)]
    with Peer([[read_request, tls_peer.drip(iter(pieces), 0.002)]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port)
    assert codes(result) == ()
    assert result["answers"][0]["end"] == end
    if end in ("malformed", "not_http"):
        assert sent.startswith(octets(result)) and octets(result)
    else:
        assert octets(result) == sent
    assert peer.received[0].head == GET


LARGE = response(b"x" * 10_000_000)

BROKEN: dict[str, tuple[list[Step], tuple[str, ...]]] = {
    "closes": ([read_request], ("receive", "connection_closed", "closed")),
    "closes in the header": (
        [read_request, send(b"HTTP/1.1 200 OK\r\nCon")],
        ("receive", "connection_closed", "cut_off"),
    ),
    "closes in the body": ([read_request, send(response(b"body")[:-1])], ("receive", "connection_closed", "cut_off")),
    "closes in a chunk": ([read_request, send(CHUNKS[:-1])], ("receive", "connection_closed", "cut_off")),
    "resets": ([read_request, tls_peer.reset], ("receive", "connection_closed", "reset")),
    "hangs": ([read_request, stall], ("receive", "no_answer", "timeout")),
    "hangs in the body": ([read_request, send(response(b"body")[:-1]), stall], ("receive", "no_answer", "timeout")),
    "drips": ([read_request, tls_peer.drip(itertools.repeat(b"x"), 0.1)], ("receive", "no_answer", "timeout")),
    "says more than is wanted": ([read_request, send(LARGE)], ("receive", "answer_too_large")),
    "says so": ([read_request, send(LARGE[:200]), stall], ("receive", "answer_too_large")),
    "never ends": (
        [read_request, send(b"HTTP/1.1 200 OK\r\n\r\n"), tls_peer.drip(itertools.repeat(b"x" * 200000), 0)],
        ("receive", "answer_too_large"),
    ),
    "never ends its header": (
        [read_request, tls_peer.drip(itertools.repeat(b"X-Y: z\r\n" * 5000), 0)],
        ("receive", "answer_too_large"),
    ),
    "a length beyond numbers": (
        [read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), stall],
        ("receive", "answer_too_large"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_does_not_come_or_is_too_large(twin: Twin, name: str) -> None:
    steps, expected = BROKEN[name]
    with Peer([steps], context=server_context(SERVER)) as peer:
        started = time.monotonic()
        result = ask(twin, peer.port, timeout=3)
    if name == "resets" and codes(result)[-1:] == ("closed",):
        # The system tells a reset once, and OpenSSL may learn of it while it reads the session tickets before it.
        expected = (*expected[:-1], "closed")
    assert codes(result) == expected
    assert time.monotonic() - started < 15
    failure = result["failure"]
    assert (result["answers"], failure["written"], failure["reused"], failure["request"]) == ([], True, False, 0)
    assert (failure["received"] > 0) == (name not in ("closes", "resets", "hangs"))


def test_ten_megabytes_where_they_are_wanted(twin: Twin) -> None:
    with Peer([[read_request, send(LARGE)]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, max_answer_size=len(LARGE), timeout=60)
    assert octets(result) == LARGE


def test_two_requests_on_one_connection(twin: Twin) -> None:
    with Peer([[answer(b"one"), answer(b"two")]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, 2)
    assert [octets(result, number) for number in range(2)] == [response(b"one"), response(b"two")]
    assert [entry["connection"] for entry in result["answers"]] == [0, 0]
    assert (len(result["connections"]), peer.handshakes, len(peer.received)) == (1, 1, 2)


@pytest.mark.parametrize(
    "first",
    [
        response(b"one", headers="Connection: close\r\n"),
        response(b"one", headers="Connection: Keep-Alive, Close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.1 200 OK\r\n\r\none",
    ],
)
def test_a_server_that_keeps_no_connection_gets_another(twin: Twin, first: bytes) -> None:
    script = [[read_request, send(first)], [answer(b"two")]]
    with Peer(script, context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, 2)
    assert [octets(result, number) for number in range(2)] == [first, response(b"two")]
    assert [entry["connection"] for entry in result["answers"]] == [0, 1]


def test_a_second_request_that_fails_leaves_the_first_answer_and_is_not_repeated(twin: Twin) -> None:
    with Peer([[answer(b"one"), read_request]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, 3)
    assert octets(result) == response(b"one")
    assert codes(result) == ("receive", "connection_closed", "closed")
    assert (result["failure"]["request"], result["failure"]["reused"], peer.unexpected) == (1, True, 0)


def posting(size: int) -> list[str]:
    head = f"POST /simpleenroll HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    return [b64(head.encode() + b"x" * size)]


def test_a_server_that_answers_before_it_has_read_everything(twin: Twin) -> None:
    refused = response(b"too large", "413 Content Too Large", "Connection: close\r\n")
    steps: list[Step] = [lambda connection, _peer: connection.recv(1000) and None, send(refused), stall]
    with Peer([steps], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, requests=posting(100_000))
    assert octets(result) == refused


def test_a_server_that_reads_no_further_is_given_up_in_time(twin: Twin) -> None:
    with Peer([[stall]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, requests=posting(12_000_000), timeout=3)
    assert codes(result) == ("send", "no_answer", "timeout")
    assert result["failure"]["written"] is False


# ----------------------------------------------------------------------------------------------------------------------
# A client certificate

CLIENT = ROOT.issue("Client", usages=[CLIENT_AUTH])
STRANGER = OTHER.issue("Stranger", usages=[CLIENT_AUTH])
KEYS = "Wine joins no certificate to a key"


@pytest.fixture
def given(twin: Twin) -> Iterator[Any]:
    """What the options are for a client certificate that the twin's host has."""

    def place(identity: Identity) -> dict[str, str]:
        if twin.kind == "python":
            paths = {"client_certificate": twin.folder / "client.pem", "client_key": twin.folder / "client.key"}
            paths["client_certificate"].write_text(identity.pem)
            paths["client_key"].write_text(identity.key_pem())
            return {name: twin.path(path) for name, path in paths.items()}
        # Where .NET keeps the store of a user under Linux.
        store = twin.home / ".dotnet" / "corefx" / "cryptography" / "x509stores" / "my"
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate = x509.load_der_x509_certificate(identity.der)
        thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()
        pfx = pkcs12.serialize_key_and_certificates(None, identity.key, certificate, None, NoEncryption())
        (store / f"{thumbprint}.pfx").write_bytes(pfx)
        return {"client_certificate": f"CurrentUser\\My\\{thumbprint}"}

    yield place


def noting(certificates: list[bytes]) -> Step:
    def step(connection: Any, _peer: Peer) -> None:
        certificates.append(connection.getpeercert(binary_form=True) or b"")

    return step


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, None], ids=["TLS 1.2", "newest"])


@pytest.mark.cannot_show(wine=KEYS)
@VERSIONS
def test_a_client_certificate_is_given_where_it_is_wanted(twin: Twin, given: Any, version: Any) -> None:
    seen: list[bytes] = []
    context = server_context(SERVER, client_ca=ROOT, version=version)
    with Peer([[noting(seen), answer(b"body")]], context=context) as peer:
        result = ask(twin, peer.port, **given(CLIENT))
    assert octets(result) == response(b"body")
    assert seen == [CLIENT.der]
    assert result["connections"][0]["client_certificate_sent"] is True


@pytest.mark.cannot_show(wine=KEYS)
def test_a_client_certificate_that_nobody_wants(twin: Twin, given: Any) -> None:
    with Peer([[answer(b"body")]], context=server_context(SERVER)) as peer:
        result = ask(twin, peer.port, **given(CLIENT))
    assert octets(result) == response(b"body")
    assert result["connections"][0]["client_certificate_sent"] is False


def strict(context: ssl.SSLContext) -> Step:
    """Shake hands, and where that fails read on until the client goes: closing at once would undo the alert."""

    def step(connection: Any, _peer: Peer) -> None:
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            with contextlib.suppress(ssl.SSLError):
                secured.do_handshake()
            while socket.socket.recv(secured, 65536):
                pass

    return step


@pytest.mark.cannot_show(wine=KEYS)
@VERSIONS
def test_a_client_certificate_that_the_server_does_not_take(twin: Twin, given: Any, version: Any) -> None:
    with Peer([[strict(server_context(SERVER, client_ca=ROOT, version=version))]]) as peer:
        result = ask(twin, peer.port, **given(STRANGER))
    assert codes(result)[1:] == ("client_certificate_refused", "unknown_ca")
    assert codes(result)[0] in ("tls", "send", "receive")


@VERSIONS
def test_a_client_certificate_that_is_missing(twin: Twin, version: Any) -> None:
    with Peer([[strict(server_context(SERVER, client_ca=ROOT, version=version))]]) as peer:
        result = ask(twin, peer.port)
    if version is None and not twin.windows:
        assert codes(result)[1:] == ("client_certificate_refused", "certificate_required")
    else:
        assert codes(result) == ("tls", "no_common_cipher", "handshake_failure")


# ----------------------------------------------------------------------------------------------------------------------
# Options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"requests": ["no base64!"]}, ("invalid_option", "not_base64")),
        ({"anchors": ["AAAA"]}, ("invalid_trust_anchors", "unreadable")),
        ({"anchors": []}, ("invalid_trust_anchors", "unreadable")),
        ({"anchors": [b64(OLD.der)]}, ("invalid_trust_anchors", "expired")),
        ({"client_certificate": "LocalMachine\\My\\0102"}, ("invalid_client_certificate", "not_found")),
    ],
)
def test_options_that_cannot_be_used(twin: Twin, options: dict[str, Any], expected: tuple[str, ...]) -> None:
    if "client_certificate" in options and twin.kind == "python":
        expected = ("unreadable_file", "not_found")  # there it is the path of a file
    given = {"host": "localhost", "port": 1, "trust": "explicit", "anchors": [b64(ROOT.der)], "requests": [b64(GET)]}
    result = twin.run({**given, **options})
    assert codes(result) == ("input", *expected)
    assert (result["connections"], result["answers"]) == ([], [])


def test_anchors_are_needed_and_a_proxy_is_a_host_and_a_port(twin: Twin) -> None:
    given = {"host": "localhost", "port": 1, "trust": "system", "requests": []}
    assert twin.run({**given, "trust": "explicit"})["failed"] is True
    assert twin.run({**given, "proxy_host": "proxy"})["failed"] is True
    assert twin.run(given) == {"changed": False, "answers": [], "connections": []}


# ----------------------------------------------------------------------------------------------------------------------
# The contract, and Ansible itself


def test_every_code_is_one_of_the_clients_and_every_detail_is_documented() -> None:
    http = PLUGINS / "module_utils" / "est" / "http"
    python = [http / "failures.py", http / "opening.py", PLUGINS / "module_utils/_exchange/relay.py"]
    documentation = str(documented("est_relay")["failure"])
    for twin in (python, [PLUGINS / "module_utils" / "_relay.cs"]):
        source = "".join(path.read_text(encoding="utf-8") for path in twin)
        found = re.findall(r'Failed\(\s*"?(\w+)"?, "(\w+)"(?:, "(\w+)")?', source)
        assert len(found) > 15, twin
        assert {kind for _stage, kind, _detail in found} <= set(CODES)
        assert [detail for _stage, _kind, detail in found if detail and f"V({detail})" not in documentation] == []
    assert [detail for detail in (*_CHAIN_DETAILS.values(), *_OF_A_CHAIN) if f"V({detail})" not in documentation] == []


def test_ansible_sends_to_a_windows_host_what_the_module_needs(tmp_path: Path) -> None:
    tools = os.environ.get("EST_TEST_TOOLS")
    if not tools:
        pytest.skip("the folder with a connection to a PowerShell is not named in EST_TEST_TOOLS")
    try:
        program = powershell()
    except MissingError as error:
        pytest.skip(str(error))
    arguments = {"host": "localhost", "trust": "explicit", "anchors": [b64(ROOT.der)], "requests": [b64(GET)]}
    with Peer([[answer(b"body")]], context=server_context(SERVER)) as peer:
        command = [Path(sys.executable).with_name("ansible"), "all", "-i", "host,", "-m"]
        command += ["estfleet.cloud_extender.win_est_relay", "-a", json.dumps({**arguments, "port": peer.port})]
        variables = {"ansible_connection": "pwsh", "pwsh_program": program, "ansible_pwsh_interpreter": program}
        done = subprocess.run(
            [*command, "-e", json.dumps(variables)],
            env={
                **os.environ,
                "ANSIBLE_CONNECTION_PLUGINS": f"{tools}/connection_plugins",
                "ANSIBLE_COLLECTIONS_PATH": str(PLUGINS.parents[0] / ".cache" / "collections"),
                "ANSIBLE_HOME": str(tmp_path),
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
                "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
                "HOME": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert b64(response(b"body")) in done.stdout
