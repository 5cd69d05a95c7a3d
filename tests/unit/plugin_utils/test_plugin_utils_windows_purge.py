# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a purge on a Windows host; ``tests/twins/test_twins_key_purge.py`` has that of the host."""

from __future__ import annotations

import base64
import json

import pytest
from support.lab import LabServer
from support.production import IDENTITY, template_for
from support.windows_keys import Entry, KeyHost, Killed, StandInConnector

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import Host, marked, run_action

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_certificate import mark_of

STORE = "C:\\ProgramData\\CloudExtenderEST"


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


class Web(Host):
    """A Windows host with certificates of the template ``web``."""

    made_up = False

    def __init__(self, lab, folder, monkeypatch):
        super().__init__()
        self.keys = KeyHost()
        template = template_for(lab, name="web", key_type="ec", key_curve="P-256")
        inline = {**template.as_fields(), **template.secrets()}
        self._defaults = {"inline": inline, "identity": IDENTITY}
        monkeypatch.setattr(certificate, "_connector", lambda _action, _exchange: StandInConnector(self.keys, folder))

    def connection(self):
        found = super().connection()
        found._shell._IS_WINDOWS = True
        return found

    def execute_module(self, *, module_name, module_args, task_vars):
        return marked(self.keys.execute(module_name, json.loads(json.dumps(module_args))))

    def run(self, *names, check=False, purge=True, more=None, **options):
        """The result for a list of certificates by their names; ``calls`` has the operations of the host."""
        entries = [{"certificate_name": name, **(more or {})} for name in names]
        self.keys.calls.clear()
        self.keys.check = check
        result = run_action(
            "est_certificates",
            {"certificates": entries, "defaults": self._defaults, "store_path": STORE, "purge": purge, **options},
            self,
            check=check,
        )
        self.calls = list(self.keys.calls)
        return result

    def noted(self):
        return sorted(json.loads(base64.b64decode(note))["certificate_name"] for note in self.keys.made.values())

    def named(self):
        """The middle of the friendly names in the store."""
        return sorted(entry.friendly_name.split("-")[1] for entry in self.keys.stores["My"])


@pytest.fixture
def web(lab, tmp_path, monkeypatch):
    return Web(lab, tmp_path, monkeypatch)


def test_what_is_not_declared_any_more_goes_in_one_call_more(web):
    web.run("one", "two", purge=False)
    (two,) = [entry for entry in web.keys.stores["My"] if "-two-" in entry.friendly_name]
    result = web.run("one")
    assert (result["changed"], web.calls) == (True, ["look", "purge"])
    path = f"Cert:\\LocalMachine\\My\\{two.thumbprint}"
    assert result["purged"] == [
        {
            "certificate_store_name": "My",
            "template": "web",
            "certificate_name": "two",
            "action": "removed",
            "files": [two.key, path],
            "left": [],
        }
    ]
    assert result["diff"]["before"] == f"1 certificate not declared any more\n{two.key}\n{path}\n"
    assert (web.named(), web.noted(), two.key in web.keys.keys) == (["one"], ["one"], False)
    again = web.run("one")
    assert (again["purged"], again["changed"], web.calls) == ([], False, ["look"])


def test_check_mode_tells_the_same_and_changes_nothing(web):
    web.run("one", "two")
    result = web.run("one", check=True)
    assert (result["changed"], web.named(), web.noted()) == (True, ["one", "two"], ["one", "two"])
    real = web.run("one")
    assert (real["purged"], real["diff"]) == (result["purged"], result["diff"])


def test_what_is_issued_costs_no_call_for_its_note(web):
    result = web.run("one")
    assert ("purge" in web.calls, web.noted(), result["purged"]) == (False, ["one"], [])


def test_what_was_issued_without_a_list_is_noted_once_a_list_with_purge_has_it(web):
    web.run("one")
    web.keys.made.clear()
    assert (web.run("one", check=True)["purged"], web.calls) == ([], ["look"])
    assert (web.run("one", purge=False)["changed"], web.calls, web.noted()) == (False, ["look"], [])
    assert (web.run("one")["changed"], web.calls, web.noted()) == (False, ["look", "purge"], ["one"])
    assert (web.run("one")["purged"], web.calls) == ([], ["look"])


def test_est_certificate_notes_nothing(web):
    options = {**web._defaults, "certificate_name": "alone", "store_path": STORE}
    assert run_action("est_certificate", options, web)["status"] == "issued"
    assert (web.noted(), web.keys.made) == ([], {})
    assert (web.run("one")["purged"], web.named()) == ([], ["alone", "one"])


def test_a_run_that_is_killed_has_noted_what_it_was_about_to_make(web):
    web.keys.kill_after = "make"
    with pytest.raises(Killed):
        web.run("one", purge=False)
    assert web.noted() == ["one"]


def test_an_empty_list_needs_consent_and_costs_a_look_and_a_call(web):
    web.run("one")
    result = web.run()
    assert (result["error_code"], web.calls) == ("invalid_option", [])
    assert "purge_all: true" in result["msg"]
    result = web.run(purge_all=True)
    assert ([each["action"] for each in result["purged"]], web.calls) == (["removed"], ["look", "purge"])
    assert (web.named(), web.keys.keys) == ([], {})
    assert (web.run(purge_all=True)["purged"], web.calls) == ([], ["look"])


def test_an_empty_list_without_purge_asks_nothing(web):
    assert ("purged" in web.run(purge=False), web.calls) == (False, [])


@pytest.mark.parametrize("keep", ["web two", "WEB T*", "*"])
def test_names_to_keep_stay(web, keep):
    web.run("one", "two")
    result = web.run("one", purge_keep=[keep])
    assert (result["purged"], web.named(), web.calls) == ([], ["one", "two"], ["look"])


def test_a_name_to_keep_that_is_none_is_refused(web):
    result = web.run("one", purge_keep=["web two", 5])
    assert "purge_keep[1]: 5 is not a name" in result["msg"]
    assert "such as web portal" in result["msg"]


def test_the_same_name_in_another_store_is_another_certificate(web):
    web.keys.stores["WebHosting"] = []
    web.run("one")
    result = web.run("one", more={"certificate_store_name": "WebHosting"})
    assert [(each["certificate_store_name"], each["action"]) for each in result["purged"]] == [("My", "removed")]
    assert (web.named(), len(web.keys.stores["WebHosting"])) == ([], 1)
    # Windows does not tell capital letters from small ones.
    assert web.run("one", more={"certificate_store_name": "WebHosting"})["purged"] == []
    web.keys.made = {("WEBHOSTING", mark): note for (_store, mark), note in web.keys.made.items()}
    assert web.run("one", more={"certificate_store_name": "WebHosting"})["purged"] == []


def test_nothing_goes_while_a_declared_one_cannot_be_had(web):
    web.run("one", "two")
    result = web.run("one", "new", more={"key_readers": []}, defaults={**web._defaults, "inline": {"name": "web"}})
    assert "two" in web.named()
    assert result["failed"] is True
    web.keys.refused["make"] = {"msg": "no key can be made", "error_code": "key_failed"}
    result = web.run("one", "new")
    assert (result["failed"], result["purged"], "purge" in web.calls, web.named()) == (True, [], False, ["one", "two"])


def answering(web, purged):
    web.keys._purge = lambda _arguments: {"purged": purged}


def told(action, reason="", **more):
    of = {"store_name": "My", "mark": mark_of("web", "two"), "action": action, "files": [], "left": []}
    return {**of, "reason": reason, **more}


def test_what_is_left_alone_is_a_warning(web):
    web.run("one", "two")
    answering(web, [told("kept", "est_certificates has not issued what is there", left=["Cert:\\x"])])
    result = web.run("one")
    assert (result["changed"], result["purged"][0]["left"]) == (False, ["Cert:\\x"])
    assert result["warnings"] == [
        "web two is not declared and was left alone: est_certificates has not issued what is there"
    ]


@pytest.mark.parametrize("files", [[], ["est-0-0"]])
def test_what_cannot_be_removed_is_a_failure(web, files):
    web.run("one", "two")
    answering(web, [told("failed", "the key x cannot be removed: access is denied", files=files)])
    result = web.run("one")
    assert (result["failed"], result["error_code"], result["changed"]) == (True, "not_saved", bool(files))
    assert result["msg"] == (
        "web two could not be removed: the key x cannot be removed: access is denied. The next run goes on."
    )


@pytest.mark.parametrize("answer", [[{"action": "removed"}], [{**told("removed"), "mark": "0" * 8}]])
def test_an_answer_of_another_shape_or_for_others_is_refused(web, answer):
    web.run("one", "two")
    answering(web, answer)
    assert web.run("one")["error_code"] == "unusable_answer"


def test_a_call_that_fails_is_told_with_what_became_of_the_certificates(web):
    web.run("one", "two")
    words = "cannot write the template store: the disk is full"
    web.keys.refused["purge"] = {"msg": words, "reason": words, "hint": None, "error_code": "store_failed"}
    result = web.run("one")
    assert (result["failed"], result["error_code"], result["purged"]) == (True, "store_failed", [])
    assert [each["status"] for each in result["certificates"]] == ["unchanged"]


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (b"", "damaged_store"),
        (b"\xff", "damaged_store"),
        (b"[]", "damaged_store"),
        (b'{"format_version": 1}', "damaged_store"),
        (b'{"format_version": 1, "template": 5, "certificate_name": "two"}', "damaged_store"),
        (b'{"format_version": 1, "template": "web", "certificate_name": "other"}', "damaged_store"),
        (b'{"format_version": 2}', "newer_format"),
    ],
)
def test_a_note_that_is_damaged_or_newer_purges_nothing(web, note, code):
    web.run("one", "two")
    mark = mark_of("web", "two")
    web.keys.made[("My", mark)] = base64.b64encode(note).decode()
    result = web.run("one")
    assert (result["failed"], result["error_code"], result["purged"]) == (True, code, [])
    assert f"certificate-My-{mark}.made in the folder of the template store" in result["reason"]
    assert (web.calls, web.named()) == (["look"], ["one", "two"])


def test_notes_that_cannot_be_read_purge_nothing(web):
    web.run("one", "two")
    real = web.keys._look
    failed = {"msg": "others can write", "error_code": "store_failed"}
    web.keys._look = lambda arguments: {**real(arguments), "made": failed}
    result = web.run("one")
    assert (result["failed"], result["error_code"], web.calls) == (True, "store_failed", ["look"])
    assert result["reason"] == "others can write"


def test_certificates_of_others_are_not_looked_at(web):
    web.keys.stores["My"].append(Entry(b"x", "somebody-elses-certificate"))
    web.run("one")
    assert web.run(purge_all=True)["changed"] is True
    assert web.named() == ["elses"]
