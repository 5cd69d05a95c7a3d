# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of many identities by the action: some in each call, what came of them between, and what is refused."""

from __future__ import annotations

import json
import os

import cryptography
import pytest
from support.lab import PASSWORD, LabServer
from support.production import posts, template_for

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import run_action
from support.certificate_host import CertificateHost

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import identities
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.account_gate import AccountGate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet import certificates

PASSPHRASE = "the p12 passphrase"
#: What any cryptography can make, where this one knows no other.
ENCRYPTION = "modern" if int(cryptography.__version__.split(".")[0]) >= 38 else "legacy"


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture(autouse=True)
def two_in_a_call(monkeypatch):
    monkeypatch.setattr(identities, "CALL", 2)


def people(count):
    return [{"user": f"u{number}"} for number in range(count)]


def entry(lab, folder, **options):
    template = template_for(lab)
    shared = {"domain": "example.com", "email": "jdoe@example.com"}
    inline = {**template.as_fields(), **template.secrets()}
    return {"inline": inline, "identity": shared, "output_path": str(folder), **options}


def run(entries, *, check=False, host=None, **options):
    host = host or CertificateHost(check=check)
    return run_action("est_certificates", {"certificates": entries, **options}, host, check=check), host


def statuses(result):
    return [each["status"] for each in result["certificates"][0]["identities"]]


def test_a_call_has_some_of_them_and_it_is_told_how_far_it_is(lab, tmp_path, capsys):
    result, host = run([entry(lab, tmp_path / "x", identities=people(5))])
    assert statuses(result) == ["issued"] * 5
    assert [name for name, _arguments in host.modules] == ["est_identities_host"] * 3
    assert capsys.readouterr().out.splitlines() == [
        "ce1: 2 of 5 identities: 2 issued",
        "ce1: 4 of 5 identities: 4 issued",
        "ce1: 5 of 5 identities: 5 issued",
    ]
    (found,) = result["certificates"]
    assert (found["status"], found["reason"], found["changed"]) == ("issued", "5 identities: 5 issued", True)
    assert found["identities"][4]["certificate_path"] == f"{tmp_path}/x/u4.pem"
    assert "u4: enrolled" in result["diff"]["after"]
    again, _host = run([entry(lab, tmp_path / "x", identities=people(5))])
    assert (statuses(again), again["changed"]) == (["unchanged"] * 5, False)
    assert PASSWORD not in json.dumps([result, again])


def test_a_file_beside_the_playbook_has_them(lab, tmp_path, monkeypatch):
    (tmp_path / "people.csv").write_text("\ufeffuser;domain\nu0;a.example\n\nu1;b.example\n")
    monkeypatch.chdir(tmp_path)
    result, _host = run([entry(lab, tmp_path / "x", identities_csv=str(tmp_path / "people.csv"))])
    assert statuses(result) == ["issued"] * 2
    result, host = run([entry(lab, tmp_path / "x", identities_csv="nowhere.csv")])
    assert (result["error_code"], host.modules) == ("unusable_file", [])


def test_they_stand_beside_other_certificates_and_use_a_stored_template(lab, tmp_path):
    store, template = str(tmp_path / "store"), template_for(lab)
    fields = {**template.as_fields(), **template.secrets()}
    run_action("est_templates", {"templates": [fields], "store_path": store})
    one = {"certificate_path": f"{tmp_path}/host.pem", "private_key_path": f"{tmp_path}/host.key"}
    shared = {"template": "wifi", "identity": {"user": "h", "domain": "example.com", "email": "h@example.com"}}
    many = {"identities": people(2), "output_path": str(tmp_path / "x")}
    result, host = run([many, one], defaults=shared, store_path=store)
    assert [found["status"] for found in result["certificates"]] == ["issued", "issued"]
    assert [name for name, _arguments in host.modules] == ["est_certificates", "est_identities_host"]
    again, host = run([many, one], defaults=shared, store_path=store)
    assert again["changed"] is False
    assert PASSWORD not in json.dumps([result, again])


def test_a_server_that_fails_keeps_what_was_issued_and_the_next_run_goes_on(lab, tmp_path):
    class Failing(CertificateHost):
        """The server is gone from the third call on."""

        def execute_module(self, *, module_name, module_args, task_vars):
            if len(self.modules) == 2:
                order = json.loads(module_args["order"])
                order["options"]["inline"]["port"] = 9
                module_args = {"order": json.dumps(order)}
            return super().execute_module(module_name=module_name, module_args=module_args, task_vars=task_vars)

    before = posts(lab)
    result, host = run([entry(lab, tmp_path / "x", identities=people(9))], host=Failing())
    assert statuses(result) == ["issued"] * 4 + ["failed"] + ["not_tried"] * 4
    assert len(host.modules) == 3, "the rest is left alone"
    assert (result["failed"], result["changed"], result["error_code"]) == (True, True, "connection_refused")
    assert "9 identities: 4 issued, 1 failed, 4 not tried" in result["msg"]
    assert result["msg"].endswith("What was issued is kept, and the next run goes on with the rest.")
    result, _host = run([entry(lab, tmp_path / "x", identities=people(9))])
    assert statuses(result) == ["unchanged"] * 4 + ["issued"] * 5
    assert posts(lab) == before + 9


def test_a_host_that_is_lost_between_two_calls_keeps_what_is_known(lab, tmp_path):
    class Lost(CertificateHost):
        made_up = True

        def execute_module(self, **called):
            return super().execute_module(**called) if not self.modules else {"unreachable": True, "msg": "no route"}

    result, _host = run([entry(lab, tmp_path / "x", identities=people(5))], host=Lost())
    assert statuses(result) == ["issued"] * 2 + ["not_tried"] * 3
    assert (result["error_code"], result["changed"]) == ("unreachable", True)


def test_max_failures_stops_a_wave(tmp_path):
    with LabServer("--fault", "simpleenroll:refused") as lab:
        result, host = run([entry(lab, tmp_path / "x", identities=people(7), max_failures=2)])
    assert statuses(result) == ["failed"] * 3 + ["not_tried"] * 4
    assert len(host.modules) == 2


def test_check_mode_asks_nobody(lab, tmp_path):
    before = len(lab.log)
    result, _host = run([entry(lab, tmp_path / "x", identities=people(3))], check=True)
    assert (statuses(result), result["changed"]) == (["not_asked"] * 3, True)
    assert (os.listdir(tmp_path), len(lab.log)) == ([], before)


WRONG = {
    "one in the middle": (
        {"identities": [*people(50), {"user": "x", "domain": "x"}, *people(3)]},
        "certificates[0].identities[50].domain: 'x' is not fully qualified",
    ),
    "an option for one certificate": (
        {"identities": people(1), "certificate_path": "/x.pem"},
        "certificates[0].certificate_path: cannot be used with identities",
    ),
    "no list": ({"identities": "x"}, "certificates[0].identities: is not a list"),
    "no passphrase for the only file": (
        {"identities": people(1), "pkcs12_only": True},
        "certificates[0].identities[0].pkcs12_passphrase: is missing",
    ),
    "a mode for everybody": (
        {"identities": people(1), "mode": "0644"},
        "certificates[0].mode: 0644 lets other accounts at the private key",
    ),
    "an option without identities": (
        {"pkcs12_only": True, "output_path": None},
        "certificates[0].pkcs12_only: has no effect in an entry for one certificate",
    ),
    "no folder": ({"identities": people(1), "output_path": None}, "certificates[0].output_path: is missing"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_before_anything_is_asked_for(lab, tmp_path, given, words):
    before = len(lab.log)
    result, host = run([{**entry(lab, tmp_path / "x"), **given}])
    assert result["msg"].startswith(words), result["msg"]
    assert (host.modules, host.programs, len(lab.log)) == ([], [], before)


def test_a_folder_is_for_one_entry(lab, tmp_path):
    many = entry(lab, tmp_path, identities=people(1))
    result, _host = run([many, many])
    assert result["msg"].startswith(f"certificates[1].output_path: '{tmp_path}' has files of certificates[0]")
    one = {**entry(lab, None), "certificate_path": f"{tmp_path}/a.pem", "private_key_path": f"{tmp_path}/a.key"}
    del one["output_path"]
    result, _host = run([one, many])
    assert "has files of certificates[0]" in result["msg"]


def test_a_host_that_answers_for_others_gets_a_sentence(lab, tmp_path):
    class Other(CertificateHost):
        made_up = True

        def execute_module(self, **called):
            answer = super().execute_module(**called)
            return {**answer, "identities": answer["identities"][::-1]}

    result, _host = run([entry(lab, tmp_path / "x", identities=people(2))], host=Other())
    assert result["error_code"] == "unusable_answer"


def test_pkcs12_files_alone_and_services_that_are_told_once(lab, tmp_path, monkeypatch):
    told = []
    services = "ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.services._reload"
    monkeypatch.setattr(services, lambda name: told.append(name) or "")
    wanted = {"pkcs12_only": True, "pkcs12_passphrase": PASSPHRASE, "pkcs12_encryption": ENCRYPTION, "reload": ["web"]}
    many = entry(lab, tmp_path / "x", identities=people(5), mode="0440", **wanted)
    checked, _host = run([many], check=True)
    assert (checked["certificates"][0]["reloaded"], told) == (["web"], [])
    result, host = run([many])
    (found,) = result["certificates"]
    assert (found["reloaded"], told, len(host.modules)) == (["web"], ["web"], 3)
    assert sorted(name for name in os.listdir(tmp_path / "x") if name[0] != ".") == [f"u{n}.p12" for n in range(5)]
    assert found["identities"][0]["pkcs12_path"] == f"{tmp_path}/x/u0.p12"
    assert os.stat(tmp_path / "x" / "u0.p12").st_mode & 0o777 == 0o440
    again, _host = run([many])
    assert (again["changed"], again["certificates"][0]["reloaded"], told) == (False, [], ["web"])
    assert PASSPHRASE not in json.dumps([result, again])


def test_a_service_that_cannot_be_told_is_a_failure_and_stays_owed(lab, tmp_path, monkeypatch):
    services = "ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.services._reload"
    monkeypatch.setattr(services, lambda name: f"{name}: broken")
    many = entry(lab, tmp_path / "x", identities=people(3), reload=["web"])
    result, _host = run([many])
    assert (result["failed"], result["changed"], result["error_code"]) == (True, True, "not_reloaded")
    assert statuses(result) == ["issued"] * 3
    monkeypatch.setattr(services, lambda name: "")
    result, _host = run([many])
    (found,) = result["certificates"]
    assert (found["status"], found["reloaded"], found["changed"]) == ("recovered", ["web"], True)
    assert found["reason"] == "3 identities: 3 unchanged; an earlier run had not reloaded web"


@pytest.mark.parametrize("check", [False, True], ids=["really", "check"])
def test_a_host_without_the_template_fails_in_this_entry_alone(lab, tmp_path, check):
    one = {**entry(lab, None), "certificate_path": f"{tmp_path}/a.pem", "private_key_path": f"{tmp_path}/a.key"}
    del one["output_path"]
    many = {"template": "nowhere", "identities": people(2), "output_path": str(tmp_path / "x")}
    store = str(tmp_path / "store")
    result, host = run([many, {**one, "identity": {**one["identity"], "user": "h"}}], check=check, store_path=store)
    first, second = result["certificates"]
    assert (first["status"], first["error_code"], first["changed"]) == ("failed", "unknown_template", False)
    assert (first["template"], first["output_path"]) == ("nowhere", f"{tmp_path}/x")
    assert second["status"] == ("not_asked" if check else "issued")
    assert "est_identities_host" not in [name for name, _arguments in host.modules]
    with_csv = {**many, "identities": None, "identities_csv": "nowhere.csv"}
    result, _host = run([with_csv], check=check, store_path=store)
    assert result["error_code"] == "unusable_file", "what is wrong on the controller is told all the same"


def test_the_role_tells_what_it_would_do_where_the_template_is_to_be_written_first(lab, tmp_path):
    many = {"template": "nowhere", "identities": people(2), "output_path": str(tmp_path / "x")}
    store = str(tmp_path / "store")

    def look(entries, check):
        assert check
        return run(entries, check=True, store_path=store)[0]

    role = certificates.HostCertificates(AccountGate(str(tmp_path), "ce1"), list, None, None, look)
    kept = role.keep([many], writes=False, missing=["nowhere"])
    (told,) = kept["certificates"]
    assert (told["status"], told["changed"], kept["changed"]) == ("not_asked", True, True)
    assert told["output_path"] == f"{tmp_path}/x"
    assert told["reason"] == "its template 'nowhere' is to be written first"
    (told,) = role.keep([many], writes=False)["certificates"]
    assert told["error_code"] == "unknown_template"
