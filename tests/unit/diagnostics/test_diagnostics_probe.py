# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import email.utils
import json
import os
import ssl
import subprocess
import sys
import time

import pytest
from support.effort import ends
from support.lab import LabServer
from support.tls_certificates import authority
from support.tls_peer import Peer, answer, closed_port, read_request, send, server_context, stall

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics import probe as probe_module
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.probe import Sights
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import MissingLibrary
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    describe,
)

COLLECTIONS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "..", ".cache", "collections"))
STEPS = ("resolve", "connect", "tls", "trust", "clock", "est")


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def no_libraries(monkeypatch):
    """As on a controller without requests and cryptography: whoever asks for them gets the error."""

    def refuse(*names):
        raise MissingLibrary(f"the Python library {names[0] if names else 'requests'} is not usable")

    monkeypatch.setattr(probe_module, "require_libraries", refuse)


def look(server, port, seconds=20, step_seconds=5, **fields):
    sights = Sights([{"name": "wifi", "server": server, "port": port, **fields}], step_seconds, seconds)
    order = Order(tuple(json.loads(json.dumps(sights.orders))), "/none", "/none/tests", (), 1024, seconds + 10)
    (section,) = sights.sections(json.loads(json.dumps(collect(order)["relays"])))
    assert section["ok"], section
    assert json.loads(json.dumps(section)) == section, "plain data"
    return section["data"]["steps"]


def test_every_step_succeeds_with_a_good_server(lab):
    steps = look("localhost", lab.port, ca_path=lab.ca_path)
    assert tuple(steps) == STEPS
    assert [name for name in steps if not steps[name]["ok"]] == []
    assert all(steps[name]["milliseconds"] >= 0 for name in STEPS[:4])
    assert "127.0.0.1" in steps["resolve"]["detail"]
    assert steps["connect"]["detail"] == f"127.0.0.1 port {lab.port}, from 127.0.0.1"
    assert steps["tls"]["certificate"]["subject"] == "/CN=EST Lab Server"
    assert steps["trust"]["kind"] == "explicit"
    assert steps["est"]["found"]["trusted"]
    assert steps["est"]["found"]["authentication"]["schemes"][0]["scheme"] == "basic"


def test_no_account_is_sent_and_nothing_is_requested(lab):
    before = len(lab.requests)
    look("localhost", lab.port, ca_path=lab.ca_path, username="estuser")
    requests = lab.requests[before:]
    assert {(request["method"], request["operation"]) for request in requests} >= {("GET", "cacerts")}
    assert not any(request["authorization_present"] for request in requests)
    assert [request["status"] for request in requests if request["method"] == "POST"] == [401]


def test_a_controller_without_libraries_tells_all_but_the_operations(lab, no_libraries):
    steps = look("localhost", lab.port, ca_path=lab.ca_path)
    assert [name for name in steps if not steps[name]["ok"]] == ["est"]
    assert "Python library" in steps["est"]["reason"]
    assert steps["trust"]["kind"] == "explicit"


def test_a_name_that_the_certificate_does_not_have_is_not_trusted():
    root = authority()
    context = server_context(root.issue("other", dns=["other.example.com"]))
    with Peer([[]] * 3, context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert steps["tls"]["certificate"]["subject_alternative_names"] == ["DNS:other.example.com"]
    assert not steps["trust"]["ok"] and "localhost" in steps["trust"]["reason"]


def test_a_server_that_is_not_trusted_is_looked_at_all_the_same(lab, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text(authority("Another Root").pem)
    steps = look("localhost", lab.port, ca_path=str(other))
    assert steps["tls"]["certificate"]["subject"] == "/CN=EST Lab Server"
    assert not steps["trust"]["ok"] and "not issued by a CA" in steps["trust"]["reason"]
    assert steps["clock"]["ok"] and not steps["clock"]["verified"]
    assert steps["est"]["found"]["trusted"] is False


def test_a_template_that_trusts_nobody_is_told(lab):
    steps = look("localhost", lab.port)
    assert not steps["trust"]["ok"] and "whom to trust" in steps["trust"]["reason"]
    assert steps["est"]["found"]["trusted"] is False


def test_a_fingerprint_is_compared_by_the_client(lab):
    fingerprint = describe(load_pem_certificates(lab.ca_pem)[0])["fingerprint_sha256"]
    steps = look("localhost", lab.port, ca_fingerprint=fingerprint)
    assert steps["trust"] == {**steps["trust"], "ok": True, "kind": "fingerprint"}
    assert steps["est"]["ok"] and steps["est"]["found"]["ca_certificates"]
    steps = look("localhost", lab.port, ca_fingerprint="AB:" * 31 + "AB")
    assert (steps["est"]["ok"], steps["est"]["error_code"]) == (False, "fingerprint_mismatch")


@pytest.mark.parametrize("ahead", [0, 7200, -7200])
@pytest.mark.parametrize("trusted", [True, False])
def test_the_clock_of_the_server_is_compared_with_that_of_the_host(ahead, trusted, tmp_path, no_libraries):
    root = authority()
    identity = root.issue("localhost", dns=["localhost"])
    (tmp_path / "ca.pem").write_text((root if trusted else authority("Another")).pem)
    date = email.utils.formatdate(time.time() - ahead, usegmt=True)
    script = [[answer(b"", "404 Not Found", f"Date: {date}\r\n")]] * 4
    with Peer(script, context=server_context(identity)) as peer:
        steps = look("localhost", peer.port, ca_path=str(tmp_path / "ca.pem"))
    assert steps["clock"]["http_status"] == 404
    assert abs(steps["clock"]["host_ahead_seconds"] - ahead) < 10
    assert steps["clock"]["verified"] is steps["trust"]["ok"] is trusted
    assert len(peer.received) == 1 + trusted
    for request in peer.received:
        assert (request.method, request.path) == ("GET", "/.well-known/est/cacerts")
        assert set(request.headers) == {"host", "accept"}


@pytest.mark.parametrize(("offset", "ahead"), [("0", 0), ("3600", -3600), ("-3600", 3600), ("none", None)])
def test_a_server_with_a_wrong_clock_is_told(offset, ahead):
    with LabServer("--clock-offset", offset) as server:
        clock = look("localhost", server.port, ca_path=server.ca_path)["clock"]
    assert clock["ok"] and clock["verified"] and clock["http_status"] == 200
    if ahead is None:
        assert clock["server_time"] is None
    else:
        assert abs(clock["host_ahead_seconds"] - ahead) < 10


@pytest.mark.parametrize(
    "date", ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"]
)
def test_every_form_of_a_date_is_in_universal_time(date, monkeypatch, request, no_libraries):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    request.addfinalizer(time.tzset)
    request.addfinalizer(monkeypatch.undo)
    root = authority()
    context = server_context(root.issue("localhost", dns=["localhost"]))
    with Peer([[answer(b"", "404 Not Found", f"Date: {date}\r\n")]] * 4, context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert steps["clock"]["server_time"] == 784111777


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate_gets_that_of_the_template(version, tmp_path):
    root = authority()
    device = root.issue("device")
    (tmp_path / "device.pem").write_text(device.pem)
    (tmp_path / "device.key").write_text(device.key_pem())
    context = server_context(root.issue("localhost", dns=["localhost"]), version=version, client_ca=root)
    given = {"client_certificate_path": tmp_path / "device.pem", "client_key_path": tmp_path / "device.key"}
    with Peer([[answer(b"", "404 Not Found")]] * 5, context=context) as peer:
        steps = look(
            "localhost", peer.port, ca_certificate=root.pem, **{name: str(path) for name, path in given.items()}
        )
    assert steps["tls"]["ok"] and steps["trust"]["ok"] and steps["clock"]["ok"]
    assert steps["tls"]["certificate"]["subject"] == "/CN=localhost"


@pytest.mark.parametrize(
    ("status", "header", "code", "words"),
    [
        ("401 Unauthorized", "", "authentication_required", "it does not take the TLS client certificate"),
        ("302 Found", "Location: https://other.example/x\r\n", "not_collected", "leads to other.example:443"),
        ("302 Found", "Location: /other\r\n", "not_collected", "was not asked to send this request"),
    ],
)
def test_what_a_server_refuses_is_told_by_what_the_host_has_shown_and_sent(status, header, code, words, tmp_path):
    root = authority()
    device = root.issue("device")
    (tmp_path / "device.pem").write_text(device.pem)
    (tmp_path / "device.key").write_text(device.key_pem())
    context = server_context(root.issue("localhost", dns=["localhost"]), client_ca=root)
    given = {"client_certificate_path": tmp_path / "device.pem", "client_key_path": tmp_path / "device.key"}
    with Peer([[answer(b"", status, header)]] * 5, context=context) as peer:
        steps = look(
            "localhost", peer.port, ca_certificate=root.pem, **{name: str(path) for name, path in given.items()}
        )
    assert steps["trust"]["ok"]
    assert (steps["est"]["ok"], steps["est"]["error_code"]) == (False, code)
    assert words in steps["est"]["reason"]


def test_a_server_that_wants_a_client_certificate_of_a_template_without_one_is_told():
    root = authority()
    context = server_context(root.issue("localhost", dns=["localhost"]), version=ssl.TLSVersion.TLSv1_2, client_ca=root)
    with Peer([[]] * 5, context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert "TLS client certificate" in steps["tls"]["reason"]
    assert not steps["trust"]["ok"] and "clock" not in steps


@pytest.mark.parametrize(
    "answered",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 99999 19:00:00 GMT\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: never\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10000,
    ],
)
def test_an_answer_that_makes_no_sense_tells_no_time(answered, no_libraries):
    root = authority()
    context = server_context(root.issue("localhost", dns=["localhost"]))
    with Peer([[read_request, send(answered)]] * 4, context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert steps["trust"]["ok"] and not steps["est"]["ok"]
    if "clock" in steps:  # else no answer was whole
        assert steps["clock"]["ok"] and steps["clock"]["server_time"] is None
        assert steps["clock"]["http_status"] in (None, 200)


def test_a_name_that_nobody_knows_ends_at_resolve():
    steps = look("no-such-host.invalid", 443, use_system_trust=True)
    assert list(steps) == ["resolve"] and "is not known" in steps["resolve"]["reason"]


def test_a_port_on_which_nobody_listens_ends_at_connect():
    steps = look("localhost", closed_port(), use_system_trust=True)
    assert list(steps) == ["resolve", "connect"]
    assert "connection refused" in steps["connect"]["reason"] and steps["connect"]["hint"]


def test_a_server_that_says_nothing_is_left_after_its_time():
    with Peer([[stall]]) as peer, ends():
        steps = look("localhost", peer.port, seconds=3, step_seconds=1)
    assert "did not complete the TLS handshake" in steps["tls"]["reason"]


def test_a_proxy_that_does_not_answer_is_told():
    steps = look("est.example.com", 443, proxy=f"http://127.0.0.1:{closed_port()}", use_system_trust=True)
    assert "proxy" in steps["connect"]["reason"]


def test_what_cannot_be_used_of_a_template_is_told(lab, tmp_path):
    missing = str(tmp_path / "missing.pem")
    (tmp_path / "empty.pem").write_text("nothing\n")
    trusted = {"ca_path": lab.ca_path}
    client = {"client_certificate_path": missing, "client_key_path": missing}
    for fields, code, words in (
        ({"ca_path": missing}, "unreadable_file", missing),
        ({"ca_path": str(tmp_path / "empty.pem")}, "invalid_trust_anchors", "cannot be read"),
        ({**trusted, **client}, "unreadable_file", f"{missing!r} cannot be used"),
    ):
        steps = look("localhost", lab.port, **fields)
        assert steps["trust"]["error_code"] == code and words in steps["trust"]["reason"], steps["trust"]
        assert steps["tls"]["ok"] and not steps["clock"]["verified"]


def test_an_answer_after_informational_ones_is_read(lab):
    root = authority()
    context = server_context(root.issue("localhost", dns=["localhost"]))
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    final = b"HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
    with Peer([[read_request, send(hints + final)]] * 4, context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert (steps["clock"]["http_status"], steps["clock"]["server_time"]) == (404, 784111777)
    assert "HTTP 404" in steps["est"]["reason"]


def test_all_that_runs_on_the_host_runs_with_the_standard_library_only(lab, tmp_path):
    program = """
import json, sys
for name in ("requests", "cryptography", "urllib3", "ansible"):
    sys.modules[name] = None
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect
order = json.loads(sys.argv[1])
print(json.dumps(collect(Order(**order))))
"""
    sights = Sights([{"name": "wifi", "server": "localhost", "port": lab.port, "ca_path": lab.ca_path}], 5, 20)
    order = {
        "relays": sights.orders,
        "store_path": str(tmp_path),
        "output_path": str(tmp_path / "tests"),
        "log_paths": ["/proc/self/status"],
        "max_log_size": 2000,
        "time_limit": 20,
    }
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(order)],
        env={**os.environ, "PYTHONPATH": COLLECTIONS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sections"]["system"]["data"]["versions"]["cryptography"] is None
    steps = sights.sections(found["relays"])[0]["data"]["steps"]
    assert [name for name in STEPS if steps[name]["ok"]] == list(STEPS)
    assert [log["name"] for log in found["sections"]["logs"]["data"]["files"]] == ["status"]
