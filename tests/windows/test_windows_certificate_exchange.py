# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_certificate on the double of a Windows host, with the real lab server."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.enrolment import template_for
from support.lab import LabServer
from windows.certificate_modules import thumbprint_of
from windows.conftest import STORE
from windows.direct import DirectHost
from windows.machine import Killed, Machine
from windows.windows_modules import run_module

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import run
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    argument_spec,
    read_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows import (
    certificate_holder as windows_certificate_holder,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.certificate_exchange import (
    WindowsCertificateExchange,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.certificate_holder import WindowsHolder

MY, CA, ROOT = "LocalMachine\\My", "LocalMachine\\CA", "LocalMachine\\Root"
IDENTITY = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
OTHER = {**IDENTITY, "user": "other"}
SEALING_KEY = bytes(range(32))


class WebHost(DirectHost):
    """Runs modules as the action does for the exchange."""

    def __init__(self, machine: Machine, collection: Path) -> None:
        super().__init__(machine, collection)
        self._real = collection

    def execute(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module, whatever it ends with."""
        module = name.removeprefix("ansible.windows.")
        self.calls.append(module)
        if module in self.meanwhile:
            self.meanwhile.pop(module)()
        return run_module(self.machine, self._real, module, dict(arguments))


@pytest.fixture
def host(machine: Machine, real_collection: Path) -> WebHost:
    """A Windows host that can send requests."""
    return WebHost(machine, real_collection)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A server that issues at once, and renews with the old certificate."""
    with LabServer() as server:
        yield server


def der(pem: str) -> bytes:
    """The certificate in DER."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


class Runner:
    """Runs est_certificate on one host.

    :param template: what the store of the host has, or the options of an inline template.
    """

    def __init__(self, host: WebHost, lab: LabServer) -> None:
        self.host, self.lab = host, lab
        self.asked_for_secrets = 0
        host.machine.add_certificate(ROOT, der(lab.ca_pem))

    def run(
        self,
        *,
        check: bool = False,
        exchange: str = "uri",
        stored: bool = False,
        sealing_key: bytes | None = SEALING_KEY,
        template: Mapping[str, Any] | None = None,
        full_look: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Run it once; the calls of the host are those of this run."""
        whole = template_for(self.lab, **(template or {}))
        where = {"template": whole.name} if stored else {"inline": {**whole.as_fields(), **whole.secrets()}}
        defaults = {name: entry.get("default") for name, entry in argument_spec().items()}
        given = {**defaults, "exchange": exchange, "identity": IDENTITY, "store_path": STORE, **where, **options}
        asked = read_options(given, check_mode=check, windows=True)

        def find(with_secrets: bool) -> Template:
            self.asked_for_secrets += with_secrets
            return whole if with_secrets else Template.from_fields(whole.as_fields(), {})

        holder = WindowsHolder(
            self.host,
            store=asked.certificate_store_name,
            template=asked.template_name,
            name=asked.identity.certificate_name,
            store_path=asked.store_path,
            sealing_key=lambda: sealing_key,
            key_exportable=asked.key_exportable,
            check=check,
            unusable="the controller does not have its key" if exchange == "controller" else "",
        )
        self.host.calls.clear()
        return WindowsCertificateExchange(
            asked,
            exchange,
            holder=holder,
            host=self.host,
            execute=self.host.execute,
            answer_path=lambda: "C:\\Windows\\Temp\\answer",
            find_template=find,
            full_look=full_look,
        ).outcome()


@pytest.fixture
def runner(host: WebHost, lab: LabServer) -> Runner:
    """est_certificate on a host that trusts the lab server."""
    return Runner(host, lab)


def held(machine: Machine) -> list[bytes]:
    """What is in the store, all with keys."""
    entries = machine.certificates(MY)
    assert all(entry.key for entry in entries)
    return [entry.der for entry in entries]


def test_enrol_then_unchanged_in_one_call_then_renew_with_the_certificate(machine: Machine, runner: Runner) -> None:
    first = runner.run()
    assert not first.get("failed"), first
    assert (first["status"], first["action"], first["changed"]) == ("issued", "enrolled", True)
    assert first["server"]["authenticated_by"] == ["basic"]
    assert first["certificate"]["path"] == f"Cert:\\LocalMachine\\My\\{first['certificate']['thumbprint']}"
    assert (first["certificate_store_name"], first["certificate_store_location"]) == ("My", "LocalMachine")
    assert held(machine) == [der(first["certificate"]["pem"])]
    again = runner.run()
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert runner.host.calls == ["win_certificate_info"]
    assert again["certificate"] == first["certificate"]
    renewed = runner.run(force=True)
    assert not renewed.get("failed"), renewed
    assert (renewed["action"], renewed["changed"]) == ("rekeyed", True)
    assert renewed["server"]["authenticated_by"] == ["client_certificate"]
    assert "simplereenroll" in runner.lab.requests[-1]["path"]
    assert renewed["certificate"]["subject"] == first["certificate"]["subject"]
    # Programs name the old one by its thumbprint.
    assert renewed["replaced"] == [first["certificate"]["thumbprint"]]
    assert set(held(machine)) == {der(first["certificate"]["pem"]), der(renewed["certificate"]["pem"])}
    last = runner.run()
    assert (last["status"], last["replaced"]) == ("unchanged", [first["certificate"]["thumbprint"]])
    assert last["certificate"]["thumbprint"] == renewed["certificate"]["thumbprint"]
    assert list(machine.real(STORE).iterdir()) == []


def test_a_stored_template_gives_its_secrets_only_where_they_are_needed(runner: Runner) -> None:
    checked = runner.run(stored=True, check=True)
    assert (checked["status"], checked["changed"]) == ("not_asked", True)
    assert runner.host.calls == ["win_certificate_info", "win_certificate_store", "slurp", "slurp"]
    assert runner.asked_for_secrets == 0
    assert runner.run(stored=True)["status"] == "issued"
    assert runner.asked_for_secrets == 1
    assert runner.run(stored=True)["status"] == "unchanged"
    assert runner.host.calls == ["win_certificate_info"]
    assert runner.asked_for_secrets == 1


def test_check_mode_tells_and_writes_nothing(machine: Machine, runner: Runner) -> None:
    asked_before = len(runner.lab.requests)
    found = runner.run(check=True)
    assert (found["status"], found["action"], found["changed"]) == ("not_asked", "enrolled", True)
    assert "LocalMachine\\My: wifi identity (to be asked for)" in found["diff"]["after_header"]
    assert len(runner.lab.requests) == asked_before
    assert machine.certificates(MY) == []
    assert not machine.real(STORE).exists()


def test_other_names_are_another_certificate(machine: Machine, runner: Runner) -> None:
    first = runner.run()
    other = runner.run(identity=OTHER)
    assert (other["action"], other["changed"]) == ("enrolled", True)
    assert "has changed since the old certificate was issued" in other["reason"]
    assert other["replaced"] == [first["certificate"]["thumbprint"]]
    assert runner.run(identity=OTHER)["status"] == "unchanged"
    beside = runner.run(certificate_name="second")
    assert (beside["action"], beside["replaced"]) == ("enrolled", [])
    assert len(held(machine)) == 3


def test_the_key_stays_in_its_store_unless_it_may_leave(machine: Machine, runner: Runner) -> None:
    runner.run()
    runner.run(certificate_name="other", key_exportable=True)
    assert sorted(entry.exportable for entry in machine.certificates(MY)) == [False, True]
    assert {entry.storage for entry in machine.certificates(MY)} == {"machine"}


def test_the_controller_can_get_the_first_one_and_no_renewal(machine: Machine, runner: Runner) -> None:
    machine.remove_certificate(ROOT, machine.certificates(ROOT)[0].thumbprint)
    first = runner.run(exchange="controller")
    assert (first["status"], first["exchange"]) == ("issued", "controller")
    assert "win_uri" not in runner.host.calls
    refused = runner.run(exchange="controller", force=True)
    assert refused["failed"]
    assert "the controller does not have its key" in refused["reason"]
    fallen_back = runner.run(exchange="controller", force=True, on_failed_renewal="enroll")
    assert fallen_back["action"] == "enrolled"
    assert any("the password is used" in words for words in fallen_back["warnings"])


def test_a_key_of_the_server_comes_through_the_controller_only(machine: Machine, runner: Runner) -> None:
    found = runner.run(exchange="controller", key_origin="server")
    assert (found["status"], found["action"], found["key_protected_by"]) == ("issued", "enrolled", ["tls"])
    assert runner.lab.requests[-1]["operation"] == "serverkeygen"
    (entry,) = machine.certificates(MY)
    assert entry.key
    assert runner.run(exchange="controller", key_origin="server")["status"] == "unchanged"
    with pytest.raises(TemplateError, match="exchange=controller"):
        runner.run(exchange="uri", key_origin="server")


def test_a_key_that_windows_keeps_from_the_connection_says_what_helps(machine: Machine, runner: Runner) -> None:
    runner.run()
    (entry,) = machine.certificates(MY)

    def keep_from_us(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if arguments.get("client_cert"):
            words = "The request was aborted: Could not create SSL/TLS secure channel."
            runner.host.calls.append("win_uri")
            before = "Unhandled exception occurred when sending web request. Exception: "
            return {"failed": True, "changed": False, "msg": f"{before}{words}"}
        return WebHost.execute(runner.host, name, arguments)

    runner.host.execute = keep_from_us  # type: ignore[method-assign]
    refused = runner.run(force=True)
    assert refused["failed"]
    assert (refused["stage"], refused["request_received"]) == ("tls", "not_received")
    assert "become_method runas" in refused["hint"]
    assert "on_failed_renewal" in refused["hint"]
    fallen_back = runner.run(force=True, on_failed_renewal="enroll")
    assert not fallen_back.get("failed"), fallen_back
    assert fallen_back["action"] == "enrolled"
    assert any("the host could not connect with it" in words for words in fallen_back["warnings"])
    assert fallen_back["replaced"] == [entry.thumbprint]


@pytest.mark.parametrize("kind", ["ed25519", "ml-dsa-65"])
def test_a_key_that_windows_cannot_import_is_refused_first(runner: Runner, kind: str) -> None:
    refused = runner.run(template={"key_type": kind})
    assert refused["failed"]
    assert f"a key of type {kind} is asked for" in refused["reason"]
    assert runner.host.calls == []


def test_a_key_that_the_server_asks_for_and_windows_cannot_import_is_never_made(
    machine: Machine, host: WebHost
) -> None:
    with LabServer("--csrattrs", "ed25519") as lab:
        refused = Runner(host, lab).run(template={"key_type": "rsa"})
        assert "a key of type ed25519 is asked for" in refused["reason"]
        assert not [entry for entry in lab.requests if entry["path"].endswith("enroll")]
        assert Runner(host, lab).run()["status"] == "issued"


def test_what_the_ca_must_approve_waits_sealed_and_goes_on_with_its_key(machine: Machine, host: WebHost) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        runner = Runner(host, lab)
        pending = runner.run()
        assert (pending["status"], pending["changed"]) == ("pending", True)
        (file,) = machine.real(STORE).iterdir()
        assert b"PRIVATE KEY" not in file.read_bytes()
        issued = runner.run(wait_timeout=5)
        assert issued["status"] == "issued", issued
        sent = [entry for entry in lab.requests if entry["path"].endswith("/simpleenroll")]
        assert len(sent) == 2
        assert list(machine.real(STORE).iterdir()) == []
        assert len(held(machine)) == 1
        assert len(machine.key_containers) == 1


def test_an_approval_without_a_place_to_wait_says_what_to_do(machine: Machine, host: WebHost) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        refused = Runner(host, lab).run(sealing_key=None)
    assert refused["failed"]
    assert (refused["stage"], refused["request_received"]) == ("save", "received")
    assert "has no sealing key. It gets one with the first template that has a password" in refused["reason"]
    assert machine.certificates(MY) == []


def in_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Let it be so many days later for the decision."""

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.now(tz) + datetime.timedelta(days=days)

    monkeypatch.setattr(run, "datetime", Later)


def test_one_that_ends_soon_is_renewed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runner.run()
    in_days(monkeypatch, 340)
    assert runner.run()["status"] == "unchanged"
    in_days(monkeypatch, 360)
    renewed = runner.run()
    assert (renewed["status"], renewed["action"]) == ("issued", "rekeyed")
    assert "the old certificate ends on" in renewed["reason"]
    assert renewed["server"]["authenticated_by"] == ["client_certificate"]
    assert renewed["replaced"] == [first["certificate"]["thumbprint"]]


def test_a_host_that_does_not_trust_the_server_is_told_what_to_install(machine: Machine, runner: Runner) -> None:
    machine.remove_certificate(ROOT, machine.certificates(ROOT)[0].thumbprint)
    refused = runner.run()
    assert refused["failed"]
    assert (refused["stage"], refused["request_received"]) == ("tls", "not_received")
    assert "est_integration_install_ca" in refused["hint"]


def test_a_renewal_says_the_same_and_does_not_blame_the_key(machine: Machine, runner: Runner) -> None:
    runner.run()
    machine.remove_certificate(ROOT, machine.certificates(ROOT)[0].thumbprint)
    runner.host.calls.clear()
    refused = runner.run(force=True, on_failed_renewal="enroll")
    assert refused["stage"] == "tls"
    assert "the host does not trust the CA certificate" in refused["reason"]
    assert "runas" not in refused["hint"]
    assert runner.host.calls.count("win_certificate_info") == 2  # and not a second time with the password


def test_no_result_has_a_secret(runner: Runner) -> None:
    told = json.dumps([runner.run(), runner.run(force=True), runner.run(wait_timeout=1)])
    assert "estpwd" not in told
    assert "PRIVATE KEY" not in told


def test_an_import_that_fails_loses_nothing_that_was_there(machine: Machine, runner: Runner) -> None:
    first = runner.run()

    def spoil() -> None:
        (file,) = machine.real(STORE).iterdir()
        file.write_bytes(file.read_bytes()[:-30] + bytes(30))

    # The first call only looks whether the store can be opened.
    meanwhile = runner.host.meanwhile
    meanwhile["win_certificate_store"] = lambda: meanwhile.__setitem__("win_certificate_store", spoil)
    failed = runner.run(force=True)
    assert failed["failed"]
    assert (failed["stage"], failed["request_received"]) == ("save", "received")
    assert "The specified network password is not correct." in failed["reason"]
    assert "the next run asks for another" in failed["hint"]
    assert list(machine.real(STORE).iterdir()) == []
    assert held(machine) == [der(first["certificate"]["pem"])]
    assert runner.run()["status"] == "unchanged"


def test_a_run_that_is_killed_at_any_moment_is_made_good_by_the_next(machine: Machine, runner: Runner) -> None:
    old = runner.run()["certificate"]["pem"]
    machine.moments = 0
    runner.run(identity=OTHER)
    for moment in range(1, machine.moments + 1):
        for entry in machine.certificates(MY):
            if entry.der != der(old):
                machine.remove_certificate(MY, entry.thumbprint)
        machine.moments, machine.kill_at = 0, moment
        with pytest.raises(Killed):
            runner.run(identity=OTHER)
        machine.kill_at = None
        assert der(old) in held(machine)
        assert len(held(machine)) <= 2
        now = runner.run(identity=OTHER)
        assert now["status"] == ("unchanged" if len(now["timeline"]) == 0 else "issued")
        assert len(held(machine)) == 2
        assert now["replaced"] == [x509_thumbprint(old)]


def test_a_new_certificate_is_told_of_though_an_older_one_cannot_be_removed(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise StoreError("cannot write the certificate store")

    old = runner.run()["certificate"]["thumbprint"]
    monkeypatch.setattr(windows_certificate_holder, "_is_over", lambda _der: True)
    monkeypatch.setattr(windows_certificate_holder, "remove_certificate", refuse)
    new = runner.run(force=True)
    assert (new.get("failed"), new["status"], new["changed"]) == (None, "issued", True)
    assert (new["replaced"], new["removed"]) == ([old], [])
    assert "could not be removed from the host: cannot write the certificate store" in new["warnings"][-1]
    assert runner.run()["changed"] is False


def test_the_full_look_removes_the_file_that_a_killed_run_left(machine: Machine, runner: Runner) -> None:
    written: list[Path] = []
    meanwhile = runner.host.meanwhile

    def look() -> None:
        written.extend(machine.real(STORE).iterdir())

    # The first call only looks whether the store can be opened.
    meanwhile["win_certificate_store"] = lambda: meanwhile.__setitem__("win_certificate_store", look)
    runner.run()
    (file,) = written
    file.write_bytes(b"as a killed run would leave it")
    assert runner.run()["changed"] is False
    assert file.exists()
    for check in (True, False):
        assert file.exists()
        tidied = runner.run(full_look=True, check=check)
        assert (tidied["status"], tidied["action"], tidied["changed"]) == ("recovered", "none", True)
        assert tidied["reason"].startswith("a run that was killed had left the file of a key; the certificate is valid")
    assert not file.exists()
    assert runner.run(full_look=True)["changed"] is False
    assert runner.host.calls == ["win_certificate_info", "win_file"]


def x509_thumbprint(pem: str) -> str:
    """What Windows names a certificate by."""
    return thumbprint_of(x509.load_pem_x509_certificate(pem.encode()))


def test_intermediate_cas_go_where_windows_looks_for_them(machine: Machine, host: WebHost) -> None:
    with LabServer("--intermediate") as lab:
        issued = Runner(host, lab).run()
    assert not issued.get("failed"), issued
    assert held(machine) == [der(issued["certificate"]["pem"])]
    assert len(machine.certificates(CA)) == 1
    assert len(machine.certificates(ROOT)) == 1


LOST = ["subject emailAddress=jdoe@example.com"]


def test_what_a_ca_drops_is_told_in_every_run_unless_it_is_accepted(host: WebHost) -> None:
    with LabServer("--profile", "cisco") as lab:
        runner = Runner(host, lab)
        for status in ("issued", "unchanged"):
            found = runner.run(stored=True)
            assert (found["status"], found["lost"], found["differs"]) == (status, LOST, [])
            assert any(f"it lacks {LOST[0]} (Cisco's EST server" in warning for warning in found["warnings"])
        found = runner.run(stored=True, allowed_lost=["emailAddress"])
        assert (found["accepted_lost"], [text for text in found["warnings"] if "lacks" in text]) == (LOST, [])
        assert runner.run(stored=True, on_lost="fail")["stage"] == "verify"


@pytest.mark.parametrize("stored", [False, True])
def test_a_renewal_for_another_name_is_refused_and_not_asked_for_again(
    machine: Machine, host: WebHost, stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LabServer("--fault", "simplereenroll:other-name") as lab:
        runner = Runner(host, lab)
        runner.run(stored=stored)
        before = held(machine)
        in_days(monkeypatch, 360)
        refused = runner.run(stored=stored)
        assert (refused["failed"], refused["stage"], refused["request_received"]) == (True, "verify", "received")
        assert refused["differs"] == ["subject CN=jdoe came as CN=root"]
        assert "The old certificate and its key stay." in refused["hint"]
        requests, secrets = len(lab.log), runner.asked_for_secrets
        for check in (False, True):
            again = runner.run(stored=stored, check=check)
            assert (again["reason"], again["hint"]) == (refused["reason"], refused["hint"])
            assert "Nothing was sent to the EST server." in again["msg"]
            assert host.calls[-1] == "slurp"
        assert (len(lab.log), runner.asked_for_secrets, held(machine)) == (requests, secrets, before)
        assert runner.run(stored=stored, force=True)["request_received"] == "received"
        taken = runner.run(stored=stored, on_lost="accept")
        assert taken["status"] == "issued"
        assert taken["certificate"]["subject"] == "/CN=root/emailAddress=jdoe@example.com"
        assert not [path for path in machine.real(STORE).iterdir() if path.suffix == ".refused"]


def test_nothing_is_issued_from_a_template_without_device_identity_certificates(runner: Runner) -> None:
    before = len(runner.lab.log)
    for stored in (False, True):
        refused = runner.run(stored=stored, template={"device_identity_certificates": False})
        assert refused["stage"] == "input"
        assert "device_identity_certificates of template 'wifi': is false" in refused["msg"]
    assert len(runner.lab.log) == before
