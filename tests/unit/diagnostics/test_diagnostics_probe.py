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
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.probe import probe
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import MissingLibrary
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    describe,
)

COLLECTIONS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "..", ".cache", "collections"))
STEPS = ("resolve", "route", "connect", "tls", "trust", "clock", "est")


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def no_libraries(monkeypatch):
    """As on a host without requests and cryptography: whoever asks for them gets the error."""

    def refuse(*names):
        raise MissingLibrary(f"the Python library {names[0] if names else 'requests'} is not usable")

    monkeypatch.setattr(probe_module, "require_libraries", refuse)


def look(server, port, seconds=20.0, **fields):
    found = probe({"name": "wifi", "server": server, "port": port, **fields}, 5, seconds)
    assert json.loads(json.dumps(found)) == found, "plain data"
    return found["steps"]


def test_every_step_succeeds_with_a_good_server(lab):
    steps = look("localhost", lab.port, ca_path=lab.ca_path)
    assert tuple(steps) == STEPS
    assert [name for name in steps if not steps[name]["ok"]] == []
    assert all(step["milliseconds"] >= 0 for step in steps.values())
    assert "127.0.0.1" in [path["from"] for path in steps["route"]["paths"]]
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


def test_a_host_without_libraries_sees_all_but_the_operations(lab, no_libraries):
    steps = look("localhost", lab.port, ca_path=lab.ca_path)
    assert [name for name in steps if not steps[name]["ok"]] == ["est"]
    assert "Python library" in steps["est"]["reason"]
    assert steps["trust"]["kind"] == "explicit"


@pytest.mark.parametrize("libraries", [True, False])
def test_a_name_that_the_certificate_does_not_have_is_not_trusted(libraries, request):
    if not libraries:
        request.getfixturevalue("no_libraries")
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
    assert not steps["est"]["ok"]


def test_a_template_that_trusts_nobody_is_told(lab):
    steps = look("localhost", lab.port)
    assert not steps["trust"]["ok"] and "whom to trust" in steps["trust"]["reason"]
    assert steps["est"]["found"]["trusted"] is False


def test_a_fingerprint_is_compared_by_the_client(lab):
    fingerprint = describe(load_pem_certificates(lab.ca_pem)[0])["fingerprint_sha256"]
    steps = look("localhost", lab.port, ca_fingerprint=fingerprint)
    assert steps["trust"] == {**steps["trust"], "ok": True, "kind": "fingerprint"}
    assert steps["est"]["found"]["trusted"]


@pytest.mark.parametrize("ahead", [0, 7200, -7200])
@pytest.mark.parametrize("trusted", [True, False])
def test_the_clock_of_the_server_is_compared_with_that_of_the_host(ahead, trusted, tmp_path, no_libraries):
    root = authority()
    identity = root.issue("localhost", dns=["localhost"])
    (tmp_path / "ca.pem").write_text((root if trusted else authority("Another")).pem)
    date = email.utils.formatdate(time.time() - ahead, usegmt=True)
    script = [[], [], [answer(b"", "404 Not Found", f"Date: {date}\r\n")]]
    with Peer(script, context=server_context(identity)) as peer:
        steps = look("localhost", peer.port, ca_path=str(tmp_path / "ca.pem"))
    assert steps["clock"]["http_status"] == 404
    assert abs(steps["clock"]["host_ahead_seconds"] - ahead) < 10
    assert steps["clock"]["verified"] is steps["trust"]["ok"] is trusted
    (request,) = peer.received
    assert (request.method, request.path) == ("GET", "/.well-known/est/cacerts")
    assert set(request.headers) == {"host", "accept", "connection"}


@pytest.mark.parametrize(("offset", "ahead"), [("0", 0), ("3600", -3600), ("-3600", 3600), ("none", None)])
def test_a_server_with_a_wrong_clock_is_told(offset, ahead):
    with LabServer("--clock-offset", offset) as server:
        clock = look("localhost", server.port, ca_path=server.ca_path)["clock"]
    assert clock["ok"] and clock["verified"] and clock["http_status"] == 200
    found = clock["host_ahead_seconds"]
    assert found is None if ahead is None else abs(found - ahead) < 10


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
    with Peer([[], [], [answer(b"", "404 Not Found", f"Date: {date}\r\n")]], context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert steps["clock"]["server_time"] == 784111777


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("libraries", [True, False])
def test_a_server_that_wants_a_client_certificate_gets_that_of_the_template(version, libraries, tmp_path, request):
    if not libraries:
        request.getfixturevalue("no_libraries")
    root = authority()
    device = root.issue("device")
    (tmp_path / "device.pem").write_text(device.pem)
    (tmp_path / "device.key").write_text(device.key_pem())
    context = server_context(root.issue("localhost", dns=["localhost"]), version=version, client_ca=root)
    given = {"client_certificate_path": tmp_path / "device.pem", "client_key_path": tmp_path / "device.key"}
    answers = [[], [], *[[answer(b"", "404 Not Found")]] * 3]
    with Peer(answers, context=context) as peer:
        steps = look(
            "localhost", peer.port, ca_certificate=root.pem, **{name: str(path) for name, path in given.items()}
        )
    assert steps["tls"]["ok"] and steps["trust"]["ok"] and steps["clock"]["ok"]
    assert steps["tls"]["certificate"]["subject"] == "/CN=localhost"


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
    with Peer([[], [], [read_request, send(answered)]], context=context) as peer:
        steps = look("localhost", peer.port, ca_certificate=root.pem)
    assert steps["clock"]["ok"] and steps["clock"]["server_time"] is None
    assert steps["clock"]["http_status"] in (None, 200)


def test_a_name_that_nobody_knows_ends_at_resolve():
    steps = look("no-such-host.invalid", 443, use_system_trust=True)
    assert list(steps) == ["resolve"] and "is not known" in steps["resolve"]["reason"]


def test_a_port_on_which_nobody_listens_ends_at_connect():
    steps = look("localhost", closed_port(), use_system_trust=True)
    assert list(steps) == ["resolve", "route", "connect"]
    assert "connection refused" in steps["connect"]["reason"] and steps["connect"]["hint"]


def test_a_server_that_says_nothing_is_left_after_its_time():
    with Peer([[stall]]) as peer, ends():
        steps = probe({"name": "wifi", "server": "localhost", "port": peer.port}, 1, 3.0)["steps"]
    assert "did not complete the TLS handshake" in steps["tls"]["reason"]


def test_time_that_is_over_is_told_and_no_error():
    with ends():
        steps = probe({"name": "wifi", "server": "localhost", "port": 1}, 5, 0.0)["steps"]
    assert not any(step["ok"] for step in steps.values())


def test_a_proxy_that_does_not_answer_is_told():
    steps = look("est.example.com", 443, proxy=f"http://127.0.0.1:{closed_port()}", use_system_trust=True)
    assert "proxy" in steps["connect"]["reason"]


def test_all_of_the_collection_runs_with_the_standard_library_only(lab, tmp_path):
    program = """
import json, sys
for name in ("requests", "cryptography", "urllib3", "ansible"):
    sys.modules[name] = None
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect
order = json.loads(sys.argv[1])
print(json.dumps(collect(Order(**order))))
"""
    order = {
        "targets": [{"fields": {"name": "wifi", "server": "localhost", "port": lab.port, "ca_path": lab.ca_path}}],
        "store_path": str(tmp_path),
        "output_path": str(tmp_path / "tests"),
        "log_paths": ["/proc/self/status"],
        "max_log_size": 2000,
        "connect_timeout": 5,
        "time_limit": 20,
        "secrets": ["hidden"],
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
    steps = found["servers"][0]["data"]["steps"]
    assert [name for name in STEPS if steps[name]["ok"]] == list(STEPS[:-1])
    assert [log["name"] for log in found["logs"]["data"]["files"]] == ["status"]


def test_the_route_is_asked_of_the_command_too_where_there_is_one():
    asked = []

    def run_command(words):
        asked.append(words)
        return 0, f"local {words[-1]} dev lo\x1b[0m", ""

    (path,) = probe_module.route("127.0.0.1", 8443, run_command)
    assert asked == [["ip", "route", "get", "127.0.0.1"]]
    assert path["ip_route"].startswith("local 127.0.0.1 dev lo")
    assert "\x1b" not in path["ip_route"]


def test_no_such_command_is_no_problem_of_the_route():
    def run_command(words):
        raise FileNotFoundError(words[0])

    (path,) = probe_module.route("127.0.0.1", 8443, run_command)
    assert "ip_route" not in path
    assert path["from"] == "127.0.0.1"
