# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange through the real module ansible.builtin.uri, against the lab server, compared with exchange=host."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.enrolment import IDENTITY, enrol, template_for
from support.lab import LabServer
from support.server_faults import ANSWERS, FAULTS, patience
from support.tls_certificates import authority
from support.tls_peer import Peer, answer, read_request, server_context

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    Timeline,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import UriConnector


class Host:
    """Runs the module as Ansible does, in a process of its own, and remembers what it was told and what it said."""

    def __init__(self, folder, environment=None):
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}
        self.asked = []
        self.said = []

    def execute(self, name, arguments):
        if name == "ansible.builtin.slurp":
            with open(arguments["src"], "rb") as file:
                return {"content": base64.b64encode(file.read()).decode()}
        assert name == "ansible.builtin.uri"
        self.asked.append(arguments)
        process = subprocess.run(
            [sys.executable, "-m", "ansible.modules.uri"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment,
            check=False,
        )
        self.said.append(process.stdout + process.stderr)
        try:
            return json.loads(process.stdout.strip().split("\n")[-1])
        except ValueError:  # as the action base does with a module that died
            return {"failed": True, "msg": "MODULE FAILURE", "module_stderr": process.stderr}

    def write_file(self, text):
        path = os.path.join(self.folder, "anchors.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path


def enrol_by_uri(folder, template, *, host=None, timeline=None, **options):
    host = host or Host(folder)
    files = TestFolder(os.path.join(folder, "tests"), template.name, "test")
    connector = UriConnector(host.execute, host.write_file)
    return run_test(template, IDENTITY, TestOptions(**options), connector, files, timeline or Timeline())


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def test_a_certificate_is_issued_as_from_the_host(lab, tmp_path):
    by_uri = enrol_by_uri(tmp_path, template_for(lab, subject_alternative_name="upn"))
    by_host = enrol(tmp_path, template_for(lab, subject_alternative_name="upn"))
    assert by_uri["status"] == "issued"
    assert by_uri["exchange"] == "uri"
    assert by_uri["lost"] == []
    assert set(by_uri) == set(by_host)
    assert set(by_uri["certificate"]) == set(by_host["certificate"])
    assert [step["stage"] for step in by_uri["timeline"]] == [step["stage"] for step in by_host["timeline"]]
    assert by_uri["server"] == {**by_host["server"], "tls_version": None}


def test_credentials_go_with_the_enrolment_only_and_are_not_told(lab, tmp_path):
    host = Host(tmp_path)
    before = len(lab.requests)
    enrol_by_uri(tmp_path, template_for(lab), host=host)
    assert [(entry["method"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("GET", False),
        ("GET", False),
        ("POST", True),
    ]
    assert "estpwd" not in "".join(host.said)
    assert ["url_password" in asked for asked in host.asked] == [False, False, True]


# Where the two differ: the module takes a host name that stands only in the common name of the server's certificate
# (see below); a connection that is reset in the TLS handshake could have been reset later for all that it says, so its
# stage is what the request was for; a trickle of bytes does not run into its timeout; it does not tell the HTTP status
# of an answer that is cut off.
@pytest.mark.parametrize("name", FAULTS)
def test_the_same_fault_is_told_the_same(name, tmp_path):
    flags, stage, received, status, words = FAULTS[name]
    limit = patience(flags)
    timeline = Timeline()
    with LabServer(*flags) as lab:
        with pytest.raises(EstError, match=f"(?i){words}") as by_uri:
            enrol_by_uri(tmp_path, template_for(lab), timeline=timeline, timeout=limit, connect_timeout=limit)
        with pytest.raises(EstError) as by_host:
            enrol(tmp_path, template_for(lab), timeout=limit, connect_timeout=limit)
    assert by_uri.value.code == by_host.value.code
    for error in (by_uri.value, by_host.value):
        assert (error.stage, error.request_received) == (stage, received)
        assert error.hint
        if status is not None:
            assert error.http_status == status
    assert "estpwd" not in f"{by_uri.value.reason} {by_uri.value.hint} {by_uri.value.server_message}"
    assert by_uri.value.server_message == by_host.value.server_message
    last = timeline.as_list()[-1]
    assert (last["stage"], last["ok"]) == (stage, False)
    assert not (tmp_path / "tests" / "wifi" / "test").exists()


def test_a_refused_connection(lab, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(EstError, match="refused the connection") as caught:
            enrol_by_uri(tmp_path, template_for(lab, port=port))
    assert (caught.value.stage, caught.value.request_received) == ("connect", "not_received")


@pytest.mark.parametrize(
    "said",
    [
        "Request failed: <urlopen error [Errno -2] Name or service not known>",
        "Request failed: <urlopen error [Errno -3] Temporary failure in name resolution>",
        "Request failed: <urlopen error [Errno 8] nodename nor servname provided, or not known>",
    ],
)
def test_an_unknown_host(said, lab, tmp_path, monkeypatch):
    # Names under .invalid never exist (RFC 6761), but asking for one would be traffic off this machine.
    host = Host(tmp_path)
    monkeypatch.setattr(host, "execute", lambda _name, _arguments: {"failed": True, "status": -1, "msg": said})
    with pytest.raises(EstError, match="cannot resolve") as caught:
        enrol_by_uri(tmp_path, template_for(lab, server="est.example.invalid"), host=host)
    assert (caught.value.stage, caught.value.request_received) == ("resolve", "not_received")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            {"msg": "MODULE FAILURE", "module_stderr": "Traceback (most recent call last):\n  x\nOops: it broke\n\n"},
            "Oops",
        ),
        ({"msg": "MODULE FAILURE\nSee stdout/stderr for the exact error", "module_stderr": ""}, "MODULE FAILURE"),
        ({"msg": "", "module_stderr": ""}, "no answer"),
        ({}, "no answer"),
    ],
)
def test_a_module_that_dies_is_told_without_its_traceback(result, words, lab, tmp_path, monkeypatch):
    host = Host(tmp_path)
    monkeypatch.setattr(host, "execute", lambda _name, _arguments: {"failed": True, **result})
    with pytest.raises(EstError, match=words) as caught:
        enrol_by_uri(tmp_path, template_for(lab), host=host)
    assert "Traceback" not in caught.value.reason
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")


def test_a_wrong_password(lab, tmp_path):
    host = Host(tmp_path)
    with pytest.raises(EstError, match="user name or the password") as caught:
        enrol_by_uri(tmp_path, template_for(lab, password="canary-77"), host=host)
    error = caught.value
    assert (error.stage, error.request_received, error.http_status) == ("enroll", "received", 401)
    assert error.server_message
    assert "canary" not in f"{error.reason} {error.hint} {error.server_message}{''.join(host.said)}"


@pytest.mark.parametrize("flags", ANSWERS)
def test_every_shape_of_an_answer_is_read(flags, tmp_path):
    with LabServer(*flags) as server:
        assert enrol_by_uri(tmp_path, template_for(server))["status"] == "issued"


def test_a_character_set_that_the_module_does_not_know_is_an_error_in_words(tmp_path):
    flags = ["--content-type", "application/pkcs7-mime; charset=x-unknown"]
    with LabServer(*flags) as server, pytest.raises(EstError, match="x-unknown") as caught:
        enrol_by_uri(tmp_path, template_for(server))
    assert (caught.value.stage, caught.value.code) == ("cacerts", "not_supported")
    assert "declares a character set for its answer that Python on the host does not know" in caught.value.reason
    assert "Traceback" not in caught.value.reason
    assert "exchange: host" in caught.value.hint


@pytest.mark.parametrize("charset", ["x-unknown", "binary", "base64", "idna", "undefined"])
def test_a_character_set_that_only_the_host_knows_does_not_break_the_answer(charset, tmp_path):
    host = Host(tmp_path)

    def execute(name, arguments):
        found = host.execute(name, arguments)
        return {**found, "content_type": f"{found.get('content_type')}; charset={charset}"}

    with LabServer() as server:
        template = template_for(server)
        connector = UriConnector(execute, host.write_file)
        files = TestFolder(str(tmp_path), template.name, "test")
        assert run_test(template, IDENTITY, TestOptions(), connector, files, Timeline())["status"] == "issued"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="an older Python is not strict")
def test_what_python_refuses_only_because_it_is_strict_is_told_as_that(tmp_path):
    """A CA without authorityKeyIdentifier in what it issues, which OpenSSL and curl take."""
    ca = authority()
    certificate = ca.issue("127.0.0.1", addresses=["127.0.0.1"])
    with (
        Peer([[read_request, answer()]], context=server_context(certificate)) as peer,
        pytest.raises(EstError, match=r"Python on the host, from 3\.13 on, is strict about that") as caught,
    ):
        server = SimpleNamespace(host="127.0.0.1", port=peer.port, ca_pem=ca.pem)
        enrol_by_uri(tmp_path, template_for(server))
    assert "Missing Authority Key Identifier" in caught.value.reason
    assert (caught.value.stage, caught.value.request_received) == ("tls", "not_received")
    assert "exchange: host" in caught.value.hint


def test_a_reset_in_the_handshake_is_told_as_far_as_it_is_known(tmp_path):
    with LabServer("--fault", "reset-on-connect") as server, pytest.raises(EstError, match="closed") as caught:
        enrol_by_uri(tmp_path, template_for(server))
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")


def test_a_host_name_in_the_common_name_only_is_beyond_this_way(tmp_path):
    """The documentation says so; should a newer Python refuse it, the documentation can be put right."""
    with LabServer("--server-certificate", "cn-only") as server:
        assert enrol_by_uri(tmp_path, template_for(server))["status"] == "issued"


def test_basic_alone_does_not_answer_digest(tmp_path):
    with LabServer("--authentication", "digest") as server:
        with pytest.raises(EstError, match="HTTP 401"):
            enrol_by_uri(tmp_path, template_for(server), http_authentication="basic")
        assert len(server.enrolments) == 1


def test_digest_alone_is_refused_before_anything_is_sent(lab, tmp_path):
    before = len(lab.requests)
    with pytest.raises(InputError, match="http_authentication=digest cannot be used with exchange=uri"):
        enrol_by_uri(tmp_path, template_for(lab), http_authentication="digest")
    assert len(lab.requests) == before


def test_req_084_a_pending_certificate_is_continued(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as server:
        first = enrol_by_uri(tmp_path, template_for(server))
        assert first["status"] == "pending"
        assert first["server_message"]
        second = enrol_by_uri(tmp_path, template_for(server), wait_timeout=5)
        assert second["status"] == "issued"
        assert [entry["status"] for entry in server.enrolments] == [202, 200]


def test_req_014_explicit_anchors_switch_those_of_the_system_off(lab, tmp_path):
    # The system trusts the lab, the template another CA: the server must not be taken for verified.
    host = Host(tmp_path, {"SSL_CERT_FILE": lab.ca_path})
    with LabServer("--key-type", "rsa") as other, pytest.raises(EstError, match="not issued by a trusted CA") as caught:
        enrol_by_uri(tmp_path, template_for(lab, ca_certificate=other.ca_pem), host=host)
    assert caught.value.stage == "tls"


def test_the_system_is_trusted_where_asked_for(lab, tmp_path):
    template = template_for(lab, ca_certificate=None, use_system_trust=True)
    outcome = enrol_by_uri(tmp_path, template, host=Host(tmp_path, {"SSL_CERT_FILE": lab.ca_path}))
    assert (outcome["status"], outcome["server"]["trust"]) == ("issued", "system")
    with pytest.raises(EstError, match="not issued by a trusted CA"):
        enrol_by_uri(tmp_path, template)


def test_req_016_proxies_and_netrc_of_the_host_count_for_nothing(lab, tmp_path):
    (tmp_path / ".netrc").write_text("machine localhost login somebody password canary-78\n")
    (tmp_path / ".netrc").chmod(0o600)
    host = Host(
        tmp_path, {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "HOME": str(tmp_path)}
    )
    before = len(lab.requests)
    outcome = enrol_by_uri(tmp_path, template_for(lab, username=None, password=None), host=host, check=True)
    assert outcome["status"] == "not_asked"
    assert {entry["authorization_present"] for entry in lab.requests[before:]} == {False}


@pytest.mark.parametrize("password", ["M", "II"])
def test_a_password_that_ansible_finds_in_the_answer_is_told(password, lab, tmp_path):
    """ansible-core masks a module's secrets wherever they occur in its result, in a certificate too."""
    (tmp_path / "password").write_text(password)
    with LabServer("--password-file", str(tmp_path / "password")) as server:
        template = template_for(server, password=password)
        with pytest.raises(EstError, match="censor") as caught:
            enrol_by_uri(tmp_path, template)
    assert (caught.value.stage, caught.value.request_received) == ("enroll", "received")
    assert "exchange=host" in caught.value.hint


REFUSED = {
    "proxy": {"proxy": "http://127.0.0.1:3128"},
    "client_key_passphrase": {
        "client_certificate_path": "/c.pem",
        "client_key_path": "/k.pem",
        "client_key_passphrase": "canary-79",
    },
    "username": {"username": "", "password": "canary-79"},
    "challenge_password": {"challenge_password": "canary-79"},
}


def test_a_key_of_the_server_is_refused(lab, tmp_path):
    host = Host(tmp_path)
    with pytest.raises(InputError, match="key_origin=server cannot be used with exchange=uri") as caught:
        enrol_by_uri(tmp_path, template_for(lab), host=host, key_origin="server")
    assert (host.asked, "exchange=host" in caught.value.hint) == ([], True)


@pytest.mark.parametrize("option", REFUSED)
def test_what_the_module_cannot_do_is_refused_before_anything_is_sent(option, lab, tmp_path):
    host = Host(tmp_path)
    with pytest.raises(InputError, match=f"^{option} of the template cannot be used with exchange=uri") as caught:
        enrol_by_uri(tmp_path, template_for(lab, **REFUSED[option]), host=host)
    assert host.asked == []
    assert "exchange=host" in caught.value.hint
    assert "canary" not in f"{caught.value.reason}{caught.value.hint}"
