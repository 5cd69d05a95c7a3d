# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the fault tests, and the numbers that they gave."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

_faults: Counter[tuple[str, str]] = Counter()


_MEMORY = "/dev/shm"


def pytest_configure(config: pytest.Config) -> None:
    """Keep files in memory where that is possible: to flush them to a disk that is busy takes most of the time."""
    if config.option.basetemp is None and os.access(_MEMORY, os.W_OK):
        config.option.basetemp = tempfile.mkdtemp(prefix="est-faults-", dir=_MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="rounds of two runs at once, and of killed runs")


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush nothing to the disk in this process: that protects from a loss of power, and takes nearly all the time."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often to try what does not happen the same way each time."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture
def count() -> Callable[[str, str], None]:
    """Count a fault: what was done, and what went wrong."""

    def note(what: str, kind: str) -> None:
        _faults[(what, kind)] += 1

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _faults:
        return
    terminalreporter.section("faults")
    for (what, kind), number in sorted(_faults.items()):
        terminalreporter.write_line(f"{number:>6}  {what}: {kind}")
    terminalreporter.write_line(f"{sum(_faults.values()):>6}  in all")
