# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is accepted of a certificate that is not what was asked for, and test enrolments with such a certificate."""

from __future__ import annotations

import os

import pytest
from support.enrolment import LOST, NOT_AS_ASKED, enrol, stages, template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.acceptance import Acceptance
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import NotAsAsked, failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.issued import IS_CA
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline

CN = "subject CN=ce1 came as CN=root"
KEY = "private key RSA 2048 came as RSA 1024"
ADDED = "subject OU=x was not asked for"
ADDED_SID = "subject_alternative_name SID:S-1-5-21-1-2-3-500 was not asked for"
TOLD = [*LOST, CN, ADDED, ADDED_SID, "subject 2.5.4.97=V-1", KEY, IS_CA]


def test_the_defaults():
    assert Acceptance.read({}) == Acceptance("warn", ())
    assert Acceptance.read({"on_lost": None, "allowed_lost": None}) == Acceptance()
    assert Acceptance().accepted(TOLD) == []
    assert Acceptance().unaccepted(TOLD) == TOLD


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        ("emailAddress", [LOST[0]]),
        ("EmailAddress", [LOST[0]]),
        ("subject emailAddress", [LOST[0]]),
        ("emailAddress=jdoe@EXAMPLE.com", [LOST[0]]),
        ("emailaddress=other@example.com", []),
        ("subject emailAddress=jdoe@example.com", [LOST[0]]),
        ("email", []),
        ("upn", [LOST[1]]),
        ("Subject_Alternative_Name upn", [LOST[1]]),
        ("UPN:jdoe@example.com", [LOST[1]]),
        ("upn:jdoe@example.com", [LOST[1]]),
        ("UPN:JDOE@example.com", [LOST[1]]),
        ("UPN:other@example.com", []),
        ("subject_alternative_name UPN:jdoe@example.com", [LOST[1]]),
        ("CN", [CN]),
        ("CN=ce1", [CN]),
        ("CN=root", []),
        ("OU", [ADDED]),
        ("OU=X", [ADDED]),
        ("OU=y", []),
        ("SID", [ADDED_SID]),
        ("SID:S-1-5-21-1-2-3-500", [ADDED_SID]),
        ("SID:S-1-5-21-1-2-3-501", []),
        ("2.5.4.97", ["subject 2.5.4.97=V-1"]),
        ("2.5.4.3", [CN]),
        ("DNS:a.example", []),
    ],
)
def test_an_entry_accepts(entry, accepted):
    acceptance = Acceptance.read({"allowed_lost": [entry]})
    assert acceptance.accepted(TOLD) == accepted
    assert acceptance.unaccepted(TOLD) == [line for line in TOLD if line not in accepted]


def test_accept_accepts_everything():
    assert Acceptance.read({"on_lost": "accept"}).unaccepted(TOLD) == []


def test_a_text_is_a_list_with_commas():
    assert Acceptance.read({"allowed_lost": "UPN, emailAddress"}).accepted(TOLD) == LOST


@pytest.mark.parametrize("given", ["", " , ", [], [""], ["", " "]])
def test_an_empty_text_is_an_empty_list(given):
    assert Acceptance.read({"allowed_lost": given}) == Acceptance()


def test_an_empty_entry_is_none():
    assert Acceptance.read({"allowed_lost": ["", "UPN"]}).allowed_lost == ("UPN",)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("URI:https://a.example/~b", "subject_alternative_name URI:HTTPS://A.example/%7eb was not asked for"),
        ("DNS:bücher.example", "subject_alternative_name DNS:xn--bcher-kva.example."),
        ("dirName:CN=B,O=a", "subject_alternative_name dirName:/O=A/CN=b came as dirName:/CN=c"),
        ("O=example  ag", "subject O=Example AG came as O=Other"),
    ],
)
def test_another_spelling_of_a_listed_value_is_accepted(entry, told):
    assert Acceptance.read({"allowed_lost": [entry]}).accepted([told]) == [told]


@pytest.mark.parametrize(
    ("entry", "suggestion"),
    [
        ("commonName", "CN"),
        ("mail", "emailAddress"),
        ("emailAdress", "emailAddress"),
        ("emailAdress=jdoe@example.com", "emailAddress=jdoe@example.com"),
        ("UPNN", "UPN"),
        ("UPN=jdoe@example.com", "UPN:jdoe@example.com"),
        ("CN:ce1", "CN=ce1"),
        ("subject UPN", "UPN"),
        ("subject_alternative_name CN", "CN"),
        ("dnsName:a.example", "DNS:a.example"),
        ("DNS: a.example", "DNS:a.example"),
        ("UPN:", "UPN"),
        ("CN=", "CN"),
        ("subject", ""),
        ("nothing", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_an_entry_that_can_be_no_name_is_named_and_corrected(entry, suggestion):
    with pytest.raises(TemplateError) as caught:
        Acceptance.read({"allowed_lost": ["UPN", entry]})
    assert (caught.value.option, caught.value.value) == ("allowed_lost", repr(entry))
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("value", ["Fail", "ignore", "", True, ["fail"]])
def test_another_on_lost_is_refused(value):
    with pytest.raises(TemplateError, match=r"^on_lost: .* is not allowed \(allowed: warn, fail, accept\)"):
        Acceptance.read({"on_lost": value})


def test_a_test_warns_of_what_is_lost(upn, tmp_path):
    found = enrol(tmp_path, upn)
    assert (found["status"], found["lost"], found["differs"], found["accepted_lost"]) == ("issued", LOST, [], [])
    (told,) = found["warnings"]
    assert told.startswith(f"{NOT_AS_ASKED}it lacks {LOST[0]}, {LOST[1]} (Cisco's EST ")
    generic = enrol(tmp_path, upn.replace(certificate_authority="generic"))
    assert generic["warnings"] == [f"{NOT_AS_ASKED}it lacks {LOST[0]}, {LOST[1]}"]


def test_a_test_is_silent_of_what_is_accepted(upn, tmp_path):
    found = enrol(tmp_path, upn, acceptance=Acceptance(allowed_lost=("UPN", "emailAddress")))
    assert (found["lost"], found["accepted_lost"], found["warnings"]) == (LOST, LOST, [])


def test_with_fail_a_test_fails_and_saves_nothing(upn, tmp_path):
    with pytest.raises(NotAsAsked) as caught:
        enrol(tmp_path, upn, acceptance=Acceptance("fail", ("UPN",)))
    assert (caught.value.stage, caught.value.request_received) == ("verify", "received")
    assert caught.value.reason == f"the CA issued a certificate that is not what was asked for: it lacks {LOST[0]}"
    found = failure(caught.value, "wifi", "host", Timeline())
    assert (found["lost"], found["differs"], found["accepted_lost"]) == (LOST, [], [LOST[1]])
    assert os.listdir(tmp_path) == []


def test_with_fail_a_test_succeeds_where_everything_came(cisco, tmp_path):
    found = enrol(tmp_path, template_for(cisco, subject="/CN=%uname%"), acceptance=Acceptance("fail"))
    assert (found["status"], found["lost"]) == ("issued", [])
    assert stages(found)[-2:] == ["verify", "save"]


def test_other_names_and_a_ca_are_told_of_a_test(tmp_path):
    with LabServer("--fault", "other-name") as lab:
        found = enrol(tmp_path, template_for(lab))
        assert found["differs"] == ["subject CN=jdoe came as CN=root"]
        assert found["warnings"] == [f"{NOT_AS_ASKED}subject CN=jdoe came as CN=root"]
    with LabServer("--fault", "ca-certificate") as lab:
        assert enrol(tmp_path, template_for(lab))["differs"] == [IS_CA]


def test_no_secret_is_shown_that_a_ca_puts_into_a_name(tmp_path):
    with LabServer("--fault", "other-name", "--password", "root") as lab:
        found = enrol(tmp_path, template_for(lab, password="root"))
        assert "root" not in "".join([*found["differs"], *found["warnings"]])


def test_nothing_is_tested_of_a_template_without_device_identity_certificates(cisco, upn, tmp_path):
    before = len(cisco.log)
    with pytest.raises(TemplateError, match="is false, so nothing may be issued from this template, and nothing was"):
        enrol(tmp_path, upn.replace(device_identity_certificates=False))
    assert (len(cisco.log), os.listdir(tmp_path)) == (before, [])
