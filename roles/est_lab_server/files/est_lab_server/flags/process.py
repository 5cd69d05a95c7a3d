# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of the process: where it listens, what it writes, who its user is."""

from __future__ import annotations

import argparse

from .types import port

PASSWORD_VARIABLE = "EST_LAB_PASSWORD"  # noqa: S105 (the variable's name)
DEFAULT_PASSWORD = "estpwd"  # noqa: S105 (the well-known one of Cisco's test server)
LOOPBACK = "127.0.0.1"


def add_process_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    group = parser.add_argument_group("process")
    add = group.add_argument
    add(
        "--bind", default=LOOPBACK, metavar="ADDRESS", help="address to listen on (default: %(default)s, loopback only)"
    )
    add("--port", type=port, default=8443, help="port; 0 takes a free one (default: %(default)s)")
    add(
        "--state",
        metavar="FOLDER",
        help="state folder with the CA, kept for the next start, mode 0700 (default: a new "
        "temporary folder, removed when the server stops)",
    )
    add("--log-file", metavar="FILE", help="request log, one JSON object a line; never holds a password")
    add("--pid-file", metavar="FILE", help="file for the process id, removed at the end")
    add("--ready-file", metavar="FILE", help="file that gets the URL when the server is ready, removed at the end")
    add(
        "--daemon",
        dest="mode",
        action="store_const",
        const="daemon",
        help="start in the background, return when ready; "
        "one that runs with the same flags is left alone, with other flags it is replaced. Needs --state",
    )
    add("--stop", dest="mode", action="store_const", const="stop", help="stop the --daemon of the --state folder")
    add("--foreground", dest="mode", action="store_const", const="foreground", help="stay in the foreground (default)")
    add("--check", action="store_true", help="only say what --daemon or --stop would do")
    parser.set_defaults(mode="foreground")
    add("--username", default="estuser", help="user name of HTTP authentication (default: %(default)s)")
    add(
        "--password-file",
        metavar="FILE",
        help=f"file with the password (else the environment variable {PASSWORD_VARIABLE}, else {DEFAULT_PASSWORD})",
    )
    add("--password", help="the password itself; every user of the machine can read it, so prefer the file")
