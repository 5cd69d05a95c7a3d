# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags that say who may use the operations."""

from __future__ import annotations

import argparse

from ..admission import RULES
from .types import listed


def add_admission_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("who may enrol").add_argument
    add(
        "--credentials",
        choices=RULES,
        default="any",
        help=f"what simpleenroll and serverkeygen want. {listed(RULES)} (default: %(default)s)",
    )
    add(
        "--reenroll-credentials",
        choices=RULES,
        default="certificate",
        help="the same for simplereenroll. Without a client certificate its names are not compared with those of the "
        "request (default: %(default)s)",
    )
    add("--authenticate-csrattrs", action="store_true", help="csrattrs wants the same credentials as simpleenroll")
