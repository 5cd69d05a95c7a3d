# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects in slash form: names/slash_dn.py."""

from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.errors import NameSyntaxError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.names.slash_dn import (
    format_slash_dn,
    parse_slash_dn,
)

ERRORS = (NameSyntaxError,)


def run(data: bytes) -> None:
    """Parse it."""
    subject = parse_slash_dn(data.decode("utf-8", "replace"))
    assert parse_slash_dn(format_slash_dn(subject)) == subject
