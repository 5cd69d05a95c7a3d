# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error of this package."""

from __future__ import annotations


class NameSyntaxError(ValueError):
    """Text that is not the name it should be.

    :param reason: what is wrong, as a predicate: it reads after the value (``"has no attribute name"``).
    :param allowed: what is allowed instead, or an empty string.
    :param suggestion: the likely intended text, or an empty string.
    """

    def __init__(self, reason: str, *, allowed: str = "", suggestion: str = "") -> None:
        super().__init__(reason, allowed, suggestion)
        self.reason = reason
        self.allowed = allowed
        self.suggestion = suggestion

    def __str__(self) -> str:
        text = self.reason
        if self.allowed:
            text += f" (allowed: {self.allowed})"
        if self.suggestion:
            text += f"; did you mean '{self.suggestion}'?"
        return text
