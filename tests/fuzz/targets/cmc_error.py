# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CMC error messages: cmc.py, and the words that are made of them."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_message import (
    LIMIT,
    clean_server_message,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cmc import parse_cmc_response
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    words = clean_server_message("application/pkcs7-mime; smime-type=CMC-response", data)
    assert len(words) <= LIMIT
    assert words.isprintable()
    parse_cmc_response(data).describe()
