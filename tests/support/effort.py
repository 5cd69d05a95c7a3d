# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much work something is, and whether it hangs, told so that a slow or busy machine makes no difference."""

from __future__ import annotations

import contextlib
import math
import time
from typing import Callable, Iterator

_STEPS = 50_000
_ATTEMPTS = 5
#: A machine that is busy takes not as long as this for anything here; what hangs does.
HANGS_SECONDS = 60


def check_effort(steps: float, work: Callable[[], object]) -> None:
    """Fail where something is more work than this many steps of an empty Python loop, measured beside it.

    It is processor time of this thread against processor time of this thread. What disturbs it does so by chance,
    so the best of some attempts counts; an algorithm that is too slow is so in each.
    """
    seen = []
    for _attempt in range(_ATTEMPTS):
        step = _seconds(_loop) / _STEPS
        seen.append(_seconds(work) / step)
        if seen[-1] <= steps:
            return
    raise AssertionError(f"it is the work of {min(seen):.0f} steps of a loop, and {steps:.0f} were expected at most")


def _seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def _loop() -> None:
    for _step in range(_STEPS):
        pass


@contextlib.contextmanager
def ends(steps: float = math.inf) -> Iterator[None]:
    """Fail where the block takes as long as only what hangs does, or is more work than this many steps of a loop."""
    step = _seconds(_loop) / _STEPS
    started, worked = time.monotonic(), time.thread_time()
    yield
    took, work = time.monotonic() - started, (time.thread_time() - worked) / step
    assert took < HANGS_SECONDS, f"it took {took:.0f} s"
    assert work < steps, f"it is the work of {work:.0f} steps of a loop, and {steps:.0f} were expected at most"
