# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /simplereenroll (RFC 7030 section 4.2.2): renews the certificate that the client shows."""

from __future__ import annotations

from cryptography import x509

from ..certificate_request import public_key_digest
from ..client_certificate import ClientCertificate
from ..enrolment import checked_request, enrol
from ..laboratory import Exchange, Lab
from ..names_in_use import names_of_certificate, names_of_request
from ..problems import Refusal
from ..reply import Reply


def answer_simplereenroll(lab: Lab, exchange: Exchange) -> Reply:
    """The new certificate, or 202 while its key waits for approval. Raises Refusal."""
    certificate_request = checked_request(lab, exchange)
    if exchange.client_certificate is not None:
        _check_renewal(lab, exchange, exchange.client_certificate, certificate_request)
    return enrol(lab, exchange, certificate_request)


def _check_renewal(
    lab: Lab,
    exchange: Exchange,
    shown: ClientCertificate,
    certificate_request: x509.CertificateSigningRequest,
) -> None:
    old, asked = names_of_certificate(shown.certificate), names_of_request(certificate_request)
    if not lab.has_issued(shown.certificate):
        raise Refusal(403, "the client certificate is not one of this authority's, it cannot be renewed here")
    if asked.subject != old.subject:
        raise Refusal(400, "the Subject of the certificate request is not that of the certificate to be renewed")
    if asked.alternative_names != old.alternative_names:
        raise Refusal(400, "the subjectAltName of the certificate request is not that of the certificate to be renewed")
    same_key = public_key_digest(shown.certificate.public_key()) == public_key_digest(certificate_request.public_key())
    exchange.details["reenrolment"] = "renew" if same_key else "rekey"
