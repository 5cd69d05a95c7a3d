# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of serverkeygen: multipart.py, and what is in the parts: server_key.py."""

from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.certs_only import parse_certs_only
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import EstError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.multipart import MAX_PARTS, parse_multipart
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.server_key import decode_part, read_server_key

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    parts = parse_multipart("multipart/mixed; boundary=estBoundary", data)
    assert len(parts) <= MAX_PARTS
    for part in parts:
        content = decode_part(part.body)
        if part.content_type.is_pkcs7:
            parse_certs_only(content)
        else:
            read_server_key(content)
