# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flag of the faults."""

from __future__ import annotations

import argparse

from ..faults import names
from .types import listed


def add_fault_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    parser.add_argument_group("faults").add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="[OPERATION:]NAME",
        help=f"misbehave, for one operation or for all (repeatable). {listed(names())}".replace("%", "%%"),
    )
