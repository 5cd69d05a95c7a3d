# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of these tests. Each is started once and ended, by its process id, at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interop.est_ca_server import EstCaServer
from interop.globalsign_server import GlobalSignServer
from support.lab import LabServer


@pytest.fixture(scope="session")
def globalsign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlobalSignServer]:
    """The GlobalSign EST server with EC keys."""
    with GlobalSignServer(tmp_path_factory.mktemp("globalsign") / "ec") as server:
        yield server


@pytest.fixture(scope="session")
def globalsign_rsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlobalSignServer]:
    """The same with RSA keys, whose larger answers it sends in chunks."""
    with GlobalSignServer(tmp_path_factory.mktemp("globalsign") / "rsa", key_type="rsa") as server:
        yield server


@pytest.fixture(scope="session")
def est_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EstCaServer]:
    """The EST server of the crate est-ca."""
    with EstCaServer(tmp_path_factory.mktemp("est_ca")) as server:
        yield server


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """The lab's server, which issues from a CA below its root and grants everything."""
    with LabServer("--intermediate", "--strict") as server:
        yield server
