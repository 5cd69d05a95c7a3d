# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of authentication headers (RFC 9110 section 11.2)."""

from __future__ import annotations

import re
from urllib.parse import unquote

_PARAMETER = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))\s*(?:,|$)')


def quoted(text: str) -> str:
    """A quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_parameters(text: str) -> dict[str, str]:
    """The parameters by their names in lower case. Raises ValueError for another syntax, and for a name given twice."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match.group(1).lower() in found:
            raise ValueError("the parameters of the Authorization header are malformed")
        value = match.group(3) if match.group(2) is None else re.sub(r"\\(.)", r"\1", match.group(2))
        found[match.group(1).lower()] = value
        position = match.end()
    return found


def user_name(parameters: dict[str, str]) -> str:
    """The parameter `username`, or `username*` in the notation of RFC 8187. Header text is latin-1 of UTF-8."""
    extended = parameters.get("username*")
    if extended is not None:
        return unquote(extended.rpartition("'")[2])
    return parameters.get("username", "").encode("latin-1").decode("utf-8", "replace")
