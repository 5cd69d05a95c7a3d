# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_certificate with ansible-playbook: on the double of a Windows host, and on a POSIX host beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.lab import LabServer
from windows.conftest import HERE, STORE, Play
from windows.machine import Machine

COLLECTION = "estfleet.cloud_extender"
MY = "LocalMachine\\My"
IDENTITY = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A server that issues at once, and renews with the old certificate."""
    with LabServer() as server:
        yield server


def trust(machine: Machine, lab: LabServer) -> None:
    """Let a Windows host trust the server."""
    certificate = x509.load_pem_x509_certificate(lab.ca_pem.encode())
    machine.add_certificate("LocalMachine\\Root", certificate.public_bytes(serialization.Encoding.DER))


def template_of(lab: LabServer) -> dict[str, Any]:
    """A template for the server."""
    account = {"username": "estuser", "password": "estpwd"}
    return {
        "name": "wifi",
        "server": lab.host,
        "port": lab.port,
        "ca_certificate": lab.ca_pem,
        "key_type": "ec",
        **account,
    }


def task(*, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
    """A task of est_certificate on each host."""
    on_posix = "{{ omit if inventory_hostname == 'windows' else "
    places = {
        "certificate_path": f"{on_posix}est_store + '.pem' }}}}",
        "private_key_path": f"{on_posix}est_store + '.key' }}}}",
    }
    asked = {"store_path": "{{ est_store }}", "identity": IDENTITY, **places, **options}
    return {f"{COLLECTION}.est_certificate": asked, "ignore_errors": True, "check_mode": check, "diff": diff}


def keep(lab: LabServer) -> dict[str, Any]:
    """A task that puts the template into the stores."""
    return {f"{COLLECTION}.est_templates": {"store_path": "{{ est_store }}", "templates": [template_of(lab)]}}


def test_both_platforms_have_the_same_results(play: Play, lab: LabServer) -> None:
    trust(play.windows, lab)
    stored = {"template": "wifi"}
    table = {
        "store": keep(lab),
        "check": task(check=True, diff=True, **stored),
        "enrol": task(diff=True, **stored),
        "again": task(**stored),
        "check again": task(check=True, **stored),
        "renew": task(force=True, **stored),
        "after the renewal": task(**stored),
        "other names": task(**{**stored, "identity": {**IDENTITY, "user": "other"}}),
        "a value is missing": task(template="wifi", identity={**IDENTITY, "user": ""}),
    }
    if not play.is_newest:
        table = {name: table[name] for name in ("store", "enrol", "renew", "after the renewal")}
    issued = len({"enrol", "renew", "other names"} & set(table))
    found, printed = play.run(list(table.values()), "-vvvvv")
    results = {host: dict(zip(table, entries, strict=True)) for host, entries in found.items()}
    for name in table:
        windows, posix = results["windows"][name], results["posix"][name]
        for key in ("changed", "failed", "status", "action", "reason", "requested", "lost", "msg"):
            told = [str(result.get(key)) for result in (windows, posix)]
            if key == "reason":
                told = [text.split(" until ")[0] for text in told]
            assert told[0] == told[1], (name, key)
        assert bool(windows["changed"]) == (name in ("store", "check", "enrol", "renew", "other names")), name
    windows = results["windows"]
    assert windows["enrol"]["exchange"] == "uri"
    assert windows["renew"]["server"]["authenticated_by"] == ["client_certificate"]
    assert windows["renew"]["replaced"] == [windows["enrol"]["certificate"]["thumbprint"]]
    assert "a value is missing" not in windows or windows["a value is missing"]["failed"]
    assert "DOUBLE RESULT" in printed
    assert len(set(play.windows.passphrases)) == len(play.windows.certificates(MY)) == issued
    for secret in ("estpwd", "PRIVATE KEY", *play.windows.passphrases):
        assert secret not in printed
    assert all(entry.key for entry in play.windows.certificates(MY))
    kept = [path for path in play.folder.rglob("*") if path.is_file() and not path.is_relative_to(play.windows.folder)]
    with_keys = [path.name for path in kept if b"PRIVATE KEY" in path.read_bytes()]
    assert with_keys == ["posix.key"], with_keys
    assert sorted(path.name.partition(".")[0] for path in play.windows.real(STORE).iterdir()) == [
        "sealing",
        "templates",
    ]


def test_what_is_called_on_the_host(newest_play: Play, lab: LabServer) -> None:
    trust(newest_play.windows, lab)
    newest_play.run([keep(lab)], hosts="windows")
    folder = ["win_file", "win_acl", "win_acl", "win_owner", "win_acl_inheritance"]
    requests = ["win_certificate_info", "win_uri", "win_uri", "make temporary folder", "win_uri"]
    kept = ["put_file", "win_certificate_store", "win_file", "win_certificate_info", "remove temporary folder"]
    newest_play.run([task(template="wifi")], hosts="windows")
    look = ["slurp", "win_certificate_info", "win_certificate_store", "slurp", "slurp"]
    assert newest_play.called == [*look, "slurp", "win_stat", "fetch_file", *folder, *requests, *kept]
    newest_play.run([task(template="wifi")], hosts="windows")
    assert newest_play.called == ["slurp", "win_certificate_info"]
    newest_play.run([task(inline=template_of(lab))], hosts="windows")
    assert newest_play.called == ["win_certificate_info"]
    newest_play.run([task(inline=template_of(lab), force=True)], hosts="windows")
    assert newest_play.called == [look[1], look[2], *folder, "slurp", *requests, *kept]


def test_the_playbook_of_renewals_keeps_all_certificates_of_a_host(newest_play: Play, lab: LabServer) -> None:
    trust(newest_play.windows, lab)
    inline = {"inline": template_of(lab), "identity": IDENTITY}
    variables = {
        "est_integration_hosts": "windows",
        "est_integration_store_path": STORE,
        "est_integration_certificates": [
            {**inline, "certificate_name": "portal"},
            {**inline, "certificate_name": "relay"},
        ],
    }
    playbook = HERE.parents[1] / "playbooks" / "renew.yml"
    _found, printed = newest_play.run_playbook(playbook, "--check", variables=variables)
    assert printed.count("wifi: would be asked for, no certificate was there") == 2, printed
    assert "(item=wifi portal) => " in printed
    _found, printed = newest_play.run_playbook(playbook, variables=variables)
    assert "failed=0" in printed, printed
    assert "estpwd" not in printed
    names = sorted(entry.friendly_name.partition("-est-")[0] for entry in newest_play.windows.certificates(MY))
    assert names == ["wifi-portal", "wifi-relay"]
    _found, printed = newest_play.run_playbook(playbook, "--check", variables=variables)
    assert "changed=0" in printed, printed
    assert newest_play.called == ["win_certificate_info", "win_certificate_info"]


@pytest.mark.parametrize(
    ("entries", "twice"),
    [
        ([{"certificate_path": "/a.pem"}, {"certificate_path": "/b.pem"}, {"certificate_path": "/a.pem"}], "/a.pem"),
        ([{"certificate_path": "/x/a.pem", "versioned_folder": True},
          {"certificate_path": "/x/b.pem", "versioned_folder": "yes"}], "/x"),
        ([{"template": "web"}, {"template": "web", "certificate_name": "identity"}], "web identity My"),
        ([{"inline": {"name": "web"}, "certificate_store_name": "x"},
          {"template": "web", "certificate_store_name": "x"}] * 2, "web identity x"),
    ],
)  # fmt: skip
def test_the_playbook_of_renewals_refuses_two_certificates_in_one_place(
    newest_play: Play, entries: list[dict[str, Any]], twice: str
) -> None:
    playbook = HERE.parents[1] / "playbooks" / "renew.yml"
    variables = {"est_integration_hosts": "windows", "est_integration_certificates": entries}
    _found, printed = newest_play.run_playbook(playbook, variables=variables)
    assert "failed=1" in printed, printed
    assert f"est_integration_certificates of windows has more than one entry for {twice}. Give each" in printed
    assert newest_play.called == []


def test_what_cannot_be_done_on_a_windows_host_is_refused_and_named(newest_play: Play, lab: LabServer) -> None:
    inline = template_of(lab)
    tasks = {
        "exchange": task(inline=inline, exchange="host"),
        "renew": task(inline=inline, renewal_method="renew"),
        "path": task(inline=inline, certificate_path="/x.pem"),
        "store": task(inline=inline, certificate_store_name="CertificateAuthority"),
        "no such store": task(inline=inline, certificate_store_name="Nowhere"),
        "trust": task(inline=inline),
    }
    found, _printed = newest_play.run(list(tasks.values()), hosts="windows")
    told = {name: result["msg"] for name, result in zip(tasks, found["windows"], strict=True)}
    assert "exchange: host does not work on a Windows host" in told["exchange"]
    assert "whose keys do not leave its certificate store" in told["renew"]
    assert "certificate_path" in told["path"]
    assert "is not the name of a certificate store" in told["store"]
    assert "unable to find store 'Nowhere'" in told["no such store"]
    assert "est_integration_install_ca" in told["trust"]
    assert newest_play.windows.certificates(MY) == []
