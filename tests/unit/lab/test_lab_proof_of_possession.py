# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof of possession at the lab server: a client of raw sockets, which knows the tls-unique of its connection."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl

import pytest
from conftest import make_request
from cryptography.hazmat.primitives.asymmetric import ec
from support.lab import LabServer

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
IDENTITY_LINKING = "1.2.840.113549.1.9.16.2.58"
KEY = ec.generate_private_key(ec.SECP256R1())


@contextlib.contextmanager
def connected(lab: LabServer, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2, session=None):
    """A TLS connection."""
    context = ssl.create_default_context(cafile=lab.ca_path) if session is None else session[0]
    context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", lab.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=session and session[1]) as connection,
    ):
        yield connection


def unique(connection: ssl.SSLSocket) -> bytes:
    """The value for this connection as it is written into a request."""
    return base64.b64encode(connection.get_channel_binding("tls-unique"))


def enrol(connection: ssl.SSLSocket, *attributes: tuple[str, bytes], operation: str = "simpleenroll"):
    """Status and text of an enrolment on a connection."""
    body = base64.encodebytes(make_request(KEY, attributes=attributes))
    head = (
        f"POST /.well-known/est/{operation} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\n"
        f"Authorization: Basic {base64.b64encode(b'estuser:estpwd').decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read().decode()


@pytest.fixture(scope="module", params=["off", "optional", "required"])
def pop_lab(request):
    with LabServer("--pop", request.param) as lab:
        yield request.param, lab


def statuses(level: str, off: int, optional: int, required: int) -> int:
    return {"off": off, "optional": optional, "required": required}[level]


@pytest.mark.parametrize("kind", [CHALLENGE_PASSWORD, IDENTITY_LINKING])
def test_the_right_value(pop_lab, kind):
    with connected(pop_lab[1]) as connection:
        for _unused in range(2):
            assert enrol(connection, (kind, unique(connection)))[0] == 200
    entry = pop_lab[1].requests[-1]
    name = "challengePassword" if kind == CHALLENGE_PASSWORD else "estIdentityLinking"
    assert (entry["proof_of_possession"], entry["proof_of_possession_attributes"]) == ("verified", [name])
    assert kind in entry["request_attributes"]


def test_no_value(pop_lab):
    with connected(pop_lab[1]) as connection:
        status, text = enrol(connection)
    assert status == statuses(pop_lab[0], 200, 200, 401)
    assert ("Proof of Possession is required" in text) == (status == 401)
    assert pop_lab[1].requests[-1]["proof_of_possession"] == "absent"


def test_the_value_of_another_connection(pop_lab):
    with connected(pop_lab[1]) as first:
        stale = unique(first)
    with connected(pop_lab[1]) as connection:
        status, text = enrol(connection, (CHALLENGE_PASSWORD, stale))
        assert status == statuses(pop_lab[0], 200, 401, 401)
        assert ("Proof of Possession Mismatch" in text) == (status == 401)
        assert pop_lab[1].requests[-1]["proof_of_possession"] == "mismatch"
        # the connection lives on, and the right value is taken on it
        assert enrol(connection, (CHALLENGE_PASSWORD, unique(connection)))[0] == 200


def test_one_right_and_one_wrong(pop_lab):
    with connected(pop_lab[1]) as connection:
        both = (CHALLENGE_PASSWORD, b"swordfish"), (IDENTITY_LINKING, unique(connection))
        assert enrol(connection, *both)[0] == statuses(pop_lab[0], 200, 401, 401)


def test_free_text_is_refused_as_libest_does(pop_lab):
    with connected(pop_lab[1]) as connection:
        assert enrol(connection, (CHALLENGE_PASSWORD, b"swordfish"))[0] == statuses(pop_lab[0], 200, 401, 401)


def test_under_tls_1_3_there_is_no_right_value(pop_lab):
    with connected(pop_lab[1], ssl.TLSVersion.TLSv1_3) as connection:
        assert connection.version() == "TLSv1.3"
        status, text = enrol(connection, (CHALLENGE_PASSWORD, unique(connection)))
    assert status == statuses(pop_lab[0], 200, 401, 401)
    assert ("no tls-unique under this TLS version" in text) == (status == 401)
    assert pop_lab[1].requests[-1]["proof_of_possession"] == "undefined"


def test_a_resumed_session_has_its_own_value():
    with LabServer("--pop", "required") as lab:
        context = ssl.create_default_context(cafile=lab.ca_path)
        with connected(lab, session=(context, None)) as first:
            assert enrol(first, (CHALLENGE_PASSWORD, unique(first)))[0] == 200
            old, session = unique(first), first.session
        with connected(lab, session=(context, session)) as second:
            assert second.session_reused
            assert unique(second) != old
            assert enrol(second, (CHALLENGE_PASSWORD, unique(second)))[0] == 200


def test_pop_status():
    with LabServer("--pop", "required", "--pop-status", "400") as lab, connected(lab) as connection:
        assert enrol(connection)[0] == 400


@pytest.mark.parametrize("text", [b"", b"a" * 300])
def test_odd_values_are_answered(pop_lab, text):
    with connected(pop_lab[1]) as connection:
        assert enrol(connection, (IDENTITY_LINKING, text))[0] in (200, 400, 401)
