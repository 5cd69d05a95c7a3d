# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production certificates that are not what was asked for: told in every run, refused, and not asked for again."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from support.enrolment import LOST, LOST_EMAIL, LOST_UPN, NOT_AS_ASKED
from support.lab import LabServer
from support.production import OTHER, asked_for, files, holder_of, keep, posts, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import judge
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import Refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.result import WHAT
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import NotAsAsked, failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline

ROOT = "subject CN=jdoe came as CN=root"


@pytest.fixture(scope="module")
def renaming():
    """A CA that renews for another name."""
    with LabServer("--fault", "simplereenroll:other-name") as server:
        yield server


def refused(folder, template, **options):
    with pytest.raises(NotAsAsked) as caught:
        keep(folder, template, **options)
    return caught.value


# -- what is told -----------------------------------------------------------------------------------------------------


def test_what_the_ca_drops_is_a_warning_of_every_run(upn, tmp_path):
    for run in ("issued", "unchanged", "unchanged"):
        found = keep(tmp_path, upn)
        assert (found["status"], found["lost"], found["differs"], found["accepted_lost"]) == (run, LOST, [], [])
        (told,) = found["warnings"]
        assert told == (
            f"{NOT_AS_ASKED}it lacks {LOST_EMAIL}, {LOST_UPN} (Cisco's EST server is "
            "known to keep only the common name: list in allowed_lost what may be lost, or set certificate_authority "
            "of the template to generic where it is another CA)"
        )


@pytest.mark.parametrize(
    ("options", "accepted", "told"),
    [
        ({"allowed_lost": ["emailAddress"]}, [LOST_EMAIL], [LOST_UPN]),
        ({"allowed_lost": ["upn", "subject EMAILADDRESS"]}, LOST, []),
        ({"allowed_lost": ["UPN:jdoe@example.com", "emailAddress=other@example.com"]}, [LOST_UPN], [LOST_EMAIL]),
        ({"on_lost": "accept"}, LOST, []),
        ({"on_lost": "fail", "allowed_lost": ["UPN", "emailAddress"]}, LOST, []),
    ],
)
def test_what_is_accepted_is_in_the_result_and_no_warning(upn, tmp_path, options, accepted, told):
    for _run in range(2):
        found = keep(tmp_path, upn, **options)
        assert (found["lost"], found["accepted_lost"]) == (LOST, accepted)
        assert [entry for entry in LOST if any(entry in warning for warning in found["warnings"])] == told


def test_a_ca_that_rewrites_names_is_told_in_every_run_and_is_no_reason_to_enrol(tmp_path):
    with LabServer("--fault", "other-name") as lab:
        template = template_for(lab)
        first = keep(tmp_path, template)
        assert (first["differs"], first["lost"]) == ([ROOT], ["subject CN=jdoe"])
        again = keep(tmp_path, template)
        assert (again["status"], again["differs"]) == ("unchanged", [ROOT])
        assert again["warnings"] == [NOT_AS_ASKED + ROOT]
        renewed = keep(tmp_path, template, force=True)
        assert (renewed["action"], renewed["differs"]) == ("rekeyed", [ROOT]), "for the names of the old one"
        assert posts(lab) == 2


def test_the_certificate_of_a_ca_is_told(tmp_path):
    with LabServer("--fault", "ca-certificate") as lab:
        template = template_for(lab)
        is_ca = ["it is the certificate of a CA (CA:TRUE)"]
        assert keep(tmp_path, template)["differs"] == is_ca
        assert keep(tmp_path, template, allowed_lost=["CN"])["warnings"], "no name that could be allowed"
        assert keep(tmp_path, template, on_lost="accept")["warnings"] == []
        assert keep(tmp_path, template, force=True)["differs"] == is_ca, "as the old one is"


def test_a_ca_certificate_takes_the_place_of_none_that_is_not(tmp_path):
    with LabServer("--fault", "simplereenroll:ca-certificate") as lab:
        template = template_for(lab)
        keep(tmp_path, template)
        before = files(tmp_path)
        assert "CA:TRUE" in refused(tmp_path, template, force=True).reason
        assert files(tmp_path) == before


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_lost", ["warn", "fail"])
@pytest.mark.parametrize("method", ["rekey", "renew"])
def test_a_renewal_for_another_name_is_never_put_in_place(renaming, tmp_path, on_lost, method):
    template = template_for(renaming)
    options = {"on_lost": on_lost, "renewal_method": method, "renewal_period_days": 365}
    keep(tmp_path, template, **options)
    before = files(tmp_path)
    error = refused(tmp_path, template, **options, force=True)
    assert (error.stage, error.request_received) == ("verify", "received")
    assert error.reason == f"the renewed certificate differs from the old one: {ROOT}"
    assert error.found == {"lost": ["subject CN=jdoe"], "differs": [ROOT], "accepted_lost": []}
    assert "The old certificate and its key stay." in hint_of(error)
    assert files(tmp_path) == before
    assert keep(tmp_path, template, **options)["status"] == "unchanged", "it is good for a year"


@pytest.mark.parametrize("options", [{"on_lost": "accept"}, {"allowed_lost": ["CN"]}])
def test_a_renewal_for_another_name_is_taken_where_that_is_accepted(renaming, tmp_path, options):
    template = template_for(renaming)
    keep(tmp_path, template, **options)
    renewed = keep(tmp_path, template, force=True, **options)
    assert (renewed["status"], renewed["differs"], renewed["warnings"]) == ("issued", [ROOT], [])


def test_with_fail_an_enrolment_keeps_the_old_pair(upn, tmp_path):
    keep(tmp_path, upn.replace(subject="/CN=%uname%", subject_alternative_name="none"), on_lost="fail")
    before = files(tmp_path)
    error = refused(tmp_path, upn, on_lost="fail")
    assert error.reason == (
        f"the CA issued a certificate that is not what was asked for: it lacks {LOST_EMAIL}, {LOST_UPN}"
    )
    assert "known to keep only the common name" in hint_of(error)
    assert files(tmp_path) == before


def test_with_fail_nothing_is_written_where_nothing_was(upn, tmp_path):
    refused(tmp_path, upn, on_lost="fail")
    assert os.listdir(tmp_path) == [".host.pem.est-note"]


def test_with_fail_a_certificate_that_is_there_and_lacks_something_is_a_failure_of_every_run(cisco, upn, tmp_path):
    keep(tmp_path, upn)
    before, asked = files(tmp_path), posts(cisco)
    for check in (False, True):
        error = refused(tmp_path, upn, on_lost="fail", check=check)
        assert error.reason.startswith("the certificate that is there is not what was asked for: it lacks ")
        assert error.request_received == "not_received"
    assert (files(tmp_path), posts(cisco)) == (before, asked)


def test_with_fail_such_a_certificate_is_renewed_in_its_time_all_the_same(upn, tmp_path):
    keep(tmp_path, upn)
    renewed = keep(tmp_path, upn, on_lost="fail", force=True)
    assert (renewed["status"], renewed["action"], renewed["lost"]) == ("issued", "rekeyed", LOST)
    assert renewed["warnings"][0].startswith(f"{NOT_AS_ASKED}it lacks ")


def test_the_result_of_a_refusal_says_what_is_lost_and_when_it_is_asked_for_again(upn, tmp_path):
    error = refused(tmp_path, upn, on_lost="fail")
    found = failure(error, "wifi", "host", Timeline(), WHAT)
    assert (found["stage"], found["lost"], found["differs"]) == ("verify", LOST, [])
    at, until = re.search(r"refused at (\S+), and no other is asked for before (\S+), unless", found["hint"]).groups()
    spent = datetime.strptime(until, "%Y-%m-%dT%H:%M:%SZ") - datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ")
    assert spent == timedelta(hours=24)


# -- what is not asked for again --------------------------------------------------------------------------------------


def test_what_was_refused_is_not_asked_for_in_the_next_run(cisco, upn, tmp_path):
    first = refused(tmp_path, upn, on_lost="fail")
    asked = len(cisco.log)
    for check in (False, True):
        again = refused(tmp_path, upn, on_lost="fail", check=check)
        assert (again.stage, again.reason, again.found) == ("verify", first.reason, first.found)
        assert again.request_received == "not_received"
        assert hint_of(again) == hint_of(first)
    assert len(cisco.log) == asked, "the server was not contacted"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {"on_lost": "warn"}),
        ({}, {"on_lost": "fail", "allowed_lost": ["UPN"]}),
        ({}, {"on_lost": "fail", "identity": OTHER}),
        ({"subject": "/CN=%uname%"}, {"on_lost": "fail"}),
        ({}, {"on_lost": "fail", "force": True}),
    ],
)
def test_it_is_asked_for_where_the_declaration_has_changed_or_force_is_set(cisco, upn, tmp_path, fields, options):
    refused(tmp_path, upn, on_lost="fail")
    asked = posts(cisco)
    try:
        keep(tmp_path, upn.replace(**fields), **options)
    except NotAsAsked:
        assert options["on_lost"] == "fail"
    assert posts(cisco) > asked


def test_it_is_asked_for_when_the_delay_is_over(cisco, upn, tmp_path, monkeypatch):
    refused(tmp_path, upn, on_lost="fail")
    asked = posts(cisco)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=24)

    monkeypatch.setattr(judge, "datetime", Later)
    refused(tmp_path, upn, on_lost="fail")
    assert posts(cisco) > asked


def test_a_renewal_that_was_refused_waits_and_the_next_good_one_forgets_it(tmp_path):
    options = {"renewal_period_days": 365, "renewal_method": "renew"}
    with LabServer("--fault", "simplereenroll:other-name") as lab:
        template = template_for(lab)
        put(tmp_path, lab.issue(subject=subject(), days=(-20, 10)))
        first = refused(tmp_path, template, **options)
        requests = len(lab.log)
        again = refused(tmp_path, template, **options)
        assert (again.reason, hint_of(again)) == (first.reason, hint_of(first))
        assert len(lab.log) == requests
        assert note(tmp_path)["refused"]["reason"] == first.reason
    with LabServer("--port", str(lab.port)):
        assert keep(tmp_path, template, **options, force=True)["status"] == "issued"
    assert "refused" not in note(tmp_path)


def note(folder):
    return json.loads((folder / ".host.pem.est-note").read_text())


def test_what_waits_for_approval_and_is_refused_is_forgotten(tmp_path):
    with LabServer("--profile", "cisco", "--manual-approval", "1") as lab:
        template = template_for(lab, subject_alternative_name="upn")
        refused(tmp_path, template, on_lost="fail", wait_timeout=20)
        assert os.listdir(tmp_path) == [".host.pem.est-note"]


def test_what_the_note_says_of_the_certificate_stays(upn, tmp_path):
    keep(tmp_path, upn.replace(subject="/CN=%uname%", subject_alternative_name="none"))
    before = note(tmp_path)
    assert sorted(before) == ["format_version", "issued"]
    refused(tmp_path, upn, on_lost="fail")
    assert {key: note(tmp_path)[key] for key in before} == before


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"refused": 7}', '{"refused": {"at": "soon"}}', '{"refused": {}}'])
def test_a_damaged_note_refuses_nothing(upn, tmp_path, damage):
    (tmp_path / ".host.pem.est-note").write_text(damage)
    assert holder_of(asked_for(tmp_path, upn)).read_refusal() is None


def test_that_it_cannot_be_noted_is_told(upn, tmp_path, monkeypatch):
    def full(*_arguments):
        raise EstError("No space left on device", stage="save")

    monkeypatch.setattr(holder_of(asked_for(tmp_path, upn)).__class__, "save_refusal", full)
    error = refused(tmp_path, upn, on_lost="fail")
    assert hint_of(error).startswith("The next run asks again, as this could not be noted: No space left on device.")


def test_a_refusal_of_the_future_says_nothing():
    now = datetime.now(timezone.utc)
    assert Refusal("d", now - timedelta(hours=23), "r").holds("d", now)
    assert not Refusal("d", now - timedelta(hours=23), "r").holds("other", now)
    assert not Refusal("d", now - timedelta(hours=24), "r").holds("d", now)
    assert not Refusal("d", now + timedelta(hours=1), "r").holds("d", now), "the clock was wrong"


# -- what is declared -------------------------------------------------------------------------------------------------


def test_another_declaration_is_enrolled_anew_and_not_renewed_towards_the_wrong_name(renaming, tmp_path):
    template = template_for(renaming)
    keep(tmp_path, template)
    changed = keep(tmp_path, template, identity=OTHER, force=True)
    assert (changed["action"], changed["differs"]) == ("enrolled", [])
    subject = x509.load_pem_x509_certificate((tmp_path / "host.pem").read_bytes()).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "msmith"


def test_a_certificate_of_something_else_may_lack_what_is_allowed(cisco, upn, tmp_path):
    put(tmp_path, cisco.issue("jdoe"))
    adopted = keep(tmp_path, upn, allowed_lost=["UPN", "emailAddress"])
    assert (adopted["status"], adopted["accepted_lost"]) == ("unchanged", LOST)
    assert keep(tmp_path, upn, on_lost="accept")["action"] == "enrolled", "that says what the CA may do"


@pytest.mark.parametrize("check", [False, True])
def test_nothing_is_issued_from_a_template_without_device_identity_certificates(cisco, upn, tmp_path, check):
    before = len(cisco.log)
    with pytest.raises(TemplateError) as caught:
        keep(tmp_path, upn.replace(device_identity_certificates=False), check=check)
    assert str(caught.value) == (
        "device_identity_certificates of template 'wifi': is false, so nothing may be issued from this template, and "
        "nothing was sent; set it to true in the template to have certificates issued."
    )
    assert (len(cisco.log), os.listdir(tmp_path)) == (before, [])


def test_an_enrolment_in_place_of_a_renewal_is_held_to_the_same_names(tmp_path):
    options = {"on_failed_renewal": "enroll"}
    with LabServer("--profile", "full") as server:
        template = template_for(server)
        keep(tmp_path, template, **options)
        port = str(server.port)
    before = files(tmp_path)
    # The server does not take the old certificate, and the password gets one for another name.
    faults = ("--fault", "simplereenroll:http-403", "--fault", "simpleenroll:other-name")
    with LabServer("--port", port, *faults):
        error = refused(tmp_path, template, **options, force=True)
    assert error.reason == f"the renewed certificate differs from the old one: {ROOT}"
    assert files(tmp_path) == before
