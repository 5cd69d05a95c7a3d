# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of the certificate authority."""

from __future__ import annotations

import argparse

from ..authority import KEY_TYPES
from ..csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from ..profiles import PROFILES
from ..rollover import KINDS as ROLLOVERS
from .types import count, listed


def add_authority_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("certificate authority").add_argument
    add("--key-type", choices=KEY_TYPES, default="ec", help="keys of the CA and the server (default: %(default)s)")
    add("--intermediate", action="store_true", help="issue from an authority below the root")
    add(
        "--profile",
        choices=PROFILES,
        default="full",
        help="full: grant what is asked for; cisco: keep only the CN, drop "
        "all extensions, refuse a request without CN (default: %(default)s)",
    )
    add(
        "--rollover",
        choices=ROLLOVERS,
        help="issue from a new root (ca-new.pem in the state folder) and have cacerts tell of both roots. "
        f"{listed(ROLLOVERS)}",
    )
    add(
        "--rollover-server",
        choices=("old", "new"),
        default="old",
        help="the root that the server's own certificate comes from meanwhile (default: %(default)s)",
    )
    add(
        "--valid-days",
        type=int,
        default=365,
        metavar="N",
        help="days that issued certificates are valid; a negative number: they ended that long ago "
        "(default: %(default)s)",
    )
    add(
        "--label",
        dest="labels",
        action="append",
        default=[],
        help="a CA label that the server has, besides the path without one (repeatable); with any other: 404",
    )
    add(
        "--manual-approval",
        type=count,
        default=0,
        metavar="N",
        help="answer the first N requests of every public key with 202",
    )
    add(
        "--retry-after",
        default="1",
        metavar="VALUE",
        help="the Retry-After header of a 202: seconds, date:SECONDS for an "
        "HTTP-date that far away, none for no header, or any text (default: %(default)s)",
    )
    add(
        "--pending-body",
        choices=("text", "none", "unframed"),
        default="text",
        help="the body of a 202; unframed: none and no Content-Length either, as libest (default: %(default)s)",
    )
    add(
        "--csrattrs",
        default="none",
        metavar="PRESET",
        help="answer of csrattrs: "
        + ", ".join((*STATUS_CHOICES, *PRESETS))
        + f" or {FILE_PREFIX}PATH of a file with base64 of DER (default: %(default)s, "
        "which is status 204)",
    )
