# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error hierarchy of the EST client.

Every failure that a caller can meet is an ``EstError``. It says at which stage of the exchange it happened, why in
one sentence, whether the enrolment request reached the server, and what to do next. No message ever holds a secret.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

#: The stages of an EST exchange, in the order in which they happen.
STAGES = ("resolve", "connect", "tls", "cacerts", "csrattrs", "enroll", "verify", "save")


class EstError(Exception):
    """A failed EST exchange, or a wrong input to one.

    :param reason: what was wrong, and where: a sentence without capital or full stop, as it becomes part of others.
    :param stage: one of ``STAGES``, or ``"input"`` for what was refused before anything was sent.
    :param code: one of ``CODES`` in ``codes.py``; left out: that of the class.
    :param values: what a sentence about this code needs, such as the name of a server.
    :param hint: what to do next, in words for a program that calls this library, or an empty string.
    :param request_received: ``"received"``, ``"not_received"`` or ``"unknown"``: did the enrolment request reach the
        EST server.
    :param http_status: the HTTP status code of the answer, where there was one.
    :param server_message: the server's own words, cleaned (see ``answers/server_message.py``), where it said any.
    """

    code = "failed"
    _default_hint = ""

    def __init__(
        self,
        reason: str,
        *,
        code: Optional[str] = None,
        values: Optional[Mapping[str, str]] = None,
        stage: str = "input",
        hint: str = "",
        request_received: str = "not_received",
        http_status: Optional[int] = None,
        server_message: str = "",
    ) -> None:
        super().__init__()
        self.reason = reason
        self.stage = stage
        self.code = code or type(self).code
        self.values = dict(values or {})
        self.hint = hint or self._default_hint
        #: Whether the hint counts for every front end, as it is in their words already.
        self.keeps_hint = False
        #: What callers have to add, in sentences that come before the hint.
        self.notes: List[str] = []
        self.request_received = request_received
        self.http_status = http_status
        self.server_message = server_message
        #: Certificates that the server has issued although they cannot be used: DER.
        self.issued: Tuple[bytes, ...] = ()
        #: What was odd before it came to this, which may be the reason: written like ``reason``.
        self.warnings: Tuple[str, ...] = ()
        #: The user name that was used; ``None`` where there was none, or the server was not contacted.
        self.username: Optional[str] = None

    def warn(self, warnings: Iterable[str]) -> None:
        """Add warnings that were gathered, each once."""
        self.warnings = tuple(dict.fromkeys((*warnings, *self.warnings)))

    def note(self, sentence: str) -> None:
        """Put a sentence before all the advice on what to do next."""
        self.notes.insert(0, sentence)

    def advice(self, hints: Mapping[str, str]) -> str:
        """What to do next in the words of a front end.

        :param hints: by code, with the names of ``values`` in braces; for other codes the library's hint is used.
        """
        said = self.hint
        if not self.keeps_hint:
            with suppress(KeyError):  # no hint for this code, or an error of this code without its values
                said = hints[self.code].format(**self.values)
        return " ".join([*self.notes, said]).strip()

    def __str__(self) -> str:
        """The reason as it is now: the client takes secrets out of it after the error was made."""
        return self.reason


class InputError(EstError):
    """An option or argument that cannot be used: nothing has been sent."""

    code = "invalid_option"


class ParseError(EstError):
    """Bytes from the server (or a file) that are not what they should be.

    Parsers raise it without a stage; the client fills in ``EstError.stage`` with where the bytes came from.
    """

    code = "malformed_answer"
    _default_hint = (
        "Look at the log of the EST server, and at proxies on the way: the answer is not what an EST server sends."
    )


class TransportError(EstError):
    """There was no HTTP answer: resolving, connecting, TLS, sending or reading failed.

    :param alert: the TLS alert by which the server ended the connection, such as ``unknown_ca``; empty where there was
        none.
    """

    code = "connection_failed"
    _default_hint = "Check server and port, and the network between this host and the EST server."

    def __init__(self, reason: str, *, alert: str = "", **more: Any) -> None:
        super().__init__(reason, **more)
        self.alert = alert


class ServerError(EstError):
    """The server answered, but not with what was asked for.

    :ivar challenged: the answer asks for HTTP authentication.
    """

    code = "refused"
    challenged = False
    _default_hint = "Look at the log of the EST server for this request."


class MissingLibrary(EstError):
    """A Python library that the client needs is not installed, or is too old."""

    code = "missing_library"


# ----------------------------------------------------------------------------------------------------------------------
# The stages of an exchange with their duration and outcome: what a user reads to see how far a test came.


class Step:
    """One stage under way. Set ``detail`` to what the stage found out.

    :ivar also: what the detail has after the reason where the stage fails.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.ok = True
        self.milliseconds: Optional[float] = None
        self.detail = ""
        self.also = ""


class Timeline:
    """Collects ``Step`` objects in the order in which they ended."""

    def __init__(self) -> None:
        self._steps: List[Step] = []
        self._not_counted = 0.0

    def begin(self) -> None:
        """Forget the stages so far: those that follow are of another matter over the same connection."""
        self._steps.clear()

    def discount(self, milliseconds: float) -> None:
        """Do not count this much time in the stages under way: it went into something else than the exchange.

        :param milliseconds: less than 0 for time that does count, and that went by earlier.
        """
        self._not_counted += milliseconds

    @contextmanager
    def stage(self, name: str) -> Iterator[Step]:
        """Time a stage. An ``EstError`` that leaves the block marks it failed, with the reason as its detail.

        Stages that are added meanwhile (a request that has to connect first) come before this one and their time is
        not counted twice. An error that belongs to another stage leaves no entry for this one, which never began.
        """
        step = Step(name)
        before = len(self._steps)
        started = time.monotonic() - self._not_counted / 1000
        try:
            yield step
        except EstError as error:
            if error.stage in ("", "input"):
                error.stage = name
            if error.stage != name:
                raise
            self._close(step, started, before, failure=f"{error.reason}{step.also}")
            raise
        except BaseException:
            self._close(step, started, before, failure="interrupted")
            raise
        self._close(step, started, before)

    def _close(self, step: Step, started: float, before: int, failure: Optional[str] = None) -> None:
        elsewhere = sum(other.milliseconds or 0 for other in self._steps[before:])
        counted = (time.monotonic() - started) * 1000 - self._not_counted
        step.milliseconds = max(0.0, round(counted - elsewhere, 1))
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
