# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retry-After headers: retry_after.py."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import (
    MAXIMUM_SECONDS,
    MINIMUM_SECONDS,
    parse_retry_after,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    found = parse_retry_after(data.decode("latin-1"), NOW)
    assert MINIMUM_SECONDS <= found.seconds <= MAXIMUM_SECONDS
    assert found.warning.isprintable()
