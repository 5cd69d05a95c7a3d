# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``est_read_file`` and ``win_est_read_file``: the octets of a file, or one of a few codes."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from support.returned import wrong_result
from twins.twin import PLUGINS, Twin

MODULE = PLUGINS / "modules" / "est_read_file.py"
OCTETS = bytes(range(256)) * 8


def read(twin: Twin, path: Path, max_size: int = 4096, **how: Any) -> dict[str, Any]:
    """Have the twin read a file, and return its result."""
    result = twin.run({"path": twin.path(path), "max_size": max_size}, **how)
    assert wrong_result("est_read_file", result, False) == []
    assert result.pop("changed") is False
    return result


@pytest.mark.parametrize("octets", [b"", b"text\r\n", OCTETS])
@pytest.mark.parametrize("check", [False, True])
def test_a_file_comes_back_as_it_is(twin: Twin, octets: bytes, check: bool) -> None:
    file = twin.folder / "a file.pem"
    file.write_bytes(octets)
    assert read(twin, file, check=check) == {"content": base64.b64encode(octets).decode(), "problem": ""}


def test_a_file_that_is_too_large_is_not_read(twin: Twin) -> None:
    file = twin.folder / "ca.pem"
    file.write_bytes(OCTETS)
    assert read(twin, file, len(OCTETS))["problem"] == ""
    assert read(twin, file, len(OCTETS) - 1) == {"content": "", "problem": "too_large"}


def test_what_is_no_file(twin: Twin) -> None:
    assert read(twin, twin.folder / "none.pem") == {"content": "", "problem": "not_found"}
    assert read(twin, twin.folder / "none" / "none.pem") == {"content": "", "problem": "not_found"}
    assert read(twin, twin.folder) == {"content": "", "problem": "not_a_file"}


@pytest.mark.cannot_show(wine="a host that is like Windows has no pipes in its folders", pwsh="nor has Windows")
def test_a_pipe_keeps_nobody_waiting(twin: Twin) -> None:
    pipe = twin.folder / "pipe"
    os.mkfifo(pipe)
    assert read(twin, pipe)["problem"] == "not_a_file"
