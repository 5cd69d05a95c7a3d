# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the fault tests, and the numbers that they gave."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_faults: Counter[tuple[str, str]] = Counter()
#: What readers saw while something was replaced or killed: looks, and those of which key and certificate were apart.
_looks: dict[str, Counter[str]] = {}


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
def mount_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a disk of so many octets, which goes with the test."""
    path = tmp_path / "disk"

    def mount(octets: int) -> Path:
        if os.geteuid() != 0:
            pytest.skip("only root may mount a disk")
        path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={octets},mode=0700", "est-faults", str(path)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
        return path

    yield mount
    if os.path.ismount(path):
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def count() -> Callable[[str, str], None]:
    """Count a fault: what was done, and what went wrong."""

    def note(what: str, kind: str) -> None:
        _faults[(what, kind)] += 1

    return note


@pytest.fixture
def looks() -> Callable[[str, Counter[str]], None]:
    """Note what a reader saw: ``together``, ``apart``, ``absent`` and the like, by the number of its looks."""

    def note(what: str, seen: Counter[str]) -> None:
        _looks.setdefault(what, Counter()).update(seen)

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _looks:
        terminalreporter.section("looks at key and certificate")
        for what, seen in sorted(_looks.items()):
            terminalreporter.write_line(f"{what}: " + ", ".join(f"{number} {kind}" for kind, number in seen.items()))
    if not _faults:
        return
    terminalreporter.section("faults")
    for (what, kind), number in sorted(_faults.items()):
        terminalreporter.write_line(f"{number:>6}  {what}: {kind}")
    terminalreporter.write_line(f"{sum(_faults.values()):>6}  in all")
