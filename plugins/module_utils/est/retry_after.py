# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to come back: the Retry-After header (RFC 9110 section 10.2.3, RFC 7030 section 4.2.3)."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Optional

from .http_date import read_http_date
from .plain_text import printable
from .value import Value

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
    :param warning: what was wrong with the header, written like :attr:`.EstError.reason`, or an empty string.
    """

    seconds: int
    requested: Optional[int] = None
    warning: str = ""

    @property
    def shortened(self) -> bool:
        """The server asked for more than the maximum: asking after :attr:`seconds` is earlier than it wants."""
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
