# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The procedure of an enrolment through the public names of the library."""

from __future__ import annotations

from typing import Any, Optional

from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import api as est
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import public_key_words

WANTED = est.EnrolmentRequest(est.parse_distinguished_name("/CN=device"))


def run(lab: LabServer, pending: Optional[Any] = None, **options: Any) -> Any:
    """Run an enrolment."""
    url = est.EstUrl.build(lab.host, lab.port)
    line = est.HttpsTransport(url, est.Trust.explicit(lab.ca_pem), credentials=est.Credentials("estuser", "estpwd"))
    with est.EstClient(url, line, anchors=est.load_pem_certificates(lab.ca_pem)) as client:
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
