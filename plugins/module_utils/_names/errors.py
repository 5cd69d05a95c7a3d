# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of this package, and what any text in a name has to be: printable, and in one form of each letter."""

from __future__ import annotations

import re
import unicodedata


class NameSyntaxError(ValueError):
    """A text that is not the name that it should be.

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


# ----------------------------------------------------------------------------------------------------------------------

# C0 and C1 controls, line and paragraph separator, lone surrogates (not encodable), what cannot be seen and hides in a
# name (soft hyphen, zero-width space, word joiner, invisible operators, tag characters), direction marks and overrides.
# The joiners U+200C and U+200D are kept: some scripts need them. Letters that run from right to left need no marks.
_UNPRINTABLE = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_LONGEST_SHOWN = 120


def find_unprintable(text: str) -> str:
    """Return the first control or invisible character of a text as ``U+0007``, or an empty string."""
    found = re.search(_UNPRINTABLE, text)
    return f"U+{ord(found.group()):04X}" if found else ""


def check_printable(text: str, where: str = "it") -> None:
    """Refuse a text with a control or invisible character.

    :param where: what the character is in, for the error.
    :raises NameSyntaxError: with the first one.
    """
    unprintable = find_unprintable(text)
    if unprintable:
        raise NameSyntaxError(f"has a control character ({unprintable}) in {where}")


def normalized(text: str) -> str:
    """Return a text in Unicode normal form C, as a certificate has it: the same name is the same octets."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def quote(text: str) -> str:
    """Return a text for an error: in quotes, on one line, and not longer than a line or two."""
    quoted = f"'{text}'" if text.isprintable() else repr(text)
    return quoted if len(quoted) <= _LONGEST_SHOWN else f"{quoted[: _LONGEST_SHOWN - 4]}...'"
