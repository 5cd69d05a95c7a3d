# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the store. Each is one sentence that says what is wrong, where, and what to do next."""

from __future__ import annotations

import calendar
import re
import time


class StoreError(Exception):
    """The store cannot be read, understood or written. No message ever holds a secret."""


class DamagedDocument(StoreError):
    """What is in the document's place is not a document of ours: not JSON, cut short, or of a wrong shape.

    It is drift, not the end: ``plan.py`` rebuilds the document and the old one is kept beside it.
    """


class NewerFormat(StoreError):
    """The document was written by a newer version of this collection: it is never overwritten."""


class SealingError(StoreError):
    """A secret cannot be sealed or opened: no library, a wrong key, or a changed sealed value."""


# ----------------------------------------------------------------------------------------------------------------------
# Times as the files of a store hold them: UTC, to the second.

_FORM = "%Y-%m-%dT%H:%M:%SZ"
_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def utc_now() -> str:
    """Return the time now as ``2026-11-22T12:00:00Z``."""
    return time.strftime(_FORM, time.gmtime())


def is_utc(value: object) -> bool:
    """Say whether a value is such a text."""
    return isinstance(value, str) and _UTC.fullmatch(value) is not None


def days_since(moment: str) -> float | None:
    """Return how many days ago such a time was, below 0 where it is to come; None where there is no such day."""
    try:
        return (time.time() - calendar.timegm(time.strptime(moment, _FORM))) / 86400
    except ValueError:
        return None
