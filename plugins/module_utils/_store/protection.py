# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a purge leaves alone, by name: of templates, and of certificates by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable


def is_protected(name: str, keep: Iterable[str]) -> bool:
    """Say whether something is never purged.

    :param name: the name of the template, or the path of the certificate.
    :param keep: names, in which case does not count, ``*`` stands for any characters and ``?`` for any one. Nothing
        else is special, so that every name stands for itself.
    """
    return any(re.fullmatch(_expression(pattern.casefold()), name.casefold(), re.DOTALL) for pattern in keep)


def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
