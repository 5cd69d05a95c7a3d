# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flag of redirects."""

from __future__ import annotations

import argparse


def add_redirect_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    parser.add_argument_group("redirects").add_argument(
        "--redirect",
        dest="redirects",
        action="append",
        default=[],
        metavar="[LABEL/]OPERATION:STATUS:URL",
        help="answer an operation with a redirect, before anything is checked (repeatable). Without a label it is not "
        "for paths with one. The URL goes out as it is, {origin} in it is this server's",
    )
