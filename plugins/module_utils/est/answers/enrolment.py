# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to an enrolment request means: issued, pending, or an error in words (RFC 7030 section 4.2.3).

An answer without certificates is read by ``refusals.py``, which is loaded only when there is one: it is large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple, Union

from ..._value import Value, field
from ..asn1.cms import parse_certs_only
from ..base.errors import ParseError
from ..base.text import decode_body
from ..http.headers import require_pkcs7
from ..http.transport import Response

if TYPE_CHECKING:
    from ..http.headers import RetryAfter


class Issued(Value):
    """The server issued a certificate.

    :param certificates: DER, in the order of the answer; the issued one is found by its public key, not by position.
    :param warnings: what was odd about the answer, though it could be used.
    """

    certificates: Tuple[bytes, ...] = field(repr=False)
    warnings: Tuple[str, ...] = ()


class Pending(Value):
    """The server took the request and wants to be asked again later, with the same key (RFC 7030 section 4.2.3).

    :param retry_after: when to come back.
    :param server_message: what the server says to a human, or an empty string.
    """

    retry_after: RetryAfter
    server_message: str = ""


#: The statuses of an answer with a certificate: servers in the field send 201 as well (requirement 93).
SUCCESS = (200, 201)


def read_enrolment_answer(response: Response, operation: str = "simpleenroll") -> Union[Issued, Pending]:
    """Tell what an answer to /simpleenroll or /simplereenroll means.

    200 with a certs-only body is success, and so is 201, which servers in the field send (requirements 73 and 93);
    202 is pending (84 to 87); everything else is an error that carries the server's own words (89 to 91).

    :param operation: ``simpleenroll`` or ``simplereenroll``.
    :raises ParseError: the body is not what the status promises.
    :raises ServerError: any status but 200, 201 and 202.
    """
    if response.status in SUCCESS:
        return Issued(*read_certificates(response))
    from .refusals import read_pending

    return read_pending(response, operation)


def read_cacerts_answer(response: Response) -> Tuple[Tuple[bytes, ...], Tuple[str, ...]]:
    """The certificates of an answer to /cacerts, DER, and what was odd about it.

    :raises ServerError: any status but 200 (RFC 7030 section 4.1.3).
    :raises ParseError: the answer is not a certs-only message, or an empty one.
    """
    if response.status == 200:
        return read_certificates(response)
    from .refusals import refusal

    raise refusal(response, "cacerts")


def read_certificates(response: Response) -> Tuple[Tuple[bytes, ...], Tuple[str, ...]]:
    """The certificates of a successful answer, DER, and what was odd about it.

    :raises ParseError: the answer is not a certs-only message, or an empty one.
    """
    try:
        warnings = require_pkcs7(response.headers.get("content-type"), response.body)
        bag = parse_certs_only(decode_body(response.body))
    except ParseError as error:
        error.http_status, error.request_received = response.status, "received"
        raise
    return bag.certificates, (*warnings, *bag.warnings)
