# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Basic authentication (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import Optional

REALM = "est-lab-server"


@dataclass(frozen=True)
class Authorization:
    """Whether a request came with credentials, and whether they are right."""

    present: bool
    accepted: bool


@dataclass(frozen=True)
class Credentials:
    """The one user of the server."""

    username: str
    password: str = field(repr=False)

    def check(self, header: Optional[str]) -> Authorization:
        """Judge the value of an Authorization header, None where there is none."""
        if header is None:
            return Authorization(present=False, accepted=False)
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        expected = f"{self.username}:{self.password}".encode()
        return Authorization(present=True, accepted=scheme.lower() == "basic" and hmac.compare_digest(given, expected))
