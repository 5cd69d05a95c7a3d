# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of serverkeygen: multipart.py, and what is in the parts: server_key.py."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_key import (
    MAX_PARTS,
    decode_part,
    parse_multipart,
    read_server_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cms import parse_certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

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
