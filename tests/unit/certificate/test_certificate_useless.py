# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production certificates with names that a renewal adds, or that nobody can use: refused, and not asked for again."""

from __future__ import annotations

import contextlib
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from support.lab import LabServer
from support.names import build_general_names
from support.production import OTHER, files, keep, posts, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import refusal_digest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.acceptance import Acceptance
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import NotAsAsked
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate

# -- names that a renewal adds ----------------------------------------------------------------------------------------


ADDED_UPN = "subject_alternative_name UPN:administrator@example.com was not asked for"
ADDED_O = "subject O=Added was not asked for"


@pytest.fixture
def adding(monkeypatch, cisco, tmp_path):
    """A certificate that has to be renewed, for another template, and a CA that adds names to the new one."""
    issued = cisco.issue(subject=subject(), days=(-20, 10))
    put(tmp_path, issued)
    more = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Added"), *subject()])
    names = [build_general_names([GeneralName("UPN", "administrator@example.com")])]
    new = cisco.issue(subject=more, extensions=names, private_key=issued.private_key)
    answer = Issued((new.certificate.public_bytes(Encoding.DER),))
    asked = []
    monkeypatch.setattr(EstClient, "simplereenroll", lambda *_args, **_more: asked.append(1) or answer)
    return asked


RENEWED = {"renewal_period_days": 365, "renewal_method": "renew"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, [ADDED_O, ADDED_UPN]),
        ({"on_lost": "fail"}, [ADDED_O, ADDED_UPN]),
        ({"allowed_lost": ["UPN", "OU"]}, [ADDED_O]),
        ({"allowed_lost": ["O=added", "UPN:jdoe@example.com"]}, [ADDED_UPN]),
    ],
)
def test_a_renewal_that_adds_names_is_never_put_in_place(adding, cisco, tmp_path, options, told):
    before = files(tmp_path)
    template = template_for(cisco)
    for _run in range(2):
        with pytest.raises(NotAsAsked) as caught:
            keep(tmp_path, template, **RENEWED, **options)
        error = caught.value
        assert error.reason == f"the renewed certificate differs from the old one: {'; '.join(told)}"
        assert error.found == {"lost": [], "differs": [ADDED_O, ADDED_UPN], "accepted_lost": []}
    assert (files(tmp_path), adding) == (before, [1])


@pytest.mark.parametrize("options", [{"on_lost": "accept"}, {"allowed_lost": ["O", "UPN:Administrator@example.com"]}])
def test_a_renewal_that_adds_names_is_taken_where_that_is_accepted(adding, cisco, tmp_path, options):
    renewed = keep(tmp_path, template_for(cisco), **RENEWED, **options)
    assert (renewed["status"], renewed["differs"], renewed["warnings"]) == ("issued", [ADDED_UPN], [])


# -- what is refused for another reason than names ---------------------------------------------------------------------


@pytest.fixture(params=["wrong-key", "unrelated-issuer", "expired"])
def useless(request):
    """A CA whose certificates nobody can use, and what is said of them."""
    arguments, words = {
        "wrong-key": (["--fault", "simpleenroll:wrong-key"], "key"),
        "unrelated-issuer": (["--fault", "simpleenroll:unrelated-issuer"], "chain|issue"),
        "expired": (["--valid-days", "-1"], "expired|valid"),
    }[request.param]
    with LabServer(*arguments) as server:
        yield server, words


def test_what_cannot_be_used_is_not_asked_for_in_the_next_run(useless, tmp_path):
    server, words = useless
    template = template_for(server)
    with pytest.raises(EstError, match=words) as first:
        keep(tmp_path, template)
    assert (first.value.stage, first.value.request_received) == ("verify", "received")
    asked = len(server.log)
    for check in (False, True):
        with pytest.raises(EstError) as again:
            keep(tmp_path, template, check=check)
        assert (again.value.stage, again.value.reason) == ("verify", first.value.reason)
        assert (again.value.request_received, hint_of(again.value)) == ("not_received", hint_of(first.value))
        assert again.value.found == {"lost": [], "differs": [], "accepted_lost": []}
    kept = [] if words == "key" else [".host.pem.est-unusable"]
    assert (len(server.log), sorted(os.listdir(tmp_path))) == (asked, [".host.pem.est-note", *kept])
    for name in kept:
        assert f"What the CA issued is kept in {tmp_path / name}." in hint_of(first.value)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert HeldCertificate.load(ClientCertificate(str(tmp_path / name))).certificate
    assert "no other is asked for before" in hint_of(first.value)
    for options in ({"force": True}, {"identity": OTHER}, {"on_unverified_chain": "warn"}):
        before = posts(server)
        with contextlib.suppress(EstError):
            keep(tmp_path, template, **options)
        assert posts(server) == before + 1, options


def test_what_cannot_be_used_leaves_the_old_pair(tmp_path):
    with LabServer("--fault", "simplereenroll:wrong-key") as server:
        template = template_for(server)
        keep(tmp_path, template, **RENEWED)
        before = files(tmp_path)
        with pytest.raises(EstError) as caught:
            keep(tmp_path, template, **RENEWED, force=True)
        assert hint_of(caught.value).count("The old certificate and its key stay.") == 1
        assert files(tmp_path) == before


@pytest.mark.parametrize(
    "changed", [{"use_system_trust": True}, {"ca_fingerprint": "sha256:" + "0" * 64}, {"ca_path": "/x"}]
)
def test_another_trust_is_another_declaration(cisco, changed):
    template = template_for(cisco)
    digests = {
        refusal_digest("d", each, Acceptance(), on_unverified_chain="fail")
        for each in (template, template.replace(), template.replace(**changed))
    }
    assert len(digests) == 2
