# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes in all their forms: csr_attributes.py."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import parse_csr_attributes

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    for line in parse_csr_attributes(data).describe():
        assert line["words"].isprintable(), line
