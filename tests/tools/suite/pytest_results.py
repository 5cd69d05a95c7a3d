# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pytest did, read from what ``tests/conftest.py`` wrote as it went: also of a run that was ended."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Results:
    """The results of a run of pytest.

    passed: the tests that passed.
    failed: the tests that failed, and the files that could not be read.
    skipped: what was skipped, and why.
    running: the test that has begun and not ended.
    """

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    running: str = ""


def read_results(path: Path) -> Results:
    """Return what is in the file until now; a file that is not there is a run that did not get as far."""
    outcomes: dict[str, tuple[str, str]] = {}
    running = ""
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                kind, test, why = json.loads(line)
            except ValueError:
                break  # the end of a file whose writer was killed
            if kind in ("started", "ended"):
                running = test if kind == "started" else ""
                continue
            # A failure to clean up comes after the result of the test, and decides.
            if kind == "failed" or test not in outcomes:
                outcomes[test] = (kind, why)
    return Results(
        [test for test, (kind, _why) in outcomes.items() if kind == "passed"],
        [test for test, (kind, _why) in outcomes.items() if kind == "failed"],
        {test: why for test, (kind, why) in outcomes.items() if kind == "skipped"},
        running,
    )
