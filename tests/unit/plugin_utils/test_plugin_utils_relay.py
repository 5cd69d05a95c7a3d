# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange relay, by the Python twin of the relay and against the lab server, compared with the exchange host."""

from __future__ import annotations

import base64
import os
import socket
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.enrolment import IDENTITY, enrol, template_for
from support.lab import LabServer
from support.relay_host import RelayHost
from support.server_faults import ANSWERS, FAULTS, patience
from support.tls_certificates import CLIENT_AUTH, authority
from support.tls_peer import Peer, answer, closed_port, server_context, tunnel

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import server_info
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import (
    Destination,
    configured_trust,
    connected,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    ExchangeOptions,
    TestOptions,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base import errors
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    Timeline,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import UnusableAnswer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange import relay


def relayed(folder, template, *, host=None, timeline=None, prefix="", **options):
    """A test enrolment through a host that relays."""
    files = TestFolder(os.path.join(folder, "tests"), template.name, "test")
    connector = (host or RelayHost()).connector(prefix)
    return run_test(template, IDENTITY, TestOptions(**options), connector, files, timeline or Timeline())


def look(connector, template, **options):
    """What est_server_info tells."""
    return server_info.look(template, ExchangeOptions(**options), connector, Timeline())


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


# ----------------------------------------------------------------------------------------------------------------------
# What goes well


def test_a_certificate_is_issued_as_from_the_host(lab, tmp_path):
    by_relay = relayed(tmp_path, template_for(lab, subject_alternative_name="upn"))
    by_host = enrol(tmp_path, template_for(lab, subject_alternative_name="upn"))
    assert (by_relay["status"], by_relay["exchange"], by_relay["lost"]) == ("issued", "relay", [])
    assert set(by_relay) == set(by_host)
    assert by_relay["server"] == by_host["server"]
    told = [[(step["stage"], step["ok"]) for step in each["timeline"]] for each in (by_relay, by_host)]
    assert told[0] == [*told[1][:5], *told[1][:3], *told[1][5:]]  # the enrolment has a connection of its own
    assert all(0 <= step["milliseconds"] < 60_000 for step in by_relay["timeline"])
    first = {step["stage"]: step["detail"] for step in by_relay["timeline"][:3]}
    assert first == {step["stage"]: step["detail"] for step in by_host["timeline"][:3]}


def test_what_can_be_asked_together_is_asked_in_one_call(lab, tmp_path):
    host = RelayHost()
    before = len(lab.requests)
    relayed(tmp_path, template_for(lab), host=host)
    assert [len(asked["requests"]) for asked in host.asked] == [2, 1]
    assert [(entry["method"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("GET", False),
        ("GET", False),
        ("POST", True),
    ]
    assert "estpwd" not in "".join(host.said)
    assert b"Authorization" not in b"".join(host.requests(0))


def test_the_time_that_ansible_takes_for_a_module_is_no_time_of_the_exchange(lab, tmp_path, monkeypatch):
    clock = [0.0]
    host = RelayHost()

    def slowly(result):
        clock[0] += 1000
        return result

    host.change = slowly
    for module in (errors, relay):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + clock[0]))
    outcome = relayed(tmp_path, template_for(lab), host=host)
    assert sum(step["milliseconds"] for step in outcome["timeline"]) < 60_000
    assert clock == [2000]


@pytest.mark.parametrize("flags", ANSWERS)
def test_every_shape_of_an_answer_is_read(flags, tmp_path):
    with LabServer(*flags) as server:
        assert relayed(tmp_path, template_for(server))["status"] == "issued"


@pytest.mark.parametrize("scheme", ["digest", "digest-sha256"])
def test_digest_is_answered(scheme, tmp_path):
    with LabServer("--authentication", scheme) as server:
        outcome = relayed(tmp_path, template_for(server), http_authentication="digest")
        assert outcome["server"]["authenticated_by"] == ["digest"]
        with pytest.raises(EstError) as caught:
            relayed(tmp_path, template_for(server), http_authentication="basic")
    assert caught.value.http_status == 401


def test_the_account_can_be_one_that_is_not_ascii_and_has_no_user_name(tmp_path):
    (tmp_path / "password").write_text("pässwörd")
    with LabServer("--password-file", str(tmp_path / "password"), "--username", "") as server:
        template = template_for(server, username="", password="pässwörd")
        assert relayed(tmp_path, template)["status"] == "issued"


def test_req_084_a_pending_certificate_is_continued(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as server:
        assert relayed(tmp_path, template_for(server))["status"] == "pending"
        assert relayed(tmp_path, template_for(server), wait_timeout=5)["status"] == "issued"
        assert [entry["status"] for entry in server.enrolments] == [202, 200]


@pytest.mark.parametrize("prefix", ["", "win_"])
def test_req_042_the_first_contact_by_a_fingerprint(prefix, lab, tmp_path):
    fingerprint = look(HostConnector(), template_for(lab))["root_certificate"]["fingerprint_sha256"]
    pinned = template_for(lab, ca_certificate=None, ca_fingerprint=fingerprint)
    host = RelayHost()
    assert relayed(tmp_path, pinned, host=host, prefix=prefix)["server"]["trust"] == "fingerprint"
    assert [asked["trust"] for asked in host.asked] == ["unverified", "explicit", "explicit"]
    assert b"Authorization" not in b"".join(host.requests(0))
    with pytest.raises(EstError) as caught:
        relayed(tmp_path, pinned.replace(ca_fingerprint="ab" * 32))
    assert caught.value.code == "fingerprint_mismatch"


def test_a_look_tells_what_a_look_from_the_host_tells(lab):
    for trust in ({}, {"ca_certificate": None}, {"ca_certificate": None, "ca_path": lab.ca_path}):
        template = template_for(lab, **trust)
        told = [look(connector, template) for connector in (RelayHost().connector(), HostConnector())]
        for each in told:
            del each["timeline"], each["exchange"]
        assert told[0] == told[1]


def test_the_system_is_trusted_where_asked_for(lab, tmp_path, monkeypatch):
    template = template_for(lab, ca_certificate=None, use_system_trust=True)
    with pytest.raises(EstError) as caught:
        relayed(tmp_path, template)
    assert caught.value.code == "untrusted_certificate"
    monkeypatch.setenv("SSL_CERT_FILE", lab.ca_path)
    assert relayed(tmp_path, template)["server"]["trust"] == "system"


def test_req_016_a_proxy_of_the_template_and_none_of_the_environment(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert relayed(tmp_path, template_for(lab))["status"] == "issued"
    with Peer([[tunnel(lab.port)] for _connection in range(2)]) as proxy:
        outcome = relayed(tmp_path, template_for(lab, proxy=f"http://127.0.0.1:{proxy.port}"))
    assert [request.method for request in proxy.received] == ["CONNECT", "CONNECT"]
    by_stage = {step["stage"]: step["detail"] for step in outcome["timeline"][:3]}
    assert by_stage["connect"] == f"through the proxy 127.0.0.1:{proxy.port} to {lab.host}:{lab.port}"


def test_a_client_certificate_that_is_on_the_host_is_shown_there(tmp_path):
    """Its files are not read on the controller, where others can be at the same paths."""
    root = authority("Client Root")
    client = root.issue("client", usages=[CLIENT_AUTH])
    paths = {name: tmp_path / f"client.{name}" for name in ("pem", "key")}
    paths["pem"].write_text(client.pem)
    paths["key"].write_text(client.key_pem())
    (tmp_path / "ca.pem").write_text(root.pem)
    with LabServer("--credentials", "certificate", "--client-ca", str(tmp_path / "ca.pem")) as server:
        template = template_for(
            server,
            username=None,
            password=None,
            client_certificate_path=str(paths["pem"]),
            client_key_path=str(paths["key"]),
        )
        host = RelayHost()
        assert relayed(tmp_path, template, host=host)["server"]["authenticated_by"] == ["client_certificate"]
        assert host.asked[0]["client_certificate"] == str(paths["pem"])
        missing = template.replace(client_certificate_path=str(tmp_path / "none.pem"))
        with pytest.raises(InputError, match="cannot be used on the host: it is not there") as caught:
            relayed(tmp_path, missing)
    assert (caught.value.code, caught.value.stage) == ("unreadable_file", "cacerts")


# ----------------------------------------------------------------------------------------------------------------------
# What fails: as from the host


def failures(folder, template, **options):
    """The errors of the two ways."""
    found = []
    for run in (relayed, enrol):
        with pytest.raises(EstError) as caught:
            run(folder, template, **options)
        found.append(caught.value)
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_fault_is_told_the_same(name, tmp_path):
    flags, stage, code, received = FAULTS[name]
    limit = patience(flags)
    timeline = Timeline()
    with LabServer(*flags) as server:
        template = template_for(server)
        by_relay, by_host = failures(tmp_path, template, timeout=limit, connect_timeout=limit)
        if not server.enrolments:
            with pytest.raises(EstError):
                relayed(tmp_path, template, timeline=timeline, timeout=limit, connect_timeout=limit)
            assert [timeline.as_list()[-1][key] for key in ("stage", "ok")] == [stage, False]
    for error in (by_relay, by_host):
        assert (error.stage, error.code, error.request_received) == (stage, code, received)
    if code not in ("no_answer", "connection_closed", "answer_too_large"):  # how far it came, the host does not tell
        assert (by_relay.reason, by_relay.hint, by_relay.http_status) == (
            by_host.reason,
            by_host.hint,
            by_host.http_status,
        )
    assert "estpwd" not in f"{by_relay.reason} {by_relay.hint} {by_relay.server_message}"
    assert by_relay.server_message == by_host.server_message
    assert not (tmp_path / "tests" / "wifi" / "test").exists()


UNREACHABLE = {
    "nothing listens": ({"server": "127.0.0.1"}, "connect", "connection_refused"),
    "an unknown host": ({"server": f"{'a' * 63}.invalid"}, "resolve", "name_not_resolved"),
    "no proxy there": ({"server": "est.example.com", "proxy": "PROXY"}, "connect", "connection_refused"),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_server_that_cannot_be_reached_is_told_the_same(name, lab, tmp_path, monkeypatch):
    options, stage, code = UNREACHABLE[name]
    options = {**options, "port": closed_port()}
    if "proxy" in options:
        options["proxy"] = f"http://127.0.0.1:{closed_port()}"
    if stage == "resolve":  # asking for it would be traffic off this machine

        def unknown(*_arguments, **_options):
            raise socket.gaierror(socket.EAI_NONAME, "no")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    by_relay, by_host = failures(tmp_path, template_for(lab, **options))
    for error in (by_relay, by_host):
        assert (error.stage, error.code, error.request_received) == (stage, code, "not_received")
    assert (by_relay.reason, by_relay.hint) == (by_host.reason, by_host.hint)


def test_a_wrong_password_is_told_the_same(lab, tmp_path):
    by_relay, by_host = failures(tmp_path, template_for(lab, password="canary-77"))
    assert by_relay.code == by_host.code == "authentication_failed"
    assert (by_relay.reason, by_relay.hint) == (by_host.reason, by_host.hint)
    assert "canary" not in f"{by_relay.reason} {by_relay.hint} {by_relay.server_message}"


def test_headers_named_like_keys_of_ansible_are_headers(tmp_path):
    """They stay within the octets of the answer, which is text of base64 in the result of the module."""
    root = authority()
    context = server_context(root.issue("server", addresses=["127.0.0.1"]))
    names = ("ansible_facts", "failed", "changed", "msg", "warnings", "exception", "octets", "answers")
    headers = "".join(f"{name}: x\r\n" for name in names)
    host = RelayHost()
    with Peer([[answer(b"no", "404 Not Found", headers)] * 2], context=context) as peer:
        template = template_for(SimpleNamespace(host="127.0.0.1", port=peer.port, ca_pem=root.pem))
        with pytest.raises(EstError) as caught:
            relayed(tmp_path, template, host=host)
    assert (caught.value.code, caught.value.http_status) == ("not_offered", 404)
    assert not any(f'"{name}"' in "".join(host.said) for name in names[:6])


def test_a_get_on_a_connection_that_the_server_closed_is_sent_once_more(tmp_path):
    root = authority()
    context = server_context(root.issue("server", addresses=["127.0.0.1"]))
    script = [[answer(b"no", "404 Not Found")], [answer(b"no", "404 Not Found")]]
    host = RelayHost()
    with Peer(script, context=context) as peer:
        template = template_for(SimpleNamespace(host="127.0.0.1", port=peer.port, ca_pem=root.pem))
        connector = host.connector()
        destination = Destination.of(template, ExchangeOptions(), Timeline())
        with connected(connector, destination, configured_trust(template, connector)) as (client, _transport):
            client.announce("cacerts", "csrattrs")
            with pytest.raises(EstError):
                client.cacerts()
            assert client.csrattrs().attributes is None
    assert [len(asked["requests"]) for asked in host.asked] == [2, 1]
    assert len(peer.received) == 2


# ----------------------------------------------------------------------------------------------------------------------
# What is refused, and hosts that say something else

REFUSED = {
    "client_key_passphrase": {
        "client_certificate_path": "/c.pem",
        "client_key_path": "/k.pem",
        "client_key_passphrase": "canary-79",
    },
    "proof_of_possession": {"proof_of_possession": "always"},
}


@pytest.mark.parametrize("option", REFUSED)
def test_what_a_relay_cannot_do_is_refused_before_anything_is_sent(option, lab, tmp_path):
    host = RelayHost()
    with pytest.raises(InputError, match=f"^{option} of the template cannot be used with exchange=relay") as caught:
        relayed(tmp_path, template_for(lab, **REFUSED[option]), host=host)
    assert (host.asked, caught.value.code) == ([], "not_supported")
    assert "exchange=host" in caught.value.hint
    assert "canary" not in f"{caught.value.reason}{caught.value.hint}"


def test_a_key_of_the_server_and_a_file_with_a_key_of_a_windows_host_are_refused(lab, tmp_path):
    with pytest.raises(InputError, match="key_origin=server cannot be used with exchange=relay"):
        relayed(tmp_path, template_for(lab), key_origin="server")
    pair = {"client_certificate_path": "/c.pem", "client_key_path": "/k.pem"}
    with pytest.raises(InputError, match="has the key of a certificate in a store") as caught:
        relayed(tmp_path, template_for(lab, **pair), prefix="win_")
    assert "username and password" in caught.value.hint


def test_req_112_proof_of_possession_that_only_the_server_asks_for_is_refused_when_it_does(tmp_path):
    with (
        LabServer("--csrattrs", "challenge-password", "--pop", "required") as server,
        pytest.raises(InputError, match="proof of possession needs the TLS connection") as caught,
    ):
        relayed(tmp_path, template_for(server))
    assert "exchange" in caught.value.hint


def without(result, *path):
    """A result without what is at a path."""
    *above, last = path
    place = result
    for key in above:
        place = place[key]
    del place[last]
    return result


def with_failure(result, **change):
    return {
        "answers": [],
        "connections": result["connections"],
        "failure": {
            "stage": "tls",
            "kind": "tls_failed",
            "detail": "",
            "alert": "",
            "request": 0,
            "reused": False,
            "written": False,
            "received": 0,
            **change,
        },
    }


NONSENSE = {
    "no answers": lambda result: without(result, "answers"),
    "nothing": lambda _result: {},
    "an answer without octets": lambda result: without(result, "answers", 0, "octets"),
    "no base64": lambda result: {**result, "answers": [{**result["answers"][0], "octets": "no base64!"}]},
    "no answer and no failure": lambda result: {**result, "answers": []},
    "nobody vouches": lambda result: {
        **result,
        "connections": [{**result["connections"][0], "authorized_by": "me"}],
    },
    "certificates that are none": lambda result: {
        **result,
        "connections": [{**result["connections"][0], "certificates": "x"}],
    },
    "an unknown stage": lambda result: with_failure(result, stage="enroll"),
    "an unknown kind": lambda result: with_failure(result, kind="issued"),
    "words for a code": lambda result: with_failure(result, detail="\x1b[2J"),
    "a failure of no connection": lambda result: {**with_failure(result), "connections": []},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_host_that_answers_something_else_is_told_as_that(name, lab, tmp_path):
    host = RelayHost()
    host.change = NONSENSE[name]
    with pytest.raises(UnusableAnswer, match=r"^est_relay on the host answered "):
        relayed(tmp_path, template_for(lab), host=host)


def test_a_module_that_dies_is_told_without_its_traceback(lab, tmp_path):
    host = RelayHost()
    host.change = lambda _result: {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\n x\nOops: no"}
    with pytest.raises(EstError, match=r"could not be sent from the host: .*Oops: no") as caught:
        relayed(tmp_path, template_for(lab), host=host)
    assert (caught.value.code, caught.value.stage) == ("module_failed", "cacerts")
    assert "Traceback" not in caught.value.reason


def test_a_file_of_cas_that_is_not_there_or_no_file(lab, tmp_path):
    for path, words in ((tmp_path / "none", "it is not there"), (tmp_path, "it is no file")):
        template = template_for(lab, ca_certificate=None, ca_path=str(path))
        with pytest.raises(InputError, match=words):
            relayed(tmp_path, template)


def test_what_a_host_says_of_a_connection_is_shown_without_what_steers_a_terminal(lab, tmp_path):
    host = RelayHost()

    def change(result):
        result["connections"][0].update(cipher="\x1b[2J" + "x" * 1000, address="<b>")
        return result

    host.change = change
    outcome = relayed(tmp_path, template_for(lab), host=host)
    told = "".join(step["detail"] for step in outcome["timeline"])
    assert "\x1b" not in told and "<b>" not in told and "x" * 100 not in told
    assert base64.b64decode(host.asked[0]["requests"][0]).startswith(b"GET ")
