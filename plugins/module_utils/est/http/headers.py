# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the headers of an answer say: its type, its dates, and when to ask a busy server again."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Callable, Dict, Mapping, Optional, Tuple

from ..._value import Value
from ..base.errors import ParseError
from ..base.text import preview, printable
from .transport import Response

# ----------------------------------------------------------------------------------------------------------------------
# The Content-Type of an answer (RFC 9110 section 8.3), and whether it may be a certificate message.

# A longer header is cut: no media type with its parameters comes near that.
_MAX_CHARACTERS = 1024
_PARAMETER = r';[ \t]*([^=;\s"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))'

_PKCS7 = frozenset(
    {
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
        "application/pkcs7",
        "application/pkcs7-certificates",
        "application/x-pkcs7-certificates",
        "application/x-pkcs7-certreqresp",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/cms",
    }
)
#: Wrong for EST, but used by servers that do send certificates.
_TOLERATED = frozenset(
    {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/pkix-cert",
        "application/x-x509-ca-cert",
        "application/x-x509-user-cert",
        "application/x-pem-file",
        "application/pem-certificate-chain",
    }
)


class ContentType(Value):
    """A media type with its parameters.

    :param media_type: in lower case, without parameters; empty where the header is missing.
    :param parameters: names in lower case, values as they stand, without quotes.
    """

    media_type: str
    parameters: Mapping[str, str] = MappingProxyType({})

    @property
    def is_pkcs7(self) -> bool:
        """One of the names under which a PKCS #7 or CMS message travels (RFC 7030 section 3.2.4)."""
        return self.media_type in _PKCS7

    @property
    def is_html(self) -> bool:
        """HTML, or XML of any kind."""
        return self.media_type in ("text/html", "text/xml", "application/xml") or self.media_type.endswith("+xml")

    @property
    def is_json(self) -> bool:
        """JSON, or a format on top of it such as application/problem+json (RFC 9457)."""
        return self.media_type in ("application/json", "text/json") or self.media_type.endswith("+json")

    @property
    def smime_type(self) -> str:
        """The ``smime-type`` parameter in lower case, such as ``certs-only``; empty where there is none."""
        return self.parameters.get("smime-type", "").lower()

    @property
    def charset(self) -> str:
        """The ``charset`` parameter in lower case; empty where there is none."""
        return self.parameters.get("charset", "").lower()


def parse_content_type(value: Optional[str]) -> ContentType:
    """Read a Content-Type header. Whatever cannot be read is left out; nothing is an error.

    :param value: the header, or ``None`` where the answer has none.
    """
    text = (value or "")[:_MAX_CHARACTERS]
    parameters: Dict[str, str] = {}
    for name, quoted, plain in re.findall(_PARAMETER, text):
        # Of two parameters of one name the first counts, as in the WHATWG's algorithm.
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip())
    return ContentType(text.split(";", 1)[0].strip().lower(), parameters)


def require_pkcs7(value: Optional[str], body: bytes) -> Tuple[str, ...]:
    """Check that a successful answer may be a certificate message, before its body is parsed.

    RFC 7030 section 3.2.4 asks for application/pkcs7-mime. Types that servers use for certificates by mistake, and no
    type at all, are let through with a warning: the parser decides. Text, HTML and JSON are no success whatever the
    status says (RFC 8951 section 5).

    :param value: the Content-Type header, or ``None``.
    :param body: the body, of which the first bytes are shown where it is refused.
    :returns: warnings, written like ``EstError.reason``.
    :raises ParseError: any other type.
    """
    content_type = parse_content_type(value)
    if content_type.is_pkcs7:
        return ()
    looks_like_markup = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if content_type.media_type in _TOLERATED and not looks_like_markup:
        # Without its parameters, which could be anything.
        kind = f"of type {content_type.media_type}" if content_type.media_type else "without a Content-Type"
        return (f"the server's answer is {kind}, where RFC 7030 asks for application/pkcs7-mime",)
    shown = f"of type {printable(value, 100)}" if value and value.strip() else "without a Content-Type"
    begin = f"it begins with {preview(body)}" if body else "its body is empty"
    raise ParseError(
        f"the server's answer is {shown} where a certificate message (application/pkcs7-mime) is expected; {begin}",
        hint="Check server, port, label and base path: this may be a web page or a proxy, not the EST server.",
    )


# ----------------------------------------------------------------------------------------------------------------------
# The Content-Length of an answer (RFC 9110 section 8.6).


def one_content_length(value: str) -> Optional[str]:
    """The digits of a Content-Length header, where the same number may stand in it several times: ``n, n``.

    :param value: the header, repeated ones joined by commas.
    :returns: ``None`` where it is no number, or not the same one everywhere.
    """
    numbers = {number.strip() for number in value.split(",")}
    number = numbers.pop()
    return None if numbers or not number.isascii() or not number.isdigit() else number


# ----------------------------------------------------------------------------------------------------------------------
# Dates in HTTP headers (RFC 9110 section 5.6.7).

_MAX_LENGTH = 100


def read_http_date(text: str) -> Optional[datetime]:
    """A date in any of the three forms, in UTC; ``None`` for what is not a date.

    :param text: the value of a header; of a very long one only the start is read.
    """
    try:
        date = parsedate_to_datetime(text[:_MAX_LENGTH].strip())
        # The form of asctime() names no zone; all dates of HTTP are in UTC.
        return date.replace(tzinfo=timezone.utc) if date.tzinfo is None else date.astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


# ----------------------------------------------------------------------------------------------------------------------
# When to come back: the Retry-After header (RFC 9110 section 10.2.3, RFC 7030 section 4.2.3).

#: Where the server names no time, although RFC 7030 says that it must.
DEFAULT_SECONDS = 60
#: The least, so that a server which says 0 is not asked without pause.
MINIMUM_SECONDS = 1
#: The most that is waited before asking again: longer than servers ask for (libest: two days at most).
MAXIMUM_SECONDS = 31 * 24 * 60 * 60

# More digits than these are longer than any clock runs; Python refuses to convert thousands of them.
_MAX_DIGITS = 15


class RetryAfter(Value):
    """What a Retry-After header asks for.

    :param seconds: how long to wait, between the minimum and the maximum.
    :param requested: how long the server asked to wait, in seconds from now, unbounded and perhaps negative; ``None``
        where it did not say or could not be understood.
    :param warning: what was wrong with the header, written like ``EstError.reason``, or an empty string.
    """

    seconds: int
    requested: Optional[int] = None
    warning: str = ""

    @property
    def shortened(self) -> bool:
        """The server asked for more than the maximum: asking after ``seconds`` is earlier than it wants."""
        return self.requested is not None and self.requested > self.seconds


def parse_retry_after(
    value: Optional[str],
    now: datetime,
    *,
    default: int = DEFAULT_SECONDS,
    minimum: int = MINIMUM_SECONDS,
    maximum: int = MAXIMUM_SECONDS,
) -> RetryAfter:
    """Read a Retry-After header: seconds, or an HTTP date in any of its three forms.

    :param value: the header, or ``None`` where the answer has none.
    :param now: the present time, with a time zone.
    :param default: seconds to wait where the header is missing or cannot be read.
    :param minimum: seconds to wait where the header asks for less, or for a time that has passed.
    :param maximum: seconds to wait where the header asks for more.
    """
    text = (value or "").strip()
    if not text:
        return RetryAfter(default, None, "the server did not say when to come back (no Retry-After header)")
    requested = _delay_seconds(text)
    if requested is None:
        requested = _seconds_until(text, now)
    if requested is None:
        shown = printable(text, 60)
        return RetryAfter(default, None, f"the server's Retry-After is neither a number of seconds nor a date: {shown}")
    return RetryAfter(min(max(requested, minimum), maximum), requested)


def _delay_seconds(text: str) -> Optional[int]:
    match = re.fullmatch(r"([+-]?)([0-9]+)", text)
    if not match:
        return None
    sign, digits = match.groups()
    digits = digits.lstrip("0")
    seconds = int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
    return -seconds if sign == "-" else seconds


def _seconds_until(text: str, now: datetime) -> Optional[int]:
    date = read_http_date(text)
    return None if date is None else math.ceil((date - now).total_seconds())


# ----------------------------------------------------------------------------------------------------------------------
# A busy server (RFC 9110 section 15.6.4, RFC 6585 section 4): asked again where it says when.

#: Service Unavailable, Too Many Requests: the request was not carried out.
_BUSY = (503, 429)


def send_patiently(send: Callable[[], Response], busy_timeout: float, sleep: Callable[[float], None]) -> Response:
    """Send a request, and again while the server is busy and says in Retry-After when to come back.

    Without Retry-After, or where that asks for too long a wait, a busy server is not asked again.

    :param busy_timeout: how long to wait in all. 0 gives back the first answer, whatever it is.
    :param sleep: waits for a number of seconds.
    :returns: the last answer.
    """
    waited = 0.0
    while True:
        response = send()
        if response.status not in _BUSY:
            return response
        pause = parse_retry_after(response.headers.get("retry-after"), datetime.now(timezone.utc))
        if pause.requested is None or pause.shortened or waited + pause.seconds > busy_timeout:
            return response
        sleep(pause.seconds)
        waited += pause.seconds
