# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test refuses, whom it trusts, and how it goes on with a pending enrolment."""

from __future__ import annotations

import json
import os

import pytest
from cryptography import x509
from support.enrolment import enrol, template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure, input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    Timeline,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import same_public_key


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def nothing_is_sent(lab):
    before = len(lab.log)
    yield
    assert len(lab.log) == before


def refused(tmp_path, template, words):
    with pytest.raises(InputError, match=words) as caught:
        enrol(tmp_path, template)
    assert (caught.value.stage, caught.value.request_received) == ("input", "not_received")
    assert hint_of(caught.value)
    assert os.listdir(tmp_path) == []


def without_anchors(lab, **options):
    return template_for(lab, ca_certificate=None, **options)


@pytest.mark.usefixtures("nothing_is_sent")
def test_no_trust_at_all_is_refused(lab, tmp_path):
    refused(tmp_path, without_anchors(lab), "nothing to trust the EST server by")


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_ca_path_without_a_file_is_refused(lab, tmp_path):
    path = str(tmp_path / "none" / "ca.pem")
    refused(tmp_path, without_anchors(lab, ca_path=path), f"ca_path '{path}' cannot be read.*No such file")


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_ca_path_that_is_a_folder_is_refused(lab, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    refused(output, without_anchors(lab, ca_path=str(tmp_path)), "cannot be read.*directory")


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_ca_path_that_may_not_be_read_is_refused(lab, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    path = tmp_path / "ca.pem"
    path.write_text(lab.ca_pem)
    path.chmod(0)
    refused(output, without_anchors(lab, ca_path=str(path)), "cannot be read.*Permission denied")


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no PEM certificate"),
        ("not a certificate", "no PEM certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "."),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no PEM certificate"),
    ],
)
def test_a_ca_path_without_a_certificate_is_refused(text, words, lab, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    path = tmp_path / "ca.pem"
    path.write_text(text)
    refused(output, without_anchors(lab, ca_path=str(path)), words)


def test_a_ca_path_is_trusted_even_with_other_text_in_it(lab, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes("Erläuterung\n".encode("latin-1") + lab.ca_pem.encode())
    outcome = enrol(tmp_path, without_anchors(lab, ca_path=str(path)))
    assert outcome["status"] == "issued"
    assert outcome["server"]["trust"] == "explicit"


def test_the_system_is_trusted_where_asked_for(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", lab.ca_path)
    outcome = enrol(tmp_path, without_anchors(lab, use_system_trust=True))
    assert outcome["status"] == "issued"
    assert outcome["server"]["trust"] == "system"


@pytest.mark.usefixtures("nothing_is_sent")
def test_an_identity_that_leaves_no_subject_is_refused(lab, tmp_path):
    with pytest.raises(TemplateError):
        enrol(tmp_path, template_for(lab, subject="/emailAddress=%email%"), TestIdentity())
    assert os.listdir(tmp_path) == []


def test_a_server_that_wants_no_password(tmp_path, lab):
    for template in (template_for(lab), template_for(lab, username=None, password=None)):
        outcome = enrol(tmp_path, template, check=True)
        assert outcome["server"]["authenticated_by"] == []


def test_req_069_it_is_told_what_the_server_took(tmp_path):
    with LabServer("--authentication", "digest-sha256") as server:
        assert enrol(tmp_path, template_for(server))["server"]["authenticated_by"] == ["digest"]


# -- pending -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pending(tmp_path):
    """A lab server that approves nothing for an hour, a template, and the result of the first test."""
    with LabServer("--label", "other", "--manual-approval", "1", "--retry-after", "3600") as server:
        template = template_for(server)
        yield server, template, enrol(tmp_path, template)


def kept(first, name):
    return os.path.join(os.path.dirname(first["private_key_path"]), name)


def let_it_be_due(first):
    with open(kept(first, "state.json"), encoding="ascii") as file:
        state = json.load(file)
    state["retry_at"] = "2020-01-01T00:00:00Z"
    with open(kept(first, "state.json"), "w", encoding="ascii") as file:
        json.dump(state, file)


def public_key(pem):
    return x509.load_pem_x509_certificate(pem.encode()).public_key()


def test_req_085_nothing_is_asked_before_its_time_and_the_result_is_the_same(pending, tmp_path):
    server, template, first = pending
    sent = len(server.log)
    for options in ({}, {"check": True}):
        again = enrol(tmp_path, template, **options)
        assert (again["status"], again["changed"]) == ("pending", False)
        assert again["retry_at"] == first["retry_at"]
        assert again["private_key_path"] == first["private_key_path"]
    assert len(server.log) == sent


def test_req_088_the_request_that_was_kept_has_the_key_that_was_kept(pending, tmp_path):
    server, template, first = pending
    with open(kept(first, "request.pem"), "rb") as file:
        request = x509.load_pem_x509_csr(file.read())
    let_it_be_due(first)
    second = enrol(tmp_path, template)
    assert second["status"] == "issued"
    assert same_public_key(public_key(second["certificate"]["pem"]), request)
    assert server.enrolments[0]["status"] == 202


def test_check_mode_of_what_is_due_asks_for_no_certificate(pending, tmp_path):
    server, template, first = pending
    let_it_be_due(first)
    outcome = enrol(tmp_path, template, check=True)
    assert (outcome["status"], outcome["changed"]) == ("not_asked", True)
    assert len(server.enrolments) == 1
    assert os.path.exists(first["private_key_path"])


@pytest.mark.parametrize(
    "change", [{"subject": "/CN=%uname%"}, {"key_curve": "P-384"}, {"label": "other"}, {"username": "somebody"}]
)
def test_req_087_another_request_is_not_continued(change, pending, tmp_path):
    server, template, first = pending
    with open(first["private_key_path"], encoding="ascii") as file:
        key = file.read()
    changed = template.replace(**change)
    if "username" in change:  # the lab does not know him: the request was sent at once, with another key
        with pytest.raises(EstError, match="user name or the password"):
            enrol(tmp_path, changed)
        return
    second = enrol(tmp_path, changed)
    assert second["status"] == "pending"
    assert len(server.enrolments) == 2
    with open(second["private_key_path"], encoding="ascii") as file:
        assert file.read() != key


@pytest.mark.parametrize("name", ["private_key.pem", "state.json"])
@pytest.mark.parametrize("damage", [b"", b"damaged", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_state_starts_anew(name, damage, pending, tmp_path):
    server, template, first = pending
    with open(kept(first, name), "wb") as file:
        file.write(damage)
    second = enrol(tmp_path, template)
    assert (second["status"], second["changed"]) == ("pending", True)
    assert len(server.enrolments) == 2


def test_a_state_that_cannot_be_read_is_an_error_in_words(pending, tmp_path):
    server, template, first = pending
    os.unlink(first["private_key_path"])
    os.mkdir(first["private_key_path"])
    with pytest.raises(EstError, match=r"private_key\.pem: Is a directory") as caught:
        enrol(tmp_path, template)
    assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")
    assert len(server.enrolments) == 1


def test_a_folder_that_cannot_be_written_is_told_with_the_request_received(lab, tmp_path):
    (tmp_path / "output").write_text("a file")
    with pytest.raises(EstError, match="Not a directory") as caught:
        enrol(tmp_path / "output", template_for(lab))
    assert caught.value.stage == "save"
    assert hint_of(caught.value)


# -- results -----------------------------------------------------------------------------------------------------------

FAILURE_KEYS = {
    "failed",
    "changed",
    "msg",
    "template",
    "status",
    "stage",
    "error_code",
    "reason",
    "request_received",
    "http_status",
    "server_message",
    "hint",
    "exchange",
    "timeline",
    "username",
}


@pytest.mark.parametrize(
    ("received", "words"),
    [
        ("received", "reached the EST server"),
        ("not_received", "did not reach the EST server"),
        ("unknown", "It is not known whether"),
    ],
)
def test_a_failure_has_every_key_and_its_message_says_it_all(received, words):
    error = EstError(
        "the server refused the user name or the password (HTTP 401)",
        stage="enroll",
        hint="Check the password.",
        request_received=received,
        http_status=401,
        server_message="Go away.",
    )
    found = failure(error, "wifi", "host", Timeline())
    assert set(found) == FAILURE_KEYS
    for part in ("'wifi'", "stage enroll", "(HTTP 401).", "The server says: 'Go away'.", words, "Check the password."):
        assert part in found["msg"]
    assert ".." not in found["msg"]


def test_an_input_failure_has_the_same_keys():
    found = input_failure(StoreError("there is no template 'x'", code="unknown_template"), "x", "relay")
    assert set(found) == FAILURE_KEYS
    assert found["msg"] == found["reason"] == "there is no template 'x'"
    assert (found["status"], found["error_code"], found["hint"]) == ("failed", "unknown_template", None)
    assert (found["stage"], found["request_received"], found["timeline"]) == ("input", "not_received", [])
