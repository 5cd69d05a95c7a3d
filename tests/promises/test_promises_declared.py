# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing declared is not "all in order", and what is not given is not a wish to remove."""

from __future__ import annotations

import pytest
from support.lab import PASSWORD, USERNAME

OUR_PLAYBOOKS = ("configure", "drift", "test_enroll")


@pytest.mark.each_core
@pytest.mark.parametrize("level", ["group", "host", "extra", "task"])
def test_a_mistyped_variable_ends_every_playbook_and_purges_nothing(fleet, lab, level):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0
    before = {host: (fleet.folder / host / "templates.json").read_bytes() for host in fleet.hosts}
    wrong = {"est_integration_template": [lab.template("wifi")]}
    extra = {"est_integration_purge": True}
    if level == "group":
        del fleet.variables["est_integration_templates"]
        fleet.variables.update(wrong)
    elif level == "host":
        fleet.hosts["ce1"] = wrong
        fleet.hosts["ce2"] = wrong
    else:
        extra = {**extra, **wrong}
    lab.news()
    playbooks = [*OUR_PLAYBOOKS, "renew"] if level == "group" else ["configure"]
    if level == "task":
        extra.pop("est_integration_template")
        playbooks = [fleet.role_playbook(**wrong)]
    for playbook in playbooks:
        done = fleet.run(playbook, extra=extra)
        assert done.status == 2, done.output
        assert "est_integration_template (did you mean est_integration_templates?)" in done.output
    assert {host: (fleet.folder / host / "templates.json").read_bytes() for host in fleet.hosts} == before
    assert lab.news() == []


@pytest.mark.each_core
@pytest.mark.parametrize("nothing", [{}, {"est_integration_templates": None}])
def test_a_host_with_nothing_declared_is_an_error_before_it_is_contacted(fleet, nothing):
    fleet.variables.update(nothing)
    fleet.variables["ansible_connection"] = "ssh"  # a contact would be "unreachable"
    fleet.variables["ansible_host"] = "127.0.0.1"
    fleet.variables["ansible_port"] = 1
    for playbook in (*OUR_PLAYBOOKS, "renew"):
        done = fleet.run(playbook, extra={"est_integration_purge": True})
        assert done.status == 2, done.output
        assert "nothing is declared for this host" in done.output
        assert "as declared" not in done.text
    assert fleet.written() == []


def test_declared_nowhere_is_red_though_each_host_has_something_else(fleet, lab):
    fleet.variables["est_integration_certificates"] = []
    done = fleet.run("configure")
    assert done.status == 2
    assert "nothing was looked at: est_integration_templates is defined for none of these hosts" in done.output
    # One host that has templates is enough; the other is not called as declared.
    fleet.hosts["ce2"]["est_integration_templates"] = [lab.template("wifi")]
    done = fleet.run("configure")
    assert done.status == 0, done.output
    counts = fleet.report()["counts"]
    assert (counts["hosts_corrected"], counts["hosts_not_compared"]) == (1, 1)
    assert fleet.written() == ["ce2"]
    del fleet.variables["est_integration_certificates"]
    fleet.variables["est_integration_templates"] = []
    done = fleet.run("renew")
    assert done.status == 2
    assert "nothing was looked at: est_integration_certificates is defined for none of these hosts" in done.output


def test_an_empty_list_is_no_claim_and_purges_only_with_a_consent_of_its_own(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0
    fleet.variables["est_integration_templates"] = []
    done = fleet.run("configure")
    assert done.status == 0
    assert done.summary[0] == "2 hosts, no template is declared"
    done = fleet.run("configure", extra={"est_integration_purge": True})
    assert done.status == 2
    assert "is empty, and est_integration_purge would remove every template of the host" in done.output
    assert list(fleet.stored()) == ["wifi"]
    consent = {"est_integration_purge": True, "est_integration_purge_all": True}
    assert fleet.run("configure", extra=consent).status == 0
    assert fleet.stored() == {}


@pytest.mark.each_core
def test_an_account_of_a_credential_stays_when_a_job_runs_without_it(fleet, lab):
    account = {"EST_USERNAME": USERNAME, "EST_PASSWORD": PASSWORD, "EST_CA_CERTIFICATE": lab.ca_pem}
    fleet.variables["est_integration_templates"] = [{"name": "wifi", "server": lab.url, "key_type": "ec"}]
    fleet.variables["est_integration_test_policy"] = "changed"
    assert fleet.run("configure", **account).status == 0
    assert len(lab.news()) == 2
    before = (fleet.folder / "ce1" / "templates.json").read_bytes()
    done = fleet.run("configure")
    assert (done.status, done.changed()) == (0, {"ce1": 0, "ce2": 0})
    assert (fleet.folder / "ce1" / "templates.json").read_bytes() == before
    assert fleet.run("test_enroll").status == 0
    assert len(lab.news()) == 2
    # An empty text is not a wish either; only "remove" is one.
    fleet.variables["est_integration_templates"][0]["password"] = ""
    assert fleet.run("configure").status == 2
    assert (fleet.folder / "ce1" / "templates.json").read_bytes() == before
    del fleet.variables["est_integration_templates"][0]["password"]
    fleet.variables["est_integration_templates"][0]["remove"] = ["account"]
    fleet.variables["est_integration_test_policy"] = "never"
    done = fleet.run("configure", **account)
    assert done.changed() == {"ce1": 1, "ce2": 1}, done.output
    wifi = fleet.stored()["wifi"]
    assert (wifi["fields"]["username"], wifi["secrets"]) == (None, {})
    assert wifi["fields"]["ca_certificate"], "remove says what, and nothing else goes"
    assert fleet.run("configure").changed() == {"ce1": 0, "ce2": 0}


def test_a_kept_account_is_not_sent_to_another_server(fleet, lab, cisco):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0
    other = {"name": "wifi", "server": cisco.url, "ca_path": cisco.ca_path, "key_type": "ec"}
    fleet.variables["est_integration_templates"] = [other]
    done = fleet.run("configure", extra={"est_integration_test_policy": "changed"})
    assert "it is dropped; give username and password for the new server" in " ".join(done.output.split())
    assert fleet.stored()["wifi"]["secrets"] == {}
    assert not any(request["authorization_present"] for request in cisco.requests)


def test_on_create_and_an_import_send_no_old_password_to_another_server(fleet, lab, cisco):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0
    other = cisco.template("wifi", password="canary-declared", update_password="on_create")
    fleet.variables["est_integration_templates"] = [other]
    before = fleet.stored()["wifi"]["secrets"]["password"]["verifier"]
    assert fleet.run("configure").status == 0
    assert fleet.stored()["wifi"]["secrets"]["password"]["verifier"] != before


def test_a_key_that_is_lost_is_told_until_the_account_is_given_again(fleet, lab):
    fleet.variables["est_integration_test_policy"] = "changed"
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0
    for host in fleet.hosts:
        (fleet.folder / host / "sealing.key").unlink()
    kept = {"name": "wifi", "server": lab.url, "ca_path": lab.ca_path, "key_type": "ec"}
    fleet.variables["est_integration_templates"] = [kept]
    done = fleet.run("configure")
    assert done.status == 2
    assert "cannot be opened on this host any more" in " ".join(done.output.split())
    assert "all as declared" not in fleet.run("drift").text
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    assert fleet.run("configure").status == 0


def test_a_kept_account_that_was_edited_by_hand_is_told(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.run("configure")
    path = fleet.folder / "ce1" / "templates.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"username": "estuser"', '"username": "evil"'), "utf-8")
    fleet.variables["est_integration_templates"] = [
        {"name": "wifi", "server": lab.url, "ca_path": lab.ca_path, "key_type": "ec"}
    ]
    done = fleet.run("configure")
    assert "nothing tells whether it was edited too" in " ".join(done.output.split())


def test_a_new_template_without_account_and_trust_is_told(fleet, lab):
    fleet.variables["est_integration_templates"] = [{"name": "wifi", "server": lab.url}]
    done = fleet.run("configure")
    assert done.status == 0
    assert (
        "template 'wifi' is new on this host and has neither an account nor a client certificate, and nothing to trust"
        in (" ".join(done.output.split()))
    )


def test_wrong_options_of_a_test_are_told_before_anything_is_written(fleet, lab):
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.variables["est_integration_test"] = {"user_name": "jdoe"}
    done = fleet.run("configure")
    assert done.status == 2
    assert "est_integration_test.user_name: is not an option of a test. Did you mean 'identity.user'?" in done.output
    assert fleet.written() == []


def test_a_cluster_without_a_writer_is_an_error_in_a_job_of_awx(fleet, lab):
    fleet.group = "cloud_extenders"
    fleet.variables["est_integration_templates"] = [lab.template("wifi")]
    fleet.variables["est_integration_cluster"] = "cloud_extenders"
    done = fleet.run("configure", extra={"awx_job_id": 7})
    assert done.status == 2
    assert "est_integration_cluster_writer is not set" in done.output
    assert fleet.written() == []
    done = fleet.run("configure", extra={"awx_job_id": 7, "est_integration_cluster_writer": "ce2"})
    assert (done.status, fleet.written()) == (0, ["ce2"])


def test_the_words_of_the_page_are_taken_and_change_nothing(fleet, lab):
    page = {"certificate_authority": "Cisco", "subject_alternative_name": "UPN and Email"}
    fleet.variables["est_integration_templates"] = [lab.template("wifi", **page)]
    assert fleet.run("configure").status == 0
    fields = fleet.stored()["wifi"]["fields"]
    assert [fields[name] for name in page] == ["cisco", "upn_and_email"]
    fleet.variables["est_integration_templates"] = [
        lab.template("wifi", certificate_authority="cisco", subject_alternative_name="upn_and_email")
    ]
    assert fleet.run("configure").changed() == {"ce1": 0, "ce2": 0}
