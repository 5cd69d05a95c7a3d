# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Basic authentication (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Optional

from .user import User


def basic_challenge(realm: str) -> str:
    """The challenge; `realm` is quoted already."""
    return f'Basic realm={realm}, charset="UTF-8"'


def basic_problem(user: User, encoded: str) -> Optional[str]:
    """What is wrong with the credentials of an Authorization header; None where they are right."""
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "the Basic credentials are not base64"
    right = hmac.compare_digest(given, f"{user.name}:{user.password}".encode())
    return None if right else "wrong user name or password"
