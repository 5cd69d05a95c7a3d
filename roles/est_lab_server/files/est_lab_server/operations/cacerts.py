# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /cacerts (RFC 7030 section 4.1): the authority's certificates."""

from __future__ import annotations

from ..authority import Authority, key_type_of
from ..encoding import certificates_reply
from ..laboratory import Exchange, Lab
from ..reply import Reply


def answer_cacerts(lab: Lab, exchange: Exchange) -> Reply:
    """The issuing authority's certificate and those above it, the root last before the order is changed."""
    if exchange.fault == "empty-bag":
        return certificates_reply(lab.settings, lab.authority, ())
    if exchange.fault == "unrelated-issuer":
        stranger = Authority.create("EST Lab Stranger CA", key_type_of(lab.authority.private_key))
        return certificates_reply(lab.settings, stranger, stranger.chain)
    if lab.rollover is not None:
        return certificates_reply(lab.settings, lab.authority, lab.rollover.certificates())
    return certificates_reply(lab.settings, lab.authority, lab.authority.chain)
