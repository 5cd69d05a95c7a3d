# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of property tests: the same examples every time, and no time limit that a busy machine would miss.

A run of few examples finds what breaks at once. All of them are tried where ./test.sh runs a part whole.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_FEW = 25


def count(deep: int) -> int:
    """Return how many examples to try: this many in a deep run, a few otherwise."""
    return deep if os.environ.get("SUITE_PROPERTIES") == "deep" else min(deep, _FEW)


steady = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=count(100),
    suppress_health_check=[HealthCheck.too_slow],
)
