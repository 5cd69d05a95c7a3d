# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_test_enroll and est_server_info on a Windows host and a POSIX host in one inventory, through ansible-playbook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from support.lab import LabServer
from windows.conftest import HERE, STORE, Play
from windows.machine import Machine
from windows.test_windows_playbook import task
from windows.windows_modules import STORE_ACCOUNTS

USER = {"identity": {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}}
TESTS = f"{STORE}\\tests"
#: What a test with a template of the store calls where the account is not in the store's cache: nothing is cached.
READING = ["slurp", "win_stat", "fetch_file"]
PREPARING = ["win_file", "win_acl", "win_acl", "win_owner", "win_acl_inheritance"]
ASKING = ["win_certificate_info", "win_uri", "win_uri"]
ENROLLING = ["make temporary folder", "win_uri"]
SAVING = ["win_file", "win_file", "put_file", "put_file", "put_file", "put_file"]
NOTING = ["slurp", "put_file"]
TIDYING = ["remove temporary folder"]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A server that does what it should."""
    with LabServer() as server:
        yield server


def trust(machine: Machine, lab: LabServer) -> None:
    """Put the CA of a server into the machine's store of roots."""
    certificate = load_pem_x509_certificate(lab.ca_pem.encode())
    machine.add_certificate("LocalMachine\\Root", certificate.public_bytes(Encoding.DER))


def template(lab: LabServer, **options: Any) -> dict[str, Any]:
    """A template for a lab server."""
    return {
        "name": "Wi-Fi",
        "server": lab.host,
        "port": lab.port,
        "username": "estuser",
        "password": "estpwd",
        "ca_certificate": lab.ca_pem,
        "key_type": "ec",
        **options,
    }


def enroll(**arguments: Any) -> dict[str, Any]:
    """A task that tests the template of the store, or another."""
    options = {**USER, "store_path": "{{ est_store }}", **arguments}
    if "inline" not in options:
        options["template"] = "Wi-Fi"
    check = options.pop("check", False)
    return task("est_test_enroll", check=check, **options)


def test_a_mixed_inventory_is_tested_with_the_same_results(play: Play, lab: LabServer) -> None:
    trust(play.windows, lab)
    tasks = [
        task("est_templates", templates=[template(lab)]),
        enroll(check=True),
        enroll(),
        enroll(check=True),
        enroll(),
        task("est_template_info"),
    ]
    found, printed = play.run(tasks, "-vvvvv", "--diff")
    for results in found.values():
        assert not [result["msg"] for result in results if result.get("failed")]
    for on_windows, on_posix in zip(found["windows"], found["posix"], strict=True):
        # What came of the last tests is looked at on Windows hosts where the role or est_template_info asks.
        assert {*on_windows, "warnings", "unproved"} == {*on_posix, "warnings", "unproved"}
        assert on_windows["changed"] == on_posix["changed"]
        assert on_windows.get("status") == on_posix.get("status")
    _applied, checked, first, checked_again, tested, info = found["windows"]
    posix_tested, posix_info = found["posix"][-2:]
    assert (checked["status"], checked_again["status"], first["status"]) == ("not_asked", "not_asked", "issued")
    assert [step["stage"] for step in tested["timeline"]] == [step["stage"] for step in posix_tested["timeline"]]
    assert first["certificate"]["path"] == tested["certificate"]["path"]
    assert first["certificate"]["serial_number"] != tested["certificate"]["serial_number"]
    assert (tested["status"], tested["exchange"], posix_tested["exchange"]) == ("issued", "uri", "host")
    for key in ("requested", "substitutions", "lost", "omitted_attributes", "template"):
        assert tested[key] == posix_tested[key]
    folder = f"{TESTS}\\Wi-Fi\\test"
    assert tested["certificate"]["path"] == f"{folder}\\certificate.pem"
    assert tested["chain_path"] == f"{folder}\\chain.pem"
    assert tested["private_key_path"] == f"{folder}\\private_key.pem"
    machine = play.windows
    certificate = load_pem_x509_certificate(machine.read(tested["certificate"]["path"]))
    key = load_pem_private_key(machine.read(tested["private_key_path"]), None)
    assert certificate.public_key() == key.public_key()
    assert machine.read(tested["certificate"]["path"]).decode() == tested["certificate"]["pem"]
    assert machine.read(tested["chain_path"]) == b"", "the root has issued it"
    assert b"BEGIN CERTIFICATE" in machine.read(tested["root_certificate_path"])
    assert machine.who_may(tested["private_key_path"]) == STORE_ACCOUNTS
    last, posix_last = (entry["templates"][0]["last_test"] for entry in (info, posix_info))
    assert (last["status"], posix_last["status"]) == ("issued", "issued")
    assert last["not_after"] == tested["certificate"]["not_after"]
    # Nothing secret is printed by a connection that prints what it carries, nor left behind.
    assert "WINDOWS DOUBLE RESULT" in printed
    for secret in ("estpwd", "PRIVATE KEY", machine.read(tested["private_key_path"]).decode().splitlines()[1]):
        assert secret not in printed
    assert not list((machine.folder / "C" / "Windows" / "Temp").iterdir())


def test_what_a_test_calls(newest_play: Play, lab: LabServer) -> None:
    trust(newest_play.windows, lab)
    newest_play.run([task("est_templates", templates=[template(lab)])], hosts="windows")
    newest_play.run([enroll(check=True)], hosts="windows")
    assert newest_play.called == [*READING, "win_stat", *ASKING]
    newest_play.run([enroll()], hosts="windows")
    first = newest_play.called
    assert first == [
        *READING,
        "win_stat",
        *PREPARING,
        *ASKING,
        *ENROLLING,
        *SAVING,
        *NOTING,
        *TIDYING,
    ]
    newest_play.run([enroll()], hosts="windows")
    assert newest_play.called == first
    look = task("est_server_info", template="Wi-Fi", store_path=STORE)
    newest_play.run([look], hosts="windows")
    assert newest_play.called == [*READING, *ASKING, "win_uri"]


def test_the_role_tests_again_what_failed_and_knows_what_is_proved(newest_play: Play, lab: LabServer) -> None:
    role = {
        "ansible.builtin.include_role": {"name": "estfleet.cloud_extender.est_integration"},
        "vars": {
            "est_integration_templates": [template(lab)],
            "est_integration_test": USER,
            "est_integration_test_policy": "changed",
        },
        "ignore_errors": True,
    }

    def run(policy: str = "changed") -> dict[str, Any]:
        role["vars"]["est_integration_test_policy"] = policy
        found, _printed = newest_play.run([role], hosts="windows")
        return next(result for result in found["windows"] if "tests" in result or "causes" in result)

    (cause,) = run()["causes"]
    assert "stage tls" in cause
    assert "win_certificate_store" in cause
    trust(newest_play.windows, lab)
    again = run()
    assert again["templates"][0]["action"] == "unchanged"
    assert again["templates"][0]["last_test"]["status"] == "failed"
    assert again["tests"][0]["status"] == "issued"
    assert not list((newest_play.windows.folder / "C" / "Windows" / "Temp").iterdir())
    assert run()["tests"] == []
    assert newest_play.called == ["slurp", "slurp"]
    assert run("never")["templates"][0]["proved"] is True
    assert newest_play.called == ["slurp", "slurp"], "what is not proved is told, whatever is tested"


def test_a_pending_certificate_is_continued_with_its_key(newest_play: Play) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as server:
        trust(newest_play.windows, server)
        inline = {"inline": template(server)}
        found, printed = newest_play.run(
            [enroll(**inline), enroll(**inline, wait_timeout=5)], "-vvvvv", hosts="windows"
        )
        first, second = found["windows"]
        assert (first["status"], second["status"]) == ("pending", "issued")
        assert first["private_key_path"] == f"{TESTS}\\Wi-Fi\\test+pending\\private_key.pem"
        assert [entry["status"] for entry in server.enrolments] == [202, 200]
    machine = newest_play.windows
    assert not machine.real(f"{TESTS}\\Wi-Fi\\test+pending").exists()
    key = load_pem_private_key(machine.read(second["private_key_path"]), None)
    assert load_pem_x509_certificate(second["certificate"]["pem"].encode()).public_key() == key.public_key()
    assert "PRIVATE KEY" not in printed
    # A template that is not in the store has no last test.
    assert not machine.real(f"{STORE}\\last_tests.json").exists()


def test_the_controller_enrols_and_the_files_are_on_the_host(newest_play: Play, lab: LabServer) -> None:
    """It needs no trust of the host."""
    tasks = [
        enroll(inline=template(lab), exchange="controller", output_path="C:/Tests"),
        enroll(inline=template(lab), exchange="controller", output_path="/srv/tests"),
        enroll(inline=template(lab), exchange="controller", certificate_name="nul"),
        enroll(inline=template(lab, ca_certificate=None, ca_path="C:\\none.pem"), exchange="controller"),
    ]
    found, _printed = newest_play.run(tasks, hosts="windows")
    tested, posix_path, device, no_anchors = found["windows"]
    assert (tested["status"], tested["exchange"], "warnings" in tested) == ("issued", "controller", False)
    assert tested["certificate"]["path"] == "C:\\Tests\\Wi-Fi\\test\\certificate.pem"
    assert newest_play.windows.who_may(tested["private_key_path"]) == STORE_ACCOUNTS
    assert "output_path" in posix_path["msg"] and "Windows host" in posix_path["msg"]
    assert "certificate_name" in device["msg"] and "Windows keeps for a device" in device["msg"]
    assert "ca_path 'C:\\\\none.pem' cannot be read on the host" in no_anchors["msg"]


def test_a_server_is_looked_at_from_the_host(play: Play, lab: LabServer) -> None:
    server = {"name": "look", "server": lab.host, "port": lab.port}
    tasks = [
        task("est_server_info", inline={**server, "ca_certificate": lab.ca_pem}),
        task("est_server_info", inline={**server, "use_system_trust": True}),
        task("est_server_info", inline=server),
        task("est_server_info", inline={**server, "ca_fingerprint": f"sha256:{'0' * 64}"}),
    ]
    trust(play.windows, lab)
    found, _printed = play.run(tasks)
    (explicit, system, unknown, pinned), posix = found["windows"], found["posix"][0]
    assert not explicit.get("failed"), explicit
    differs = {"timeline", "exchange", "warnings", "tls", "invocation", "failed", "server"}
    for key in set(posix) - differs:
        assert explicit[key] == posix[key], key
    assert explicit["exchange"] == "uri"
    assert not system.get("failed"), system
    for refused in (unknown, pinned):
        assert "exchange=uri cannot look at the certificates of a server that is not trusted yet" in refused["msg"]
        assert "exchange=host" not in refused["msg"]


def test_wrong_values_are_told_as_on_posix_hosts(newest_play: Play, lab: LabServer) -> None:
    """The task files of the integration targets, as they are."""
    values = {
        "est_test_enroll_folder": {"path": "C:/ProgramData/target"},
        "est_test_enroll_store": "{{ est_store }}",
        "est_test_enroll_exchanges": ["uri", "controller"],
        # The words of win_uri tell no more of it.
        "est_server_info_refused_code": "connection_failed",
    }
    targets = HERE.parent / "integration" / "targets"
    plays = [
        {
            "hosts": "windows",
            "gather_facts": False,
            "vars": values,
            "tasks": [
                task("est_templates", templates=[template(lab, name="Office Wi-Fi")]),
                {"ansible.builtin.include_tasks": str(targets / "est_test_enroll" / "tasks" / "bad_input.yml")},
                {"ansible.builtin.include_tasks": str(targets / "est_server_info" / "tasks" / "bad_input.yml")},
            ],
        }
    ]
    playbook = newest_play.folder / "targets.json"
    playbook.write_text(json.dumps(plays))
    _found, printed = newest_play.run_playbook(playbook)
    assert "failed=0" in printed, printed
    assert "win_uri" in newest_play.called
