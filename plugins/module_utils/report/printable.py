# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of others, as host names and server messages are, made harmless: for a terminal, a page, a log."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return a text in which control and direction characters are shown by their number and do nothing."""
    return "".join(
        f"<U+{ord(character):04X}>" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in text
    )


def printable(text: str, limit: int) -> str:
    """Return a text on one line, harmless and at most so long; a longer one is cut and ends in C(...)."""
    folded = visible(" ".join(text.split()))
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."
