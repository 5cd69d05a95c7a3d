# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that was found out of a host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class Finding:
    """One line of a summary.

    :param section: what it is about.
    :param ok: whether it is as it should be.
    :param text: what was found, or the reason why not.
    :param hint: what to do next, or an empty string.
    :param milliseconds: how long it took, where that was measured.
    """

    section: str
    ok: bool
    text: str
    hint: str = ""
    milliseconds: Optional[float] = field(default=None, compare=False)
