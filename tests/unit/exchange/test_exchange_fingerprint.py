# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of templates that know of their CA nothing but its fingerprint, or that beside an anchor."""

from __future__ import annotations

import hashlib
import os
import ssl

import pytest
from support.enrolment import IDENTITY, enrol, stages, template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    ServerError,
    Timeline,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import ControllerConnector
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.test_files import RemoteFiles

CONTACT = ["resolve", "connect", "tls", "cacerts"]


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def fingerprint_of(lab, name="sha256"):
    return hashlib.new(name, ssl.PEM_cert_to_DER_cert(lab.ca_pem)).hexdigest()


def pinned(lab, digits=None, **options):
    return template_for(lab, ca_certificate=None, ca_fingerprint=digits or fingerprint_of(lab), **options)


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_req_004_req_045_a_fingerprint_alone_is_enough(lab, tmp_path, name):
    before = len(lab.requests)
    outcome = enrol(tmp_path, pinned(lab, fingerprint_of(lab, name)))
    assert outcome["status"] == "issued"
    assert outcome["server"]["trust"] == "fingerprint"
    assert stages(outcome) == [*CONTACT, *CONTACT, "csrattrs", "enroll", "verify", "save"]
    marked = [step["detail"].startswith("bootstrap: ") for step in outcome["timeline"]]
    assert marked == [True] * 4 + [False] * 8
    sent = [(entry["method"], entry["operation"], entry["authorization_present"]) for entry in lab.requests[before:]]
    assert sent == [
        ("GET", "cacerts", False),
        ("GET", "cacerts", False),
        ("GET", "csrattrs", False),
        ("POST", "simpleenroll", True),
    ]


def test_check_mode_makes_the_first_contact_too(lab, tmp_path):
    outcome = enrol(tmp_path, pinned(lab), check=True)
    assert (outcome["status"], outcome["server"]["trust"]) == ("not_asked", "fingerprint")
    assert stages(outcome) == [*CONTACT, *CONTACT, "csrattrs"]
    assert os.listdir(tmp_path) == []


def test_req_046_a_mismatch_ends_the_test_after_the_first_contact(lab, tmp_path):
    before = len(lab.requests)
    with pytest.raises(ServerError) as caught:
        enrol(tmp_path, pinned(lab, "ab" * 32))
    assert (caught.value.stage, caught.value.request_received) == ("cacerts", "not_received")
    assert "sha256:" + "ab" * 32 in caught.value.reason
    assert fingerprint_of(lab) in caught.value.reason
    assert os.listdir(tmp_path) == []
    assert [(entry["operation"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("cacerts", False)
    ]


def test_req_045_the_second_connection_is_verified_like_any_other(tmp_path):
    with LabServer("--server-certificate", "wrong-host") as imposter:
        with pytest.raises(TransportError, match="is not for localhost") as caught:
            enrol(tmp_path, pinned(imposter))
        assert caught.value.stage == "tls"
        assert [entry["operation"] for entry in imposter.requests] == ["cacerts"]


@pytest.mark.parametrize("trust", ["ca_certificate", "ca_path"])
def test_beside_an_anchor_the_fingerprint_is_a_further_condition(lab, tmp_path, trust):
    anchor = {"ca_certificate": lab.ca_pem, "ca_path": lab.ca_path}[trust]
    options = {"ca_certificate": None, trust: anchor}
    outcome = enrol(tmp_path, template_for(lab, ca_fingerprint=fingerprint_of(lab), **options))
    assert outcome["server"]["trust"] == "explicit"
    assert stages(outcome) == [*CONTACT, "csrattrs", "enroll", "verify", "save"]
    before = len(lab.requests)
    with pytest.raises(ServerError, match="no CA certificate of the server has the fingerprint"):
        enrol(tmp_path, template_for(lab, ca_fingerprint="ab" * 32, **options))
    assert [entry["operation"] for entry in lab.requests[before:]] == ["cacerts"]


def no_module(name, arguments):
    """What a host answers that keeps no pending enrolment."""
    assert (name.rpartition(".")[2], arguments["operation"]) == ("est_test_files", "read")
    return {}


def files_for(template):
    return RemoteFiles("est_test_files", no_module, "/tests", template.name, IDENTITY.certificate_name)


def test_the_controller_can_make_the_first_contact(lab):
    template = pinned(lab)
    connector = ControllerConnector(no_module, lambda name: name)
    outcome = run_test(template, IDENTITY, TestOptions(check=True), connector, files_for(template), Timeline())
    assert outcome["server"]["trust"] == "fingerprint"
