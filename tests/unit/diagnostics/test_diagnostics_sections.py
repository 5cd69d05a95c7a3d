# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

from support.effort import ends

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import run_sections


def fail(error):
    raise error


def test_one_that_fails_or_hangs_spoils_no_other():
    end = threading.Event()
    with ends():
        found = run_sections(
            {
                "hangs": lambda: end.wait(120),
                "works": lambda: {"a": 1},
                "not permitted": lambda: fail(PermissionError(13, "Permission denied", "/x")),
                "defect": lambda: fail(KeyError("x")),
            },
            0.5,
        )
    end.set()
    assert list(found) == ["hangs", "works", "not permitted", "defect"]
    assert found["works"]["ok"] and found["works"]["data"] == {"a": 1} and found["works"]["seconds"] < 1
    assert [found[name]["ok"] for name in found] == [False, True, False, False]
    assert found["hangs"]["reason"].startswith("had not ended after")
    assert found["not permitted"]["reason"] == "/x: Permission denied"
    assert "become" in found["not permitted"]["hint"]
    assert "KeyError" in found["defect"]["reason"] and "defect" in found["defect"]["hint"]


def test_time_that_is_over_already_is_no_error():
    assert run_sections({"late": lambda: threading.Event().wait(5)}, -1)["late"]["ok"] is False
