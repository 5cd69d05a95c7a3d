# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of the checks that requests must pass."""

from __future__ import annotations

import argparse

from ..proof_of_possession import LEVELS
from .types import listed


def add_check_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("checks of requests").add_argument
    add(
        "--strict",
        action="store_true",
        help="refuse what real servers refuse: PEM armour, chunked requests, and the two below",
    )
    add(
        "--require-wrapped-base64", action="store_true", help="refuse base64 lines longer than 76 characters, as libest"
    )
    add(
        "--require-content-transfer-encoding",
        action="store_true",
        help="refuse a body without Content-Transfer-Encoding: base64, as python-est",
    )
    add(
        "--pop",
        choices=LEVELS,
        default="off",
        help="tls-unique of the session in challengePassword or estIdentityLinking (proof of possession, RFC 7030 "
        f"section 3.5, RFC 7894). {listed(LEVELS)} (default: %(default)s)",
    )
    add(
        "--pop-status",
        type=int,
        choices=(400, 401),
        default=401,
        help="status of a request without the right one (default: %(default)s)",
    )
