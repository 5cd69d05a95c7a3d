# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement lines that show best in a whole exchange with a real server process: the lab server."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from support.enrolment import enrol, template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, ServerError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    Fingerprint,
    load_certificate,
    load_pem_certificates,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    same_public_key,
)

SUBJECT = parse_slash_dn("/CN=device-1")


@pytest.fixture(scope="module")
def full() -> Iterator[LabServer]:
    with LabServer("--profile", "full", "--label", "devices") as lab:
        yield lab


def connect(lab: LabServer, *, server: Any = None, password: str = "estpwd", **options: Any) -> EstClient:
    url = EstUrl.build(*(server or (lab.host, lab.port)))
    line = HttpsTransport(
        url, Trust.explicit(lab.ca_pem), credentials=Credentials("estuser", password), read_timeout=10
    )
    return EstClient(url, line, anchors=load_pem_certificates(lab.ca_pem), secrets=[password], **options)


def test_req_004_the_servers_ca_is_pinned_by_fingerprint(full: LabServer) -> None:
    (root,) = load_pem_certificates(full.ca_pem)
    with connect(full, pin=Fingerprint.of(root, "sha512")) as est:
        assert est.cacerts().root == root
    with connect(full, pin=Fingerprint("sha256", "00" * 32)) as est, pytest.raises(ServerError) as caught:
        est.cacerts()
    assert str(Fingerprint.of(root)) in caught.value.reason


@pytest.mark.parametrize("form", ["base", "authority and label", "label"])
def test_req_005_req_006_all_forms_of_the_address_reach_the_same_ca(full: LabServer, form: str) -> None:
    forms = {
        "base": (f"{full.est_url}/devices",),
        "authority and label": (f"{full.host}:{full.port}", None, "devices"),
        "label": (full.host, full.port, "devices"),
    }
    before = len(full.requests)
    with connect(full, server=forms[form]) as est:
        est.cacerts()
    (entry,) = full.requests[before:]
    assert entry["path"] == "/.well-known/est/devices/cacerts"


def test_req_029_cacerts_needs_no_password(full: LabServer) -> None:
    before = len(full.requests)
    with connect(full, password="wrong") as est:
        assert len(est.cacerts().certificates) == 1
    assert [(entry["method"], entry["authorization_present"]) for entry in full.requests[before:]] == [("GET", False)]


@pytest.mark.parametrize("fault", ["http-400", "http-403", "http-404", "http-500", "http-501", "http-503"])
def test_req_030_any_other_status_of_cacerts_ends_the_exchange(fault: str) -> None:
    with LabServer("--fault", f"cacerts:{fault}") as lab, connect(lab) as est:
        with pytest.raises(ServerError) as caught:
            est.cacerts()
        assert [entry["operation"] for entry in lab.requests] == ["cacerts"]
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "no")


def test_req_071_the_server_verifies_the_request_and_certifies_its_key(full: LabServer) -> None:
    for spec in (KeySpec("ec", curve="P-384"), KeySpec("rsa"), KeySpec("ed25519")):
        key = generate_key(spec)
        with connect(full) as est:
            answer = est.simpleenroll(build_csr(key, SUBJECT))
        assert isinstance(answer, Issued)
        assert any(same_public_key(load_certificate(found), key) for found in answer.certificates)


def test_req_076_a_test_enrolment_fetches_the_ca_certificates_first(full: LabServer, tmp_path: Any) -> None:
    before = len(full.requests)
    enrol(tmp_path, template_for(full))
    assert [entry["operation"] for entry in full.requests[before:]] == ["cacerts", "csrattrs", "simpleenroll"]


def test_req_085_a_date_as_retry_after() -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "date:120") as lab, connect(lab) as est:
        answer = est.simpleenroll(build_csr(generate_key(KeySpec("ec")), SUBJECT))
    assert isinstance(answer, Pending)
    assert 110 <= answer.retry_after.seconds <= 121


def test_req_086_waiting_keeps_to_the_same_key() -> None:
    key = generate_key(KeySpec("ec"))
    pauses = []
    # The server approves a public key: another one would be pending again.
    with LabServer("--manual-approval", "2", "--retry-after", "5") as lab, connect(lab) as est:
        answer = est.simpleenroll(build_csr(key, SUBJECT), wait_seconds=20, sleep=pauses.append)
        assert [entry["status"] for entry in lab.enrolments] == [202, 202, 200]
    assert pauses == [5, 5]
    assert isinstance(answer, Issued)
    assert same_public_key(load_certificate(answer.certificates[0]), key)


def test_req_087_a_user_is_told_of_pending_with_the_servers_words(tmp_path: Any) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "600") as lab:
        outcome = enrol(tmp_path, template_for(lab))
    assert outcome["status"] == "pending"
    assert outcome["server_message"]
    assert outcome["retry_at"].endswith("Z")
    (step,) = [step for step in outcome["timeline"] if step["stage"] == "enroll"]
    assert step["detail"] == "HTTP 202: pending, to be asked again in 600 seconds"


def test_req_088_the_next_run_continues_with_the_key_of_the_first(tmp_path: Any) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        first = enrol(tmp_path, template_for(lab))
        assert first["status"] == "pending"
        with open(first["private_key_path"], "rb") as file:
            key = load_pem_private_key(file.read(), None)
        # All that is common to the two runs is the folder on the host.
        second = enrol(tmp_path, template_for(lab), wait=10)
        assert [entry["status"] for entry in lab.enrolments] == [202, 200]
    assert second["status"] == "issued"
    certificate = x509.load_pem_x509_certificate(second["certificate"]["pem"].encode())
    assert same_public_key(certificate, key)


def test_req_070_a_wrong_password_is_nowhere_in_the_error(full: LabServer) -> None:
    with connect(full, password="canary-hunter2") as est:
        with pytest.raises(EstError) as caught:
            est.simpleenroll(build_csr(generate_key(KeySpec("ec")), SUBJECT))
        shown = repr(vars(caught.value)) + str(caught.value) + repr(est.timeline.as_list()) + repr(vars(est.url))
    assert "canary" not in shown
    assert (caught.value.http_status, caught.value.request_received) == (401, "yes")
