# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to an enrolment request means: issued, pending, or an error in words (RFC 7030 section 4.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Iterable, Tuple, Union

from .certs_only import parse_certs_only
from .content_type import require_pkcs7
from .errors import ServerError
from .retry_after import RetryAfter, parse_retry_after
from .server_message import clean_server_message
from .transfer_encoding import decode_body
from .transport import Response


@dataclass(frozen=True)
class Issued:
    """The server issued a certificate.

    :param certificates: DER, in the order of the answer; the issued one is found by its public key, not by position.
    :param warnings: what was odd about the answer, though it could be used.
    """

    certificates: Tuple[bytes, ...] = field(repr=False)
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Pending:
    """The server took the request and wants to be asked again later, with the same key (RFC 7030 section 4.2.3).

    :param retry_after: when to come back.
    :param server_message: what the server says to a human, or an empty string.
    """

    retry_after: RetryAfter
    server_message: str = ""


#: What a status means for an enrolment, and what to do next.
_REFUSALS = {
    400: (
        "the server refused the certificate request",
        "Compare the template's subject, subject alternative name and key type with what the CA accepts.",
    ),
    401: (
        "the server refused the user name or the password",
        "Check username and password of the template against the account on the EST server.",
    ),
    403: (
        "the server knows the account but does not let it enrol",
        "Ask the administrator of the EST server to allow this account to enrol with this label.",
    ),
    404: (
        "the server has no enrolment at this address",
        "Check server, port and label of the template: the server may need a CA label, or may not be an EST server.",
    ),
    405: ("the server does not offer enrolment at this address", "Check server, port and label of the template."),
    429: ("the server asks for fewer requests", "Wait before the next test."),
    501: ("the server does not implement enrolment", "Check that the EST server offers simpleenroll for this label."),
    503: ("the server is not available at the moment", "Try again later, or ask the administrator of the EST server."),
}


def read_enrolment_answer(response: Response, secrets: Iterable[str] = ()) -> Union[Issued, Pending]:
    """Tell what an answer to /simpleenroll means.

    200 with a certs-only body is success, and so is 201, which servers in the field send (requirements 73 and 93);
    202 is pending (84 to 87); everything else is an error that carries the server's own words (89 to 91).

    :param secrets: texts that must not appear in an error although a server may echo them.
    :raises ParseError: the body is not what the status promises.
    :raises ServerError: any other status.
    """
    if response.status in (200, 201):
        bag, warnings = read_certificates(response)
        return Issued(bag, warnings)
    message = server_words(response, secrets)
    if response.status == 202:
        return Pending(parse_retry_after(response.headers.get("retry-after"), datetime.now(timezone.utc)), message)
    raise refusal(response, message)


def read_certificates(response: Response) -> Tuple[Tuple[bytes, ...], Tuple[str, ...]]:
    """The certificates of a successful answer, DER, and what was odd about it.

    :raises ParseError: the answer is no certs-only message, or an empty one.
    """
    warnings = require_pkcs7(response.headers.get("content-type"), response.body)
    bag = parse_certs_only(decode_body(response.body))
    return bag.certificates, (*warnings, *bag.warnings)


def refusal(response: Response, message: str) -> ServerError:
    """The error for a status that is no success.

    :param message: the server's own words, cleaned.
    """
    status = response.status
    if 300 <= status < 400:
        reason = f"the server redirects to {_shown(response.headers.get('location'))}"
        hint = "Redirects are not followed: set server, port and label of the template to where the EST server is."
    elif status in _REFUSALS:
        reason, hint = _REFUSALS[status]
    elif status >= 500:
        reason, hint = "the server failed", "Look at the log of the EST server for this request."
    else:
        reason, hint = "the server did not accept the request", "Look at the log of the EST server for this request."
    retry = response.headers.get("retry-after")
    if retry is not None and status in (429, 503):
        seconds = parse_retry_after(retry, datetime.now(timezone.utc)).seconds
        hint = f"The server asks to be tried again in {seconds} seconds."
    return ServerError(f"{reason} (HTTP {status})", http_status=status, server_message=message, hint=hint)


def server_words(response: Response, secrets: Iterable[str] = ()) -> str:
    """What the server says in the body, cleaned and without what must not be shown (requirements 70 and 89)."""
    return clean_server_message(response.headers.get("content-type"), response.body, secrets=secrets)


def _shown(location: object) -> str:
    return repr(str(location)[:200]) if location else "nowhere (no Location header)"
