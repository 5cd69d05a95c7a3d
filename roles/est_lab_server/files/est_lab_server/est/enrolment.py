# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a certificate request to the answer with the certificate: what the enrolling operations share."""

from __future__ import annotations

import time
from typing import Any, Optional

from cryptography import x509

from ..authority.profiles import issue
from ..http.messages import Refusal, Reply
from ..laboratory import Exchange, Lab
from .answers import certificates_reply
from .certificate_request import (
    attribute_kinds,
    check_enrolment_code,
    check_proof_of_possession,
    public_key_digest,
    read_certificate_request,
)


def retry_after_value(flag: str) -> Optional[str]:
    """The Retry-After header (RFC 9110 section 10.2.3) for the flag's value.

    `none` gives no header, `date:SECONDS` an HTTP-date that many seconds from now; anything else is sent as it is.
    """
    if flag == "none":
        return None
    if flag.startswith("date:"):
        moment = time.gmtime(time.time() + int(flag[len("date:") :]))
        return time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment)
    return flag


def checked_request(lab: Lab, exchange: Exchange) -> x509.CertificateSigningRequest:
    """The certificate request of the body, if it is as it must be. Raises Refusal."""
    certificate_request = read_certificate_request(lab.settings, exchange.request, exchange.body)
    try:
        exchange.details["request_attributes"] = attribute_kinds(certificate_request)
    except ValueError as error:
        raise Refusal(400, f"the attributes of the certificate request cannot be read: {error}") from None
    check_enrolment_code(lab, exchange, certificate_request)
    check_proof_of_possession(lab, exchange, certificate_request)
    return certificate_request


def enrol(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest, public_key: Any = None
) -> Reply:
    """The issued certificate, or 202 while the request's key waits for approval. Raises Refusal.

    `public_key` is certified instead of the request's own.
    """
    settings = lab.settings
    digest = public_key_digest(certificate_request.public_key())
    exchange.details["public_key"] = digest
    certified = public_key or certificate_request.public_key()
    certificate = issue(settings, lab.authority, certificate_request, certified)
    if not lab.approvals.granted(digest):
        return _pending(lab)
    authority, issued = lab.extension.certificates(lab, exchange, (certificate,))
    if issued:
        exchange.details["serial_number"] = format(issued[0].serial_number, "x")
    chain = authority.chain if issued and settings.extra_chain else ()
    return certificates_reply(settings, authority, (*issued, *chain), settings.status)


def _pending(lab: Lab) -> Reply:
    reply = Reply(202)
    retry_after = retry_after_value(lab.settings.retry_after)
    if retry_after is not None:
        reply.headers.append(("Retry-After", retry_after))
    if lab.settings.pending_body == "text":
        reply.headers.append(("Content-Type", "text/plain; charset=utf-8"))
        reply.body = b"The request waits for manual approval. Send it again later.\n"
    return reply
