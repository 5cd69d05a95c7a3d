# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error hierarchy of the EST client.

Every failure that a caller can meet is an ``EstError``. It says at which stage of the exchange it happened, why in
one sentence, whether the enrolment request reached the server, and what to do next. No message ever holds a secret.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

#: The stages of an EST exchange, in the order in which they happen.
STAGES = ("resolve", "connect", "tls", "cacerts", "csrattrs", "enroll", "verify", "save")


class EstError(Exception):
    """A failed EST exchange, or a wrong input to one.

    :param reason: what was wrong, and where: a sentence without capital and full stop, as it is put into others.
    :param stage: one of ``STAGES``, or ``"input"`` for what was refused before anything was sent.
    :param hint: what to do next, or an empty string.
    :param request_received: ``"yes"``, ``"no"`` or ``"unknown"``: did the enrolment request reach the EST server.
    :param http_status: the HTTP status code of the answer, where there was one.
    :param server_message: the server's own words, cleaned (see ``server_message.py``), where it said any.
    """

    def __init__(
        self,
        reason: str,
        *,
        stage: str = "input",
        hint: str = "",
        request_received: str = "no",
        http_status: Optional[int] = None,
        server_message: str = "",
    ) -> None:
        super().__init__()
        self.reason = reason
        self.stage = stage
        self.hint = hint
        self.request_received = request_received
        self.http_status = http_status
        self.server_message = server_message
        #: The user name that the server was talked to with; None where there was none, or nobody was talked to.
        self.username: Optional[str] = None

    def __str__(self) -> str:
        """The reason as it is now: the client takes secrets out of it after the error was made."""
        return self.reason


class InputError(EstError):
    """An option or argument that cannot be used: nothing has been sent."""


class ParseError(EstError):
    """Bytes from the server (or a file) that are not what they should be.

    Parsers raise it without a stage; the client fills in ``EstError.stage`` with where the bytes came from.
    """


class TransportError(EstError):
    """No HTTP answer could be had: resolving, connecting, TLS, sending or reading failed."""


class ServerError(EstError):
    """The server answered, but not with what was asked for."""


class MissingLibrary(EstError):
    """A Python library that the client needs is not installed, or is too old."""


# ----------------------------------------------------------------------------------------------------------------------
# The stages of an exchange with their duration and outcome: what a user reads to see how far a test came.


class Step:
    """One stage under way. Set ``detail`` to what the stage found out."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.ok = True
        self.milliseconds: Optional[float] = None
        self.detail = ""


class Timeline:
    """Collects ``Step`` objects in the order in which they ended."""

    def __init__(self) -> None:
        self._steps: List[Step] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Step]:
        """Time a stage. An ``EstError`` that leaves the block marks it failed, with the reason as its detail.

        Stages that are added meanwhile (a request that has to connect first) come before this one and their time is
        not counted twice. An error that belongs to another stage leaves no entry for this one, which never began.
        """
        step = Step(name)
        before = len(self._steps)
        started = time.monotonic()
        try:
            yield step
        except EstError as error:
            if error.stage in ("", "input"):
                error.stage = name
            if error.stage != name:
                raise
            self._close(step, started, before, failure=error.reason)
            raise
        except BaseException:
            self._close(step, started, before, failure="interrupted")
            raise
        self._close(step, started, before)

    def _close(self, step: Step, started: float, before: int, failure: Optional[str] = None) -> None:
        elsewhere = sum(other.milliseconds or 0 for other in self._steps[before:])
        step.milliseconds = max(0.0, round((time.monotonic() - started) * 1000 - elsewhere, 1))
        if failure is not None:
            step.ok, step.detail = False, failure
        self._steps.append(step)

    def add(self, name: str, ok: bool, milliseconds: Optional[float], detail: str) -> None:
        """Add a stage that was measured elsewhere (``milliseconds`` is ``None`` where nobody could measure it)."""
        step = Step(name)
        step.ok, step.milliseconds, step.detail = ok, milliseconds, detail
        self._steps.append(step)

    def as_list(self) -> List[Dict[str, Any]]:
        """The stages as plain data: ``[{stage, ok, milliseconds, detail}]``."""
        return [
            {"stage": step.stage, "ok": step.ok, "milliseconds": step.milliseconds, "detail": step.detail}
            for step in self._steps
        ]
