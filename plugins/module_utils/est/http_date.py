# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates in HTTP headers (RFC 9110 section 5.6.7)."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Optional

_MAX_LENGTH = 100


def read_http_date(text: str) -> Optional[datetime]:
    """A date in any of the three forms, in UTC; ``None`` where it is none.

    :param text: the value of a header; of a very long one only the start is read.
    """
    try:
        date = parsedate_to_datetime(text[:_MAX_LENGTH].strip())
        # The form of asctime() names no zone; all dates of HTTP are in UTC.
        return date.replace(tzinfo=timezone.utc) if date.tzinfo is None else date.astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
