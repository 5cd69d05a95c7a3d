# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA certificates of templates in the stores of a Windows host."""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from windows.conftest import STORE, Play
from windows.direct import DirectHost
from windows.machine import ADMINISTRATORS, SYSTEM, Machine

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.pem import pem_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cms import parse_certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.host import add_authorities, combine
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.certificate_authorities import (
    keep_authorities,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.certificates import pkcs7

ROOT, CA = "LocalMachine\\Root", "LocalMachine\\CA"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def authority(name: str, issuer: str) -> Certificate:
    """A CA certificate, signed by whatever key."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return Certificate(made.public_bytes(serialization.Encoding.DER))


def pem(*certificates: Certificate) -> str:
    """The certificates as PEM text."""
    return "".join(pem_text(cert.der) for cert in certificates)


def der(certificate: Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.der


ONE, TWO = authority("Root One", "Root One"), authority("Root Two", "Root Two")
MIDDLE = authority("Issuing", "Root One")


def keep(host: DirectHost, *templates: dict[str, Any], write: bool = True) -> dict[str, Any]:
    """Keep the CA certificates of templates."""
    return keep_authorities(host, templates, STORE, write=write)


def held(machine: Machine, store: str) -> set[bytes]:
    """What is in a store."""
    return {entry.der for entry in machine.certificates(store)}


def test_each_certificate_goes_where_windows_looks_for_it_and_once(machine: Machine, host: DirectHost) -> None:
    templates = [{"name": "a", "ca_certificate": pem(ONE, MIDDLE)}, {"name": "b", "ca_certificate": pem(TWO, ONE)}]
    told = keep(host, *templates, write=False)
    assert told["changed"]
    assert host.calls == ["win_certificate_info", "win_certificate_info"]
    assert held(machine, ROOT) == held(machine, CA) == set()
    assert all("is missing in LocalMachine" in words for words in told["problems"])
    done = keep(host, *templates)
    assert held(machine, ROOT) == {der(ONE), der(TWO)}
    assert held(machine, CA) == {der(MIDDLE)}
    assert [(entry["subject"], entry["store"], entry["action"]) for entry in done["certificate_authorities"]] == [
        ("/CN=Root One", ROOT, "installed"),
        ("/CN=Root Two", ROOT, "installed"),
        ("/CN=Issuing", CA, "installed"),
    ]
    assert done["diff"]["before"] == ""
    assert done["diff"]["after"].count("SHA-256") == 3
    host.calls.clear()
    again = keep(host, *templates)
    assert not again["changed"]
    assert {entry["action"] for entry in again["certificate_authorities"]} == {"unchanged"}
    assert "diff" not in again
    assert host.calls == ["win_certificate_info", "win_certificate_info"]


def test_the_files_lie_where_nobody_else_may_lay_one_and_are_removed(machine: Machine, host: DirectHost) -> None:
    seen = []
    host.meanwhile["win_certificate_store"] = lambda: seen.extend(machine.real(STORE).iterdir())
    keep(host, {"name": "a", "ca_certificate": pem(ONE)})
    assert [path.name for path in seen] == ["certificates-Root.p7b"]
    assert machine.who_may(STORE) == {SYSTEM, ADMINISTRATORS}
    assert list(machine.real(STORE).iterdir()) == []


def test_a_failure_leaves_no_file_either(machine: Machine, host: DirectHost) -> None:
    keep(host, {"name": "a", "ca_certificate": pem(ONE)})
    whole = machine.moments
    for moment in range(1, 2 * whole):
        machine.remove_certificate(ROOT, machine.certificates(ROOT)[0].thumbprint) if held(machine, ROOT) else None
        machine.moments, machine.fail_at = 0, moment
        try:
            keep(host, {"name": "a", "ca_certificate": pem(ONE)})
        except StoreError as error:
            assert "There is not enough space on the disk." in str(error)
            left = list(machine.real(STORE).iterdir()) if machine.real(STORE).exists() else []
            assert left == [] or "is left behind, remove it" in str(error)
    machine.fail_at = None
    keep(host, {"name": "a", "ca_certificate": pem(ONE)})
    assert held(machine, ROOT) == {der(ONE)}
    assert list(machine.real(STORE).iterdir()) == []


def test_a_file_of_the_host_counts_as_well(machine: Machine, host: DirectHost) -> None:
    machine.write("C:\\ca.pem", pem(ONE, TWO).replace("\n", "\r\n").encode())
    keep(host, {"name": "a", "ca_path": "C:\\ca.pem"}, {"name": "b"})
    assert held(machine, ROOT) == {der(ONE), der(TWO)}
    with pytest.raises(StoreError, match=r"template 'x': ca_path .* cannot be read on the host: .* is not found"):
        keep(host, {"name": "x", "ca_path": "C:\\no.pem"})
    machine.write("C:\\ca.pem", b"\xff\xfe")
    with pytest.raises(StoreError, match=r"template 'x': ca_path .* cannot be used: .* no PEM certificate"):
        keep(host, {"name": "x", "ca_path": "C:\\ca.pem"})


def test_why_it_failed_is_told_though_the_file_is_left_behind_too(machine: Machine, host: DirectHost) -> None:
    machine.has(broken={"win_certificate_store": "access is denied", "win_file absent": "in use"})
    with pytest.raises(StoreError, match=r"access is denied; and .*\.p7b is left behind, remove it: in use"):
        keep(host, {"name": "a", "ca_certificate": pem(ONE)})


def test_an_empty_file_is_no_ca_certificate(machine: Machine, host: DirectHost) -> None:
    machine.write("C:\\ca.pem", b"")
    with pytest.raises(StoreError, match=r"template 'x': ca_path .* cannot be used: .* no PEM certificate"):
        keep(host, {"name": "x", "ca_path": "C:\\ca.pem"})


def test_a_controller_without_cryptography_is_told_so(host: DirectHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StoreError, match=r"template 'a': .* the Python library cryptography is not usable"):
        keep(host, {"name": "a", "ca_certificate": pem(ONE)})
    assert host.calls == []


def test_no_certificate_is_no_call(host: DirectHost) -> None:
    assert keep(host, {"name": "a", "use_system_trust": True})["certificate_authorities"] == []
    assert host.calls == []


def test_the_file_is_one_that_others_read_too() -> None:
    assert set(parse_certs_only(pkcs7([der(ONE), der(MIDDLE)])).certificates) == {der(ONE), der(MIDDLE)}


def test_the_role_installs_only_when_asked_and_tells_it(newest_play: Play) -> None:
    template = {"name": "Wi-Fi", "server": "est.example", "ca_certificate": pem(ONE)}
    report = newest_play.folder / "fleet"
    role = {"ansible.builtin.include_role": {"name": "estfleet.cloud_extender.est_integration"}}
    known = {
        "est_integration_templates": [template],
        "est_integration_report_dest": str(report),
        "est_integration_store_path": "{{ est_store }}",
    }
    asked = {**known, "est_integration_install_ca": True}
    machine = newest_play.windows

    def run(variables: dict[str, Any], *options: str) -> tuple[dict[str, Any], dict[str, Any], str]:
        found, printed = newest_play.run([role], *options, variables=variables)
        (posix,) = [result for result in found["posix"] if "tests" in result]
        (windows,) = [result for result in found["windows"] if "tests" in result]
        assert not posix.get("failed"), posix
        assert "certificate_authorities" not in posix
        assert "[WARNING]" not in printed
        return windows, posix, printed

    assert "certificate_authorities" not in run(known)[0]
    assert held(machine, ROOT) == set()
    windows, posix, printed = run(asked, "--check", "--diff")
    assert (windows["changed"], posix["changed"]) == (True, False)
    assert "+LocalMachine\\Root: /CN=Root One, SHA-256" in printed
    assert "is missing in LocalMachine" in printed
    assert held(machine, ROOT) == set()
    windows, _posix, printed = run({**asked, "est_integration_mode": "report"})
    assert not windows["changed"], "a report changes nothing"
    assert [entry["action"] for entry in windows["certificate_authorities"]] == ["missing"]
    (drift,) = windows["drift"]
    assert (drift["template"], drift["action"]) == (None, "missing")
    assert drift["summary"][0].startswith("CA certificate /CN=Root One (SHA-256 ")
    assert held(machine, ROOT) == set()
    windows, _posix, _printed = run(asked)
    assert windows["changed"]
    assert held(machine, ROOT) == {der(ONE)}
    (told,) = [entry for entry in json.loads((report.parent / "fleet.json").read_text())["hosts"] if entry["changed"]]
    assert (told["name"], told["templates"][0]["action"]) == ("windows", "unchanged")
    assert "was missing and is installed in LocalMachine\\Root" in told["store_problems"][0]
    windows, _posix, printed = run({**asked, "est_integration_report_dest": ""})
    assert not windows["changed"]
    assert newest_play.called == ["slurp", "slurp", "win_certificate_info"]
    assert "2 hosts, 1 template: as declared, 2 not proved by a test" in printed


def test_every_host_of_a_product_cluster_gets_them(newest_play: Play) -> None:
    role = {"ansible.builtin.include_role": {"name": "estfleet.cloud_extender.est_integration"}}
    variables = {
        "est_integration_templates": [{"name": "Wi-Fi", "server": "est.example", "ca_certificate": pem(ONE)}],
        "est_integration_store_path": "{{ est_store }}",
        "est_integration_install_ca": True,
        "est_integration_cluster": "all",
        "est_integration_cluster_writer": "posix",
    }
    found, _printed = newest_play.run([role], variables=variables)
    (told,) = [result for result in found["windows"] if "tests" in result]
    assert told["templates"][0]["action"] == "missing"  # the product copies it
    assert not newest_play.windows.real(f"{STORE}\\templates.json").exists()
    assert held(newest_play.windows, ROOT) == {der(ONE)}


def test_what_was_done_joins_the_result_of_the_host() -> None:
    result = {"changed": False, "store_problems": ["a"], "drift": [], "tests": [], "diff": {"before": "1"}}
    part = {"changed": True, "problems": ["b"], "certificate_authorities": [], "diff": {"before": "2"}}
    add_authorities(result, part, mode="enforce")
    assert combine(result)["diff"] == [{"before": "1"}, {"before": "2"}]
    assert (result["changed"], result["store_problems"], result["certificate_authorities"]) == (True, ["a", "b"], [])
    assert result["drift"] == [{"template": None, "action": "installed", "summary": ["b"]}]
