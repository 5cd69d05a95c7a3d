# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transfer encoding of answers: transfer_encoding.py."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import decode_body, encode_body

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    decoded = decode_body(data)
    if decoded[:1] == b"\x30":
        assert decode_body(encode_body(decoded)) == decoded
