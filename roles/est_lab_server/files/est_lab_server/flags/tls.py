# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of the TLS side."""

from __future__ import annotations

import argparse

from ..client_certificate import REQUESTS
from ..server_certificates import KINDS
from ..tls import VERSIONS
from .types import listed


def add_tls_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("TLS").add_argument
    add(
        "--host-name",
        dest="host_names",
        action="append",
        default=[],
        metavar="NAME",
        help="a DNS name or IP address for the "
        "server certificate (repeatable; localhost and 127.0.0.1 are always in it)",
    )
    add("--tls-min", choices=VERSIONS, default="1.2", help="lowest version (default: %(default)s)")
    add("--tls-max", choices=VERSIONS, default="1.3", help="highest version (default: %(default)s)")
    add(
        "--server-certificate",
        choices=KINDS,
        default="good",
        help=listed({name: kind.help for name, kind in KINDS.items()}),
    )
    add(
        "--client-certificates",
        choices=REQUESTS,
        default="optional",
        help="whether clients are asked for a certificate, which must chain to the CA of this server or to one of "
        "--client-ca; required: no handshake without (default: %(default)s)",
    )
    add(
        "--client-ca",
        dest="client_authorities",
        action="append",
        default=[],
        metavar="FILE",
        help="certificates (PEM) of one more authority for client certificates (repeatable)",
    )
    add("--plain-http", action="store_true", help="no TLS at all")
