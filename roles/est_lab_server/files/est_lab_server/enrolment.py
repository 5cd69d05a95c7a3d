# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a certificate request to the answer with the certificate: what the enrolling operations share."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from .approvals import retry_after_value
from .authority import Authority, generate_key, key_type_of
from .certificate_request import public_key_digest, read_certificate_request
from .encoding import certificates_reply
from .laboratory import Exchange, Lab
from .problems import Refusal
from .profiles import issue
from .proof_of_possession import check_proof_of_possession
from .reply import Reply
from .request_attributes import attribute_kinds


def checked_request(lab: Lab, exchange: Exchange) -> x509.CertificateSigningRequest:
    """The certificate request of the body, if it is as it must be. Raises Refusal."""
    certificate_request = read_certificate_request(lab.settings, exchange.request, exchange.body)
    try:
        exchange.details["request_attributes"] = attribute_kinds(certificate_request)
    except ValueError as error:
        raise Refusal(400, f"the attributes of the certificate request cannot be read: {error}") from None
    check_proof_of_possession(lab, exchange, certificate_request)
    return certificate_request


def enrol(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest, public_key: Any = None
) -> Reply:
    """The issued certificate, or 202 while the request's key waits for approval. Raises Refusal.

    `public_key` is certified instead of the request's own.
    """
    settings, authority = lab.settings, lab.authority
    digest = public_key_digest(certificate_request.public_key())
    exchange.details["public_key"] = digest
    certified = public_key or certificate_request.public_key()
    certificate = issue(settings, authority, certificate_request, certified, exchange.fault)
    if not lab.approvals.granted(digest):
        return _pending(lab)
    if exchange.fault == "wrong-key":
        stranger = generate_key(key_type_of(authority.private_key)).public_key()
        certificate = issue(settings, authority, certificate_request, stranger)
    elif exchange.fault == "unrelated-issuer":
        authority = Authority.create("EST Lab Stranger CA", key_type_of(authority.private_key))
        certificate = issue(settings, authority, certificate_request, certified)
    elif exchange.fault == "empty-bag":
        return certificates_reply(settings, authority, (), settings.status)
    exchange.details["serial_number"] = format(certificate.serial_number, "x")
    chain = authority.chain if settings.extra_chain else ()
    return certificates_reply(settings, authority, (certificate, *chain), settings.status)


def _pending(lab: Lab) -> Reply:
    reply = Reply(202)
    retry_after = retry_after_value(lab.settings.retry_after)
    if retry_after is not None:
        reply.headers.append(("Retry-After", retry_after))
    if lab.settings.pending_body == "text":
        reply.headers.append(("Content-Type", "text/plain; charset=utf-8"))
        reply.body = b"The request waits for manual approval. Send it again later.\n"
    return reply
