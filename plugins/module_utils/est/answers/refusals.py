# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers without what was asked for: pending, or refused, and then why and what to do (RFC 7030 section 4.2.3)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Dict, Tuple

from ..base.errors import ServerError
from ..base.text import printable
from ..http.authentication import unusable_offer
from ..http.headers import parse_retry_after
from ..http.transport import Response
from .enrolment import Pending
from .server_message import clean_server_message

_ADDRESS = "Check server, port, label and base path: the server may need a CA label, or may not be an EST server."
_LOG = "Look at the log of the EST server for this request."

_CODES = {
    400: "request_refused",
    401: "authentication_failed",
    403: "forbidden",
    404: "not_offered",
    405: "not_offered",
    429: "too_many_requests",
    501: "not_offered",
    503: "unavailable",
}

#: What a status means whatever was asked for, and what to do next.
_REFUSALS = {
    401: (
        "the server refused the user name or the password",
        "Check user name and password against the account on the EST server.",
    ),
    429: ("the server asks for fewer requests", "Wait before the next test."),
    503: ("the server is not available at the moment", "Try again later, or ask the administrator of the EST server."),
}
_CACERTS_REFUSALS = {
    403: (
        "the server does not give its CA certificates to this client",
        "Ask the administrator of the EST server: everybody may ask for the CA certificates (RFC 7030 section 4.1.2).",
    ),
    404: ("the server has no CA certificates at this address", _ADDRESS),
    405: ("the server does not give CA certificates at this address", _ADDRESS),
    501: ("the server does not implement the CA certificates request", _ADDRESS),
}
_ENROLMENT_REFUSALS = {
    400: (
        "the server refused the certificate request",
        "Compare subject, subject alternative name and key type with what the CA accepts.",
    ),
    403: (
        "the server knows the account but does not let it enrol",
        "Ask the administrator of the EST server to allow this account to enrol with this label.",
    ),
    404: ("the server has no enrolment at this address", _ADDRESS),
    405: ("the server does not offer enrolment at this address", _ADDRESS),
    501: ("the server does not implement enrolment", "Check that the EST server offers simpleenroll for this label."),
}
_REENROLMENT_REFUSALS = {
    400: (
        "the server refused the certificate request",
        "It has the names of the certificate that is to be renewed, as it must: the CA may not renew it any more.",
    ),
    401: (
        "the server does not accept the certificate that is to be renewed as authentication",
        "Check that the EST server trusts its CA, and that no proxy before the server ends TLS: a TLS client "
        "certificate does not get through it.",
    ),
    403: (
        "the server knows the certificate but does not renew it",
        "Ask the administrator of the EST server: the certificate may be revoked, or too old or too new to be renewed.",
    ),
    404: ("the server does not implement re-enrolment at this address", "Enrol anew with simpleenroll."),
    405: ("the server does not offer re-enrolment at this address", "Enrol anew with simpleenroll."),
    501: ("the server does not implement re-enrolment", "Enrol anew with simpleenroll."),
}
_KEY_GENERATION = "Make the key on this host, and enrol with simpleenroll."
_KEY_GENERATION_REFUSALS = {
    404: ("the server does not implement the generation of keys at this address", _KEY_GENERATION),
    405: ("the server does not offer the generation of keys at this address", _KEY_GENERATION),
    501: ("the server does not implement the generation of keys", _KEY_GENERATION),
}
_CSRATTRS_REFUSALS = {
    400: ("the server refused the request for CSR attributes", _LOG),
    403: (
        "the server does not give its CSR attributes to this client",
        "Ask the administrator of the EST server to let this account ask for the CSR attributes.",
    ),
    405: ("the server does not give CSR attributes at this address", _ADDRESS),
    501: ("the server does not implement CSR attributes", "Do without CSR attributes, which are optional."),
}
_MEANINGS: Dict[str, Dict[int, Tuple[str, str]]] = {
    "cacerts": {**_REFUSALS, **_CACERTS_REFUSALS},
    "simpleenroll": {**_REFUSALS, **_ENROLMENT_REFUSALS},
    "simplereenroll": {**_REFUSALS, **_REENROLMENT_REFUSALS},
    "serverkeygen": {**_REFUSALS, **_ENROLMENT_REFUSALS, **_KEY_GENERATION_REFUSALS},
    "csrattrs": {**_REFUSALS, **_CSRATTRS_REFUSALS},
}


def read_pending(response: Response, operation: str) -> Pending:
    """What an answer that is not a success means: the certificate is pending, or else refused (requirements 84 to 92).

    :param operation: ``simpleenroll``, ``simplereenroll`` or ``serverkeygen``.
    :raises ServerError: any status but 202.
    """
    if response.status == 202:
        retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(timezone.utc))
        return Pending(retry_after, _server_words(response))
    raise refusal(response, operation)


def refusal(response: Response, operation: str) -> ServerError:
    """The error for a status that is not a success, with the server's own words (requirements 89 and 90).

    :param operation: ``cacerts``, ``csrattrs``, ``simpleenroll``, ``simplereenroll`` or ``serverkeygen``.
    """
    status = response.status
    code = _CODES.get(status, "server_failed" if status >= 500 else "refused")
    offer = unusable_offer(response.headers.get("www-authenticate")) if status == 401 else ""
    if 300 <= status < 400:
        code = "redirect_refused"
        location = printable(response.headers.get("location", ""), 200)
        reason = f"the server redirects to {location or 'nowhere (no Location header)'}"
        hint = "Set server, port, label and base path to where the EST server is."
    elif offer:
        code = "authentication_not_supported"
        reason = f"the server wants authentication by {printable(offer, 100)}, and this client can do Basic and Digest"
        hint = "Let the EST server offer Basic or Digest, or set a TLS client certificate that it accepts instead."
    elif status == 401 and response.anonymous and operation != "simplereenroll":
        code = "credentials_required"
        reason = "the server wants a user name and a password, and none was given"
        hint = "Give the user name and the password of an account on the EST server."
    elif status in _MEANINGS[operation]:
        reason, hint = _MEANINGS[operation][status]
        if status == 401 and operation == "simplereenroll":
            code = "old_certificate_refused"
    else:
        reason, hint = "the server failed" if status >= 500 else "the server did not accept the request", _LOG
    if status in (429, 503) and "retry-after" in response.headers:
        pause = parse_retry_after(response.headers["retry-after"], datetime.now(timezone.utc))
        hint = f"The server asks to be tried again in {pause.seconds} seconds."
    return ServerError(
        f"{reason} (HTTP {status})",
        code=code,
        http_status=status,
        server_message=_server_words(response),
        hint=hint,
        request_received="received",
    )


def _server_words(response: Response) -> str:
    """What the server says in the body, cleaned (requirement 89)."""
    return clean_server_message(response.headers.get("content-type"), response.body)
