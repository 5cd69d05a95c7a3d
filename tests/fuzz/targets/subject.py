# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects in either form: names/slash_dn.py and names/rfc4514_dn.py."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    format_slash_dn,
    parse_distinguished_name,
    parse_slash_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.rfc4514_dn import (
    format_rfc4514_dn,
    parse_rfc4514_dn,
)

ERRORS = (NameSyntaxError,)


def run(data: bytes) -> None:
    """Parse it."""
    subject = parse_distinguished_name(data.decode("utf-8", "replace"))
    assert parse_slash_dn(format_slash_dn(subject)) == subject
    assert parse_rfc4514_dn(format_rfc4514_dn(subject)) == subject
