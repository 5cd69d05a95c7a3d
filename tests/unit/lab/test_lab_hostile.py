# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hostile answers of the lab server: that each is what it says, and what the openssl command makes of it."""

from __future__ import annotations

import base64
import subprocess
import zlib

import pytest
from conftest import read_bag
from support.lab import LabServer

ENCODED = [
    ("deep-nesting", 300_000),
    ("deep-nesting-ber", 200_000),
    ("gigantic-length", 12),
    ("gigantic-length-of-length", 128),
    ("many-elements", 1_000_000),
    ("many-certificates", 3_000_000),
    ("certificate-maze", 30_000),
]


@pytest.mark.parametrize(("fault", "least_bytes"), ENCODED)
def test_encoded_answers(client_of, fault, least_bytes):
    with LabServer("--fault", fault) as lab:
        client = client_of(lab)
        for operation, content_type in (
            ("cacerts", "application/pkcs7-mime; smime-type=certs-only"),
            ("csrattrs", "application/csrattrs"),
        ):
            answer = client.get(operation)
            content = base64.b64decode(answer.content)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
            assert len(content) >= least_bytes
            assert content[0] == 0x30
        answer = client.enroll(operation="serverkeygen")
        assert answer.headers["Content-Type"].startswith("multipart/mixed")
        assert b"application/pkcs8\r\n" in answer.content


def test_deep_nesting_is_proper_der(client_of):
    with LabServer("--fault", "deep-nesting") as lab:
        content = base64.b64decode(client_of(lab).get("csrattrs").content)
    depth = position = 0
    while position < len(content):
        size, start = content[position + 1], position + 2
        if size >= 0x80:
            start += size & 0x7F
            size = int.from_bytes(content[position + 2 : start], "big")
        assert (content[position], start + size) == (0x30, len(content))
        position = start
        depth += 1
    assert depth == 100_000


def test_gigantic_lengths_are_too_long_for_openssl(client_of):
    for fault in ("gigantic-length", "gigantic-length-of-length"):
        with LabServer("--fault", fault) as lab:
            content = base64.b64decode(client_of(lab).get("cacerts").content)
        told = subprocess.run(
            ["openssl", "asn1parse", "-inform", "DER"], input=content, capture_output=True, timeout=60, check=False
        ).stderr
        assert b"too long" in told


def test_maze_has_cross_certificates_of_one_name(client_of):
    with LabServer("--fault", "certificate-maze") as lab:
        bag = read_bag(base64.b64decode(client_of(lab).get("cacerts").content))
    assert len(bag) == 12 * 11
    assert len({each.subject for each in bag} | {each.issuer for each in bag}) == 1
    assert len({each.public_key().public_numbers() for each in bag}) == 12


def test_gzip_bomb(client_of):
    with LabServer("--fault", "gzip-bomb") as lab:
        answer = client_of(lab).get("cacerts", stream=True)
        assert answer.headers["Content-Encoding"] == "gzip"
        packed = answer.raw.read(decode_content=False)
    assert len(packed) < 2 * 1024 * 1024
    first = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert len(first.decompress(packed)) == 10 * 1024 * 1024
    assert packed == packed[: len(packed) - len(first.unused_data)] * 100


def test_gzip_of_the_proper_answer(client_of):
    with LabServer("--fault", "cacerts:gzip") as lab:
        answer = client_of(lab).get("cacerts")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(read_bag(base64.b64decode(answer.content))) == 1


def test_floods_in_headers(client_of):
    with LabServer("--fault", "cacerts:challenge-flood", "--fault", "csrattrs:retry-after-flood") as lab:
        client = client_of(lab)
        answer = client.get("cacerts")
        assert (answer.status_code, answer.headers["WWW-Authenticate"].count("realm=")) == (401, 1500)
        answer = client.get("csrattrs")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "9" * 20_000)
