# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof that is owed stays owed, what came is told for ever, and one refused account is one event."""

from __future__ import annotations

import re
import shutil

import pytest
from promises.conftest import Lab

LOST = "subject_alternative_name UPN:jdoe@example.com"


@pytest.fixture
def changed(fleet):
    """The fleet, with the policy under which a scheduled run tests what owes a proof."""
    fleet.variables["est_integration_test_policy"] = "changed"
    return fleet


def test_a_test_that_could_not_start_is_made_up_for_by_the_next_run(changed, lab):
    ca_path = changed.folder / "ca.pem"
    changed.variables["est_integration_templates"] = [lab.template("wifi", ca_path=str(ca_path))]
    done = changed.run("configure")
    assert done.status == 2
    assert "stage input" in done.text
    assert changed.report()["counts"]["tests_failed"] == 2
    assert lab.news() == []
    done = changed.run("drift")
    assert "2 without a proof that the CA issues for them as they are" in done.text
    shutil.copy(lab.ca_path, ca_path)
    done = changed.run("configure")
    assert done.status == 0, done.output
    assert "tests of this run: 2 issued" in done.summary
    assert len(lab.news()) == 2
    # And a proof is not asked for again every hour.
    done = changed.run("configure")
    assert (done.summary[0], lab.news()) == ("2 hosts, 1 template: all as declared", [])


def test_what_no_run_has_tested_is_owed_and_a_rotated_key_owes_nothing(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    done = fleet.run("configure")  # as a run that was killed between its write and its test leaves it
    assert "2 without a proof that the CA issues for them as they are" in done.text
    assert fleet.report()["counts"]["templates_unproved"] == 2
    changed = {"est_integration_test_policy": "changed"}
    fleet.run("configure", extra=changed)
    assert len(lab.news()) == 2
    assert fleet.run("configure", extra={**changed, "est_integration_rotate_key": True}).status == 0
    done = fleet.run("configure", extra=changed)
    assert (done.summary[0], lab.news()) == ("2 hosts, 1 template: all as declared", [])
    assert fleet.report()["counts"]["templates_unproved"] == 0
    # Another content has no proof, the old one has.
    fleet.variables["est_integration_templates"] = [lab.template("wifi", subject="/CN=%uname%")]
    assert "2 without a proof" in fleet.run("configure").text


def test_what_the_ca_dropped_is_told_by_every_run_until_it_is_accepted(changed, cisco):
    changed.variables["est_integration_templates"] = [
        cisco.template("wifi", subject="/CN=%uname%", subject_alternative_name="upn")
    ]
    done = changed.run("configure")
    assert done.status == 0
    assert "WARNING" in done.output and LOST in " ".join(done.output.split())
    for _again in range(2):
        done = changed.run("configure")
        assert f"ce1, ce2: the test certificate of template 'wifi' is not what was asked for: {LOST}" in done.summary
        assert changed.report()["counts"]["last_tests_with_losses"] == 2
    assert len(cisco.news()) == 2, "a loss is not a reason to ask every hour"
    changed.variables["est_integration_test"]["allowed_lost"] = ["UPN"]
    done = changed.run("configure")
    assert LOST not in done.text
    counts = changed.report()["counts"]
    assert (counts["last_tests_with_losses"], counts["last_tests_with_accepted_losses"]) == (0, 2)
    changed.variables["est_integration_test"] = {**changed.variables["est_integration_test"], "allowed_lost": []}
    changed.variables["est_integration_test"]["on_lost"] = "fail"
    done = changed.run("configure", extra={"est_integration_test_policy": "always"})
    assert done.status == 2
    assert "stage verify" in done.text


def test_a_test_for_made_up_values_is_told_as_such(changed, lab):
    changed.variables["est_integration_templates"] = [lab.template("wifi", subject="/CN=%uname%-%imei%")]
    done = changed.run("configure")
    made_up = "2 issued (2 of them for 'Test' or blank values in place of an identity)"
    assert f"tests of this run: {made_up}" in done.summary
    changed.run("configure")
    (test,) = {str(host["templates"][0]["test"]["made_up"]) for host in changed.report()["hosts"]}
    assert test == "['imei']"


@pytest.mark.each_core
def test_a_refused_account_is_tried_once_in_a_run_and_costs_a_few_lines(changed, lab):
    changed.hosts = {f"ce{number}": {} for number in range(1, 11)}
    changed.variables["est_integration_templates"] = [
        lab.template(name, password="canary-wrong-password") for name in ("wifi", "mail")
    ]
    for _run in range(2):
        done = changed.run("configure")
        assert done.status == 2
        assert len(lab.news()) == 1
        assert "tests of this run: 1 failed, 19 not tried" in done.summary
        (cause,) = changed.report()["causes"]
        assert (cause["server"], cause["account"]) == (f"https://{lab.host}:{lab.port}", "the account 'estuser'")
        assert (len(cause["hosts"]), sorted(cause["templates"])) == (10, ["mail", "wifi"])
        assert "canary" not in done.output
        for host in changed.hosts:
            (told,) = re.findall(rf"^fatal: \[{host}\].*$", done.output, re.MULTILINE)
            assert len(told) < 700, "one entry for the cause, and no timelines"
    assert changed.report()["counts"]["templates_unproved"] + changed.report()["counts"]["last_tests_failed"] == 20
    # Corrected, all of it is made up for.
    changed.variables["est_integration_templates"] = [lab.template(name) for name in ("wifi", "mail")]
    assert changed.run("configure").status == 0
    assert len(lab.news()) == 20


@pytest.mark.each_core
def test_a_failed_test_is_told_by_every_later_run(changed, lab):
    changed.variables["est_integration_templates"] = [lab.template("wifi", password="canary-wrong-password")]
    assert changed.run("configure").status == 2
    for playbook, options in (("drift", ()), ("configure", ("-e", "est_integration_test_policy=never"))):
        done = changed.run(playbook, *options)
        assert "all as declared" not in done.text
        assert "1 whose last test failed" in done.text and "1 without a proof" in done.text
        assert "HTTP 401" in done.text


def test_a_test_that_waits_for_approval_is_told_by_every_later_run(changed, tmp_path):
    with Lab("--manual-approval", "5", "--retry-after", "3600") as lab:
        changed.variables["est_integration_templates"] = [lab.template("wifi")]
        changed.run("configure")
        done = changed.run("drift")
    assert "2 whose last test waits for approval" in done.text
    assert "all as declared" not in done.text


def test_a_run_that_only_tests_takes_no_drift_back(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.run("configure")
    fleet.variables["est_integration_templates"] = [lab.template("wifi", renewal_period_days=30)]
    fleet.run("drift")
    assert fleet.run("test_enroll").status == 0
    counts = fleet.report()["counts"]
    assert (counts["templates_differing"], counts["hosts_differing"], counts["tests_issued"]) == (2, 2, 2)


def test_wrong_options_of_a_test_are_in_the_report_of_every_playbook(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.run("configure")
    fleet.variables["est_integration_test"] = {"identity": {"usr": "jdoe"}}
    done = fleet.run("test_enroll")
    assert done.status == 2
    assert "est_integration_test.identity.usr: is not an option of an identity" in done.output
    assert fleet.report()["counts"]["failed"] == 2
    assert len(done.output) < 5000


def test_a_proof_by_the_controller_is_none_of_the_host(changed, lab):
    changed.variables["est_integration_templates"] = [lab.template("wifi")]
    test = changed.variables["est_integration_test"]
    changed.run("configure", extra={"est_integration_test": {**test, "exchange": "controller"}})
    lab.news()
    assert "tests of this run: 2 issued" in changed.run("configure").summary
    assert len(lab.news()) == 2


def test_another_account_goes_on_where_one_is_refused(changed, lab):
    changed.variables["est_integration_templates"] = [
        lab.template("wrong", password="canary-wrong-password"),
        lab.template("right"),
    ]
    done = changed.run("configure")
    assert "tests of this run: 2 issued, 1 failed, 1 not tried" in done.summary
    assert len(lab.news()) == 3


def test_an_account_that_is_kept_on_the_hosts_is_tried_once_too(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi", password="canary-wrong-password")]
    fleet.run("configure")
    fleet.variables["est_integration_templates"] = [{"name": "wifi", "server": lab.url, "ca_path": lab.ca_path}]
    done = fleet.run("test_enroll")
    assert "tests of this run: 1 failed, 1 not tried" in done.summary
    assert len(lab.news()) == 1


def test_nothing_is_issued_where_device_identity_certificates_are_off(changed, lab):
    changed.variables["est_integration_templates"] = [lab.template("wifi", device_identity_certificates=False)]
    for playbook in ("configure", "test_enroll"):
        done = changed.run(playbook)
        assert done.status == 0, done.output
    assert lab.news() == []
    counts = changed.report()["counts"]
    assert (counts["tests"], counts["templates_unproved"]) == (0, 0)
    assert all(host["templates"][0]["off"] for host in changed.report()["hosts"])
    assert "2 switched off, so that nothing is issued from them" in done.text
    assert "tested" not in done.summary[0] or "nothing was tested" in done.summary[0]


@pytest.mark.each_core
def test_a_report_changes_nothing_and_check_mode_says_what_would(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    done = fleet.run("drift")
    assert (done.status, done.changed()) == (0, {"ce1": 0, "ce2": 0})
    assert "ce1, ce2: templates missing: 'wifi'" in done.summary
    assert (fleet.report()["counts"]["changed"], fleet.report()["counts"]["hosts_differing"]) == (0, 2)
    (fleet.folder / "report.json").unlink()
    done = fleet.run("configure", "--check")
    assert (done.status, done.changed()) == (0, {"ce1": 1, "ce2": 1})
    assert fleet.report()["counts"]["templates_differing"] == 2, "the verdict reads the report of check mode too"
    assert fleet.written() == []


@pytest.mark.each_core
def test_a_run_with_a_limit_keeps_what_is_known_of_the_others(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.hosts["ce3"] = {}
    fleet.run("configure")
    del fleet.hosts["ce3"]
    done = fleet.run("configure", "--limit", "ce1")
    assert done.summary[0] == "2 hosts, 1 template: 1 not in this run and told as found before"
    assert any("ce3" in line and "no longer in the inventory" in line for line in done.summary)
    hosts = {host["name"]: host.get("kept", False) for host in fleet.report()["hosts"]}
    assert hosts == {"ce1": False, "ce2": True}


def test_what_is_no_report_is_not_replaced(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    (fleet.folder / "report.json").write_text('{"precious": true}', encoding="utf-8")
    done = fleet.run("configure")
    assert done.status == 2
    assert "what is there is not a fleet report, and would be lost" in done.output
    assert (fleet.folder / "report.json").read_text(encoding="utf-8") == '{"precious": true}'
    assert fleet.written() == []
