# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The procedure of an enrolment through the public names of the library."""

from __future__ import annotations

import base64
from typing import Any, Optional

import pytest
from support.est_answers import ROOT, certs_only, reply
from support.est_answers import client as scripted
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import api as est
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import public_key_words

WANTED = est.EnrolmentRequest(est.parse_distinguished_name("/CN=device"))


def connected(lab: LabServer) -> Any:
    """A client for a lab server."""
    line = est.HttpsTransport(
        est.EstUrl.build(lab.host, lab.port),
        est.Trust.explicit(lab.ca_pem),
        credentials=est.Credentials("estuser", "estpwd"),
    )
    return est.EstClient(est.EstUrl.build(lab.host, lab.port), line, anchors=est.load_pem_certificates(lab.ca_pem))


def run(lab: LabServer, pending: Optional[Any] = None, **options: Any) -> Any:
    """Run an enrolment."""
    with connected(lab) as client:
        return est.Enrolment(client, WANTED, pending=pending).run(**options)


def test_the_key_is_of_the_kind_that_the_server_asks_for() -> None:
    with LabServer("--csrattrs", "ec-p384") as lab:
        issued = run(lab)
    assert isinstance(issued, est.IssuedCertificate)
    assert public_key_words(issued.verified.certificate) == "EC P-384"


def test_req_086_a_pending_enrolment_goes_on_with_its_key_and_request() -> None:
    kept: list[Any] = []
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        pending = run(lab, keep=kept.append)
        assert isinstance(pending, est.PendingEnrolment) and kept == [pending]
        issued = run(lab, pending)
    assert isinstance(issued, est.IssuedCertificate)
    assert issued.key is pending.key


@pytest.mark.parametrize("spec", [None, est.KeySpec("rsa")])
def test_a_kept_key_is_what_the_server_s_wish_is_compared_with(spec: Any) -> None:
    """The first run made a P-384 key, as the server asks for; the second has no RSA key to warn of."""
    key = est.generate_key(est.KeySpec("ec", curve="P-384"))
    with LabServer("--csrattrs", "ec-p384") as lab, connected(lab) as client:
        assert est.Enrolment(client, WANTED.replace(key_spec=spec), key=key).warnings == ()
        other = est.generate_key(est.KeySpec("ec"))
        (warning,) = est.Enrolment(client, WANTED, key=other).warnings
        assert warning.endswith("the request has one of type EC P-256")


@pytest.mark.parametrize("status", ["400", "401"])
def test_a_failure_has_the_warnings_that_explain_it(status: str) -> None:
    never = WANTED.replace(proof_of_possession="never", key_spec=est.KeySpec("ec"))
    flags = ("--csrattrs", "challenge-password", "--pop", "required", "--pop-status", status)
    with LabServer(*flags) as lab, connected(lab) as client, pytest.raises(est.ServerError) as caught:
        est.Enrolment(client, never).run()
    assert caught.value.code == "proof_of_possession_refused"
    assert caught.value.warnings == (
        "the server asks for a proof of possession, and is never to get one: it may refuse",
    )


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_server_that_does_not_say_that_it_misses_the_proof_of_possession(status: int) -> None:
    attributes = base64.b64encode(bytes.fromhex("300b06092a864886f70d010907"))  # challengePassword
    client, _transport = scripted(
        reply(body=certs_only(ROOT.certificate)),
        reply(body=attributes, content_type="application/csrattrs"),
        *2 * [reply(status, b"No.", "text/plain")],
    )
    never = WANTED.replace(proof_of_possession="never", key_spec=est.KeySpec("ec"))
    with pytest.raises(est.ServerError, match=r"asks for a proof of possession.*got none") as caught:
        est.Enrolment(client, never).run()
    assert caught.value.reason.endswith(f"(HTTP {status})")
    assert caught.value.warnings


def test_a_failure_before_anything_is_sent_has_them_too() -> None:
    def refuse(_spec: Any) -> Any:
        raise est.InputError("no such key")

    with LabServer("--csrattrs", "challenge-password") as lab, connected(lab) as client:
        with pytest.raises(est.InputError) as caught:
            est.Enrolment(client, WANTED.replace(proof_of_possession="never"), make_key=refuse)
        assert "proof of possession" in caught.value.warnings[0]
