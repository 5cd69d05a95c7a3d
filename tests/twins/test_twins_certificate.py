# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_certificate with the real ``win_est_key`` in Wine and the real lab server: key and certificate are the host's.

The requests leave from here: how a host carries them is shown by the twins of the relay. Under Linux there are no such
stores at all; ``tests/unit/host`` has the rest, with a stand-in.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from support.enrolment import template_for
from support.lab import LabServer
from support.production import IDENTITY, given
from twins.twin import PLUGINS, Twin, Twins

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import read_options
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import ControllerConnector

MODULE = PLUGINS / "modules" / "est_key.py"
OTHER = {**IDENTITY, "user": "other"}
shown_by_wine = pytest.mark.cannot_show(pwsh="Linux has no key store and no certificate store of a machine")


class Host:
    """What of an action there is to be, with a twin as its host."""

    on_windows = True

    def __init__(self, twins: Twins, twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
        self._twins = twins
        self.twin = twin
        self.calls: list[str] = []
        self.name = f"portal-{secrets.token_hex(4)}"

        def connect(_action: Any, _exchange: str) -> ControllerConnector:
            return ControllerConnector(lambda _name, _arguments: {"failed": True}, self.private_module)

        monkeypatch.setattr(certificate, "_connector", connect)

    def private_module(self, name: str) -> str:
        return f"estfleet.cloud_extender.win_{name}"

    def execute_anyway(self, name: str, arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments.get("operation", "restart"))
        module = PLUGINS / "modules" / f"{name.rpartition('.win_')[2]}.py"
        return self._twins.in_folder(self.twin.kind, module, self.twin.folder).run(dict(arguments))

    def run(self, lab: LabServer, *, check: bool = False, **options: Any) -> dict[str, Any]:
        template = template_for(lab, key_type="rsa")
        asked = {
            "inline": {**template.as_fields(), **template.secrets()},
            "identity": IDENTITY,
            "store_path": self.twin.path(self.twin.folder / "store"),
            "certificate_name": self.name,
            "key_provider": "csp",
            "exchange": "controller",
            **options,
        }
        self.calls.clear()
        read = read_options(given(**asked), check_mode=check, windows=True)
        return certificate.keep_certificates(self, [read], "controller")[0]  # type: ignore[arg-type]

    def notes(self) -> list[Path]:
        return [path for path in (self.twin.folder / "store").iterdir() if path.name != ".est.lock"]


@pytest.fixture
def host(twins: Twins, twin: Twin, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(twins, twin, monkeypatch)


@shown_by_wine
def test_a_certificate_is_enrolled_found_again_and_replaced(host: Host) -> None:
    with LabServer() as lab:
        checked = host.run(lab, check=True)
        assert (checked["status"], host.calls) == ("not_asked", ["look"])
        first = host.run(lab)
        assert not first.get("failed"), first
        assert (first["status"], host.calls) == ("issued", ["look", "make", "sign", "join"])
        again = host.run(lab)
        assert (again["status"], again["changed"], host.calls) == ("unchanged", False, ["look"])
        other = host.run(lab, identity=OTHER)
        assert (other["status"], other["replaced"]) == ("issued", [first["certificate"]["thumbprint"]])
        assert host.run(lab, identity=OTHER)["status"] == "unchanged"
    assert host.notes() == []
    # The key of the certificate signs, as for any program of Windows.
    octets = secrets.token_bytes(100)
    script = """param($thumbprint, $data)
$store = [Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
$store.Open('ReadOnly')
$found = $store.Certificates | Where-Object Thumbprint -eq $thumbprint
$key = [Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($found)
[Convert]::ToBase64String($key.SignData([Convert]::FromBase64String($data), 'SHA256', 'Pkcs1'))
"""
    script = script.replace("'Pkcs1'", "[Security.Cryptography.RSASignaturePadding]::Pkcs1")
    said = host.twin.script(script, other["certificate"]["thumbprint"], base64.b64encode(octets).decode())
    public_key: Any = x509.load_pem_x509_certificate(other["certificate"]["pem"].encode()).public_key()
    public_key.verify(base64.b64decode(said.strip()), octets, padding.PKCS1v15(), hashes.SHA256())


@shown_by_wine
def test_what_the_ca_must_approve_goes_on_with_its_key(host: Host) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        pending = host.run(lab)
        assert (pending["status"], host.calls) == ("pending", ["look", "make", "sign", "note"])
        assert {path.suffix for path in host.notes()} == {".key", ".pending"}
        assert not any(b"PRIVATE KEY" in path.read_bytes() for path in host.notes())
        issued = host.run(lab, wait_timeout=60)
        assert (issued["status"], host.calls) == ("issued", ["look", "join"]), issued
        bodies = [entry for entry in lab.requests if entry["path"].endswith("/simpleenroll")]
        assert len(bodies) == 2
        assert host.run(lab)["status"] == "unchanged"
    assert host.notes() == []


@shown_by_wine
def test_what_was_refused_is_noted_and_not_asked_for_again(host: Host) -> None:
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as lab:
        refused = host.run(lab)
        assert (refused["failed"], refused["stage"]) == (True, "verify")
        assert ".unusable, without its key" in refused["hint"]
        requests = len(lab.log)
        again = host.run(lab)
        assert (again["error_code"], again["reason"]) == ("refused_before", refused["reason"])
        assert (len(lab.log), host.calls) == (requests, ["look"])
    (unusable,) = [path for path in host.notes() if path.suffix == ".unusable"]
    assert x509.load_pem_x509_certificate(unusable.read_bytes()).public_bytes(serialization.Encoding.PEM)


@shown_by_wine
def test_a_service_is_told_of_a_new_certificate(host: Host) -> None:
    """No service of Wine runs that may be stopped: what a restart does is shown by the cases of its module."""
    with LabServer() as lab:
        unknown = host.run(lab, reload=["nginx"])
        assert (unknown["error_code"], unknown["request_received"], host.calls) == (
            "unknown_service",
            "not_received",
            ["look"],
        )
        assert not lab.requests
        first = host.run(lab, reload=["Spooler"])
        assert (first["status"], first["reloaded"]) == ("issued", ["Spooler"]), first
        assert host.calls == ["look", "make", "sign", "join", "restart"]
        again = host.run(lab, reload=["Spooler"])
        assert (again["status"], again["reloaded"], host.calls) == ("unchanged", [], ["look"])
    assert host.notes() == []
