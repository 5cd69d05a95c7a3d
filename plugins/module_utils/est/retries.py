# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that has no time (RFC 9110 section 15.6.4, RFC 6585 section 4): asked again where it says when."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Callable

from .retry_after import parse_retry_after
from .transport import Response

#: Service Unavailable, Too Many Requests: the request was not carried out.
_BUSY = (503, 429)


def send_patiently(send: Callable[[], Response], wait_seconds: float, sleep: Callable[[float], None]) -> Response:
    """Send a request, and again while the server is busy and says in Retry-After when to come back.

    A busy server without Retry-After is not asked again: nobody knows whether it ever comes back.

    :param wait_seconds: how long to wait in all. 0 gives back the first answer, whatever it is.
    :param sleep: waits for a number of seconds.
    :returns: the last answer.
    """
    waited = 0.0
    while True:
        response = send()
        if response.status not in _BUSY:
            return response
        pause = parse_retry_after(response.headers.get("retry-after"), datetime.now(timezone.utc))
        if pause.requested is None or pause.shortened or waited + pause.seconds > wait_seconds:
            return response
        sleep(pause.seconds)
        waited += pause.seconds
