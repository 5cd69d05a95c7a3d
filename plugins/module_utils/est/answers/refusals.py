# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers without what was asked for: pending, or refused, and then why and what to do (RFC 7030 section 4.2.3)."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Dict, Optional, Tuple

from ..base.errors import ServerError
from ..base.text import printable
from ..http.authentication import unusable_offer
from ..http.digest_authentication import parse_challenges, schemes
from ..http.headers import parse_retry_after
from ..http.transport import Response, Shown
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
        "the server does not let this client enrol",
        "Check user name and password: some servers answer so to wrong ones. If they are right, ask the administrator "
        "of the EST server to allow this account to enrol with this label.",
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

    What it says of the client goes by what the client has shown of itself, and by what the server offered.

    :param operation: ``cacerts``, ``csrattrs``, ``simpleenroll``, ``simplereenroll`` or ``serverkeygen``.
    """
    status, said = response.status, _server_words(response)
    code = _CODES.get(status, "server_failed" if status >= 500 else "refused")
    of_client = _of_client(response, operation, said) if status in (400, 401, 403) else None
    if 300 <= status < 400:
        code = "redirect_refused"
        location = printable(response.headers.get("location", ""), 200)
        reason = f"the server redirects to {location or 'nowhere (no Location header)'}"
        hint = "Set server, port, label and base path to where the EST server is."
    elif of_client is not None:
        code, reason, hint = of_client
    elif status in _MEANINGS[operation]:
        reason, hint = _MEANINGS[operation][status]
    else:
        reason, hint = "the server failed" if status >= 500 else "the server did not accept the request", _LOG
    if status in (429, 503) and "retry-after" in response.headers:
        pause = parse_retry_after(response.headers["retry-after"], datetime.now(timezone.utc))
        hint = f"The server asks to be tried again in {pause.seconds} seconds."
    error = ServerError(
        f"{reason} (HTTP {status})",
        code=code,
        http_status=status,
        server_message=said,
        hint=hint,
        request_received="received",
    )
    error.challenged = status == 401 and bool(parse_challenges(response.headers.get("www-authenticate")))
    return error


# ----------------------------------------------------------------------------------------------------------------------
# What a server has against the client, as far as its answer and what the client showed tell it.

_Meaning = Tuple[str, str, str]  # code, reason, hint

#: What servers call the proof of possession (RFC 7030 section 3.5).
_PROOF = re.compile(
    r"proof[ -]of[ -]possession|\bPoP\b|tls-?unique|channel[ -]binding|identity[ -]?linking", re.IGNORECASE
)
#: Words of a server that does not believe who the client says it is, whatever the status.
_CREDENTIALS = re.compile(
    r"\btoken|credential|password|passphrase|\bauthenticat|unauthenticated|not logged in|\blog ?in\b|unknown user",
    re.IGNORECASE,
)
_CERTIFICATE = re.compile(r"client[ -]?(side )?cert|TLS cert|SSL cert|mutual TLS|\bmTLS\b", re.IGNORECASE)

PROOF_REFUSED = "proof_of_possession_refused"
PROOF_HINT = "Let the client send one, and let no proxy end TLS before the EST server."
_ACCOUNT = "Check user name and password against the account on the EST server."
_BY_CERTIFICATE = "Give a TLS client certificate (with its intermediates) from a CA that the EST server accepts."
_ANY_SCHEME = "Allow whatever HTTP authentication the EST server offers, or let it offer what is allowed."
_SCHEME_NAMES = {"basic": "Basic", "digest": "Digest"}


def _of_client(response: Response, operation: str, said: str) -> Optional[_Meaning]:
    """What 400, 401 or 403 says about the client; ``None`` where it is about something else, or nobody can tell.

    :param said: the server's own words.
    """
    status, shown = response.status, response.shown
    if _PROOF.search(said) and operation not in ("cacerts", "csrattrs"):
        return (
            PROOF_REFUSED,
            "the server wants a proof of possession in the certificate request, and does not take what it got",
            PROOF_HINT,
        )
    if status == 401:
        header = response.headers.get("www-authenticate")
        offer = unusable_offer(header)
        if offer:
            return (
                "authentication_not_supported",
                f"the server wants authentication by {printable(offer, 100)}, and this client can do Basic and Digest",
                "Let the EST server offer Basic or Digest, or set a TLS client certificate that it accepts instead.",
            )
        offered = schemes(parse_challenges(header)) or (shown.offered if shown is not None else ())
        if shown is not None and shown.scheme is None:
            return _unauthenticated(shown, offered, operation)
        if shown is not None:
            return _wrong(shown, offered)
    if status == 403 and shown is not None:
        return _forbidden(shown, operation, said)
    if status == 401 and operation == "simplereenroll":
        return ("old_certificate_refused", *_MEANINGS[operation][401])
    return None


def _unauthenticated(shown: Shown, offered: Tuple[str, ...], operation: str) -> _Meaning:
    """401 to a request without a user name and a password."""
    names = printable(", ".join(offered), 100)
    if operation == "simplereenroll":
        reason, hint = _MEANINGS[operation][401]
        if shown.client_certificate is False:
            wants = f", but wants a user name and a password ({names})" if offered else ""
            reason = f"the server did not ask for the certificate that is to be renewed{wants}"
        elif offered:
            reason = (
                f"the server wants a user name and a password ({names}) beside the certificate that is to be renewed"
            )
            hint = "Give them too. Or check that the EST server trusts the CA of the certificate."
        if shown.client_certificate is False or not offered or not shown.account:
            return "old_certificate_refused", reason, hint
    if shown.account:
        offer = f"offers {names}" if offered else "does not say how (no WWW-Authenticate)"
        return (
            "authentication_not_supported",
            f"the server wants authentication and {offer}, and only {_SCHEME_NAMES.get(shown.allowed, 'another')} may "
            "be used: user name and password were not sent",
            _ANY_SCHEME,
        )
    given = "the TLS client certificate alone is not enough" if shown.client_certificate else "none was given"
    if offered:
        return (
            "credentials_required",
            f"the server wants a user name and a password, and {given}",
            "Give the user name and the password of an account on the EST server.",
        )
    given = "it does not take the TLS client certificate" if shown.client_certificate else "none was given"
    return (
        "authentication_required",
        "the server wants authentication and does not say how (no WWW-Authenticate): by a TLS client certificate or by "
        f"user name and password, and {given}",
        "Give a TLS client certificate that the EST server accepts, or an account on it; its administrator knows.",
    )


def _wrong(shown: Shown, offered: Tuple[str, ...]) -> _Meaning:
    """401 to a request with a user name and a password."""
    sent = _SCHEME_NAMES.get(shown.scheme or "", "")
    if offered and sent.lower() not in [scheme.lower() for scheme in offered]:
        names = printable(", ".join(offered), 100)
        why = "the only one that may be used" if shown.allowed == shown.scheme else "the only one that can be used here"
        return (
            "authentication_not_supported",
            f"the server wants {names} authentication, and got {sent}, {why}: that says nothing of the account",
            _ANY_SCHEME
            if shown.allowed == shown.scheme
            else "Let the requests take another way, or let the EST server offer what this one can do.",
        )
    if offered:
        return "authentication_failed", *_REFUSALS[401]
    more = " and the TLS client certificate" if shown.client_certificate else ""
    return (
        "authentication_failed",
        f"the server does not accept the user name and the password{more}, and offers no HTTP authentication (no "
        "WWW-Authenticate): it may take TLS client certificates only",
        _ACCOUNT if more else f"{_ACCOUNT} If it takes none: {_BY_CERTIFICATE[0].lower()}{_BY_CERTIFICATE[1:]}",
    )


def _forbidden(shown: Shown, operation: str, said: str) -> Optional[_Meaning]:
    """403, which says of itself only that the client may not; some servers mean by it who the client is."""
    if _CERTIFICATE.search(said) and shown.client_certificate is not True:
        return (
            "client_certificate_refused",
            "the server wants a TLS client certificate, and none was shown"
            if shown.client_certificate is False
            else "the server does not take the TLS client certificate",
            _BY_CERTIFICATE,
        )
    if _CREDENTIALS.search(said):
        if shown.scheme is not None:
            return (
                "authentication_failed",
                "the server does not accept user name and password as proof of who the client is",
                _ACCOUNT,
            )
        if shown.client_certificate is False:
            return (
                "authentication_required",
                "the server wants to know who the client is, and neither a user name and a password nor a TLS client "
                "certificate was given",
                "Give an account on the EST server, or a TLS client certificate that it accepts.",
            )
    if operation == "simplereenroll" or shown.scheme is not None or operation in ("cacerts", "csrattrs"):
        return None
    if shown.client_certificate is False:
        return (
            "authentication_required",
            "the server lets nobody enrol who gives neither a user name and a password nor a TLS client certificate",
            "Give an account on the EST server, or a TLS client certificate that it accepts.",
        )
    return (
        "forbidden",
        "the server knows the TLS client certificate but does not let it enrol",
        "Ask the administrator of the EST server to allow this certificate to enrol with this label.",
    )


def _server_words(response: Response) -> str:
    """What the server says in the body, cleaned (requirement 89)."""
    return clean_server_message(response.headers.get("content-type"), response.body)
