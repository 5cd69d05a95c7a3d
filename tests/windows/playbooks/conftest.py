# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows-like host for these tests, and plays on it by the oldest and the newest ansible-core."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from support.lab import LabServer
from twins.twin import MissingError, WindowsHost, windows_host
from windows.playbooks.plays import PLAYBOOKS, Plays


@pytest.fixture(scope="session")
def host() -> Iterator[WindowsHost]:
    """The host, kept up. It is not that of the twins, so that both can run at the same time."""
    try:
        found = windows_host()
    except MissingError as error:
        pytest.skip(str(error))
    made = WindowsHost(found.folder, f"{found.name}-playbooks").made()
    with made.kept_up():
        yield made


@pytest.fixture
def shared(host: WindowsHost) -> Iterator[IO[str]]:
    """The lock on the host, which tests of other processes hold at the same time."""
    with (host.folder / f"{host.name}.tests.lock").open("a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock


@pytest.fixture
def alone(shared: IO[str]) -> None:
    """Nobody else uses the host meanwhile: for a test that changes the host itself."""
    fcntl.flock(shared, fcntl.LOCK_EX)


@pytest.fixture
def place(host: WindowsHost, shared: IO[str]) -> Iterator[Path]:
    """A folder of the test's own on drive C."""
    folder = host.drive / f"playbooks-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=sorted(PLAYBOOKS))
def plays(request: pytest.FixtureRequest, tmp_path: Path, host: WindowsHost, place: Path) -> Plays:
    """A Windows-like and a POSIX host, with each core."""
    return Plays(PLAYBOOKS[request.param], tmp_path, host, place)


@pytest.fixture
def newest_plays(tmp_path: Path, host: WindowsHost, place: Path) -> Plays:
    """The same with the newest core, for what cannot differ between them."""
    return Plays(PLAYBOOKS[max(PLAYBOOKS)], tmp_path, host, place)


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """An EST server that grants everything."""
    with LabServer("--profile", "full") as server:
        yield server
