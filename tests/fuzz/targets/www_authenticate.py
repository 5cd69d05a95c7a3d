# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Challenges of HTTP authentication: challenge.py, and what is answered to them."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.authentication import (
    HttpAuthentication,
    unusable_offer,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    header = data.decode("latin-1")
    authentication = HttpAuthentication(Credentials("estuser", "canary"))
    authentication.refused(header)
    sent = authentication.authorization("POST", "/.well-known/est/simpleenroll") or ""
    assert "canary" not in sent
    assert "\r" not in sent and "\n" not in sent, sent
    unusable_offer(header)
