# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of HTTP authentication."""

from __future__ import annotations

import argparse

from ..authentication.authenticator import REALM, SCHEMES
from ..authentication.digest import QUALITIES
from .types import count, listed


def add_authentication_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("HTTP authentication").add_argument
    add(
        "--authentication",
        type=_schemes,
        default=("basic",),
        metavar="SCHEME[+SCHEME...]",
        help=f"schemes offered, in this order: {', '.join(SCHEMES)}. digest is MD5; negotiate is offered but not "
        "accepted (default: basic)",
    )
    add("--realm", default=REALM, help="the realm, any text (default: %(default)s)")
    add("--qop", choices=QUALITIES, default="auth", help=f"of Digest. {listed(QUALITIES)} (default: %(default)s)")
    add(
        "--nonce-uses",
        type=count,
        default=0,
        metavar="N",
        help="requests that a Digest nonce is good for, then it is stale; 0: any number (default: %(default)s)",
    )
    add("--one-header", action="store_true", help="all challenges in one WWW-Authenticate header, not one in each")
    add("--no-www-authenticate", dest="www_authenticate", action="store_false", help="401 without a challenge")
    add(
        "--close-after-401",
        action="store_true",
        help="after a 401 leave the request body unread and close without saying so, as libest",
    )


def _schemes(text: str) -> tuple[str, ...]:
    schemes = tuple(text.split("+"))
    for scheme in schemes:
        if scheme not in SCHEMES:
            raise argparse.ArgumentTypeError(f"there is no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    return schemes
