# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says to people, as text, JSON or HTML: server_message.py. The first line is the Content-Type."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_message import (
    clean_server_message,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import hiding

SECRET = "canary-password"

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Clean it."""
    content_type, _line_end, body = data.partition(b"\n")
    with hiding((SECRET,)):
        found = clean_server_message(content_type.decode("latin-1"), body)
    assert found == "" or found.isprintable()
    assert len(found) < 2000
    assert SECRET not in found
