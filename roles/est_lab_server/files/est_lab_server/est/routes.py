# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds label and operation in a request's path (RFC 7030 section 3.2.2), and redirects instead of answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional
from urllib.parse import unquote

from ..http.messages import Reply, Request

WELL_KNOWN = "/.well-known/est"


class Route(NamedTuple):
    """The CA label (None without one) and the name of the operation."""

    label: Optional[str]
    operation: str


def find_route(target: str, labels: Sequence[str], base_path: str = WELL_KNOWN) -> Optional[Route]:
    """The route of a request target; None where the path is none of an EST server's.

    `labels` are those that the server has, besides the path without one. `base_path` is where it answers.
    """
    segments = [unquote(segment) for segment in target.split("?", 1)[0].split("/")]
    base = [unquote(segment) for segment in base_path.split("/")]
    if segments[: len(base)] != base:
        return None
    rest = segments[len(base) :]
    if len(rest) == 1 and rest[0]:
        return Route(None, rest[0])
    if len(rest) == 2 and rest[1] and rest[0] in labels:
        return Route(rest[0], rest[1])
    return None


ORIGIN = "{origin}"


class Redirect(NamedTuple):
    """One operation, with or without a label, and where its requests are sent."""

    label: Optional[str]
    operation: str
    status: int
    location: str


def parse_redirect(flag: str) -> Redirect:
    """The value of `--redirect`. Raises ValueError."""
    path, status, location = [*flag.split(":", 2), "", ""][:3]
    label, _unused, operation = path.rpartition("/")
    if not (operation and location and status.isdigit() and 300 <= int(status) <= 399):
        raise ValueError(f"--redirect {flag}: it must be [LABEL/]OPERATION:STATUS:URL, with a status from 300 to 399")
    return Redirect(label or None, operation, int(status), location)


def redirect_of(redirects: Sequence[Redirect], route: Optional[Route]) -> Optional[Redirect]:
    """The redirect of a route, None without one. A redirect without a label is not for paths with one."""
    for redirect in redirects:
        if route is not None and (redirect.label, redirect.operation) == route:
            return redirect
    return None


def redirect_reply(redirect: Redirect, request: Request) -> Reply:
    """The answer; `{origin}` in the location is this server's."""
    location = redirect.location.replace(ORIGIN, f"https://{request.header('host') or 'localhost'}")
    return Reply(redirect.status, [("Location", location), ("Content-Type", "text/plain")], b"It is elsewhere.\n")
