# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All certificates of a host in one task, by its action: one look, one call of the module, one session."""

from __future__ import annotations

import json
import os

import pytest
from support.lab import PASSWORD, LabServer
from support.production import IDENTITY, posts, template_for

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import Host, marked, run_action
from support.certificate_host import CertificateHost
from support.windows_keys import KeyHost, StandInConnector

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import certificate


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def entry(folder, name, **options):
    paths = {"certificate_path": f"{folder}/{name}.pem", "private_key_path": f"{folder}/{name}.key"}
    return {**paths, "identity": {"user": name}, **options}


def inline(lab, **options):
    template = template_for(lab, **options)
    return {**template.as_fields(), **template.secrets()}


def defaults(lab, **options):
    identity = {key: value for key, value in IDENTITY.items() if key != "user"}
    return {"inline": inline(lab, **options), "identity": identity}


def run(entries, shared=None, *, check=False, quick=True, **options):
    """The result, and the host."""
    host = CertificateHost(check=check, quick=quick)
    arguments = {"certificates": entries, **({"defaults": shared} if shared else {}), **options}
    return run_action("est_certificates", arguments, host, check=check), host


def statuses(result):
    return [found["status"] for found in result["certificates"]]


def handshakes(lab):
    return len({found["connection"] for found in lab.requests})


def test_many_are_enrolled_over_one_connection_and_then_one_look_does_for_all(lab, tmp_path):
    entries = [entry(tmp_path, f"host{number}") for number in range(4)]
    before, connections = len(lab.requests), handshakes(lab)
    first, host = run(entries, defaults(lab))
    assert statuses(first) == ["issued"] * 4 and first["changed"] is True
    assert [name for name, _arguments in host.modules] == ["est_certificates"]
    operations = [found["operation"] for found in lab.requests[before:]]
    assert operations == ["cacerts", "csrattrs", *["simpleenroll"] * 4]
    assert handshakes(lab) - connections == 1
    assert [found["certificate"]["subject"].split("/")[1] for found in first["certificates"]] == [
        f"CN=host{number}" for number in range(4)
    ]
    assert [step["stage"] for step in first["certificates"][3]["timeline"]] == ["enroll", "verify", "save"]
    assert first["diff"]["after_header"] == "4 certificates"
    second, host = run(entries, defaults(lab))
    assert statuses(second) == ["unchanged"] * 4 and second["changed"] is False
    assert (len(host.programs), host.modules) == (1, [])
    assert len(lab.requests) == before + 6
    assert [found["certificate"] for found in second["certificates"]] == [
        found["certificate"] for found in first["certificates"]
    ]


def test_only_what_needs_something_goes_to_the_module(lab, tmp_path):
    entries = [entry(tmp_path, name) for name in ("one", "two", "three")]
    run(entries[::2], defaults(lab))
    result, host = run(entries, defaults(lab))
    assert statuses(result) == ["unchanged", "issued", "unchanged"]
    ((_name, sent),) = host.modules
    assert [found["certificate_path"] for found in sent["certificates"]] == [entries[1]["certificate_path"]]
    assert [found["certificate_path"] for found in result["certificates"]] == [
        found["certificate_path"] for found in entries
    ]


def test_without_a_quick_look_the_module_comes_to_the_same(lab, tmp_path):
    entries = [entry(tmp_path, name) for name in ("one", "two")]
    run(entries, defaults(lab))
    quick, _host = run(entries, defaults(lab))
    slow, host = run(entries, defaults(lab), quick=False)
    assert slow == quick
    assert len(host.modules) == 1


def test_check_mode_asks_nobody(lab, tmp_path):
    before = len(lab.log)
    result, _host = run([entry(tmp_path, "one")], defaults(lab), check=True)
    assert (statuses(result), result["changed"]) == (["not_asked"], True)
    assert "CN=one" in result["diff"]["after"]
    assert (os.listdir(tmp_path), len(lab.log)) == ([], before)


def test_one_that_fails_leaves_the_others_alone_and_the_task_fails(lab, tmp_path):
    entries = [entry(tmp_path, "one"), entry(tmp_path / "nowhere", "two"), entry(tmp_path, "three")]
    result, _host = run(entries, defaults(lab))
    assert statuses(result) == ["issued", "failed", "issued"]
    assert (result["failed"], result["changed"], result["error_code"]) == (True, True, "not_saved")
    assert result["msg"].startswith(f"1 of 3 certificates could not be had. {tmp_path}/nowhere/two.pem: ")
    assert "there is no folder" in result["reason"]
    assert run(entries, defaults(lab))[0]["certificates"][0]["status"] == "unchanged"


def test_a_refused_account_is_tried_once(lab, tmp_path):
    wrong = {**defaults(lab), "inline": inline(lab, password="wrong")}
    other = entry(tmp_path, "other", inline=inline(lab))
    before = posts(lab)
    result, _host = run([entry(tmp_path, "one"), other, entry(tmp_path, "two"), entry(tmp_path, "three")], wrong)
    assert statuses(result) == ["failed", "issued", "failed", "failed"]
    assert posts(lab) - before == 2
    assert {found["error_code"] for found in result["certificates"] if "error_code" in found} == {
        "authentication_failed"
    }
    last = result["certificates"][3]
    assert "has refused the account 'estuser' for an earlier certificate of this task" in last["reason"]
    assert (last["request_received"], last["http_status"]) == ("not_received", None)
    assert "wrong" not in json.dumps(result)


def test_a_server_that_cannot_be_reached_is_tried_once(lab, tmp_path, monkeypatch):
    gone = {**defaults(lab), "inline": {**inline(lab), "port": 9}}
    result, _host = run([entry(tmp_path, "one"), entry(tmp_path, "two")], gone)
    assert statuses(result) == ["failed", "failed"]
    assert [bool(found["timeline"]) for found in result["certificates"]] == [True, False]
    assert "could not be used for an earlier certificate" in result["certificates"][1]["reason"]


def test_after_a_connection_that_broke_the_next_certificate_has_another(tmp_path):
    with LabServer("--fault", "simpleenroll:reset-before-answer") as lab:
        result, _host = run([entry(tmp_path, "one"), entry(tmp_path, "two")], defaults(lab))
        assert (posts(lab), handshakes(lab)) == (2, 2)
    assert statuses(result) == ["failed", "failed"]
    assert all("tls" in [step["stage"] for step in found["timeline"]] for found in result["certificates"])


def test_renewals_are_authenticated_by_each_certificate(lab, tmp_path):
    entries = [entry(tmp_path, name) for name in ("one", "two")]
    run(entries, defaults(lab))
    forced = [{**each, "force": True} for each in entries]
    result, _host = run(forced, defaults(lab))
    assert [found["action"] for found in result["certificates"]] == ["rekeyed", "rekeyed"]
    assert [found["server"]["authenticated_by"] for found in result["certificates"]] == [["client_certificate"]] * 2


def test_templates_of_the_store_are_used(lab, tmp_path):
    store = str(tmp_path / "store")
    run_action("est_templates", {"templates": [inline(lab)], "store_path": store})
    shared = {"template": "wifi", "identity": {"domain": "example.com", "email": "jdoe@example.com"}}
    entries = [entry(tmp_path, "one"), entry(tmp_path, "two", inline=inline(lab, name="lan"))]
    first, _host = run(entries, shared, store_path=store)
    assert [(found["template"], found["status"]) for found in first["certificates"]] == [
        ("wifi", "issued"),
        ("lan", "issued"),
    ]
    second, host = run(entries, shared, store_path=store)
    assert (statuses(second), host.modules) == (["unchanged"] * 2, [])


def test_an_empty_list_is_nothing_to_do():
    result, host = run([])
    assert (result["changed"], result["certificates"], host.programs) == (False, [], [])


WRONG = {
    "no dictionary": (["x"], {}, "certificates[0]: is not a dictionary"),
    "a default that is none": ([{}], "x", "defaults: is not a dictionary"),
    "an option that is for all": ([{"timeout": 5}], {}, "certificates[0].timeout: cannot be an option of one"),
    "a default that is for all": ([{}], {"store_path": "/x"}, "defaults.store_path: cannot be an option of one"),
    "an option that there is not": ([{"certificat_path": "/x"}], {}, "certificates[0]: Unsupported parameters"),
    "a choice": ([{"renewal_method": "x"}], {}, "certificates[0]: value of renewal_method must be one of"),
    "no path": ([{"template": "wifi"}], {}, "certificates[0].certificate_path: is missing"),
    "no template": ([{"certificate_path": "/a", "private_key_path": "/b"}], {}, "certificates[0].template and inline"),
    "a wrong name": (
        [{"template": "wifi", "certificate_path": "/a", "private_key_path": "/b", "identity": {"domain": "x"}}],
        {},
        "certificates[0].identity.domain: 'x' is not fully qualified",
    ),
}


@pytest.mark.parametrize(("entries", "shared", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_place(entries, shared, words):
    result, host = run(entries, shared)
    assert result["error_code"] == "invalid_option"
    assert result["msg"].startswith(words), result["msg"]
    assert (host.programs, host.modules) == ([], [])


def test_the_last_of_many_entries_is_checked_before_anything_is_done(lab, tmp_path):
    entries = [entry(tmp_path, f"host{number}") for number in range(20)]
    entries[19]["renewal_period_days"] = 0
    before = len(lab.log)
    result, host = run(entries, defaults(lab))
    assert result["msg"].startswith("certificates[19].renewal_period_days: 0 is out of range")
    assert (host.programs, host.modules, len(lab.log)) == ([], [], before)


PLACES = {
    "one certificate": ("b.pem", "b.key", {"certificate_path": "/x/a.pem"}, "certificate_path"),
    "another spelling": ("b.pem", "b.key", {"private_key_path": "/x/./a.pem"}, "private_key_path"),
    "a file of the chain": ("b.pem", "b.key", {"chain_path": "/x/a.key"}, "chain_path"),
    "PKCS#12": ("b.pem", "b.key", {"pkcs12_path": "/x/a.key", "pkcs12_passphrase": "words"}, "pkcs12_path"),
}


@pytest.mark.parametrize(("certificate", "key", "other", "option"), PLACES.values(), ids=PLACES)
def test_two_entries_for_one_place_are_refused(certificate, key, other, option):
    first = {"template": "wifi", "certificate_path": "/x/a.pem", "private_key_path": "/x/a.key"}
    second = {"template": "wifi", "certificate_path": f"/x/{certificate}", "private_key_path": f"/x/{key}", **other}
    result, host = run([first, second])
    assert result["msg"].startswith(f"certificates[1].{option}: ")
    assert "is a file of certificates[0] as well" in result["msg"]
    assert host.programs == []


def test_a_folder_that_is_replaced_as_a_whole_is_for_one():
    whole = {"template": "wifi", "certificate_path": "/x/a.pem", "private_key_path": "/x/a.key"}
    other = {"template": "wifi", "certificate_path": "/x/b.pem", "private_key_path": "/y/b.key"}
    result, _host = run([other, {**whole, "versioned_folder": True}])
    assert result["msg"].startswith("certificates[1].versioned_folder: '/x/b.pem' has the folder of certificates[1]")


def test_no_password_is_in_what_is_told(lab, tmp_path):
    result, host = run([entry(tmp_path, "one"), entry(tmp_path / "nowhere", "two")], defaults(lab))
    assert PASSWORD not in json.dumps(result)
    assert PASSWORD not in json.dumps(host.programs[0].decode())


def test_a_host_that_answers_for_others_gets_a_sentence(lab, tmp_path):
    class Short(CertificateHost):
        made_up = True

        def execute_module(self, **called):
            return {**super().execute_module(**called), "certificates": []}

    result = run_action("est_certificates", {"certificates": [entry(tmp_path, "one", **defaults(lab))]}, Short())
    assert result["error_code"] == "unusable_answer"


class WindowsHost(Host):
    """A Windows host that makes the keys, and keeps the certificates."""

    made_up = False

    def __init__(self):
        super().__init__()
        self.keys = KeyHost()

    def connection(self):
        found = super().connection()
        found._shell._IS_WINDOWS = True
        return found

    def execute_module(self, *, module_name, module_args, task_vars):
        return marked(self.keys.execute(module_name, json.loads(json.dumps(module_args))))


def test_a_windows_host_has_them_in_its_store_over_one_connection(lab, tmp_path, monkeypatch):
    host = WindowsHost()
    monkeypatch.setattr(certificate, "_connector", lambda _action, _exchange: StandInConnector(host.keys, tmp_path))
    entries = [{"certificate_name": name, "identity": {"user": name}} for name in ("portal", "mail")]
    before = len(lab.requests)
    first = run_action("est_certificates", {"certificates": entries, "defaults": defaults(lab)}, host)
    assert statuses(first) == ["issued"] * 2
    assert [found["operation"] for found in lab.requests[before:]] == ["cacerts", "csrattrs", *["simpleenroll"] * 2]
    assert [found["certificate_name"] for found in first["certificates"]] == ["portal", "mail"]
    assert len(host.keys.issued()) == 2
    second = run_action("est_certificates", {"certificates": entries, "defaults": defaults(lab)}, host)
    assert (statuses(second), second["changed"]) == (["unchanged"] * 2, False)
    assert len(lab.requests) == before + 4


WRONG_ON_WINDOWS = {
    "a name twice": (
        [{"certificate_name": "portal"}, {"certificate_name": "Portal"}],
        "is that of certificates[0] as well",
    ),
    "the default twice": ([{}, {}], "is that of certificates[0] as well"),
    "a path": ([{"certificate_path": "/x.pem"}], "has no effect on a Windows host"),
    "identities": (
        [{"identities": [{"user": "a"}], "output_path": "/x"}],
        "certificates[0].identities: cannot be used on a Windows host, whose private keys stay in its key store",
    ),
    "a file of identities": (
        [{}, {"identities_csv": "people.csv", "output_path": "/x"}],
        "certificates[1].identities_csv: cannot be used on a Windows host",
    ),
    "what to do instead": (
        [{"identities": [{"user": "a"}], "output_path": "/x"}],
        "allowed: a POSIX host that reaches the EST server, such as a relay",
    ),
}


@pytest.mark.parametrize(("entries", "words"), WRONG_ON_WINDOWS.values(), ids=WRONG_ON_WINDOWS)
def test_what_is_wrong_on_a_windows_host_is_told_before_anything_is_done(entries, words):
    host = WindowsHost()
    result = run_action("est_certificates", {"certificates": entries, "defaults": {"template": "wifi"}}, host)
    assert (result["error_code"], host.keys.calls) == ("invalid_option", [])
    assert words in result["msg"]
