# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /simpleenroll (RFC 7030 section 4.2): a certificate for the key of a certificate request."""

from __future__ import annotations

from ..enrolment import checked_request, enrol
from ..laboratory import Exchange, Lab
from ..reply import Reply


def answer_simpleenroll(lab: Lab, exchange: Exchange) -> Reply:
    """The issued certificate, or 202 while its key waits for approval. Raises Refusal."""
    return enrol(lab, exchange, checked_request(lab, exchange))
