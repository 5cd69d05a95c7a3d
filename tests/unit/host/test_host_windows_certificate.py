# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_certificate of a Windows host with the real lab server, and a stand-in for the module that has the keys.

``tests/twins/test_twins_certificate.py`` runs it with the module itself, as far as Wine can show it.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.enrolment import template_for
from support.lab import LabServer
from support.memory_store import MemoryStore
from support.production import IDENTITY, given
from support.windows_keys import Entry, KeyHost, Killed, StandInConnector

pytest.importorskip("ansible", reason="actions need ansible-core, which needs a newer Python")

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import run
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import read_options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.look import nothing_found, with_masked_key
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import UnusableAnswer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host import windows_certificate, windows_keys

STORE = "C:\\ProgramData\\CloudExtenderEST"
OTHER = {**IDENTITY, "user": "other"}
SERVICES: dict[str, list[str]] = {"a": ["W3SVC"], "b": ["w3svc", "portal"], "c": []}
LOST = ["subject emailAddress=jdoe@example.com"]


class Action:
    """What of an action the code that is tested needs."""

    stored_template = ExchangeAction.stored_template
    _execute_or_fail = ExchangeAction._execute_or_fail
    stored_content = None
    on_windows = True

    def __init__(self, host: KeyHost) -> None:
        self.execute_anyway = host.execute
        self.warned: list[str] = []

    def private_module(self, name: str) -> str:
        """On a Windows host."""
        return f"estfleet.cloud_extender.win_{name}"

    def warn(self, texts: Any) -> None:
        """Take warnings."""
        self.warned.extend(texts)


class Runner:
    """Runs est_certificate on one host."""

    def __init__(self, host: KeyHost, lab: LabServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host, self.lab = host, lab

        def connect(_action: Any, _exchange: str) -> StandInConnector:
            host.calls.append("connect")
            return StandInConnector(host, folder)

        monkeypatch.setattr(certificate, "_connector", connect)

    def run(
        self,
        *,
        check: bool = False,
        exchange: str = "relay",
        stored: bool = False,
        template: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Run it once; the calls of the host are those of this run."""
        return self.run_all([options], check=check, exchange=exchange, stored=stored, template=template)[0]

    def run_all(
        self,
        entries: Sequence[Mapping[str, Any]],
        *,
        check: bool = False,
        exchange: str = "relay",
        stored: bool = False,
        template: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Run it for several certificates at once."""
        whole = template_for(self.lab, **(template or {}))
        where = {"template": whole.name} if stored else {"inline": {**whole.as_fields(), **whole.secrets()}}
        if stored:
            self.host.document = document_of(whole)
        defaults = {"exchange": exchange, "identity": IDENTITY, "store_path": STORE, **where}
        asked = [read_options(given(**{**defaults, **entry}), check_mode=check, windows=True) for entry in entries]
        self.host.calls.clear()
        return certificate.keep_certificates(Action(self.host), asked, exchange)  # type: ignore[arg-type]


def document_of(template: Template) -> Callable[[bytes], dict[str, Any]]:
    """What is read of a store that has one template."""
    store = MemoryStore()
    present = (Desired(template.as_fields(), template.secrets()),)
    apply_request(store, Request(present=present), check_mode=False)
    found = store.read(want_key=True)
    told = {**nothing_found(), "exists": True, "content": found.content, "sha256": found.sha256}
    told["key_fingerprint"] = found.key_fingerprint
    return lambda pad: with_masked_key(told, found.key, pad or None)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A server that issues at once, and renews with the old certificate."""
    with LabServer() as server:
        yield server


@pytest.fixture
def host() -> KeyHost:
    """A Windows host."""
    return KeyHost()


@pytest.fixture
def make(host: KeyHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[LabServer], Runner]:
    """Makes what runs est_certificate with a server."""
    return lambda lab: Runner(host, lab, tmp_path, monkeypatch)


@pytest.fixture
def runner(make: Callable[[LabServer], Runner], lab: LabServer) -> Runner:
    """est_certificate, with the server of most tests."""
    return make(lab)


def der(found: Mapping[str, Any]) -> bytes:
    """The certificate of a result."""
    loaded = x509.load_pem_x509_certificate(found["certificate"]["pem"].encode())
    return loaded.public_bytes(serialization.Encoding.DER)


def in_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Let it be so many days later for the decision."""

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.now(tz) + datetime.timedelta(days=days)

    monkeypatch.setattr(run, "datetime", Later)


# ----------------------------------------------------------------------------------------------------------------------
# What it costs


@pytest.mark.parametrize("stored", [False, True])
def test_a_new_certificate_is_six_round_trips_and_nothing_to_do_is_one(runner: Runner, stored: bool) -> None:
    first = runner.run(stored=stored)
    assert not first.get("failed"), first
    # A relay carries what is asked first in one call, and the enrolment in another.
    assert runner.host.calls == ["look", "connect", "make", "sign", "join"]
    assert (first["status"], first["action"], first["changed"]) == ("issued", "enrolled", True)
    assert first["server"]["authenticated_by"] == ["basic"]
    assert first["certificate"]["path"] == f"Cert:\\LocalMachine\\My\\{first['certificate']['thumbprint']}"
    assert (first["certificate_store_name"], first["certificate_store_location"]) == ("My", "LocalMachine")
    for check in (False, True):
        again = runner.run(stored=stored, check=check)
        assert (again["status"], again["changed"], again["certificate"]) == ("unchanged", False, first["certificate"])
        assert runner.host.calls == ["look"]
    assert runner.host.issued() == [der(first)]


@pytest.mark.parametrize("stored", [False, True])
def test_all_certificates_are_looked_at_in_one_round_trip(runner: Runner, stored: bool) -> None:
    entries = [{"certificate_name": f"portal-{number}"} for number in range(20)]
    first = runner.run_all(entries, stored=stored)
    assert {found["status"] for found in first} == {"issued"}, first
    assert runner.host.calls == ["look", "connect", *["make", "sign", "join"] * 20]
    for check in (True, False):
        again = runner.run_all(entries, stored=stored, check=check)
        assert [found["certificate"] for found in again] == [found["certificate"] for found in first]
        assert {(found["status"], found["changed"]) for found in again} == {("unchanged", False)}
        assert runner.host.calls == ["look"]
    # What is to be done for one of them costs what that does.
    runner.run_all([*entries, {"certificate_name": "another"}], stored=stored)
    assert runner.host.calls == ["look", "connect", "make", "sign", "join"]


def test_what_cannot_be_looked_at_leaves_the_others_alone(runner: Runner) -> None:
    entries = [{"certificate_name": "a"}, {"certificate_name": "b", "certificate_store_name": "Gone"}, {}]
    found = runner.run_all(entries)
    assert [each["status"] for each in found] == ["issued", "failed", "issued"]
    assert (found[1]["reason"], found[1]["error_code"]) == ("there is no store Gone", "key_failed")
    assert runner.host.calls.count("look") == 1


def test_a_look_that_fails_is_not_made_for_each_of_them(runner: Runner) -> None:
    runner.host.refused["look"] = {"msg": "access is denied", "error_code": "store_failed"}
    found = runner.run_all([{"certificate_name": "a"}, {"certificate_name": "b"}])
    assert [each["error_code"] for each in found] == ["store_failed"] * 2
    assert runner.host.calls == ["look"]


def test_a_template_store_that_cannot_be_read_is_no_obstacle_to_others(runner: Runner) -> None:
    whole = template_for(runner.lab)
    refused = {"msg": "the store is damaged", "error_code": "store_failed"}
    runner.host.document = lambda _pad: refused
    inline = {**whole.as_fields(), **whole.secrets()}
    given_inline, stored = {"inline": inline}, {"inline": None, "template": "wifi", "certificate_name": "other"}
    found = runner.run_all([stored, given_inline])
    assert [each["status"] for each in found] == ["failed", "issued"]
    assert (found[0]["reason"], found[0]["error_code"]) == ("the store is damaged", "store_failed")


def test_templates_of_the_store_and_given_ones_share_the_look(runner: Runner) -> None:
    whole = template_for(runner.lab)
    runner.host.document = document_of(whole)
    inline = {**whole.as_fields(), **whole.secrets(), "name": "other"}
    stored = {"inline": None, "template": whole.name}
    entries: list[dict[str, Any]] = [{"inline": inline}, stored, {**stored, "certificate_name": "second"}]
    assert [each["status"] for each in runner.run_all(entries)] == ["issued"] * 3
    assert runner.host.calls.count("look") == 1


def test_check_mode_looks_once_and_asks_nobody(runner: Runner) -> None:
    asked_before = len(runner.lab.requests)
    found = runner.run(check=True)
    assert (found["status"], found["action"], found["changed"]) == ("not_asked", "enrolled", True)
    assert "LocalMachine\\My: wifi identity (to be asked for)" in found["diff"]["after_header"]
    assert runner.host.calls == ["look"]
    assert len(runner.lab.requests) == asked_before


# ----------------------------------------------------------------------------------------------------------------------
# Keys


@pytest.mark.parametrize(
    "kind",
    [
        {"key_type": "ec", "key_curve": "P-256"},
        {"key_type": "ec", "key_curve": "P-384"},
        {"key_type": "ec", "key_curve": "P-521"},
        {"key_type": "rsa", "key_size": 2048},
        {"key_type": "rsa", "key_size": 3072},
    ],
    ids=lambda kind: "-".join(str(value) for value in kind.values()),
)
def test_the_host_makes_the_key_and_signs_with_it(runner: Runner, kind: dict[str, Any]) -> None:
    found = runner.run(template=kind)
    assert not found.get("failed"), found
    (entry,) = runner.host.stores["My"]
    public = x509.load_der_x509_certificate(entry.der).public_key()
    assert public == runner.host.keys[entry.key].public_key()
    assert runner.host.waiting == ""


def test_a_renewal_is_for_a_new_key_with_the_old_certificate(runner: Runner) -> None:
    first = runner.run()
    renewed = runner.run(force=True)
    assert not renewed.get("failed"), renewed
    assert (renewed["action"], renewed["changed"]) == ("rekeyed", True)
    assert renewed["server"]["authenticated_by"] == ["client_certificate"]
    assert "simplereenroll" in runner.lab.requests[-1]["path"]
    assert renewed["certificate"]["subject"] == first["certificate"]["subject"]
    # Programs name the old one by its thumbprint.
    assert renewed["replaced"] == [first["certificate"]["thumbprint"]]
    assert runner.host.issued() == [der(first), der(renewed)]
    assert len({entry.key for entry in runner.host.stores["My"]}) == 2
    last = runner.run()
    assert (last["status"], last["replaced"]) == ("unchanged", [first["certificate"]["thumbprint"]])


def test_a_renewal_for_the_same_key_makes_none(runner: Runner) -> None:
    runner.run()
    renewed = runner.run(force=True, renewal_method="renew")
    assert not renewed.get("failed"), renewed
    assert renewed["action"] == "renewed"
    assert runner.host.calls == ["look", "connect", "sign", "join"]
    first, second = runner.host.stores["My"]
    assert first.key == second.key
    assert first.der != second.der


def test_provider_and_export_are_as_asked(runner: Runner) -> None:
    runner.run()
    runner.run(certificate_name="other", key_exportable=True, key_provider="csp", template={"key_type": "rsa"})
    plain, other = runner.host.stores["My"]
    assert (plain.key in runner.host.exportable, other.key in runner.host.exportable) == (False, True)
    assert (runner.host.providers[plain.key], runner.host.providers[other.key]) == ("software", "csp")


@pytest.mark.parametrize(
    ("kind", "provider", "words"),
    [
        ("ed25519", "software", "a key of type ed25519 is asked for"),
        ("ml-dsa-65", "software", "a key of type ml-dsa-65 is asked for"),
        ("ec", "csp", "key_provider csp makes RSA keys only"),
    ],
)
def test_a_key_that_the_host_cannot_make_is_refused_first(runner: Runner, kind: str, provider: str, words: str) -> None:
    refused = runner.run(template={"key_type": kind}, key_provider=provider)
    assert (refused["failed"], refused["error_code"]) == (True, "unsupported_key")
    assert words in refused["reason"]
    assert runner.host.calls == []


def test_a_key_that_the_server_asks_for_and_windows_has_not_is_never_made(
    make: Callable[[LabServer], Runner],
) -> None:
    with LabServer("--csrattrs", "ed25519") as lab:
        runner = make(lab)
        refused = runner.run(template={"key_type": "rsa"})
        assert "a key of type ed25519 is asked for" in refused["reason"]
        assert runner.host.calls == ["look", "connect"]
        assert not [entry for entry in lab.requests if entry["path"].endswith("enroll")]


def test_a_key_of_another_kind_is_not_believed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    other = KeyHost()
    other._make({"mark": "x", "key_curve": "P-384", "key_provider": "software", "key_exportable": False})
    answer = {"public_key": base64.b64encode(other._public(other.waiting)).decode()}
    monkeypatch.setattr(KeyHost, "_make", lambda _self, _arguments: answer)
    with pytest.raises(UnusableAnswer, match="another kind of key"):
        runner.run()


def test_a_signature_of_another_key_is_not_sent(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = {"signature": base64.b64encode(bytes(range(64))).decode()}
    monkeypatch.setattr(KeyHost, "_sign", lambda _self, _arguments: signed)
    before = len([entry for entry in runner.lab.requests if entry["method"] == "POST"])
    refused = runner.run()
    assert (refused["error_code"], refused["request_received"]) == ("wrong_key", "not_received")
    assert len([entry for entry in runner.lab.requests if entry["method"] == "POST"]) == before


def test_who_may_use_the_key_is_put_right_on_every_run(runner: Runner) -> None:
    service = "NT SERVICE\\portal"
    runner.run(key_readers=[service])
    (entry,) = runner.host.stores["My"]
    assert runner.host.readers[entry.key] == {service}
    assert runner.run(key_readers=[service])["status"] == "unchanged"
    runner.host.readers[entry.key].clear()
    for check in (True, False):
        found = runner.run(key_readers=[service], check=check)
        assert (found["status"], found["changed"]) == ("recovered", True)
        assert found["reason"].startswith(f"the key could not be used by {service}; ")
        assert f"its key can be used by {service}" in found["diff"]["after"]
        assert runner.host.calls == (["look"] if check else ["look", "grant"])
    assert runner.host.readers[entry.key] == {service}


def test_a_key_that_is_kept_from_the_connection_says_what_helps(runner: Runner) -> None:
    runner.run()
    runner.host.kept_from_us = True
    assert runner.run()["status"] == "unchanged"
    refused = runner.run(force=True)
    assert refused["failed"]
    assert "Windows does not let the account of the connection use its key" in refused["reason"]
    assert "become_method runas" in refused["reason"]
    assert runner.host.calls == ["look"]


def test_the_controller_can_get_the_first_one_and_no_renewal(runner: Runner) -> None:
    assert runner.run(exchange="controller")["status"] == "issued"
    refused = runner.run(exchange="controller", force=True)
    assert refused["failed"]
    assert "exchange=controller cannot use its key" in refused["reason"]
    fallen_back = runner.run(exchange="controller", force=True, on_failed_renewal="enroll")
    assert fallen_back["action"] == "enrolled"
    assert any("the password is used" in words for words in fallen_back["warnings"])


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"key_origin": "server"}, "key_origin"),
        ({"key_provider": "tpm", "key_exportable": True}, "key_exportable"),
        ({"key_readers": [" "]}, "key_readers"),
        ({"key_readers": ["x"] * 33}, "key_readers"),
        ({"certificate_store_name": "..\\My"}, "certificate_store_name"),
        ({"reload": ["..\\Tcpip"]}, "reload"),
        ({"reload": [""]}, "reload"),
        ({"private_key_path": "/x"}, "private_key_path"),
    ],
)
def test_what_cannot_be_meant_is_refused(runner: Runner, options: dict[str, Any], place: str) -> None:
    with pytest.raises(TemplateError, match=place):
        runner.run(**options)


# ----------------------------------------------------------------------------------------------------------------------
# Which certificate counts


def test_other_names_are_another_certificate(runner: Runner) -> None:
    first = runner.run()
    other = runner.run(identity=OTHER)
    assert (other["action"], other["changed"]) == ("enrolled", True)
    assert "has changed since the old certificate was issued" in other["reason"]
    assert other["replaced"] == [first["certificate"]["thumbprint"]]
    assert runner.run(identity=OTHER)["status"] == "unchanged"
    beside = runner.run(certificate_name="second")
    assert (beside["action"], beside["replaced"]) == ("enrolled", [])
    assert len(runner.host.issued()) == 3


def test_one_that_lost_its_key_is_replaced(runner: Runner) -> None:
    runner.run()
    (entry,) = runner.host.stores["My"]
    runner.host.keys.clear()
    found = runner.run()
    assert (found["action"], found["replaced"]) == ("enrolled", [entry.thumbprint])
    assert "its private key was not there" in found["reason"]


def test_one_that_somebody_named_like_ours_counts_and_is_never_removed(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.run()
    (entry,) = runner.host.stores["My"]
    entry.friendly_name = "wifi identity"
    assert runner.run()["status"] == "unchanged"
    monkeypatch.setattr(windows_certificate, "_is_over", lambda _der: True)
    assert runner.run(force=True)["removed"] == []
    assert len(runner.host.issued()) == 2


def test_one_that_was_replaced_and_is_over_goes_with_its_key(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.run()
    runner.run(identity=OTHER)
    old, new = runner.host.stores["My"]
    monkeypatch.setattr(windows_certificate, "_is_over", lambda _der: True)
    for check in (True, False):
        found = runner.run(identity=OTHER, check=check)
        assert (found["status"], found["removed"], found["replaced"]) == ("recovered", [old.thumbprint], [])
        assert runner.host.calls == (["look"] if check else ["look", "remove"])
    assert (runner.host.issued(), list(runner.host.keys)) == ([new.der], [new.key])
    assert runner.run(identity=OTHER)["changed"] is False


def test_a_new_certificate_is_told_of_though_an_older_one_cannot_be_removed(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = runner.run()["certificate"]["thumbprint"]
    monkeypatch.setattr(windows_certificate, "_is_over", lambda _der: True)
    runner.host.refused["remove"] = {"msg": "the certificate cannot be removed: access is denied", "error_code": "x"}
    new = runner.run(force=True)
    assert (new.get("failed"), new["status"], new["changed"]) == (None, "issued", True)
    assert (new["replaced"], new["removed"]) == ([old], [])
    assert "could not be removed from the host: the certificate cannot be removed" in new["warnings"][-1]


def test_intermediate_cas_go_along(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--intermediate") as lab:
        runner = make(lab)
        assert runner.run()["status"] == "issued"
    assert (len(runner.host.issued()), len(runner.host.issued("CA"))) == (1, 1)


def test_one_that_ends_soon_is_renewed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.run()
    in_days(monkeypatch, 340)
    assert runner.run()["status"] == "unchanged"
    in_days(monkeypatch, 360)
    renewed = runner.run()
    assert (renewed["status"], renewed["action"]) == ("issued", "rekeyed")
    assert "the old certificate ends on" in renewed["reason"]


# ----------------------------------------------------------------------------------------------------------------------
# Services


def test_services_are_restarted_once_after_a_change(runner: Runner) -> None:
    checked = runner.run(reload=["W3SVC"], check=True)
    assert (checked["status"], checked["reloaded"], runner.host.calls) == ("not_asked", ["W3SVC"], ["look"])
    first = runner.run(reload=["W3SVC", "portal", "w3svc"])
    assert not first.get("failed"), first
    assert (first["status"], first["reloaded"]) == ("issued", ["W3SVC", "portal"])
    assert runner.host.calls == ["look", "connect", "make", "sign", "join", "restart"]
    assert (runner.host.restarted, runner.host.owed) == (["W3SVC", "portal"], {})
    for check in (True, False):
        again = runner.run(reload=["W3SVC", "portal"], check=check)
        assert (again["status"], again["reloaded"], runner.host.calls) == ("unchanged", [], ["look"])


def test_certificates_of_one_service_have_it_restarted_once(runner: Runner) -> None:
    entries = [{"certificate_name": name, "reload": services} for name, services in SERVICES.items()]
    found = runner.run_all(entries)
    assert [each.get("reloaded") for each in found] == [["W3SVC"], ["w3svc", "portal"], None]
    assert sorted(name.lower() for name in runner.host.restarted) == ["portal", "w3svc"]
    assert runner.host.calls.count("restart") == 1
    assert runner.run_all(entries)[1]["reloaded"] == []


def test_a_restart_that_is_owed_is_made_by_the_next_run(runner: Runner) -> None:
    runner.host.kill_after = "join"
    with pytest.raises(Killed):
        runner.run(reload=["W3SVC"])
    runner.host.kill_after = ""
    assert runner.host.restarted == []
    for check in (True, False):
        found = runner.run(reload=["W3SVC"], check=check)
        assert (found["status"], found["changed"], found["reloaded"]) == ("recovered", True, ["W3SVC"])
        assert "an earlier run had not reloaded W3SVC" in found["reason"]
        assert runner.host.calls == (["look"] if check else ["look", "restart"])
    assert (runner.host.restarted, runner.host.owed) == (["W3SVC"], {})
    assert runner.run(reload=["W3SVC"])["changed"] is False


def test_a_service_that_is_not_named_any_more_is_not_owed(runner: Runner) -> None:
    runner.host.kill_after = "join"
    with pytest.raises(Killed):
        runner.run(reload=["W3SVC"])
    runner.host.kill_after = ""
    found = runner.run(reload=["portal"])
    assert (found["status"], found["reloaded"], runner.host.calls) == ("unchanged", [], ["look"])
    assert runner.run()["status"] == "unchanged"


def test_a_service_that_cannot_be_restarted_stays_owed(runner: Runner) -> None:
    runner.host.not_restarted = {"W3SVC": "W3SVC: it has not stopped after 90 seconds"}
    for status in ("issued", "recovered"):
        failed = runner.run(reload=["W3SVC", "portal"])
        assert (failed["failed"], failed["changed"]) == (True, True)
        assert (failed["error_code"], failed["stage"]) == ("not_reloaded", "save")
        assert failed["request_received"] == ("received" if status == "issued" else "not_received")
        assert "W3SVC: it has not stopped after 90 seconds" in failed["reason"]
        assert runner.host.restarted == ["portal"]
    runner.host.not_restarted = {}
    assert runner.run(reload=["W3SVC", "portal"])["reloaded"] == ["W3SVC"]
    assert len(runner.host.issued()) == 1


def test_a_module_that_fails_to_restart_says_so_of_each_certificate(runner: Runner) -> None:
    runner.host.refused["restart"] = {"msg": "Access is denied."}
    failed = runner.run(reload=["W3SVC"])
    assert (failed["error_code"], failed["changed"]) == ("not_reloaded", True)
    assert "W3SVC: Access is denied" in failed["reason"]


@pytest.mark.parametrize("answer", [{}, {"problems": {}}, {"problems": {"W3SVC": None}}], ids=str)
def test_a_restart_of_something_else_is_not_believed(
    runner: Runner, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.host, "_restart", lambda _arguments: answer)
    with pytest.raises(UnusableAnswer, match="win_est_services on the host answered"):
        runner.run(reload=["W3SVC"])


def test_a_service_that_is_not_there_is_told_before_anything_is_asked_for(runner: Runner) -> None:
    failed = runner.run(reload=["nginx"])
    assert (failed["error_code"], failed["request_received"]) == ("unknown_service", "not_received")
    assert "this host has no such service" in failed["reason"]
    assert runner.host.calls == ["look"]


def test_accounts_that_were_let_use_the_key_have_the_service_restarted(runner: Runner) -> None:
    asked: dict[str, Any] = {"key_readers": ["NT SERVICE\\portal"], "reload": ["portal"]}
    runner.run(**asked)
    runner.host.restarted.clear()
    next(iter(runner.host.readers.values())).clear()
    for check in (True, False):
        found = runner.run(**asked, check=check)
        assert (found["status"], found["reloaded"]) == ("recovered", ["portal"])
    assert runner.host.restarted == ["portal"]


def test_what_waits_for_approval_has_nothing_restarted(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        runner = make(lab)
        pending = runner.run(reload=["W3SVC"])
        assert (pending["status"], pending["reloaded"], runner.host.restarted) == ("pending", [], [])
        assert runner.run(reload=["W3SVC"], wait_timeout=5)["reloaded"] == ["W3SVC"]


# ----------------------------------------------------------------------------------------------------------------------
# What waits, what was refused, and what fails


def test_what_the_ca_must_approve_goes_on_with_its_key(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        runner = make(lab)
        pending = runner.run()
        assert (pending["status"], pending["changed"]) == ("pending", True)
        assert runner.host.calls == ["look", "connect", "make", "sign", "note"]
        assert b"PRIVATE KEY" not in runner.host.notes["pending"]
        waiting = runner.host.waiting
        issued = runner.run(wait_timeout=5)
        assert issued["status"] == "issued", issued
        assert runner.host.calls == ["look", "connect", "join"]
        assert len([entry for entry in lab.requests if entry["path"].endswith("/simpleenroll")]) == 2
    assert [entry.key for entry in runner.host.stores["My"]] == [waiting]
    assert (runner.host.notes, len(runner.host.keys)) == ({}, 1)


def test_what_waits_for_something_else_gives_way(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        runner = make(lab)
        runner.run()
        waiting = runner.host.waiting
        assert runner.run(identity=OTHER)["status"] == "pending"
        assert runner.host.waiting not in ("", waiting)
        assert list(runner.host.keys) == [runner.host.waiting]


def test_a_request_that_nobody_waits_for_goes_with_its_key(runner: Runner) -> None:
    runner.run()
    runner.host._make({"mark": "x", "key_curve": "P-256", "key_provider": "software", "key_exportable": False})
    runner.host.notes["pending"] = b"{}"
    for check in (True, False):
        found = runner.run(check=check)
        assert (found["status"], found["changed"]) == ("recovered", True)
        assert "a request that was pending is not needed any more" in found["reason"]
    assert (runner.host.notes, len(runner.host.keys)) == ({}, 1)


def test_a_request_that_could_not_be_read_again_is_not_kept(
    make: Callable[[LabServer], Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows_keys, "_PENDING_OCTETS", 100)
    with LabServer("--manual-approval", "1") as lab:
        refused = make(lab).run()
    assert (refused["failed"], refused["error_code"]) == (True, "not_saved"), refused
    assert "is not kept until it is approved" in refused["reason"]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"state.json": 1}', b"{}"])
def test_a_damaged_note_is_as_none(runner: Runner, note: bytes) -> None:
    runner.host.notes.update(pending=note, refused=note)
    assert runner.run()["status"] == "issued"


@pytest.mark.parametrize("operation", ["make", "sign", "join"])
def test_a_run_that_is_killed_is_made_good_by_the_next(runner: Runner, operation: str) -> None:
    old = runner.run()
    runner.host.kill_after = operation
    with pytest.raises(Killed):
        runner.run(identity=OTHER)
    runner.host.kill_after = ""
    now = runner.run(identity=OTHER)
    assert now["status"] == ("unchanged" if operation == "join" else "issued")
    assert now["replaced"] == [old["certificate"]["thumbprint"]]
    assert (len(runner.host.issued()), len(runner.host.keys)) == (2, 2)


@pytest.mark.parametrize(
    ("operation", "received"),
    [("look", "not_received"), ("make", "not_received"), ("sign", "not_received"), ("join", "received")],
)
def test_what_the_host_says_of_its_failure_is_passed_on(runner: Runner, operation: str, received: str) -> None:
    runner.run()
    before = runner.host.issued()
    runner.host.refused[operation] = {"msg": "the TPM does not do it", "error_code": "key_failed"}
    failed = runner.run(identity=OTHER)
    assert (failed["failed"], failed["stage"], failed["error_code"]) == (True, "save", "key_failed")
    assert failed["request_received"] == received
    assert failed["reason"] == "the TPM does not do it"
    assert runner.host.issued() == before


def test_a_host_that_cannot_keep_one_is_told_before_the_ca_is_asked(runner: Runner) -> None:
    runner.host.writable = False
    failed = runner.run()
    assert (failed["error_code"], failed["request_received"]) == ("not_saved", "not_received")
    assert "Windows does not let the account of the connection write there" in failed["reason"]
    assert runner.host.calls == ["look"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"certificates": [{}]},
        {"certificates": [{"certificate": "?", "friendly_name": "", "key": "there", "lacking_readers": []}]},
        {"certificates": [{"certificate": "", "friendly_name": "", "key": "maybe", "lacking_readers": []}]},
        {"waiting_key": "?"},
        {"masked_pending": "A" * 400000},
        {"refused": ["x"]},
        {"writable": "yes"},
        {"owed": "W3SVC"},
    ],
    ids=str,
)
def test_an_answer_of_another_shape_is_not_believed(
    runner: Runner, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = runner.host._look_at_one
    monkeypatch.setattr(runner.host, "_look_at_one", lambda *asked: {**look(*asked), **answer} if answer else {})
    with pytest.raises(UnusableAnswer, match="win_est_key on the host answered"):
        runner.run()


@pytest.mark.parametrize("answer", [{}, {"found": [], "document": {}}, {"found": ["x"], "document": {}}], ids=str)
def test_a_look_of_another_shape_is_not_believed(
    runner: Runner, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.host, "_look", lambda _arguments: answer)
    with pytest.raises(UnusableAnswer, match="win_est_key on the host answered"):
        runner.run()


@pytest.mark.parametrize("stored", [False, True])
def test_a_renewal_for_another_name_is_refused_and_not_asked_for_again(
    make: Callable[[LabServer], Runner], stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LabServer("--fault", "simplereenroll:other-name") as lab:
        runner = make(lab)
        runner.run(stored=stored)
        before = runner.host.issued()
        in_days(monkeypatch, 360)
        refused = runner.run(stored=stored)
        assert (refused["failed"], refused["stage"], refused["request_received"]) == (True, "verify", "received")
        assert refused["differs"] == ["subject CN=jdoe came as CN=root"]
        assert "The old certificate and its key stay." in refused["hint"]
        requests = len(lab.log)
        for check in (False, True):
            again = runner.run(stored=stored, check=check)
            assert (again["reason"], again["hint"]) == (refused["reason"], refused["hint"])
            assert runner.host.calls == ["look"]
        assert (len(lab.log), runner.host.issued()) == (requests, before)
        assert runner.run(stored=stored, force=True)["request_received"] == "received"
        taken = runner.run(stored=stored, on_lost="accept")
        assert taken["status"] == "issued"
        assert "refused" not in runner.host.notes


def test_what_a_ca_drops_is_told_in_every_run_unless_it_is_accepted(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--profile", "cisco") as lab:
        runner = make(lab)
        for status in ("issued", "unchanged"):
            found = runner.run(stored=True)
            assert (found["status"], found["lost"], found["differs"]) == (status, LOST, [])
        found = runner.run(stored=True, allowed_lost=["emailAddress"])
        assert (found["accepted_lost"], [text for text in found["warnings"] if "lacks" in text]) == (LOST, [])
        assert runner.run(stored=True, on_lost="fail")["stage"] == "verify"


def test_a_certificate_that_cannot_be_used_is_kept_without_its_key(make: Callable[[LabServer], Runner]) -> None:
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as lab:
        runner = make(lab)
        refused = runner.run()
    assert (refused["failed"], refused["stage"]) == (True, "verify")
    assert "certificate-unusable, without its key" in refused["hint"]
    assert runner.host.notes["unusable"].startswith(b"-----BEGIN CERTIFICATE-----")
    assert b"PRIVATE KEY" not in runner.host.notes["unusable"]


def test_no_result_has_a_secret(runner: Runner) -> None:
    told = json.dumps([runner.run(), runner.run(force=True), runner.run(wait_timeout=1)])
    assert "estpwd" not in told
    assert "PRIVATE KEY" not in told


def test_a_template_can_have_a_name_that_no_file_can_have(runner: Runner) -> None:
    name = "a" * 56 + "/..\\: *?"
    assert runner.run(template={"name": name})["status"] == "issued"
    (entry,) = runner.host.stores["My"]
    assert "/" not in entry.friendly_name and "\\" not in entry.friendly_name
    assert runner.run(template={"name": name})["status"] == "unchanged"
    assert Entry(entry.der).thumbprint == entry.thumbprint
