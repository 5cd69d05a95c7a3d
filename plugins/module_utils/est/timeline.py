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
    """Collects :class:`Step` objects in the order in which they were started."""

    def __init__(self) -> None:
        self._steps: List[Step] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Step]:
        """Time a stage. An :class:`EstError` that leaves the block marks it failed, with the reason as its detail."""
        step = Step(name)
        self._steps.append(step)
        started = time.monotonic()
        try:
            yield step
        except EstError as error:
            step.ok = False
            step.detail = error.reason
            raise
        except BaseException:
            step.ok = False
            raise
        finally:
            step.milliseconds = round((time.monotonic() - started) * 1000, 1)

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
