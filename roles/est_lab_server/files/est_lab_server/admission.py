# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use an operation: somebody with the password, with a client certificate, or with both."""

from __future__ import annotations

from typing import Optional

from .laboratory import Exchange, Lab

RULES = {
    "any": "the password or a client certificate",
    "password": "the password",
    "certificate": "a client certificate",
    "both": "the password and a client certificate",
}


def rule_of(lab: Lab, operation: str) -> Optional[str]:
    """The rule, among RULES, of an operation; None for one that is open to all."""
    settings = lab.settings
    if operation == "simplereenroll":
        return settings.reenroll_credentials
    if operation == "cacerts" or (operation == "csrattrs" and not settings.authenticate_csrattrs):
        return None
    return settings.credentials


def refused_with(rule: Optional[str], exchange: Exchange) -> Optional[int]:
    """None for a request that is admitted; 401 where the password is missing or wrong, 403 where the certificate is."""
    password, certificate = exchange.authorization.accepted, exchange.client_certificate is not None
    if rule is None or (rule == "any" and (password or certificate)):
        return None
    if rule != "certificate" and not password:
        return 401
    return 403 if rule in ("certificate", "both") and not certificate else None
