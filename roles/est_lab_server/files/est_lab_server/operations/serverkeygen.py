# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /serverkeygen (RFC 7030 section 4.4): the server makes the key, and sends it with its certificate."""

from __future__ import annotations

from ..authority import generate_key, key_type_of
from ..encoding import text_form
from ..enrolment import checked_request, enrol
from ..key_generation.multipart import Part, multipart
from ..key_generation.private_keys import generate_key_like
from ..laboratory import Exchange, Lab
from ..reply import Reply


def answer_serverkeygen(lab: Lab, exchange: Exchange) -> Reply:
    """Key and certificate, or 202 while the key of the request waits for approval. Raises Refusal.

    The key is of the type and size of that in the request, which is used for nothing else.
    """
    # Imported here to keep the start of the server fast: most never make a key.
    from ..key_generation.key_part import key_part

    settings = lab.settings
    certificate_request = checked_request(lab, exchange)
    private_key = generate_key_like(certificate_request.public_key())
    if exchange.fault == "other-key-type":
        private_key = generate_key("ec" if key_type_of(private_key) == "rsa" else "rsa")
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
