# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject alternative names in text form: names/general_names.py."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    parse_general_name,
    validate_general_name,
)

ERRORS = (NameSyntaxError,)


def run(data: bytes) -> None:
    """Parse it."""
    name = parse_general_name(data.decode("utf-8", "replace"))
    assert parse_general_name(str(name)) == name
    validate_general_name(name)
