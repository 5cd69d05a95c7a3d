# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of an exchange with their duration and outcome: what a user reads to see how far a test came."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

from .errors import EstError


class Step:
    """One stage under way. Set :attr:`detail` to what the stage found out."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.ok = True
        self.milliseconds: Optional[float] = None
        self.detail = ""


class Timeline:
    """Collects :class:`Step` objects in the order in which they ended."""

    def __init__(self) -> None:
        self._steps: List[Step] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Step]:
        """Time a stage. An :class:`EstError` that leaves the block marks it failed, with the reason as its detail.

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
