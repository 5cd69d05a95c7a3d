# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test enrolments from this process against the real lab server."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from support.enrolment import enrol, stages, template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import posting
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import encode_body
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import same_public_key


@pytest.fixture(scope="module")
def full():
    with LabServer("--profile", "full") as lab:
        yield lab


def test_issued_certificate_chain_and_key_are_on_disk(full, tmp_path):
    outcome = enrol(tmp_path, template_for(full, subject_alternative_name="upn_and_email"))
    assert outcome["status"] == "issued"
    assert outcome["changed"] is True
    assert outcome["lost"] == []
    assert stages(outcome) == ["resolve", "connect", "tls", "cacerts", "csrattrs", "enroll", "verify", "save"]
    assert all(step["ok"] for step in outcome["timeline"])
    with open(outcome["certificate"]["path"], "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    with open(outcome["private_key_path"], "rb") as file:
        key = load_pem_private_key(file.read(), None)
    assert same_public_key(certificate, key)
    assert outcome["certificate"]["subject_alternative_names"] == ["UPN:jdoe@example.com", "email:jdoe@example.com"]
    assert outcome["server"]["trust"] == "explicit"
    assert outcome["server"]["authenticated_by"] == ["basic"]
    for result, content in (("chain_path", ""), ("root_certificate_path", full.ca_pem)):
        with open(outcome[result], encoding="ascii") as file:
            assert file.read().strip() == content.strip()
    for name in os.listdir(os.path.dirname(outcome["certificate"]["path"])):
        path = os.path.join(os.path.dirname(outcome["certificate"]["path"]), name)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert sorted(os.listdir(tmp_path / "wifi")) == ["test"]


@pytest.mark.parametrize(
    ("path", "label", "server"),
    [
        ("/v1/pki/est", None, "https://{origin}/v1/pki/est"),
        ("/v1/pki/est", "urn:devices", "https://{origin}/v1/pki/est/"),
        ("/.well-known/est/domain", "~profile", "https://{origin}/.well-known/est/domain/~profile"),
        ("/proxy/.well-known/est", "devices", "{origin}"),
    ],
)
def test_a_server_that_answers_below_another_path(path, label, server, tmp_path):
    # Without a way back to where RFC 7030 has it: the path that was given is the only one that is asked.
    with LabServer("--base-path", path, *(["--label", label] if label else [])) as lab:
        address = server.format(origin=f"{lab.host}:{lab.port}")
        given = {} if "/" in address else {"base_path": path}
        outcome = enrol(tmp_path, template_for(lab, server=address, port=None, label=label, **given))
        assert outcome["status"] == "issued"
        assert outcome["server"]["url"] == f"{lab.est_url}{'/' + label if label else ''}"
        asked = {request["path"].rpartition("/")[0] for request in lab.requests}
        assert asked == {f"{path}{'/' + label if label else ''}"}


def test_an_enrolment_code_goes_into_the_request(tmp_path, capfd):
    with LabServer("--challenge-password", "c0de-7") as lab:
        outcome = enrol(tmp_path, template_for(lab, challenge_password="c0de-7"))
        assert outcome["status"] == "issued"
        assert outcome["warnings"] == []
        assert "c0de-7" not in repr(outcome) + "".join(capfd.readouterr())
        with pytest.raises(EstError) as caught:
            enrol(tmp_path, template_for(lab, challenge_password="c0de-8"))
        assert caught.value.http_status == 403
        assert "c0de-8" not in repr(vars(caught.value))
        assert [entry.get("enrolment_code") for entry in lab.enrolments] == ["challengePassword", None]


@pytest.mark.parametrize("preset", ["challenge-password", "rfc7030-example"])
def test_an_enrolment_code_and_a_proof_of_possession_exclude_each_other(preset, tmp_path):
    with LabServer("--challenge-password", "c0de-7", "--csrattrs", preset) as lab:
        for options in ({}, {"proof_of_possession": "always"}):
            for check in (True, False):
                with pytest.raises(EstError) as caught:
                    enrol(tmp_path, template_for(lab, challenge_password="c0de-7", **options), check=check)
                assert "an enrolment code and a proof of possession" in caught.value.reason
                assert "proof_of_possession to never" in hint_of(caught.value)
        assert lab.enrolments == []
        template = template_for(lab, challenge_password="c0de-7", proof_of_possession="never")
        assert enrol(tmp_path, template)["status"] == "issued"


def test_a_pending_request_is_made_anew_with_another_code_and_the_same_key(tmp_path):
    with LabServer("--challenge-password", "right", "--manual-approval", "1", "--retry-after", "0") as lab:
        right = template_for(lab, challenge_password="right")
        assert enrol(tmp_path, right)["status"] == "pending"
        (key,) = tmp_path.rglob("private_key.pem")
        before = key.read_bytes()
        with pytest.raises(EstError):
            enrol(tmp_path, template_for(lab, challenge_password="wrong"), wait_timeout=60)
        assert enrol(tmp_path, right, wait_timeout=60)["status"] == "issued"
    assert [entry.get("enrolment_code") for entry in lab.enrolments] == ["challengePassword", None, "challengePassword"]
    (key,) = tmp_path.rglob("private_key.pem")
    assert key.read_bytes() == before


def test_a_host_name_with_underscores(tmp_path, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: resolve("localhost", *more, **named))
    with LabServer("--host-name", "my_est.corp_1") as lab:
        outcome = enrol(tmp_path, template_for(lab, server="My_EST.corp_1"))
    assert outcome["status"] == "issued"
    assert outcome["server"]["url"] == f"https://my_est.corp_1:{lab.port}/.well-known/est"


def test_a_redirect_between_base_paths_is_followed(tmp_path):
    with LabServer("--base-path", "/v1/pki/est") as there:
        location = f"cacerts:302:{there.est_url}/cacerts"
        more = f"simpleenroll:307:{there.est_url}/simpleenroll"
        with LabServer("--base-path", "/old/est", "--redirect", location, "--redirect", more) as here:
            template = template_for(here, base_path="/old/est")
            with pytest.raises(EstError) as caught:
                enrol(tmp_path, template)
            assert caught.value.code == "redirect_needs_consent"
            other = f"{there.host}:{there.port}"
            outcome = enrol(tmp_path, template, allow_redirects_to=(other,))
            assert outcome["status"] == "issued"
            assert [request["path"] for request in there.requests][-1] == "/v1/pki/est/simpleenroll"


@pytest.mark.parametrize("shape", ["as-asked", "enveloped"])
def test_req_117_a_key_that_the_server_makes(shape, tmp_path):
    with LabServer("--serverkeygen", shape) as lab:
        asked = enrol(tmp_path, template_for(lab), key_origin="server", check=True)
        assert (asked["status"], [entry["operation"] for entry in lab.requests if entry["method"] == "POST"]) == (
            "not_asked",
            [],
        )
        outcome = enrol(tmp_path, template_for(lab), key_origin="server")
        assert (outcome["status"], lab.requests[-1]["operation"]) == ("issued", "serverkeygen")
    assert outcome["key_protected_by"] == (["tls"] if shape == "as-asked" else ["tls", "cms"])
    with open(outcome["certificate"]["path"], "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    with open(outcome["private_key_path"], "rb") as file:
        assert same_public_key(certificate, load_pem_private_key(file.read(), None))
    assert stat.S_IMODE(os.stat(outcome["private_key_path"]).st_mode) == 0o600


def test_what_cisco_drops_is_told(cisco, tmp_path):
    outcome = enrol(tmp_path, template_for(cisco, subject_alternative_name="upn"))
    assert outcome["requested"] == {
        "subject": "/CN=jdoe/emailAddress=jdoe@example.com",
        "subject_alternative_names": ["UPN:jdoe@example.com"],
    }
    assert outcome["certificate"]["subject"] == "/CN=jdoe"
    assert outcome["lost"] == [
        "subject emailAddress=jdoe@example.com",
        "subject_alternative_name UPN:jdoe@example.com",
    ]
    assert outcome["diff"]["before"].splitlines() == ["subject CN=jdoe", *outcome["lost"]]
    assert outcome["diff"]["after"].splitlines() == ["subject CN=jdoe"]


def test_variables_that_are_not_given_are_substituted_and_told(full, tmp_path):
    outcome = enrol(tmp_path, template_for(full), TestIdentity())
    assert outcome["substitutions"] == {"uname": "Test", "email": ""}
    assert outcome["omitted_attributes"] == ["emailAddress=%email%"]
    assert outcome["certificate"]["subject"] == "/CN=Test"


def test_check_mode_does_everything_short_of_issuing(full, tmp_path):
    before = len(full.requests)
    outcome = enrol(tmp_path, template_for(full), check=True)
    assert outcome["status"] == "not_asked"
    assert outcome["changed"] is True
    assert stages(outcome) == ["resolve", "connect", "tls", "cacerts", "csrattrs"]
    assert [request["method"] for request in full.requests[before:]] == ["GET", "GET"]
    assert os.listdir(tmp_path) == []


def test_req_029_req_062_credentials_go_with_the_enrolment_only(full, tmp_path):
    before = len(full.requests)
    enrol(tmp_path, template_for(full))
    assert [(entry["method"], entry["authorization_present"]) for entry in full.requests[before:]] == [
        ("GET", False),
        ("GET", False),
        ("POST", True),
    ]


def test_a_wrong_password_is_diagnosed_req_062(full, tmp_path):
    with pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(full, password="something-else"))
    error = caught.value
    assert (error.stage, error.http_status, error.request_received) == ("enroll", 401, "received")
    assert "user name or the password" in error.reason
    assert "something-else" not in f"{error.reason}{error.hint}{error.server_message}"
    assert os.listdir(tmp_path) == []


def test_a_second_test_replaces_the_first(full, tmp_path):
    first = enrol(tmp_path, template_for(full))
    second = enrol(tmp_path, template_for(full))
    assert first["certificate"]["path"] == second["certificate"]["path"]
    assert first["certificate"]["serial_number"] != second["certificate"]["serial_number"]


def test_req_084_to_088_pending_is_a_state_that_the_next_run_continues(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        template = template_for(lab)
        first = enrol(tmp_path, template)
        assert first["status"] == "pending"
        assert first["changed"] is True
        assert first["retry_at"].endswith("Z")
        with open(first["private_key_path"], "rb") as file:
            key = load_pem_private_key(file.read(), None)
        sent = len(lab.requests)
        too_soon = enrol(tmp_path, template.replace(), wait_timeout=0)
        if too_soon["status"] == "pending":  # else the second has passed meanwhile
            assert too_soon["changed"] is False
            assert len(lab.requests) == sent
            second = enrol(tmp_path, template, wait_timeout=5)
        else:
            second = too_soon
        assert second["status"] == "issued"
        certificate = x509.load_pem_x509_certificate(second["certificate"]["pem"].encode())
        assert same_public_key(certificate, key)
        assert not os.path.exists(os.path.dirname(first["private_key_path"]))


def test_req_087_a_user_is_told_of_pending_with_the_servers_words(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "600") as lab:
        outcome = enrol(tmp_path, template_for(lab))
    assert outcome["status"] == "pending"
    assert outcome["server_message"]
    assert outcome["retry_at"].endswith("Z")
    (step,) = [step for step in outcome["timeline"] if step["stage"] == "enroll"]
    assert step["detail"] == "HTTP 202: pending, to be asked again in 600 seconds"


def test_req_085_waiting_inside_a_run_is_bounded_by_an_option(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        outcome = enrol(tmp_path, template_for(lab), wait_timeout=10)
        assert outcome["status"] == "issued"
        assert [entry["status"] for entry in lab.requests if entry["method"] == "POST"] == [202, 200]


def test_req_084_the_very_same_request_is_repeated_by_the_next_run(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        first = enrol(tmp_path, template_for(lab))
        with open(os.path.join(os.path.dirname(first["private_key_path"]), "request.pem"), "rb") as file:
            kept = x509.load_pem_x509_csr(file.read())
        sent = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(posting, "encode_body", lambda der: sent.append(der) or encode_body(der))
            assert enrol(tmp_path, template_for(lab), wait_timeout=5)["status"] == "issued"
    # ECDSA signatures are never the same twice, so equal bytes are the kept request.
    assert sent == [kept.public_bytes(Encoding.DER)]


def test_req_088_a_run_that_fails_while_it_waits_keeps_the_key(tmp_path):
    with LabServer("--manual-approval", "9", "--retry-after", "1") as lab:
        template = template_for(lab)

        def stop_the_server(seconds):
            lab.stop()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.sleep", stop_the_server)
            with pytest.raises(EstError) as caught:
                enrol(tmp_path, template, wait_timeout=60)
    assert caught.value.request_received == "received"
    assert sorted(os.listdir(tmp_path / "wifi" / "test+pending")) == ["private_key.pem", "request.pem", "state.json"]


def test_req_094_req_095_csr_attributes_are_asked_for_before_the_key_is_made(tmp_path):
    with LabServer("--csrattrs", "ec-p384") as lab:
        outcome = enrol(tmp_path, template_for(lab, key_type=None))
        assert outcome["certificate"]["public_key_curve"] == "P-384"
        assert [request["operation"] for request in lab.requests] == ["cacerts", "csrattrs", "simpleenroll"]


def test_req_101_a_key_that_the_template_chose_stays_and_the_difference_is_told(tmp_path):
    with LabServer("--csrattrs", "ec-p384") as lab:
        outcome = enrol(tmp_path, template_for(lab, key_type="ec", key_curve="P-256"))
    assert outcome["certificate"]["public_key_curve"] == "P-256"
    assert any("P-384" in warning for warning in outcome["warnings"])


@pytest.mark.parametrize(
    "flags",
    [
        *(("--csrattrs", status) for status in ("not-found", "not-implemented", "none", "empty")),
        ("--fault", "csrattrs:garbage"),
    ],
)
def test_req_096_a_server_without_usable_csr_attributes_enrols_all_the_same(flags, tmp_path):
    with LabServer(*flags) as lab:
        outcome = enrol(tmp_path, template_for(lab))
    assert outcome["status"] == "issued"


@pytest.mark.parametrize("flags", [(), ("--tls-max", "1.2")])
def test_req_111_req_112_proof_of_possession_is_bound_to_the_connection(flags, tmp_path):
    with LabServer("--pop", "required", *flags) as lab:
        outcome = enrol(tmp_path, template_for(lab, proof_of_possession="always"))
    assert outcome["status"] == "issued"
    assert outcome["server"]["tls_version"] == "TLSv1.2"


def test_req_099_csr_attributes_can_ask_for_proof_of_possession(tmp_path):
    with LabServer("--pop", "required", "--csrattrs", "challenge-password") as lab:
        assert enrol(tmp_path, template_for(lab))["status"] == "issued"
        with pytest.raises(EstError):
            enrol(tmp_path, template_for(lab, proof_of_possession="never"))


def test_req_086_a_pending_request_with_proof_of_possession_is_signed_anew_with_the_same_key(tmp_path):
    with LabServer("--pop", "required", "--manual-approval", "1", "--retry-after", "1") as lab:
        template = template_for(lab, proof_of_possession="always")
        first = enrol(tmp_path, template)
        assert first["status"] == "pending"
        with open(first["private_key_path"], "rb") as file:
            key = load_pem_private_key(file.read(), None)
        second = enrol(tmp_path, template, wait_timeout=5)
    assert second["status"] == "issued"
    certificate = x509.load_pem_x509_certificate(second["certificate"]["pem"].encode())
    assert same_public_key(certificate, key)


def test_proof_of_possession_is_impossible_where_the_server_speaks_tls_1_3_only(tmp_path):
    with LabServer("--tls-min", "1.3") as lab, pytest.raises(EstError) as caught:
        enrol(tmp_path, template_for(lab, proof_of_possession="always"))
    assert caught.value.request_received == "not_received"
