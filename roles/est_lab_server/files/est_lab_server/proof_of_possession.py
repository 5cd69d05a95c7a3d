# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linking a certificate request to its TLS session (RFC 7030 section 3.5): the client has the key here and now."""

from __future__ import annotations

import base64

from cryptography import x509

from .laboratory import Exchange, Lab
from .problems import Refusal
from .request_attributes import attribute_text

LEVELS = {
    "off": "it is not looked at",
    "optional": "one that comes must be right, as libest does even without PoP",
    "required": "there must be one, and it must be right",
}
# RFC 2985 section 5.4.1, RFC 7894 section 3.3
_ATTRIBUTES = {"challengePassword": "1.2.840.113549.1.9.7", "estIdentityLinking": "1.2.840.113549.1.9.16.2.58"}


def check_proof_of_possession(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest
) -> None:
    """Compare what the request says with the tls-unique (RFC 5929) of the connection on which it came.

    Raises Refusal as `--pop` says. The log tells the result and the attribute that it is about.
    """
    settings = lab.settings
    given: dict[str, str] = {}
    for name, kind in _ATTRIBUTES.items():
        try:
            text = attribute_text(certificate_request, kind)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        if text is not None:
            given[name] = text
    result = "absent"
    if given:
        result = "undefined" if exchange.tls_unique is None else "verified"
        expected = base64.b64encode(exchange.tls_unique or b"").decode("ascii")
        if result == "verified" and any(text != expected for text in given.values()):
            result = "mismatch"
    exchange.details.update(proof_of_possession=result, proof_of_possession_attributes=sorted(given))
    if settings.pop == "off" or result == "verified" or (settings.pop == "optional" and not given):
        return
    if result == "absent":
        raise Refusal(settings.pop_status, "Proof of Possession is required: the request is not linked to this session")
    reason = "there is no tls-unique under this TLS version" if result == "undefined" else "it is not of this session"
    raise Refusal(settings.pop_status, f"Proof of Possession Mismatch: {reason}")
