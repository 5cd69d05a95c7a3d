# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures of the modules that talk to an EST server, with the keys that playbooks rely on.

It loads nothing of the client, which the controller does not need to say that an option is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict, List, Optional

from .._failure import CodedError, failure_of
from .._failure import failure as plain_failure
from ..est.base.errors import EstError, Timeline
from .hints import hint_of

#: Did the enrolment request reach the EST server, in words.
_RECEIVED = {
    "received": "The enrolment request reached the EST server.",
    "not_received": "The enrolment request did not reach the EST server.",
    "unknown": "It is not known whether the enrolment request reached the EST server.",
}


class NotAsAsked(EstError):
    """A certificate that is not what was asked for and is not accepted.

    :param found: what it lacks and in what it differs; see ``Comparison.as_result()``.
    """

    code = "not_as_asked"

    def __init__(
        self,
        reason: str,
        found: Mapping[str, List[str]],
        *,
        code: Optional[str] = None,
        hint: str = "",
        request_received: str = "received",
    ) -> None:
        super().__init__(reason, code=code, stage="verify", hint=hint, request_received=request_received)
        self.found = dict(found)


def failure(
    error: EstError, template_name: Optional[str], exchange: Optional[str], timeline: Timeline, what: str = "EST test"
) -> Dict[str, Any]:
    """The result of an enrolment that failed: where, why, whether the request got through, and what to do next.

    :param what: what it was of the template that failed.
    :returns: of a certificate that was refused also what it lacks, and in what it differs.
    """
    received = _RECEIVED[error.request_received]
    if isinstance(error, NotAsAsked) and error.request_received == "not_received":
        received = "Nothing was sent to the EST server."
    begin = f"The {what} of template {template_name!r} failed at stage {error.stage}: {error.reason}."
    return {
        **(error.found if isinstance(error, NotAsAsked) else {}),
        **_failure(error, [begin, *_server_says(error), received], template_name, exchange, timeline),
    }


def look_failure(
    error: EstError, template_name: Optional[str], exchange: Optional[str], timeline: Timeline
) -> Dict[str, Any]:
    """The result of a look at an EST server that failed: where, why, and what to do next."""
    begin = f"Looking at the EST server failed at stage {error.stage}: {error.reason}."
    return _failure(error, [begin, *_server_says(error)], template_name, exchange, timeline)


def input_failure(error: CodedError, template_name: Optional[str], exchange: Optional[str]) -> Dict[str, Any]:
    """The result where an option, the store or the template cannot be used: nothing was sent.

    :param template_name: ``None`` where it is not known, and so is ``exchange``.
    """
    return {**nothing_sent(template_name, exchange), **failure_of(error)}


def nothing_sent(template_name: Optional[str], exchange: Optional[str]) -> Dict[str, Any]:
    """What these modules add to every failure, as it is before anything is sent."""
    return _told(EstError(""), template_name, exchange, Timeline())


def _failure(
    error: EstError,
    sentences: List[str],
    template_name: Optional[str],
    exchange: Optional[str],
    timeline: Timeline,
) -> Dict[str, Any]:
    hint = hint_of(error)
    msg = " ".join([*sentences, *([hint] if hint else [])])
    return {
        **_told(error, template_name, exchange, timeline),
        **plain_failure(msg, error.code, error.reason, hint),
    }


def _server_says(error: EstError) -> List[str]:
    return [f"The server says: {error.server_message.rstrip('.')!r}."] if error.server_message else []


def _told(error: EstError, template_name: Optional[str], exchange: Optional[str], timeline: Timeline) -> Dict[str, Any]:
    return {
        "status": "failed",
        "template": template_name,
        "stage": error.stage,
        "request_received": error.request_received,
        "http_status": error.http_status,
        "username": error.username,
        "server_message": error.server_message,
        "exchange": exchange,
        "timeline": timeline.as_list(),
        **({"warnings": list(error.warnings)} if error.warnings else {}),
    }
