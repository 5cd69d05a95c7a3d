# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange through win_uri on the double, against the lab server, compared with exchange=host."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_pem_x509_certificate
from support.enrolment import IDENTITY, enrol, template_for
from support.lab import LabServer
from support.server_faults import ANSWERS, FAULTS, patience
from windows.direct import DirectHost
from windows.machine import Machine
from windows.windows_modules import run_module

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    Timeline,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.host import Refused
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.win_uri_connector import (
    MACHINE_TRUST_WARNING,
    WinUriConnector,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.win_uri_failures import FAILURES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.win_uri_transport import WinUriTransport

ANSWER = "C:\\Windows\\Temp\\answer"


class WebHost(DirectHost):
    """Runs modules as the action does for the exchange, and remembers what win_uri was told and what it said."""

    def __init__(self, machine: Machine, collection: Path) -> None:
        super().__init__(machine, collection)
        self.collection = collection
        self.asked: list[Mapping[str, Any]] = []
        self.said: list[dict[str, Any]] = []

    def execute(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module, whatever it ends with."""
        module = name.removeprefix("ansible.windows.")
        self.calls.append(module)
        result = run_module(self.machine, self.collection, module, dict(arguments))
        if module == "win_uri":
            self.asked.append(arguments)
            self.said.append(result)
        return result

    def connector(self, client_cert: str | None = None) -> WinUriConnector:
        """What carries the exchange, with a client certificate where there is one, as in a renewal."""
        connector = WinUriConnector(self.execute, self, lambda: ANSWER)
        if client_cert is not None:
            transport, shown = connector.transport, ClientCertificate(client_cert)
            connector.transport = lambda destination, trust: transport(
                destination.replace(client_certificate=shown), trust
            )
        return connector


def trust(machine: Machine, pem: str) -> None:
    """Put a CA certificate into the machine's store of roots."""
    certificate = load_pem_x509_certificate(pem.encode())
    machine.add_certificate("LocalMachine\\Root", certificate.public_bytes(Encoding.DER))


def enrol_by_win_uri(
    folder: Path,
    template: Template,
    host: WebHost,
    *,
    timeline: Timeline | None = None,
    client_cert: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run a test whose files stay on the controller: those of Windows have tests of their own."""
    files = TestFolder(str(folder / "tests"), template.name, "test")
    connector = host.connector(client_cert)
    return run_test(template, IDENTITY, TestOptions(**options), connector, files, timeline or Timeline())


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A server that does what it should."""
    with LabServer() as server:
        yield server


@pytest.fixture
def web(machine: Machine, real_collection: Path, lab: LabServer) -> WebHost:
    """A Windows host that trusts the lab: all servers of a test process have one CA."""
    trust(machine, lab.ca_pem)
    return WebHost(machine, real_collection)


def test_a_certificate_is_issued_as_from_a_posix_host(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    template = template_for(lab, subject_alternative_name="upn")
    by_win_uri = enrol_by_win_uri(tmp_path, template, web)
    by_host = enrol(tmp_path, template)
    assert (by_win_uri["status"], by_win_uri["exchange"], by_win_uri["lost"]) == ("issued", "uri", [])
    assert set(by_win_uri) == set(by_host)
    assert set(by_win_uri["certificate"]) == set(by_host["certificate"])
    assert [step["stage"] for step in by_win_uri["timeline"]] == [step["stage"] for step in by_host["timeline"]]
    assert by_win_uri["server"] == {**by_host["server"], "tls_version": None}
    assert by_win_uri["warnings"] == [MACHINE_TRUST_WARNING]
    assert web.calls == ["win_certificate_info", "win_uri", "win_uri", "win_uri"]


def test_credentials_go_with_the_enrolment_only(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    before = len(lab.requests)
    enrol_by_win_uri(tmp_path, template_for(lab), web)
    assert [(entry["method"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("GET", False),
        ("GET", False),
        ("POST", True),
    ]
    assert [asked.get("force_basic_auth") for asked in web.asked] == [None, None, True]
    assert {asked["use_proxy"] for asked in web.asked} == {False}
    assert {asked["follow_redirects"] for asked in web.asked} == {"none"}
    assert "estpwd" not in repr(web.said)


# .NET does not tell why it does not trust a certificate, nor which part of the TLS handshake failed.
NO_TRUST = "does not trust the certificate"
OWN_WORDS = {
    "wrong_ca": NO_TRUST,
    "wrong_host_name": NO_TRUST,
    "expired_server": NO_TRUST,
    "not_yet_valid_server": NO_TRUST,
    "no_server_auth": NO_TRUST,
    "req_010_tls_1_1_only": "TLS",
    "plain_http": "TLS handshake",
}
SAME = {name: fault._replace(words=OWN_WORDS.get(name, fault.words)) for name, fault in FAULTS.items()}
# Without a body, .NET tells of this and of an answer that takes too long with the same words.
del SAME["no_handshake"]


@pytest.mark.parametrize("name", SAME)
def test_the_same_fault_is_told_the_same(name: str, web: WebHost, tmp_path: Path) -> None:
    flags, stage, received, status, words = SAME[name]
    limit = patience(flags)
    timeline = Timeline()
    with LabServer(*flags) as lab:
        with pytest.raises(EstError, match=f"(?i){words}") as by_win_uri:
            enrol_by_win_uri(tmp_path, template_for(lab), web, timeline=timeline, timeout=limit)
        with pytest.raises(EstError) as by_host:
            enrol(tmp_path, template_for(lab), timeout=limit, connect_timeout=limit)
    for error in (by_win_uri.value, by_host.value):
        assert (error.stage, error.request_received) == (stage, received)
        assert error.hint
        if status is not None:
            assert error.http_status == status
    assert "estpwd" not in f"{by_win_uri.value.reason} {by_win_uri.value.hint} {by_win_uri.value.server_message}"
    assert by_win_uri.value.server_message == by_host.value.server_message
    last = timeline.as_list()[-1]
    assert (last["stage"], last["ok"]) == (stage, False)
    assert not (tmp_path / "tests" / "wifi" / "test").exists()


def test_a_refused_connection(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(EstError, match="cannot connect") as caught:
            enrol_by_win_uri(tmp_path, template_for(lab, port=free.getsockname()[1]), web)
    assert (caught.value.stage, caught.value.request_received) == ("connect", "not_received")


BEFORE = "Unhandled exception occurred when sending web request. Exception: "
STREAM = BEFORE + 'Exception calling "GetRequestStream" with "0" argument(s): "%s"'
# What win_uri says | the stage that it names, or nothing | whether the enrolment can have arrived.
SAID = {
    f"{BEFORE}The remote name could not be resolved: 'est.example'": ("resolve", "not_received"),
    f"{BEFORE}The proxy name could not be resolved: 'proxy.example'": ("resolve", "not_received"),
    f"{BEFORE}Unable to connect to the remote server": ("connect", "not_received"),
    STREAM % "Unable to connect to the remote server": ("connect", "not_received"),
    STREAM % "The operation has timed out": ("connect", "not_received"),
    f"{BEFORE}The operation has timed out": ("", "unknown"),
    f"{BEFORE}The request was aborted: The operation has timed out.": ("", "unknown"),
    f"{BEFORE}The remote server returned an error: (407) Proxy Authentication Required.": ("connect", "not_received"),
    STREAM % "The underlying connection was closed: An unexpected error occurred on a send.": ("tls", "not_received"),
    f"{BEFORE}The underlying connection was closed: An unexpected error occurred on a send.": ("tls", "unknown"),
    f"{BEFORE}The underlying connection was closed: An unexpected error occurred on a receive.": ("", "unknown"),
    f"{BEFORE}The underlying connection was closed: A connection that was expected to be kept alive was closed by the "
    "server.": ("", "unknown"),
    f"{BEFORE}The request was aborted: Could not create SSL/TLS secure channel.": ("tls", "not_received"),
    "Unhandled exception while executing module: Client certificate 'Cert:\\LocalMachine\\My\\00' does not exist": (
        "tls",
        "not_received",
    ),
    # Windows in German: the name of the method is the same.
    'Ausnahme: Ausnahme beim Aufrufen von "GetRequestStream" mit 0 Argument(en): "Die Verbindung wurde getrennt"': (
        "",
        "not_received",
    ),
    f"{BEFORE}Die Verbindung mit dem Remoteserver kann nicht hergestellt werden.": ("", "unknown"),
    "": ("", "unknown"),
}


def scripted(*results: dict[str, Any], **options: Any) -> tuple[list[Mapping[str, Any]], WinUriTransport]:
    """A transport over a module that says what it is told to say."""
    asked: list[Mapping[str, Any]] = []
    script = list(results)

    def execute(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert name == "ansible.windows.win_uri"
        asked.append(arguments)
        return script.pop(0)

    return asked, WinUriTransport(
        execute, lambda _path: b"\xff from the file", lambda: ANSWER, trust="explicit", **options
    )


def test_an_answer_that_has_the_password_in_it_by_chance_is_taken_from_its_file() -> None:
    asked, line = scripted({"status_code": 200, "content": "TUlJ********"}, credentials=Credentials("me", "Qk"))
    answer = line.request("POST", "https://x/", {}, b"body", authenticate=True)
    assert answer.body == b"\xff from the file"
    assert len(asked) == 1
    # Without a password, the stars are the server's own.
    asked, line = scripted({"status_code": 200, "content": "********"})
    assert line.request("GET", "https://x/", {}).body == b"********"


@pytest.mark.parametrize("said", SAID)
def test_what_dot_net_says_is_understood_or_left_open(said: str) -> None:
    stage, received = SAID[said]
    _asked, line = scripted({"failed": True, "msg": said, "elapsed": 0.1, "url": "https://x/"})
    with pytest.raises(EstError) as caught:
        line.request("POST", "https://x/", {}, b"body")
    assert (caught.value.stage, caught.value.request_received) == (stage or "input", received)
    assert caught.value.hint
    assert "Unhandled" not in caught.value.reason or said.startswith("Unhandled exception while")


def test_every_known_failure_has_a_text_that_is_tried() -> None:
    other = ["Could not establish trust relationship", "HTTP 200: x", "committed a protocol violation"]
    for failure in FAILURES:
        assert any(re.search(failure.pattern, said, re.IGNORECASE) for said in [*SAID, *other]), failure.pattern


def test_an_answer_that_is_not_text_is_taken_from_its_file_and_an_enrolment_is_sent_once() -> None:
    lossy = {"status_code": 200, "content": "\ufffd from the file", "content_length": "14"}
    asked, line = scripted(lossy)
    assert line.request("POST", "https://x/", {}, b"body").body == b"\xff from the file"
    assert [entry["dest"] for entry in asked] == [ANSWER]
    asked, line = scripted(lossy, lossy)
    assert line.request("GET", "https://x/", {}).body == b"\xff from the file"
    assert ["dest" in entry for entry in asked] == [False, True]
    asked, line = scripted({"status_code": 200, "content": "text"})
    assert line.request("GET", "https://x/", {}).body == b"text"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("challenge", "requests"),
    [
        ('Digest realm="r", nonce="n"', 2),
        ('Basic realm="r", Digest realm="r", nonce="n", algorithm=md5', 2),
        ('Digest realm="r", nonce="n", algorithm=SHA-256', 1),
        # Windows would answer with the account that Ansible has there.
        ('NTLM, Digest realm="r", nonce="n"', 1),
        ('Negotiate, Digest realm="r", nonce="n"', 1),
        ('Basic realm="r"', 1),
    ],
)
def test_only_a_challenge_that_can_be_answered_costs_a_second_request(challenge: str | None, requests: int) -> None:
    first = {"status_code": 401, "www_authenticate": challenge, "content": ""}
    asked, line = scripted(first, {"status_code": 200, "content": ""}, credentials=Credentials("u", "p"))
    line.request("POST", "https://x/", {}, b"body", authenticate=True)
    assert [arguments["force_basic_auth"] for arguments in asked] == [True, False][:requests]


def test_a_server_that_says_nothing_to_basic_is_asked_with_nothing_what_it_offers() -> None:
    silent = {"status_code": 401, "content": ""}
    digest = {"status_code": 401, "www_authenticate": 'Digest realm="r", nonce="n"', "content": ""}
    asked, line = scripted(silent, digest, {"status_code": 200, "content": ""}, credentials=Credentials("u", "p"))
    assert line.request("POST", "https://x/", {}, b"body", authenticate=True).status == 200
    assert [(each.get("force_basic_auth"), each["body"]) for each in asked] == [
        (True, "body"),
        (None, ""),
        (False, "body"),
    ]
    assert not {"url_password", "dest"} & set(asked[1])


@pytest.mark.parametrize("key", ["retry_after", "retryafter"])
def test_a_header_is_found_whatever_its_case_was(key: str) -> None:
    _asked, line = scripted({"status_code": 202, "content": "", key: "7", "content_length": -1})
    headers = line.request("GET", "https://x/", {}).headers
    assert (headers["retry-after"], headers["content-length"]) == ("7", "-1")


def test_a_proxy_that_answers_itself_is_not_the_server() -> None:
    for result in ({"status_code": 407, "method": "POST"}, {"status_code": 503, "method": "CONNECT"}):
        _asked, line = scripted({**result, "content": "no", "msg": "No"})
        with pytest.raises(EstError, match="proxy refused") as caught:
            line.request("POST", "https://x/", {}, b"body")
        assert (caught.value.stage, caught.value.request_received) == ("connect", "not_received")


def test_req_056_another_origin_gets_nothing_secret() -> None:
    answer = {"status_code": 200, "content": ""}
    asked, line = scripted(
        answer, answer, credentials=Credentials("u", "p"), client_cert="Cert:\\x", proxy="http://p.example:1", timeout=7
    )
    line.for_origin(EstUrl.build("other")).request("GET", "https://other/", {}, authenticate=True)
    assert not {"client_cert", "url_username", "url_password"} & set(asked[0])
    assert (asked[0]["proxy_url"], asked[0]["url_timeout"], asked[0]["validate_certs"]) == (
        "http://p.example:1",
        7,
        True,
    )
    allowed = line.for_origin(EstUrl.build("other"), with_credentials=True)
    allowed.request("GET", "https://other/", {}, authenticate=True)
    assert (asked[1]["client_cert"], asked[1]["url_password"]) == ("Cert:\\x", "p")


def test_a_wrong_password(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    with pytest.raises(EstError, match="user name or the password") as caught:
        enrol_by_win_uri(tmp_path, template_for(lab, password="canary-77"), web)
    error = caught.value
    assert (error.stage, error.request_received, error.http_status) == ("enroll", "received", 401)
    assert error.server_message
    assert "canary" not in f"{error.reason} {error.hint} {error.server_message}{web.said!r}"


@pytest.mark.parametrize("flags", [*ANSWERS, ["--authentication", "digest"]])
def test_every_shape_of_an_answer_is_read(flags: list[str], web: WebHost, tmp_path: Path) -> None:
    with LabServer(*flags) as server:
        assert enrol_by_win_uri(tmp_path, template_for(server), web)["status"] == "issued"
        # With Basic, without anything, which is how Windows gets the challenge, and with Digest.
        assert len(server.enrolments) == (3 if "digest" in flags else 1)


def test_basic_alone_does_not_answer_digest(web: WebHost, tmp_path: Path) -> None:
    with LabServer("--authentication", "digest") as server:
        with pytest.raises(EstError, match="HTTP 401"):
            enrol_by_win_uri(tmp_path, template_for(server), web, http_authentication="basic")
        assert len(server.enrolments) == 1


def test_check_mode_asks_for_no_certificate(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    before = len(lab.requests)
    assert enrol_by_win_uri(tmp_path, template_for(lab), web, check=True)["status"] == "not_asked"
    assert [entry["operation"] for entry in lab.requests[before:]] == ["cacerts", "csrattrs"]
    assert not any("dest" in asked for asked in web.asked)


def test_req_014_anchors_that_the_host_does_not_have_are_refused_and_named(
    lab: LabServer, web: WebHost, tmp_path: Path
) -> None:
    timeline = Timeline()
    before = len(lab.requests)
    with LabServer("--key-type", "rsa") as other, pytest.raises(EstError) as caught:
        both = lab.ca_pem + other.ca_pem
        enrol_by_win_uri(tmp_path, template_for(lab, ca_certificate=both), web, timeline=timeline)
    error = caught.value
    assert (error.stage, error.request_received) == ("tls", "not_received")
    assert re.search(
        "does not trust the CA certificate /CN=.* of the template \\(SHA-256 [0-9A-F:]{95}\\)", error.reason
    )
    assert "win_certificate_store" in error.hint
    assert [(step["stage"], step["ok"]) for step in timeline.as_list()] == [("tls", False)]
    assert len(lab.requests) == before
    assert web.calls == ["win_certificate_info"]


def test_req_014_what_the_server_answers_is_checked_against_the_anchors_of_the_template_alone(
    lab: LabServer, web: WebHost, tmp_path: Path
) -> None:
    # The host trusts both CAs, so the connection comes about.
    with LabServer("--key-type", "rsa") as other:
        trust(web.machine, other.ca_pem)
        with pytest.raises(EstError) as caught:
            enrol_by_win_uri(tmp_path, template_for(lab, ca_certificate=other.ca_pem), web)
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")


def test_the_host_is_trusted_where_asked_for(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    outcome = enrol_by_win_uri(tmp_path, template_for(lab, ca_certificate=None, use_system_trust=True), web)
    assert (outcome["status"], outcome["server"]["trust"]) == ("issued", "system")
    assert "win_certificate_info" not in web.calls
    assert any("RFC 7030 section 6" in warning for warning in outcome["warnings"])
    assert MACHINE_TRUST_WARNING not in outcome["warnings"]


def test_anchors_can_be_in_a_file_of_the_host(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    path = "C:\\ProgramData\\ca.pem"
    web.put(path, lab.ca_pem.encode())
    template = template_for(lab, ca_certificate=None, ca_path=path)
    assert enrol_by_win_uri(tmp_path, template, web)["status"] == "issued"
    with pytest.raises(InputError, match=r"cannot be read on the host.*is not found"):
        enrol_by_win_uri(tmp_path, template_for(lab, ca_certificate=None, ca_path=path + "x"), web)


REFUSED: dict[str, dict[str, Any]] = {
    "client_certificate_path of the template": {"client_certificate_path": "C:\\c.pem", "client_key_path": "C:\\k.pem"},
    "proxy of the template": {"proxy": "http://proxy.example:3128"},
    "proof_of_possession of the template": {"proof_of_possession": "always"},
    "challenge_password of the template": {"challenge_password": "canary-79"},
    "username of the template": {"username": "", "password": "canary-79"},
    "the account of the template": {"password": "canary-79-\u00e4"},
    "the template has only ca_fingerprint": {"ca_certificate": None, "ca_fingerprint": f"sha256:{'0' * 64}"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_module_cannot_do_is_refused_before_anything_is_sent(
    what: str, lab: LabServer, web: WebHost, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"^{what}.*exchange=uri") as caught:
        enrol_by_win_uri(tmp_path, template_for(lab, **REFUSED[what]), web)
    assert web.calls == []
    assert "exchange=controller" in caught.value.hint
    assert "canary" not in f"{caught.value.reason}{caught.value.hint}"


def test_digest_alone_is_refused_before_anything_is_sent(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="http_authentication=digest cannot be used with exchange=uri"):
        enrol_by_win_uri(tmp_path, template_for(lab), web, http_authentication="digest")
    assert web.calls == []


def test_a_body_that_is_cut_off_is_told_whatever_its_framing_was(web: WebHost, tmp_path: Path) -> None:
    for flags in (["--transfer", "content-length"], ["--transfer", "chunked"]):
        with LabServer("--fault", "simpleenroll:truncated", *flags) as server:
            with pytest.raises(EstError, match="cut off") as caught:
                enrol_by_win_uri(tmp_path, template_for(server), web)
            assert (caught.value.stage, caught.value.request_received) == ("enroll", "received")
            assert len(server.enrolments) == 1


class Proxy:
    """An HTTP proxy that makes tunnels to one port of this machine, whatever the name; or refuses."""

    def __init__(self, port: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self.asked: list[str] = []
        self._port = port
        self._answer = answer

    def __enter__(self) -> Proxy:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                client, _address = self._socket.accept()
            except TimeoutError:
                continue
            with client, socket.create_connection(("127.0.0.1", self._port)) as server:
                client.settimeout(5)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += client.recv(1)
                self.asked.append(head.split(b"\r\n")[0].decode())
                client.sendall(self._answer)
                if b" 200 " in self._answer:
                    _carry(client, server)


def _carry(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _writing, _failed = select.select([one, other], [], [], 5)
        for end in ready:
            octets = end.recv(65536)
            if not octets:
                return
            (other if end is one else one).sendall(octets)
        if not ready:
            return


def test_the_proxy_of_the_template_is_used(web: WebHost, tmp_path: Path) -> None:
    with LabServer("--host-name", "est.example.com") as server, Proxy(server.port) as proxy:
        template = template_for(server, server="est.example.com", proxy=proxy.url)
        assert enrol_by_win_uri(tmp_path, template, web)["status"] == "issued"
        assert proxy.asked == [f"CONNECT est.example.com:{server.port} HTTP/1.1"] * 3


def test_a_proxy_that_refuses_is_told(lab: LabServer, web: WebHost, tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with Proxy(lab.port, refusal) as proxy:
        template = template_for(lab, server="est.example.com", proxy=proxy.url)
        with pytest.raises(EstError, match=r"proxy refused.*407") as caught:
            enrol_by_win_uri(tmp_path, template, web)
    assert (caught.value.stage, caught.value.request_received) == ("connect", "not_received")


def test_a_client_certificate_of_the_machines_store_is_shown(web: WebHost, tmp_path: Path) -> None:
    with LabServer("--client-certificates", "required") as server:
        issued = server.issue()
        key = issued.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        web.machine.add_certificate("LocalMachine\\My", issued.certificate.public_bytes(Encoding.DER), key=key)
        template = template_for(server)
        (held,) = web.machine.certificates("LocalMachine\\My")
        client_cert = f"Cert:\\LocalMachine\\My\\{held.thumbprint}"
        assert enrol_by_win_uri(tmp_path, template, web, client_cert=client_cert)["status"] == "issued"
        with pytest.raises(EstError) as caught:
            enrol_by_win_uri(tmp_path, template, web)
        assert caught.value.request_received == "not_received"
        with pytest.raises(EstError, match="client certificate cannot be used") as caught:
            enrol_by_win_uri(tmp_path, template, web, client_cert="Cert:\\LocalMachine\\My\\00")
        assert (caught.value.stage, caught.value.request_received) == ("tls", "not_received")


def test_a_handshake_that_never_ends_is_told_as_far_as_it_is_known(web: WebHost, tmp_path: Path) -> None:
    with LabServer("--fault", "no-handshake") as server, pytest.raises(EstError, match="in time") as caught:
        enrol_by_win_uri(tmp_path, template_for(server), web, timeout=1)
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")


def test_a_file_that_could_not_be_written_matters_only_where_it_is_needed() -> None:
    failed = {"failed": True, "msg": f'{BEFORE}Exception calling "Create" with "1" argument(s): "no space"'}
    _asked, line = scripted({**failed, "status_code": 200, "content": "text"})
    assert line.request("POST", "https://x/", {}, b"body").body == b"text"

    # Here it is needed, and what the file holds is of an earlier answer.
    _asked, line = scripted({**failed, "status_code": 200, "content": "\ufffd"})
    with pytest.raises(EstError, match=r"is not text.*no space") as caught:
        line.request("POST", "https://x/", {}, b"body")
    assert caught.value.request_received == "received"

    def fetch(path: str) -> bytes:
        raise Refused(f"{path} does not exist")

    result = {"status_code": 200, "content": "\ufffd"}
    line = WinUriTransport(lambda _name, _arguments: result, fetch, lambda: ANSWER, trust="explicit")
    with pytest.raises(EstError, match=r"is not text.*answer does not exist"):
        line.request("POST", "https://x/", {}, b"body")
