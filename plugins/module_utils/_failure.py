# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one shape of a failure: what every module of this collection returns where it fails, whatever failed."""

from __future__ import annotations

from typing import Any, Dict, Optional, Protocol


class CodedError(Protocol):
    """An error of this collection that is shown as it is."""

    code: str


def failure(msg: str, code: str, reason: str, hint: Optional[str] = None) -> Dict[str, Any]:
    """A failed result.

    :param msg: all that a person needs, in sentences: what failed, why, and what to do next.
    :param code: a name for programs; docs/errors.md lists them.
    :param reason: why, in one sentence. Its full stop is left out, as it becomes part of others.
    :param hint: what to do next, in sentences of their own; ``None`` or an empty text where there is no more to say.
    """
    return {
        "failed": True,
        "changed": False,
        "msg": msg,
        "error_code": code,
        "reason": reason.rstrip("."),
        "hint": hint or None,
    }


def failure_of(error: CodedError) -> Dict[str, Any]:
    """The failed result of such an error.

    :param error: it may have ``sentence``, its message without what to do next, and ``hint``, which is that.
    """
    msg = str(error)
    return failure(msg, error.code, getattr(error, "sentence", msg), getattr(error, "hint", None))
