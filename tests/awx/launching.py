# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Launching job templates on the fleet, as the fixture ``launch`` does it."""

from __future__ import annotations

from collections.abc import Callable

from awx.awx_job import Finished
from fleet.ssh_fleet import Fleet

Launch = Callable[..., Finished]


def damage(fleet: Fleet, name: str) -> None:
    """Edit the templates of a host by hand."""
    document = fleet.hosts[name].document
    right = document.read_text(encoding="utf-8")
    wrong = right.replace('"renewal_period_days": 14', '"renewal_period_days": 3')
    assert wrong != right
    document.write_text(wrong, encoding="utf-8")
