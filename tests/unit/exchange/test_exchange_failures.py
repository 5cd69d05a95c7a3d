# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of a test enrolment: stage, reason, and whether the request got there.

Those of support/server_faults.py are met where exchange=relay is compared with exchange=host.
"""

from __future__ import annotations

import os

import pytest
from support.enrolment import enrol, template_for
from support.lab import LabServer
from support.server_faults import patience

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import subject_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate

# flags of the server | stage | words of the reason
FAILURES = {
    "reset_in_answer": (["--fault", "simpleenroll:reset-in-answer"], "enroll", "closed|reset|cut|broke"),
    "req_075_unrelated_issuer": (["--fault", "simpleenroll:unrelated-issuer"], "verify", "issue|anchor"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(name, tmp_path):
    flags, stage, words = FAILURES[name]
    with LabServer(*flags) as lab, pytest.raises(EstError, match=f"(?i){words}") as caught:
        enrol(tmp_path, template_for(lab), timeout=patience(flags), connect_timeout=patience(flags))
    error = caught.value
    assert (error.stage, error.request_received) == (stage, "received")
    assert hint_of(error)
    assert "estpwd" not in f"{error.reason} {hint_of(error)} {error.server_message}"
    written = {
        os.path.relpath(folder, tmp_path): sorted(files) for folder, _folders, files in os.walk(tmp_path) if files
    }
    if stage == "verify":
        ((folder, files),) = written.items()
        assert (folder.endswith("+unusable"), files) == (True, ["certificate.pem", "private_key.pem"])
        assert f"What the CA issued is kept in {tmp_path / folder}." in hint_of(error)
        held = HeldCertificate.load(ClientCertificate(*(str(tmp_path / folder / file) for file in files)))
        assert "/CN=jdoe" in subject_text(held.certificate)
    else:
        assert not written, "nothing may be written"


@pytest.mark.parametrize(("scheme", "offer"), [("digest", "basic"), ("basic", "digest")])
def test_an_authentication_that_the_server_does_not_offer_is_no_wrong_password(scheme, offer, tmp_path):
    with LabServer("--authentication", offer) as lab, pytest.raises(EstError, match="HTTP 401") as caught:
        enrol(tmp_path, template_for(lab), http_authentication=scheme)
    assert caught.value.code == "authentication_not_supported"
    assert offer.title() in caught.value.reason
    assert "the user name or the password" not in caught.value.reason
    assert "http_authentication be auto" in hint_of(caught.value)


def test_a_server_that_takes_only_certificates_does_not_want_a_password(tmp_path):
    with LabServer("--credentials", "certificate") as lab, pytest.raises(EstError, match="HTTP 403") as caught:
        enrol(tmp_path, template_for(lab))
    assert caught.value.code == "client_certificate_refused"
    assert "wants a TLS client certificate, and none was shown" in caught.value.reason


@pytest.mark.parametrize("status", ["400", "401"])
def test_the_warnings_that_explain_a_failure_are_in_it(status, tmp_path):
    flags = ("--csrattrs", "challenge-password", "--pop", "required", "--pop-status", status)
    with LabServer(*flags) as lab, pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(lab, proof_of_possession="never"))
    told = failure(caught.value, "wifi", "host", Timeline())
    assert told["error_code"] == "proof_of_possession_refused"
    assert told["warnings"] == ["the server asks for a proof of possession, and is never to get one: it may refuse"]
    assert "Let proof_of_possession be auto" in told["hint"]
    assert "password" not in told["reason"]


@pytest.mark.parametrize("kind", ["text", "json", "html", "cmc"])
def test_req_089_req_090_the_server_is_quoted(kind, tmp_path):
    with LabServer("--errors", kind, "--profile", "cisco") as lab, pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(lab, subject="/O=No common name"))
    assert caught.value.http_status == 400
    assert caught.value.server_message
    assert "<" not in caught.value.server_message
    assert "{" not in caught.value.server_message


def test_req_075_an_unverified_chain_can_be_a_warning(tmp_path):
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as lab:
        outcome = enrol(tmp_path, template_for(lab), on_unverified_chain="warn")
    assert outcome["status"] == "issued"
    assert outcome["warnings"]


def test_no_certificate_is_asked_for_that_could_not_be_kept(tmp_path):
    (tmp_path / "file").write_text("in the place of a folder")
    with LabServer() as lab:
        with pytest.raises(EstError) as caught:
            enrol(tmp_path / "file" / "tests", template_for(lab))
        assert [request["path"] for request in lab.requests] == []
    assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")
    assert "Not a directory" in caught.value.reason and "output_path" in caught.value.hint
