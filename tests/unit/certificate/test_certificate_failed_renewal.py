# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A renewal that the server refuses: what is enrolled anew where the user chose so, and what fails in any case."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import threading
from pathlib import Path

import pytest
from support.lab import LabServer
from support.production import keep, make_due, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failures import REFUSING_ALERTS

ENROLL = {"force": True, "on_failed_renewal": "enroll"}
#: RFC 8446 section 6, RFC 5246 section 7.2.2, RFC 6066 section 9.
NUMBERS = {
    "handshake_failure": 40,
    "no_certificate": 41,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decrypt_error": 51,
    "insufficient_security": 71,
    "internal_error": 80,
    "no_renegotiation": 100,
    "certificate_unobtainable": 111,
    "bad_certificate_status_response": 113,
    "bad_certificate_hash_value": 114,
    "certificate_required": 116,
}


def documented(begin: str) -> dict[str, bool]:
    """Read the table of docs/certificates.md: what a renewal meets, and whether ``enroll`` enrols after it.

    :param begin: how the rows begin that are meant.
    """
    page = (Path(__file__).resolve().parents[3] / "docs" / "certificates.md").read_text(encoding="utf-8")
    rows = page.partition("| what the renewal meets | `fail` | `enroll` |")[2].partition("\n\n")[0].splitlines()[2:]
    found: dict[str, bool] = {}
    for row in rows:
        what, fail, enroll = (cell.strip() for cell in row.strip("|").split(" | "))
        assert fail == "fails" and enroll.partition(":")[0] in ("fails", "enrols")
        if what.startswith(begin) or (begin == "the TLS alert" and what.startswith("any other TLS alert")):
            found.update(dict.fromkeys(re.findall("`([a-z_0-9]+)`", what), enroll == "enrols"))
    return found


ALERTS, STATUSES = documented("the TLS alert"), documented("HTTP")


def test_the_table_has_every_alert_that_refuses_a_certificate():
    assert {alert for alert, helps in ALERTS.items() if helps} == set(REFUSING_ALERTS)
    assert set(ALERTS) == set(NUMBERS)
    assert {"400", "401", "403", "404", "429", "500", "502", "503", "504"} <= set(STATUSES)


class Relay:
    """Passes connections on to a server, but answers the next one with a TLS alert where one is set."""

    def __init__(self, port):
        self._target = port
        self.alert = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._socket.accept()
                alert, self.alert = self.alert, None
                if alert is None:
                    threading.Thread(target=self._carry, args=(connection,), daemon=True).start()
                    continue
                with connection:
                    connection.recv(65536)
                    connection.sendall(bytes((21, 3, 3, 0, 2, 2, alert)))
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)

    def _carry(self, connection):
        with connection, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=self._pass_on, args=(server, connection))
            back.start()
            self._pass_on(connection, server)
            back.join()

    @staticmethod
    def _pass_on(source, target):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture(scope="module")
def relay(lab):
    with contextlib.closing(Relay(lab.port)) as relay:
        yield relay


def pair(folder):
    return (folder / "host.pem").read_bytes(), (folder / "host.key").read_bytes()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_a_refusal_unless_it_says_revoked_or_nothing_of_the_certificate(lab, relay, tmp_path, alert):
    number, helps = NUMBERS[alert], ALERTS[alert]
    template = template_for(lab, port=relay.port)
    keep(tmp_path, template)
    before = pair(tmp_path)
    relay.alert = number
    with pytest.raises(TransportError) as caught:
        keep(tmp_path, template, force=True)
    assert (caught.value.alert, caught.value.stage) == (alert, "tls")
    assert ("Set on_failed_renewal to enroll" in hint_of(caught.value)) == helps
    assert pair(tmp_path) == before, "that is the default"
    relay.alert = number
    if helps:
        healed = keep(tmp_path, template, **ENROLL)
        assert (healed["status"], healed["action"]) == ("issued", "enrolled")
        assert healed["server"]["authenticated_by"] == ["basic"]
        assert "enrolled anew, because the old one was refused" in healed["warnings"][-1]
        assert keep(tmp_path, template)["status"] == "unchanged"
    else:
        with pytest.raises(TransportError) as caught:
            keep(tmp_path, template, **ENROLL)
        assert ("was revoked is not replaced" in hint_of(caught.value)) == (alert == "certificate_revoked")
        assert pair(tmp_path) == before


@pytest.mark.parametrize(
    ("fault", "helps"),
    [
        *((f"http-{status}", helps) for status, helps in STATUSES.items()),
        ("reset-before-answer", False),
        ("close-after-request", False),
    ],
)
def test_a_status_is_a_refusal_where_it_is_about_the_request_and_not_about_a_moment(tmp_path, fault, helps):
    with LabServer("--fault", f"simplereenroll:{fault}") as server:
        template = template_for(server)
        keep(tmp_path, template)
        before = pair(tmp_path)
        with pytest.raises(EstError) as caught:
            keep(tmp_path, template, force=True)
        assert ("Set on_failed_renewal to enroll" in hint_of(caught.value)) == helps
        assert pair(tmp_path) == before, "that is the default"
        if helps:
            assert keep(tmp_path, template, **ENROLL)["action"] == "enrolled"
            return
        with pytest.raises(EstError) as caught:
            keep(tmp_path, template, **ENROLL)
        assert "on_failed_renewal" not in hint_of(caught.value)
        assert pair(tmp_path) == before


def test_a_server_that_cannot_be_reached_refuses_nothing(tmp_path):
    with LabServer() as server:
        template = template_for(server)
        keep(tmp_path, template)
    with pytest.raises(EstError, match="connection refused"):
        keep(tmp_path, template, **ENROLL)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_after_a_change_of_the_ca_a_host_gets_a_certificate_of_the_new_one(tmp_path, version):
    with LabServer() as server:
        keep(tmp_path, template_for(server))
        port = str(server.port)
    with LabServer("--port", port, "--tls-max", version, state=str(tmp_path / "new")) as server:
        template = template_for(server)
        with pytest.raises(EstError, match=r"refused the TLS client certificate.*unknown ca") as caught:
            keep(tmp_path, template, force=True)
        assert caught.value.code == "old_certificate_refused"
        assert "client_certificate_path" not in hint_of(caught.value), "it is the old certificate that was shown"
        healed = keep(tmp_path, template, **ENROLL)
        assert healed["action"] == "enrolled"
        assert keep(tmp_path, template, force=True)["action"] == "rekeyed"


def test_a_key_that_the_server_asked_for_and_its_own_tls_refuses(tmp_path, monkeypatch):
    """libest asks for P-384 in its CSR attributes, and its TLS takes no P-384 client certificate."""
    from est_lab_server.http import server as lab_http

    usual = lab_http.server_context

    def narrow(*arguments):
        made = usual(*arguments)
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ecdh_curve("prime256v1")
        return made

    monkeypatch.setattr(lab_http, "server_context", narrow)
    with LabServer("--csrattrs", "ec-p384") as server:
        template = template_for(server, key_type="rsa")
        keep(tmp_path, template)
        with pytest.raises(TransportError, match=r"client certificate /CN=jdoe.*\(key EC P-384\)") as caught:
            keep(tmp_path, template, force=True)
        files = f"-cert {tmp_path / 'host.pem'} -key {tmp_path / 'host.key'}"
        assert f"openssl s_client -connect localhost:{server.port} {files}" in hint_of(caught.value)
        assert (caught.value.code, caught.value.alert) == ("old_certificate_refused", "illegal_parameter")
        healed = keep(tmp_path, template, **ENROLL)
        assert healed["action"] == "enrolled"
        assert "key EC P-384" in healed["warnings"][-1]


def test_what_enrols_anew_is_whatever_the_template_has(tmp_path):
    """A template without an account: its TLS client certificate gets the new one."""
    with LabServer("--credentials", "certificate", "--reenroll-credentials", "password") as server:
        other = server.issue("gateway")
        account = {"username": None, "password": None}
        template = template_for(
            server, **account, client_certificate_path=other.chain_path, client_key_path=other.key_path
        )
        for days in ((-100, -1), (-1, 100)):
            put(tmp_path, server.issue(subject=subject(), days=days))
            healed = keep(tmp_path, template, **ENROLL)
            assert healed["action"] == "enrolled"
            assert healed["server"]["authenticated_by"] == ["client_certificate"]
            assert server.requests[-1]["client_certificate_subject"] == "CN=gateway"


def test_both_refusals_are_told_where_enrolling_anew_fails_too(lab, relay, tmp_path):
    template = template_for(lab, port=relay.port)
    keep(tmp_path, template)
    relay.alert = NUMBERS["unknown_ca"]
    with pytest.raises(EstError, match="HTTP 401") as caught:
        keep(tmp_path, template.replace(password="wrong"), **ENROLL)
    assert "in place of a renewal, which had failed: " in hint_of(caught.value)
    assert "unknown ca" in hint_of(caught.value)


def test_an_enrolment_in_place_of_a_renewal_that_waits_for_approval_is_gone_on_with(tmp_path):
    faults = ("--fault", "simplereenroll:http-403")
    with LabServer("--manual-approval", "1", "--retry-after", "600", *faults) as server:
        template = template_for(server)
        put(tmp_path, server.issue(subject=subject(), days=(-1, 100)))
        assert keep(tmp_path, template, **ENROLL)["status"] == "pending"
        asked = len(server.log)
        assert keep(tmp_path, template, **ENROLL)["status"] == "pending"
        assert len(server.log) == asked, "not asked before its time, by a renewal neither"
        make_due(tmp_path / ".host.key.est-pending")
        assert keep(tmp_path, template, **ENROLL)["action"] == "enrolled"
        assert not [name for name in os.listdir(tmp_path) if "pending" in name]
