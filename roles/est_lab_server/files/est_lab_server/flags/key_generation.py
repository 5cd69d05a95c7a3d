# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of serverkeygen."""

from __future__ import annotations

import argparse

from ..key_generation.choices import CIPHERS, CONTENTS, FORMS, KEY_TRANSPORTS, RECIPIENTS
from ..key_generation.multipart import SHAPES
from .types import listed


def add_key_generation_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("serverkeygen").add_argument
    add(
        "--serverkeygen",
        choices=FORMS,
        default="as-asked",
        help=f"form of the private key. {listed(FORMS)} (default: %(default)s)",
    )
    add(
        "--key-recipient",
        choices=RECIPIENTS,
        default="request",
        help=f"of --serverkeygen enveloped. {listed(RECIPIENTS)} (default: %(default)s)",
    )
    add(
        "--key-content",
        choices=CONTENTS,
        default="key-package",
        help=f"what is encrypted. {listed(CONTENTS)} (default: %(default)s)",
    )
    add("--key-cipher", choices=CIPHERS, default="aes-256-cbc", help="of encrypted keys (default: %(default)s)")
    add(
        "--key-transport",
        choices=KEY_TRANSPORTS,
        default="oaep",
        help=f"to RSA keys. {listed(KEY_TRANSPORTS)} (default: %(default)s)",
    )
    add(
        "--multipart",
        choices=SHAPES,
        action="append",
        default=[],
        help=f"shape of the answer (repeatable). {listed(SHAPES)}",
    )
