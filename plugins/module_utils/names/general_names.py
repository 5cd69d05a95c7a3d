# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a subject alternative name as text: ``TYPE:value``."""

from __future__ import annotations

from typing import NamedTuple

#: The types of an entry, as a user writes them. SID stands for Microsoft's strong-mapping URI.
GENERAL_NAME_TYPES = ("UPN", "email", "DNS", "IP", "URI", "RID", "dirName", "SID")


class GeneralName(NamedTuple):
    """One entry of a subject alternative name: a type of :data:`GENERAL_NAME_TYPES` and its text value."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"
