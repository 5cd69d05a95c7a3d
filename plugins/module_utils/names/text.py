# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Characters that may be in no name, value or option: controls, line ends, and what cannot be seen or encoded."""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separator, lone surrogates (not encodable), zero-width space and joiner marks
# that hide in a name, direction marks and overrides. The joiners U+200C and U+200D are kept: some scripts need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def find_unprintable(text: str) -> str:
    """Return the first control or invisible character of a text as ``U+0007``, or an empty string."""
    found = _UNPRINTABLE.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""
