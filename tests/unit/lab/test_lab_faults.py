# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault that the lab server can be told to have."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import time
from pathlib import Path

import pytest
import requests
from conftest import COUNTS_OCTETS, read_bag
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from support.lab import LabServer
from support.lab_server.faults import names


def test_every_fault_is_tested():
    here = Path(__file__).parent
    tested = "".join(path.read_text(encoding="utf-8") for path in here.glob("test_lab_*.py"))
    assert [name for name in names() if f'{name}"' not in tested] == []


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "start"),
    [
        ("html-200", 200, "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("text-200", 200, "text/plain", b"Enrolment is closed"),
        ("empty-200", 200, "application/pkcs7-mime; smime-type=certs-only", b""),
        ("not-base64", 200, "application/pkcs7-mime; smime-type=certs-only", b"~~~"),
        ("not-cms", 200, "application/pkcs7-mime; smime-type=certs-only", b"AAEC"),
        ("huge", 200, "application/pkcs7-mime; smime-type=certs-only", b"MIIB"),
        ("http-400", 400, "text/plain", b"The request"),
        ("http-403", 403, "text/plain", b"This user"),
        ("http-404", 404, "text/plain", b"Not found"),
        ("http-401", 401, "text/plain", b"No."),
        ("http-405", 405, "text/plain", b"No."),
        ("http-408", 408, "text/plain", b"No."),
        ("http-415", 415, "text/plain", b"No."),
        ("http-422", 422, "text/plain", b"No."),
        ("http-429", 429, "text/plain", b"No."),
        ("http-495", 495, "text/plain", b"No."),
        ("http-496", 496, "text/plain", b"No."),
        ("http-502", 502, "text/plain", b"No."),
        ("http-504", 504, "text/plain", b"No."),
        ("http-500", 500, "text/plain", b"Something broke"),
        ("http-501", 501, "text/plain", b"Not implemented"),
        ("http-503", 503, "text/plain", b"Come back"),
        ("control-characters", 400, "text/plain", b"\x1b[31m"),
        ("redirect", 302, "text/plain", b"Moved"),
    ],
)
def test_faults_that_are_answers(client_of, fault, status, content_type, start):
    with LabServer("--fault", f"simpleenroll:{fault}") as lab:
        client = client_of(lab)
        answer = client.enroll()
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
        assert answer.content.startswith(start)
        assert bool(answer.content) == bool(start)
        assert (len(answer.content) >= 10 * 1024 * 1024) == (fault == "huge")
        assert client.get("cacerts").status_code == 200
        assert [entry["fault"] for entry in lab.requests] == [fault, None]


@pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
def test_empty_bag(client_of, operation):
    with LabServer("--fault", f"{operation}:empty-bag") as lab:
        client = client_of(lab)
        answer = client.get("cacerts") if operation == "cacerts" else client.enroll()
        assert (answer.status_code, read_bag(base64.b64decode(answer.content))) == (200, [])


def test_wrong_key(client_of):
    with LabServer("--fault", "wrong-key") as lab:
        client = client_of(lab)
        certificate = client.issued()
        shape = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert certificate.public_key().public_bytes(*shape) != client.key.public_key().public_bytes(*shape)
        assert "CN=device" in certificate.subject.rfc4514_string()


def test_other_name(client_of):
    with LabServer("--fault", "simpleenroll:other-name") as lab:
        certificate = client_of(lab).issued()
        assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "root"


def test_ca_certificate(client_of):
    with LabServer("--fault", "simpleenroll:ca-certificate") as lab:
        constraints = client_of(lab).issued().extensions.get_extension_for_class(x509.BasicConstraints).value
        assert constraints.ca


def test_other_key_type(client_of):
    with LabServer("--fault", "serverkeygen:other-key-type") as lab:
        answer = client_of(lab).enroll(operation="serverkeygen")
        assert b"application/pkcs8" in answer.content
        (body,) = [part for part in answer.content.split(b"\r\n\r\n")[1:] if part.startswith(b"M")][:1]
        made = serialization.load_der_private_key(base64.b64decode(body.split(b"--")[0]), None)
        assert isinstance(made, rsa.RSAPrivateKey), "the client asks for an EC key"


def test_unrelated_issuer(client_of):
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as lab:
        client = client_of(lab)
        assert client.issued().issuer.rfc4514_string() == "CN=EST Lab Stranger CA"
        assert len(read_bag(base64.b64decode(client.get("cacerts").content))) == 1
    with LabServer("--fault", "cacerts:unrelated-issuer") as lab:
        (certificate,) = read_bag(base64.b64decode(client_of(lab).get("cacerts").content))
        assert certificate.subject.rfc4514_string() == "CN=EST Lab Stranger CA"


@pytest.mark.parametrize(
    ("fault", "error", "words", "issued"),
    [
        ("reset-before-answer", requests.ConnectionError, "reset|aborted|Broken pipe|EOF", False),
        ("reset-after-request", requests.ConnectionError, "reset|aborted|EOF", True),
        ("close-after-request", requests.ConnectionError, "without response", True),
        ("reset-in-answer", requests.RequestException, "reset|broken|IncompleteRead", True),
        pytest.param("truncated", requests.RequestException, "IncompleteRead", True, marks=COUNTS_OCTETS),
        ("bad-status-line", requests.ConnectionError, "BadStatusLine|EST/7030", True),
        ("endless-headers", requests.ConnectionError, "got more than 100 headers", True),
    ],
)
def test_faults_of_the_connection(client_of, fault, error, words, issued):
    with LabServer("--fault", f"simpleenroll:{fault}") as lab:
        with pytest.raises(error, match=words):
            client_of(lab).enroll()
        (entry,) = lab.enrolments
        assert (entry["fault"], "serial_number" in entry) == (fault, issued)
        assert client_of(lab).get("cacerts").status_code == 200


def raw_connection(lab: LabServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=lab.ca_path)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", lab.port), 5), server_hostname="localhost")


def test_never_answers():
    with LabServer("--fault", "never-answers") as lab, raw_connection(lab) as connection:
        connection.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(OSError, match="timed out"):
            connection.recv(1)
        assert lab.requests[0]["status"] == 200


def test_slow_drip():
    with LabServer("--fault", "slow-drip") as lab, raw_connection(lab) as connection:
        connection.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
        start = time.monotonic()
        assert b"".join(connection.recv(1000) for _unused in range(3)) == b"HTT"
        assert time.monotonic() - start > 0.3


def test_endless_body():
    with LabServer("--fault", "endless-body") as lab, raw_connection(lab) as connection:
        connection.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
        received = 0
        while received < 1024 * 1024:
            received += len(connection.recv(65536))


def test_reset_on_connect():
    with LabServer("--fault", "reset-on-connect") as lab, pytest.raises(OSError):
        raw_connection(lab)


def test_no_handshake():
    with LabServer("--fault", "no-handshake") as lab, socket.create_connection(("127.0.0.1", lab.port), 5) as raw:
        raw.settimeout(0.3)
        with pytest.raises(OSError, match="timed out"):
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize("flag", ["no-such-fault", "simpleenroll:no-such-fault", "simpleenroll:no-handshake"])
def test_wrong_fault_is_refused_at_the_start(flag):
    with pytest.raises(RuntimeError, match="fault"):
        LabServer("--fault", flag).start()


@pytest.mark.parametrize(("offset", "words"), [("late", "invalid"), ("99999999999", "more than 50 years off")])
def test_wrong_clock_offset_is_refused_at_the_start(offset, words):
    with pytest.raises(RuntimeError, match=f"--clock-offset: .*{words}"):
        LabServer("--clock-offset", offset).start()


GARBAGE = [
    b"\x00" * 100,
    b"\xff" * 70000,
    b"GET\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\n\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    b"GET /%ff%00%0d%0a/%2e%2e HTTP/1.1\r\nConnection: close\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_over_tls_gets_an_error_answer(plain_lab, garbage):
    with raw_connection(plain_lab) as connection:
        connection.sendall(garbage)
        assert_refused(connection)


@pytest.mark.parametrize(
    "start", [b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", b"GET /"]
)
def test_a_request_that_ends_early_gets_an_error_answer(start):
    with LabServer("--plain-http") as lab, socket.create_connection(("127.0.0.1", lab.port), 5) as connection:
        connection.sendall(start)
        connection.shutdown(socket.SHUT_WR)
        assert_refused(connection)


def assert_refused(connection: socket.socket) -> None:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert 400 <= answer.status < 500
    assert answer.read()


def test_random_bytes_instead_of_tls_harm_nobody(plain_lab, client):
    for size in (1, 5, 100, 5000):
        with socket.create_connection(("127.0.0.1", plain_lab.port), 5) as raw:
            raw.sendall(os.urandom(size))
    with socket.create_connection(("127.0.0.1", plain_lab.port), 5) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert client.get("cacerts").status_code == 200


def test_short_length(client_of):
    fault = "short-length"
    with LabServer("--fault", f"serverkeygen:{fault}") as lab:
        answer = client_of(lab).enroll(operation="serverkeygen")
        assert b"application/pkcs8" in answer.content
        assert not answer.content.endswith(b"--\r\n")


def test_csr_attributes_that_are_none(client_of):
    with LabServer("--fault", "csrattrs:garbage") as lab:
        answer = client_of(lab).get("csrattrs")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/csrattrs")
        assert base64.b64decode(answer.content).endswith(b"garbage")


def test_refused(client_of):
    with LabServer("--fault", "refused", "--errors", "json") as lab:
        assert client_of(lab).enroll().json()["error"]["code"] == 400
