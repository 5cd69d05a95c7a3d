# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire shapes that the lab server can give its answers."""

from __future__ import annotations

import base64
import email.utils
import re
import socket
import ssl
import subprocess
import time

import pytest
from conftest import read_bag
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.lab import LabServer


def lab_context(lab: LabServer) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=lab.ca_pem)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ("64", rb"([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n"),
        ("76", rb"([A-Za-z0-9+/]{76}\n)+[A-Za-z0-9+/=]{1,76}\n"),
        ("one-line", rb"[A-Za-z0-9+/]{300,}={0,2}"),
        ("nul", rb"([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n\0"),
        ("pem", rb"-----BEGIN PKCS7-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END PKCS7-----\n"),
        ("der", rb"\x30\x82.*"),
    ],
)
def test_base64_shapes(client_of, shape, pattern):
    with LabServer("--base64", shape) as lab:
        client = client_of(lab)
        for body in (client.get("cacerts").content, client.enroll().content):
            assert re.fullmatch(pattern, body, re.DOTALL)
            text = re.sub(rb"-----.*-----", b"", body).strip(b"\0\n")
            assert len(read_bag(body if shape == "der" else base64.b64decode(text))) == 1


@pytest.mark.parametrize("transfer", ["content-length", "chunked", "close"])
def test_transfer(client_of, transfer):
    with LabServer("--transfer", transfer) as lab:
        client = client_of(lab)
        answers = [client.get("cacerts"), client.enroll(), client.enroll(auth=None)]
        assert [each.status_code for each in answers] == [200, 200, 401]
        for each in answers:
            assert ("Content-Length" in each.headers) == (transfer == "content-length")
            assert (each.headers.get("Transfer-Encoding") == "chunked") == (transfer == "chunked")
        connections = {entry["connection"] for entry in lab.requests}
        assert len(connections) == (3 if transfer == "close" else 1)


@pytest.mark.parametrize("offset", [None, "7200", "-86400", "none"])
def test_every_answer_tells_the_time_of_the_server(client_of, offset):
    with LabServer(*(["--clock-offset", offset] if offset else []), "--close-after-401") as lab:
        client = client_of(lab)
        answers = [client.get("cacerts"), client.get("nowhere"), client.enroll(), client.enroll(auth=None)]
        assert [each.status_code for each in answers] == [200, 404, 200, 401]
        with (
            socket.create_connection(("127.0.0.1", lab.port), 5) as plain,
            lab_context(lab).wrap_socket(plain, server_hostname="localhost") as raw,
        ):
            raw.sendall(b"nonsense\r\n\r\n")
            refusal = raw.recv(4096).decode()
    dates = [each.headers.get("Date") for each in answers]
    dates += re.findall(r"^Date: (.*)\r$", refusal, re.MULTILINE) or [None]
    if offset == "none":
        assert dates == [None] * 5
    else:
        assert all(re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT", date) for date in dates)
        off = [email.utils.parsedate_to_datetime(date).timestamp() - time.time() for date in dates]
        assert all(abs(seconds - int(offset or 0)) < 10 for seconds in off)


def test_two_packets_are_two():
    with LabServer("--two-packets", "--plain-http") as lab, socket.create_connection(("127.0.0.1", lab.port), 5) as raw:
        raw.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(65536).endswith(b"\r\n\r\n")
        assert raw.recv(65536).startswith(b"MI")


def test_ber_has_indefinite_lengths(client_of):
    with LabServer("--ber", "--intermediate") as lab:
        content = base64.b64decode(client_of(lab).get("cacerts").content)
        assert content[:2] == b"\x30\x80"
        assert len(read_bag(content)) == 2


@pytest.mark.parametrize("order", ["sorted", "unsorted"])
def test_order_of_certificates(client_of, order):
    with LabServer("--intermediate", "--extra-chain", f"--{order}") as lab:
        client = client_of(lab)
        for answer, count in ((client.get("cacerts"), 2), (client.enroll(), 3)):
            encoded = [der_of(each) for each in read_bag(base64.b64decode(answer.content))]
            assert len(encoded) == count
            assert (encoded == sorted(encoded)) == (order == "sorted")


def test_extra_chain_has_the_leaf_last(client_of):
    with LabServer("--intermediate", "--extra-chain") as lab:
        subjects = [each.subject for each in read_bag(base64.b64decode(client_of(lab).enroll().content))]
        issuers = [each.issuer for each in read_bag(base64.b64decode(client_of(lab).enroll().content))]
        assert subjects[0] == issuers[0]
        assert [subjects[0], subjects[1]] == issuers[1:]


@pytest.mark.parametrize("flag", ["--with-crl", "--with-content"])
def test_more_in_the_bag(client_of, flag):
    with LabServer(flag) as lab:
        content = base64.b64decode(client_of(lab).enroll().content)
        assert len(read_bag(content)) == 1
        told = subprocess.run(
            ["openssl", "cms", "-inform", "DER", "-cmsout", "-print", "-noout"],
            input=content,
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout.decode()
        assert ("d.crl" in told) == (flag == "--with-crl")
        assert ("eContent: <ABSENT>" in told) == (flag == "--with-crl")


@pytest.mark.parametrize(("shape", "start"), [("64", b"MII"), ("der", b"\x30\x82"), ("pem", b"-----BEGIN CERTIFICATE")])
def test_a_bare_certificate(client_of, shape, start):
    with LabServer("--answer", "certificate", "--base64", shape) as lab:
        body = client_of(lab).enroll().content
        assert body.startswith(start)
        der = body if shape == "der" else base64.b64decode(re.sub(rb"-----.*-----", b"", body))
        assert x509.load_der_x509_certificate(der).issuer.rfc4514_string() == "CN=EST Lab Root CA"


def test_status_of_success(client_of):
    with LabServer("--status", "201") as lab:
        client = client_of(lab)
        assert (client.enroll().status_code, client.get("cacerts").status_code) == (201, 200)


@pytest.mark.parametrize("value", ["none", "Application/PKCS7-MIME", "application/pkcs7-mime; charset=utf-8"])
def test_headers_of_success(client_of, value):
    with LabServer("--content-type", value, "--content-transfer-encoding", value) as lab:
        headers = client_of(lab).enroll().headers
        expected = None if value == "none" else value
        assert headers.get("Content-Type") == headers.get("Content-Transfer-Encoding") == expected


@pytest.mark.parametrize(
    ("form", "content_type", "pattern"),
    [
        ("text", "text/plain; charset=utf-8", r"This operation wants .*\n"),
        ("json", "application/json", r'\{"error": \{"code": 401, "message": "This .*"\}\}\n'),
        ("html", "text/html; charset=utf-8", r"<!DOCTYPE html>.*<p>This operation wants.*</p>.*"),
        ("none", None, r""),
    ],
)
def test_forms_of_errors(client_of, form, content_type, pattern):
    with LabServer("--errors", form) as lab:
        answer = client_of(lab).enroll(auth=None)
        assert (answer.status_code, answer.headers.get("Content-Type")) == (401, content_type)
        assert re.fullmatch(pattern, answer.text, re.DOTALL)


def test_cmc_errors_are_a_full_pki_response(client_of):
    with LabServer("--errors", "cmc") as lab:
        answer = client_of(lab).enroll(body=b"hello")
        assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=CMC-response"
        told = subprocess.run(
            ["openssl", "cms", "-inform", "DER", "-verify", "-noverify"],
            input=base64.b64decode(answer.content),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"no signers" in told.stderr.lower() or b"no content type" in told.stderr.lower()
        shown = subprocess.run(
            ["openssl", "asn1parse", "-inform", "DER"],
            input=base64.b64decode(answer.content),
            capture_output=True,
            check=True,
        ).stdout
        assert b"id-smime-cct-PKIResponse" in shown or b"1.3.6.1.5.5.7.12.3" in shown or b"id-cct-PKIResponse" in shown


def test_no_challenge(client_of):
    with LabServer("--no-www-authenticate") as lab:
        answer = client_of(lab).enroll(auth=None)
        assert answer.status_code == 401
        assert "WWW-Authenticate" not in answer.headers


def test_close_after_401_closes_without_saying_so(client_of):
    with LabServer("--close-after-401") as lab:
        context = ssl.create_default_context(cafile=lab.ca_path)
        with (
            socket.create_connection(("127.0.0.1", lab.port), 5) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            head = "POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"
            connection.sendall(head.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" not in answer.lower()
        assert lab.requests[0]["body_bytes"] == 0
        # a client that drops the connection gets its certificate
        client = client_of(lab)
        assert client.enroll(auth=None).status_code == 401
        time.sleep(0.05)
        assert client.enroll().status_code == 200


def test_an_unknown_shape_is_refused_at_the_start():
    with pytest.raises(RuntimeError, match="invalid choice"):
        LabServer("--base64", "65").start()


@pytest.mark.parametrize(("flags", "code"), [([], 2), (["--cmc-fail-info", "popFailed"], 9)])
def test_cmc_fail_info(client_of, flags, code):
    with LabServer("--errors", "cmc", *flags) as lab:
        content = base64.b64decode(client_of(lab).enroll(body=b"hello").content)
    # the last element of the status info: INTEGER code, before the two empty sequences
    assert content.endswith(bytes([2, 1, code]) + b"\x30\x00\x30\x00" + b"\x31\x00")


def test_cmc_errors_of_good_requests(client_of):
    with LabServer("--errors", "cmc", "--cmc-fail-info", "tryLater", "--fault", "simpleenroll:refused") as lab:
        answer = client_of(lab).enroll()
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            400,
            "application/pkcs7-mime; smime-type=CMC-response",
        )
