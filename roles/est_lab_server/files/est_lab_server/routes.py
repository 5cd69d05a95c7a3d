# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds label and operation in a request's path (RFC 7030 section 3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional
from urllib.parse import unquote

WELL_KNOWN = ("", ".well-known", "est")


class Route(NamedTuple):
    """The CA label (None without one) and the name of the operation."""

    label: Optional[str]
    operation: str


def find_route(target: str, labels: Sequence[str]) -> Optional[Route]:
    """The route of a request target; None where the path is none of an EST server's.

    `labels` are those that the server has, besides the path without one.
    """
    segments = [unquote(segment) for segment in target.split("?", 1)[0].split("/")]
    if tuple(segments[:3]) != WELL_KNOWN:
        return None
    rest = segments[3:]
    if len(rest) == 1 and rest[0]:
        return Route(None, rest[0])
    if len(rest) == 2 and rest[1] and rest[0] in labels:
        return Route(rest[0], rest[1])
    return None
