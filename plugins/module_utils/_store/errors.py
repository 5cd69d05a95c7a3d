# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the store. Each is one sentence that says what is wrong, where, and what to do next."""

from __future__ import annotations

import time


class StoreError(Exception):
    """The store cannot be read, understood or written. No message ever holds a secret.

    :param code: a name for programs; left out: that of the class.
    :param hint: what to do next, where the message does not say it.
    """

    code = "store_failed"

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.hint = hint


class DamagedDocument(StoreError):
    """What is in the document's place is not a document of ours: not JSON, cut short, or of a wrong shape.

    It is drift, not the end: ``plan.py`` rebuilds the document and the old one is kept beside it.
    """

    code = "damaged_store"


class NewerFormat(StoreError):
    """The document was written by a newer version of this collection: it is never overwritten."""

    code = "newer_format"


class SealingError(StoreError):
    """A secret cannot be sealed or opened: no library, a wrong key, or a changed sealed value."""

    code = "secret_not_opened"


# ----------------------------------------------------------------------------------------------------------------------
# Times as the files of a store hold them: UTC, to the second.

_FORM = "%Y-%m-%dT%H:%M:%SZ"
#: The shape of a time, for ``str.translate()``: every digit is a zero.
_ZEROS = str.maketrans("123456789", "000000000")


def utc_now() -> str:
    """Return the time now as ``2026-11-22T12:00:00Z``."""
    return time.strftime(_FORM, time.gmtime())


def is_utc(value: object) -> bool:
    """Say whether a value is such a text."""
    return isinstance(value, str) and value.translate(_ZEROS) == "0000-00-00T00:00:00Z"
