# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of property tests: the same examples every time, and no time limit that a busy machine would miss."""

from __future__ import annotations

from hypothesis import settings

steady = settings(derandomize=True, deadline=None, database=None)
