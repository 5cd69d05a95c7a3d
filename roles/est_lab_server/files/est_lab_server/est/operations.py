# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST operations (RFC 7030 section 3.2.2), each a function, and their table. A new operation is added here."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Callable

from cryptography import x509

from ..http.messages import Refusal, Reply
from ..laboratory import ClientCertificate, Exchange, Lab
from .answers import certificates_reply, text_form, with_transfer_encoding
from .certificate_request import names_of_certificate, names_of_request, public_key_digest
from .csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from .enrolment import checked_request, enrol
from .key_generation import Part, generate_key_like, key_part, multipart


def answer_cacerts(lab: Lab, exchange: Exchange) -> Reply:
    """The issuing authority's certificate and those above it, the root last before the order is changed."""
    own = lab.authority.chain if lab.rollover is None else lab.rollover.certificates()
    return certificates_reply(lab.settings, *lab.extension.certificates(lab, exchange, own))


def answer_csrattrs(lab: Lab, exchange: Exchange) -> Reply:
    """The attributes of `--csrattrs`, or the status that says there are none. Raises Refusal."""
    choice = lab.settings.csrattrs
    status = STATUS_CHOICES.get(choice)
    if status == 204:
        return Reply(204)
    if status is not None:
        raise Refusal(status, "this server has no CSR attributes")
    if choice.startswith(FILE_PREFIX):
        with open(choice[len(FILE_PREFIX) :], "rb") as stream:
            content = base64.b64decode(stream.read())
    else:
        content = PRESETS[choice]()
    reply = Reply(200, [("Content-Type", "application/csrattrs")], text_form(content, lab.settings.base64, "CSRATTRS"))
    return with_transfer_encoding(reply, lab.settings)


def answer_simpleenroll(lab: Lab, exchange: Exchange) -> Reply:
    """The issued certificate, or 202 while its key waits for approval. Raises Refusal."""
    return enrol(lab, exchange, checked_request(lab, exchange))


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


def answer_serverkeygen(lab: Lab, exchange: Exchange) -> Reply:
    """Key and certificate, or 202 while the key of the request waits for approval. Raises Refusal.

    The key is of the type and size of that in the request, which is used for nothing else.
    """
    settings = lab.settings
    certificate_request = checked_request(lab, exchange)
    private_key = lab.extension.private_key(exchange, generate_key_like(certificate_request.public_key()))
    key_type, key = key_part(lab, exchange, certificate_request, private_key)
    enrolled = enrol(lab, exchange, certificate_request, private_key.public_key())
    if enrolled.status == 202:
        return enrolled
    content_type, body = multipart(
        Part(key_type, text_form(key, settings.base64, "PRIVATE KEY")),
        Part(dict(enrolled.headers).get("Content-Type", "none"), enrolled.body),
        settings.multipart,
        settings.content_transfer_encoding,
    )
    return Reply(enrolled.status, [("Content-Type", content_type)], body)


@dataclass(frozen=True)
class Operation:
    """The method an operation wants, and the function that answers it. `service` says who may use it."""

    method: str
    answer: Callable[[Lab, Exchange], Reply]


def _not_implemented(lab: Lab, exchange: Exchange) -> Reply:
    raise Refusal(501, "this lab server does not implement the operation")


OPERATIONS: dict[str, Operation] = {
    "cacerts": Operation("GET", answer_cacerts),
    "csrattrs": Operation("GET", answer_csrattrs),
    "simpleenroll": Operation("POST", answer_simpleenroll),
    "simplereenroll": Operation("POST", answer_simplereenroll),
    "serverkeygen": Operation("POST", answer_serverkeygen),
    "fullcmc": Operation("POST", _not_implemented),
}
