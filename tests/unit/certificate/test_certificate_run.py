# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production certificates from this process, of the real lab server."""

from __future__ import annotations

import json
import os
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.x509.oid import NameOID
from support.lab import LabServer
from support.production import IDENTITY, OTHER, keep, make_due, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    not_after,
    not_before,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    load_private_key,
    same_public_key,
)

REENROL = "simplereenroll"


@pytest.fixture(scope="module")
def lab():
    with LabServer("--label", "other") as server:
        yield server


@pytest.fixture
def template(lab):
    return template_for(lab, subject_alternative_name="upn_and_email")


def operations(server):
    """The requests that can issue something, so far."""
    return [entry["operation"] for entry in server.requests if entry["method"] == "POST"]


def pair(folder, name="host"):
    certificate = load_pem_certificates((folder / f"{name}.pem").read_text())[0]
    return certificate, load_private_key((folder / f"{name}.key").read_bytes())


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_first_certificate_is_enrolled_with_the_password_and_the_next_run_asks_nobody(lab, template, tmp_path):
    first = keep(tmp_path, template)
    assert (first["status"], first["action"], first["changed"]) == ("issued", "enrolled", True)
    assert first["reason"] == "no certificate was there"
    assert first["server"]["authenticated_by"] == ["basic"]
    assert [step["stage"] for step in first["timeline"]][-3:] == ["enroll", "verify", "save"]
    assert first["certificate"]["path"] == str(tmp_path / "host.pem")
    assert first["private_key_path"] == str(tmp_path / "host.key")
    assert first["lost"] == []
    assert 364 <= first["certificate"]["days_left"] <= 365
    certificate, key = pair(tmp_path)
    assert same_public_key(certificate, key)
    assert mode(tmp_path / "host.key") == 0o600
    assert mode(tmp_path / "host.pem") == 0o644
    before = len(lab.log)
    second = keep(tmp_path, template)
    assert (second["status"], second["action"], second["changed"]) == ("unchanged", "none", False)
    assert second["certificate"] == first["certificate"]
    assert second["server"]["tls_version"] is None
    assert second["timeline"] == []
    assert "diff" not in second
    assert len(lab.log) == before, "the server was not asked"
    assert sorted(os.listdir(tmp_path)) == [".host.pem.est-note", "host.key", "host.pem"]


def test_req_117_a_key_of_the_server_is_kept_as_one_that_is_made_here(lab, template, tmp_path):
    first = keep(tmp_path, template, key_origin="server")
    assert (first["status"], first["action"]) == ("issued", "enrolled")
    assert first["key_protected_by"] == ["tls"]
    assert operations(lab)[-1] == "serverkeygen"
    certificate, key = pair(tmp_path)
    assert same_public_key(certificate, key)
    assert mode(tmp_path / "host.key") == 0o600
    assert sorted(os.listdir(tmp_path)) == [".host.pem.est-note", "host.key", "host.pem"]
    assert "PRIVATE" not in repr(first)
    before = len(lab.log)
    second = keep(tmp_path, template, key_origin="server")
    assert (second["status"], second["changed"]) == ("unchanged", False)
    assert "key_protected_by" not in second
    assert len(lab.log) == before


@pytest.mark.parametrize(("method", "operation"), [("rekey", "serverkeygen"), ("renew", REENROL)])
def test_a_renewal_asks_the_server_for_another_key_unless_it_stays(lab, template, tmp_path, method, operation):
    keep(tmp_path, template, key_origin="server")
    old, old_key = pair(tmp_path)
    renewed = keep(tmp_path, template, key_origin="server", renewal_method=method, force=True)
    assert renewed["action"] == f"{method}ed"
    assert operations(lab)[-1] == operation
    assert renewed["server"]["authenticated_by"] == ["client_certificate"]
    assert not lab.requests[-1].get("authorization_scheme")
    assert ("key_protected_by" in renewed) is (method == "rekey")
    new, new_key = pair(tmp_path)
    assert new.subject == old.subject and new.serial != old.serial
    assert same_public_key(new, new_key)
    assert same_public_key(old, new_key) is (method == "renew")
    assert (new_key.private_numbers() == old_key.private_numbers()) is (method == "renew")


def test_another_origin_of_the_key_is_another_certificate(lab, template, tmp_path):
    keep(tmp_path, template)
    before = pair(tmp_path)[0]
    asked = keep(tmp_path, template, key_origin="server", check=True)
    assert (asked["status"], asked["action"], asked["changed"]) == ("not_asked", "enrolled", True)
    assert "what is asked for has changed" in asked["reason"]
    assert pair(tmp_path)[0] == before
    assert keep(tmp_path, template, key_origin="server")["action"] == "enrolled"
    assert operations(lab)[-1] == "serverkeygen"
    assert keep(tmp_path, template)["action"] == "enrolled"
    assert operations(lab)[-1] == "simpleenroll"


def test_a_key_of_the_server_that_is_pending_is_gone_on_with(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        template = template_for(lab)
        first = keep(tmp_path, template, key_origin="server")
        assert (first["status"], operations(lab)) == ("pending", ["serverkeygen"])
        # For a key of this host it is another request.
        assert keep(tmp_path, template, check=True)["status"] == "not_asked"
        second = keep(tmp_path, template, key_origin="server", wait_timeout=60)
        assert second["status"] == "issued"
        certificate, key = pair(tmp_path)
        assert same_public_key(certificate, key)
        digests = [entry["public_key"] for entry in lab.requests if entry["operation"] == "serverkeygen"]
        assert len(set(digests)) == 1, "the server knows the request by its key"


@pytest.mark.parametrize("check", [True, False])
def test_req_117_a_key_is_not_taken_from_a_server_that_only_the_system_vouches_for(lab, tmp_path, check):
    template = template_for(lab, ca_certificate=None, use_system_trust=True)
    with pytest.raises(InputError, match="key_origin is server, and use_system_trust") as caught:
        keep(tmp_path, template, key_origin="server", check=check)
    assert "key_origin to host" in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_a_server_without_serverkeygen_changes_nothing(template, tmp_path):
    keep(tmp_path, template)
    before = pair(tmp_path)[0]
    with LabServer("--fault", "serverkeygen:http-404") as other, pytest.raises(ServerError) as caught:
        keep(tmp_path, template_for(other), key_origin="server")
    assert caught.value.code == "not_offered"
    assert pair(tmp_path)[0] == before
    assert sorted(os.listdir(tmp_path)) == [".host.pem.est-note", "host.key", "host.pem"]


def test_req_124_a_key_of_another_kind_than_was_asked_for_is_told(tmp_path):
    with LabServer("--fault", "serverkeygen:other-key-type") as lab:
        template = template_for(lab)
        found = keep(tmp_path, template, key_origin="server")
        (difference,) = found["differs"]
        assert difference.startswith("private key EC P-256")
        with pytest.raises(EstError):
            keep(tmp_path, template, key_origin="server", force=True, on_lost="fail")


@pytest.mark.parametrize("method", ["rekey", "renew"])
def test_req_080_a_renewal_uses_the_old_certificate_and_not_the_password(lab, template, tmp_path, method):
    keep(tmp_path, template)
    old, _old_key = pair(tmp_path)
    before = len(lab.requests)
    renewed = keep(tmp_path, template, renewal_method=method, force=True)
    assert renewed["action"] == f"{method}ed"
    assert renewed["reason"] == "force is set"
    assert renewed["server"]["authenticated_by"] == ["client_certificate"]
    requests = lab.requests[before:]
    assert requests[-1]["operation"] == REENROL
    assert not any(entry.get("authorization_scheme") for entry in requests)
    new, new_key = pair(tmp_path)
    assert new.serial != old.serial
    assert same_public_key(new, new_key)
    assert same_public_key(old, new_key) == (method == "renew")
    assert new.subject == old.subject
    assert renewed["certificate"]["subject_alternative_names"] == ["UPN:jdoe@example.com", "email:jdoe@example.com"]
    assert f"serial_number {renewed['certificate']['serial_number']}" in renewed["diff"]["after"]
    assert renewed["certificate"]["serial_number"] not in renewed["diff"]["before"]
    assert keep(tmp_path, template, renewal_method=method)["status"] == "unchanged"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {"identity": OTHER}),
        ({"subject": "/CN=%uname%"}, {}),
        ({"key_curve": "P-384"}, {}),
        ({"label": "other"}, {}),
    ],
)
def test_what_is_asked_for_has_changed(lab, template, tmp_path, fields, options):
    keep(tmp_path, template)
    changed = keep(tmp_path, template.replace(**fields), **options)
    assert changed["action"] == "enrolled"
    assert changed["reason"] == "what is asked for has changed since the old certificate was issued"
    assert operations(lab)[-1] == "simpleenroll"
    assert keep(tmp_path, template.replace(**fields), **options)["status"] == "unchanged"


def test_another_password_or_trust_is_no_reason(template, tmp_path):
    keep(tmp_path, template)
    other = template.replace(
        password="another", username="somebody", ca_fingerprint="sha256:" + "0" * 64, renewal_period_days=7
    )
    assert keep(tmp_path, other)["status"] == "unchanged"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "host.key").unlink(), "was not there"),
        (lambda folder: (folder / "host.pem").unlink(), "no certificate was there"),
        (lambda folder: (folder / "host.key").write_text("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"),
         "not a PEM private key"),
        (lambda folder: (folder / "host.pem").write_text(
            "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"), "cannot be used"),
    ],
)  # fmt: skip
def test_a_pair_that_is_none_is_replaced(template, tmp_path, damage, reason):
    keep(tmp_path, template)
    damage(tmp_path)
    healed = keep(tmp_path, template)
    assert healed["action"] == "enrolled"
    assert reason in healed["reason"]
    assert same_public_key(*pair(tmp_path))
    assert keep(tmp_path, template)["status"] == "unchanged"


def test_a_key_of_something_else_is_kept_aside(lab, template, tmp_path):
    keep(tmp_path, template)
    strange = lab.issue().key_pem
    (tmp_path / "host.key").write_text(strange)
    assert "does not belong" in keep(tmp_path, template)["reason"]
    (kept,) = tmp_path.glob(".host.key.est-kept-*")
    assert kept.read_text() == strange


def test_a_strange_key_behind_a_link_is_kept_and_not_the_link(lab, template, tmp_path):
    (tmp_path / "private").mkdir()
    strange = lab.issue().key_pem
    (tmp_path / "private" / "host.key").write_text(strange)
    (tmp_path / "host.key").symlink_to(tmp_path / "private" / "host.key")
    keep(tmp_path, template)
    (kept,) = (tmp_path / "private").glob(".host.key.est-kept-*")
    assert not kept.is_symlink()
    assert kept.read_text() == strange


def test_a_pair_of_something_else_that_is_replaced_leaves_its_key(lab, template, tmp_path):
    put(tmp_path, lab.issue())
    strange = (tmp_path / "host.key").read_text()
    assert "not what is asked for" in keep(tmp_path, template)["reason"]
    keep(tmp_path, template, force=True)
    (kept,) = tmp_path.glob(".host.key.est-kept-*")
    assert kept.read_text() == strange


def test_a_certificate_of_something_else_is_adopted_where_it_is_what_is_asked_for(lab, tmp_path):
    template = template_for(lab)
    put(tmp_path, lab.issue(subject=subject(), days=(-1, 100)))
    before = len(lab.log)
    assert keep(tmp_path, template)["status"] == "unchanged"
    assert keep(tmp_path, template, identity=OTHER, check=True)["reason"] == (
        "the certificate that was there is not what is asked for: it lacks subject CN=msmith"
    )
    other_key = keep(tmp_path, template.replace(key_curve="P-384"), check=True)
    assert other_key["reason"].endswith("its key is EC P-256")
    assert len(lab.log) == before
    assert keep(tmp_path, template, identity=OTHER)["action"] == "enrolled"


def test_a_self_issued_certificate_is_not_adopted(lab, tmp_path):
    template = template_for(lab, subject="/CN=%uname%")
    issued = lab.issue(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jdoe")]))
    own = x509.CertificateBuilder().subject_name(issued.certificate.subject).issuer_name(issued.certificate.subject)
    own = own.public_key(issued.private_key.public_key()).serial_number(1)
    (read,) = load_pem_certificates(issued.certificate_pem)
    own = own.not_valid_before(not_before(read)).not_valid_after(not_after(read))
    certificate = own.sign(issued.private_key, issued.certificate.signature_hash_algorithm)
    (tmp_path / "host.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "host.key").write_text(issued.key_pem)
    assert keep(tmp_path, template)["reason"].endswith("it is self-issued")


def test_one_that_ends_soon_is_renewed(lab, tmp_path):
    template = template_for(lab)
    put(tmp_path, lab.issue(subject=subject(), days=(-100, 10)))
    assert keep(tmp_path, template, renewal_period_days=5)["status"] == "unchanged"
    renewed = keep(tmp_path, template)
    assert renewed["action"] == "rekeyed"
    assert "in 9 days" in renewed["reason"]
    assert operations(lab)[-1] == REENROL


def test_req_082_an_expired_one_needs_the_password_and_the_leave_to_use_it(lab, tmp_path):
    template = template_for(lab)
    put(tmp_path, lab.issue(subject=subject(), days=(-100, -1)))
    before = len(lab.log)
    with pytest.raises(InputError, match="cannot authenticate its own renewal: it expired") as caught:
        keep(tmp_path, template)
    assert "Set on_failed_renewal to enroll" in hint_of(caught.value)
    assert len(lab.log) == before
    healed = keep(tmp_path, template, on_failed_renewal="enroll")
    assert healed["action"] == "enrolled"
    assert "the password is used, and not the certificate /CN=jdoe" in healed["warnings"][0]
    assert keep(tmp_path, template)["status"] == "unchanged"


@pytest.mark.parametrize("scheme", ["basic", "digest"])
@pytest.mark.parametrize("wanted", ["both", "password"])
def test_a_server_that_wants_the_password_beside_the_certificate_gets_it_when_it_asks(tmp_path, wanted, scheme):
    with LabServer("--reenroll-credentials", wanted, "--authentication", scheme) as lab:
        template = template_for(lab)
        keep(tmp_path, template)
        outcome = keep(tmp_path, template, force=True)
        assert outcome["action"] == "rekeyed"
        assert outcome["server"]["authenticated_by"] == ["client_certificate", scheme]
        assert "to the TLS client certificate together with the account" in outcome["timeline"][-3]["detail"]
        assert operations(lab)[-2:] == [REENROL, REENROL]
        assert [entry["authorization_present"] for entry in lab.requests[-2:]] == [False, True]


def test_without_an_account_such_a_server_is_told_as_it_is(tmp_path):
    with LabServer("--reenroll-credentials", "both") as lab:
        template = template_for(lab)
        keep(tmp_path, template)
        old = (tmp_path / "host.pem").read_bytes()
        with pytest.raises(
            EstError, match=r"wants a user name and a password \(Basic\) beside the certificate"
        ) as caught:
            keep(tmp_path, template.replace(username=None, password=None), force=True)
        assert (caught.value.http_status, caught.value.username) == (401, None)
        assert "on_failed_renewal" in hint_of(caught.value)
        assert (tmp_path / "host.pem").read_bytes() == old


def test_a_password_that_is_refused_beside_the_certificate_is_told_with_its_user(tmp_path):
    with LabServer("--reenroll-credentials", "both") as lab:
        template = template_for(lab)
        keep(tmp_path, template)
        with pytest.raises(EstError, match="refused the user name or the password") as caught:
            keep(tmp_path, template.replace(password="wrong"), force=True)
        assert caught.value.username == template.username


def test_check_mode_contacts_nobody_and_writes_nothing(lab, template, tmp_path):
    before = len(lab.log)
    outcome = keep(tmp_path, template, check=True)
    assert (outcome["status"], outcome["action"], outcome["changed"]) == ("not_asked", "enrolled", True)
    assert outcome["diff"]["before"] == ""
    assert outcome["diff"]["after"].splitlines()[0] == "subject CN=jdoe"
    assert "certificate" not in outcome
    assert os.listdir(tmp_path) == []
    keep(tmp_path, template)
    content = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    before = len(lab.log)
    outcome = keep(tmp_path, template, check=True, force=True)
    assert (outcome["status"], outcome["action"]) == ("not_asked", "rekeyed")
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == content
    assert len(lab.log) == before


@pytest.mark.parametrize("force", [False, True])
def test_req_088_a_pending_request_goes_on_with_the_same_key(tmp_path, force):
    with LabServer("--manual-approval", "1", "--retry-after", "600") as lab:
        template = template_for(lab)
        if force:
            put(tmp_path, lab.issue(subject=subject()))
        pending = keep(tmp_path, template, force=force)
        assert (pending["status"], pending["changed"]) == ("pending", True)
        assert pending["action"] == ("rekeyed" if force else "enrolled")
        assert pending["retry_at"].endswith("Z")
        assert mode(tmp_path / ".host.key.est-pending") == 0o600
        requests = len(lab.log)
        early = keep(tmp_path, template, force=force)
        assert (early["status"], early["changed"]) == ("pending", False)
        assert keep(tmp_path, template, force=force, check=True)["status"] == "pending"
        assert len(lab.log) == requests, "not asked before its time"
        kept = json.loads((tmp_path / ".host.key.est-pending").read_text())["private_key.pem"]
        make_due(tmp_path / ".host.key.est-pending")
        issued = keep(tmp_path, template, force=force)
        assert issued["status"] == "issued"
        assert (tmp_path / "host.key").read_text() == kept
        assert not (tmp_path / ".host.key.est-pending").exists()


def test_a_pending_request_for_something_else_is_not_continued(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "600") as lab:
        template = template_for(lab)
        keep(tmp_path, template)
        assert keep(tmp_path, template, identity=OTHER)["changed"] is True
        assert len(lab.enrolments) == 2


@pytest.mark.parametrize(
    ("status", "forgotten"),
    [
        *((status, True) for status in (400, 409, 410, 422)),
        # Of a proxy, of an account, or of a moment.
        *((status, False) for status in (None, 401, 403, 404, 405, 407, 408, 413, 429, 500, 502, 503, 504)),
    ],
)
def test_a_pending_request_is_forgotten_where_it_is_denied(tmp_path, monkeypatch, approving, status, forgotten):
    template = template_for(approving)
    keep(tmp_path, template)
    kept = json.loads((tmp_path / ".host.key.est-pending").read_text())

    def answer(*_arguments, **_options):
        error = TransportError if status is None else ServerError
        raise error("denied", stage="enroll", http_status=status, hint="Look.")

    with monkeypatch.context() as patched:
        patched.setattr(EstClient, "simpleenroll", answer)
        with pytest.raises(EstError, match="denied") as caught:
            keep(tmp_path, template, wait_timeout=5)
    assert hint_of(caught.value) == ("The next run asks anew, for another key. " if forgotten else "") + "Look."
    assert (tmp_path / ".host.key.est-pending").exists() is not forgotten
    issued = keep(tmp_path, template, wait_timeout=5)
    assert issued["status"] == "issued"
    assert ((tmp_path / "host.key").read_text() != kept["private_key.pem"]) == forgotten


@pytest.fixture(scope="module")
def approving():
    with LabServer("--manual-approval", "1", "--retry-after", "0") as server:
        yield server


def test_a_request_that_is_denied_while_it_is_waited_for_is_forgotten(tmp_path, monkeypatch, approving):
    def answer(_client, _request, *, sleep, **_options):
        sleep(0)
        assert (tmp_path / ".host.key.est-pending").exists()
        raise ServerError("denied", stage="enroll", http_status=400)

    monkeypatch.setattr(EstClient, "simpleenroll", answer)
    with pytest.raises(ServerError, match="denied"):
        keep(tmp_path, template_for(approving), wait_timeout=5)
    assert os.listdir(tmp_path) == []


def test_a_run_that_needs_nothing_forgets_what_force_left_pending(tmp_path, approving):
    template = template_for(approving)
    put(tmp_path, approving.issue(subject=subject()))
    assert keep(tmp_path, template, force=True)["status"] == "pending"
    content = sorted(os.listdir(tmp_path))
    for check in (True, False):
        assert sorted(os.listdir(tmp_path)) == content
        forgotten = keep(tmp_path, template, check=check)
        assert (forgotten["status"], forgotten["changed"]) == ("recovered", True)
        assert forgotten["reason"].startswith("a request that was pending is not needed any more; the certificate is ")
    assert keep(tmp_path, template)["status"] == "unchanged"
    assert sorted(os.listdir(tmp_path)) == ["host.key", "host.pem"]


def test_a_renewal_with_proof_of_possession(tmp_path):
    with LabServer("--pop", "required", "--tls-max", "1.2") as lab:
        template = template_for(lab, proof_of_possession="always")
        assert keep(tmp_path, template)["action"] == "enrolled"
        assert keep(tmp_path, template, force=True)["action"] == "rekeyed"


def test_a_renewal_follows_the_hash_that_the_server_asks_for(tmp_path):
    with LabServer("--csrattrs", "ec-p384") as lab:
        template = template_for(lab, key_type="rsa")
        assert keep(tmp_path, template)["certificate"]["public_key_curve"] == "P-384"
        renewed = keep(tmp_path, template, force=True)
        assert renewed["certificate"]["public_key_curve"] == "P-384"
        assert keep(tmp_path, template)["status"] == "unchanged"


def test_a_key_of_a_kind_that_is_not_made_any_more_can_be_kept(tmp_path):
    with LabServer("--csrattrs", "ec-p384") as lab:
        template = template_for(lab, key_type="rsa")
        put(tmp_path, lab.issue(subject=subject(), private_key=ed448.Ed448PrivateKey.generate()))
        with pytest.raises(InputError, match="no new key of the kind of the old one, Ed448, can be made"):
            keep(tmp_path, template, force=True)
        renewed = keep(tmp_path, template, force=True, renewal_method="renew")
        assert (renewed["action"], renewed["certificate"]["public_key_type"]) == ("renewed", "Ed448")


def test_certificate_and_key_in_one_file(template, tmp_path):
    both = {"certificate_path": str(tmp_path / "both.pem"), "private_key_path": str(tmp_path / "both.pem")}
    keep(tmp_path, template, **both)
    assert mode(tmp_path / "both.pem") == 0o600
    assert keep(tmp_path, template, **both)["status"] == "unchanged"
    assert keep(tmp_path, template, force=True, **both)["action"] == "rekeyed"
    assert sorted(os.listdir(tmp_path)) == [".both.pem.est-note", "both.pem"]


def test_owner_and_mode_of_files_that_are_replaced_stay(template, tmp_path):
    keep(tmp_path, template)
    (tmp_path / "host.key").chmod(0o640)
    (tmp_path / "host.pem").chmod(0o444)
    keep(tmp_path, template, force=True)
    assert (mode(tmp_path / "host.key"), mode(tmp_path / "host.pem")) == (0o640, 0o444)


def test_nothing_is_asked_for_that_cannot_be_kept(lab, template, tmp_path):
    before = len(lab.log)
    with pytest.raises(EstError, match="there is no folder") as caught:
        keep(tmp_path / "missing", template)
    assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")
    (tmp_path / "host.pem").mkdir()
    with pytest.raises(EstError, match="Is a directory"):
        keep(tmp_path, template)
    assert len(lab.log) == before


def test_a_folder_that_an_earlier_task_would_make_is_no_failure_of_check_mode(template, tmp_path):
    outcome = keep(tmp_path / "missing", template, check=True)
    assert (outcome["status"], outcome["changed"]) == ("not_asked", True)
    assert outcome["warnings"] == [
        f"there is no folder {tmp_path / 'missing'} now, and est_certificate does not make it"
    ]
    (tmp_path / "missing").write_text("")
    with pytest.raises(EstError, match="cannot be read"):
        keep(tmp_path / "missing", template, check=True)


@pytest.mark.parametrize("option", ["certificate_path", "private_key_path", "chain_path"])
def test_a_file_of_something_else_is_not_replaced(template, tmp_path, option):
    mistyped = tmp_path / "hosts"
    mistyped.write_text("127.0.0.1 localhost\n")
    with pytest.raises(InputError, match=f"^{option} is .*would be lost"):
        keep(tmp_path, template, **{option: str(mistyped)})
    assert mistyped.read_text() == "127.0.0.1 localhost\n"


@pytest.mark.parametrize("option", ["certificate_path", "chain_path"])
def test_a_collection_of_trusted_cas_is_not_replaced(lab, template, tmp_path, option):
    mistyped = tmp_path / "ca-certificates.crt"
    mistyped.write_text(lab.ca_pem * 17)
    with pytest.raises(InputError, match=f"^{option} is .*more than 16 certificates"):
        keep(tmp_path, template, **{option: str(mistyped)})


def test_a_chain_that_leads_to_the_certificate_is_refused(lab, template, tmp_path):
    before = len(lab.log)
    (tmp_path / "chain.pem").symlink_to("host.pem")
    with pytest.raises(EstError, match="leads to the file of certificate_path") as caught:
        keep(tmp_path, template, chain_path=str(tmp_path / "chain.pem"))
    assert caught.value.request_received == "not_received"
    assert len(lab.log) == before


def test_no_certificate_is_issued_for_a_made_up_name(lab, template, tmp_path):
    before = len(lab.log)
    with pytest.raises(TemplateError, match=r"identity\.email: is missing: the subject of template 'wifi' has %email%"):
        keep(tmp_path, template, identity={**IDENTITY, "email": None})
    with pytest.raises(TemplateError, match=r"identity\.variables\.imei: is missing"):
        keep(tmp_path, template.replace(subject="/CN=%imei%"))
    assert len(lab.log) == before
    outcome = keep(
        tmp_path, template.replace(subject="/CN=%uname%/OU=%ou%"), identity={**IDENTITY, "variables": {"ou": ""}}
    )
    assert outcome["certificate"]["subject"] == "/CN=jdoe"


def test_a_refused_enrolment_leaves_nothing(lab, template, tmp_path):
    with pytest.raises(EstError) as caught:
        keep(tmp_path, template.replace(password="wrong"))
    assert (caught.value.stage, caught.value.http_status) == ("enroll", 401)
    assert os.listdir(tmp_path) == []
