# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a pair of modules by each of its twins: one table of cases, and what a platform cannot show told per case.

A file of tests names its pair in ``MODULE``, the file of the Python twin, and takes the fixture ``twin``. Where there
is no such file, the module is for Windows hosts alone, and its twins are those of PowerShell.
``@cannot_show(wine="why")`` on a test, or in the marks of one of its cases, leaves out a twin there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twins.twin import TWINS, MissingError, Twin, Twins

MARK = "cannot_show"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", f"{MARK}(**reasons): the twins by which a case cannot be shown, and why")


@pytest.fixture(scope="session")
def twins() -> Iterator[Twins]:
    """The processes of the twins, started when they are first needed."""
    with Twins() as running:
        yield running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let each test that takes a twin run by all that its module has."""
    if "twin" in metafunc.fixturenames:
        there = metafunc.module.MODULE.exists()
        metafunc.parametrize("twin", [kind for kind in TWINS if there or kind != "python"], indirect=True)


@pytest.fixture
def twin(request: pytest.FixtureRequest, twins: Twins, tmp_path: Path) -> Iterator[Twin]:
    """Each twin of the file's module."""
    if any(mark.name == MARK for mark in request.node.parent.iter_markers()):
        pytest.fail(f"{MARK} is for a case, and not for a whole file", pytrace=False)
    for mark in request.node.own_markers:
        if mark.name == MARK and request.param in mark.kwargs:
            pytest.skip(f"{request.param} cannot show it: {mark.kwargs[request.param]}")
    try:
        with twins.of(request.param, request.module.MODULE, tmp_path) as twin:
            yield twin
    except MissingError as error:
        pytest.skip(str(error))
