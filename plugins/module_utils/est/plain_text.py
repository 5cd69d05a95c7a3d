# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that came over the network, made safe for a terminal, a log and a JSON result."""

from __future__ import annotations

import re
import unicodedata

# The escape sequences of ECMA-48 (colours, cursor, window titles): all of each goes, not only the escape character.
_ESCAPES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"
)


def printable(text: str, limit: int) -> str:
    """The text on one line: no escape sequences, no control, format or bidi characters, white space folded.

    :param limit: the most characters; a longer text is cut and ends in ``...``.
    """
    text = re.sub(_ESCAPES, "", text)
    kept = "".join(character if _is_shown(character) else _stand_in(character) for character in text)
    folded = " ".join(kept.split())
    return folded if len(folded) <= limit else folded[: max(limit - 3, 0)] + "..."


def preview(data: bytes, limit: int = 60) -> str:
    """The first bytes of a body, for an error message: as text where they are text, otherwise as hexadecimal digits.

    :param limit: the most bytes that are looked at.
    """
    head = data[:limit]
    dots = "..." if len(data) > limit else ""
    if all(byte in b"\t\r\n" or 0x20 <= byte < 0x7F for byte in head):
        return f'"{printable(head.decode("ascii"), limit)}{dots}"'
    return f"the bytes {head[:16].hex(' ')}{'...' if len(data) > 16 else ''}"


def _is_shown(character: str) -> bool:
    # C*: control, format (bidi and zero width among them), surrogate, private, unassigned
    return unicodedata.category(character)[0] != "C"


def _stand_in(character: str) -> str:
    return " " if character.isspace() else ""
