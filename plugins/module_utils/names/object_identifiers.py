# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dotted object identifiers."""

from __future__ import annotations

import re

# X.660: the first arc is 0, 1 or 2; under 0 and 1 the second is at most 39. No leading zeros.
_OBJECT_IDENTIFIER = r"(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*\Z"


# What certificate software can hold: numbers of 128 bits (X.667 makes arcs of UUIDs), 63 octets in all.
_LARGEST_NUMBER = 2**128 - 1
_MOST_OCTETS = 63


def is_object_identifier(text: str) -> bool:
    """Tell whether a text is an object identifier in dotted form, such as ``1.3.6.1.4.1.311.20.2.3``."""
    if len(text) > 255 or not re.match(_OBJECT_IDENTIFIER, text):
        return False
    first, second, *others = (int(number) for number in text.split("."))
    arcs = (40 * first + second, *others)
    return max(arcs) <= _LARGEST_NUMBER and sum(-(-max(arc.bit_length(), 1) // 7) for arc in arcs) <= _MOST_OCTETS
