# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of the wire shapes of answers."""

from __future__ import annotations

import argparse

from ..encoding import ANSWERS, BASE64_SHAPES
from ..problems import CMC_FAIL_INFO, ERROR_FORMS
from ..sending import TRANSFERS
from .types import clock_offset, status


def add_wire_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("wire shapes").add_argument
    add(
        "--base64",
        choices=BASE64_SHAPES,
        default="64",
        help="line width of answers, one line, with a NUL at the end, in PEM armour, or raw DER (default: %(default)s)",
    )
    add("--transfer", choices=TRANSFERS, default="content-length", help="framing of answers (default: %(default)s)")
    add("--two-packets", action="store_true", help="send head and body of an answer apart")
    add(
        "--clock-offset",
        type=clock_offset,
        default=0,
        metavar="SECONDS",
        help="a wrong clock: how far ahead the header Date of answers is, behind if negative; none leaves it out, as a "
        "server without a clock. Validity of certificates is not concerned (default: %(default)s)",
    )
    add("--ber", action="store_true", help="indefinite lengths in the certs-only message")
    for name, text in (("sorted", "certificates in DER order"), ("unsorted", "certificates not in DER order")):
        add(f"--{name}", dest="order", action="store_const", const=name, help=text)
    add("--extra-chain", action="store_true", help="the answer to simpleenroll has the chain too, the leaf last")
    add(
        "--answer",
        choices=ANSWERS,
        default="certs-only",
        help="certificate: one bare certificate (default: %(default)s)",
    )
    add("--with-crl", action="store_true", help="add a CRL to the certs-only message")
    add("--with-content", action="store_true", help="add empty content to the certs-only message")
    add("--status", type=status, default=200, help="status of a successful simpleenroll (default: %(default)s)")
    add("--content-type", metavar="TYPE", help="Content-Type of answers with certificates; none leaves it out")
    add(
        "--content-transfer-encoding",
        default="base64",
        metavar="VALUE",
        help="that header of answers; none leaves it out (default: %(default)s)",
    )
    add("--errors", choices=ERROR_FORMS, default="text", help="body of error answers (default: %(default)s)")
    add(
        "--cmc-fail-info",
        choices=CMC_FAIL_INFO,
        help="the CMCFailInfo of --errors cmc (default: internalCAError for 5xx, else badRequest)",
    )
