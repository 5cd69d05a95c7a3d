# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxy settings of an environment, without passwords. Platform-neutral."""

from __future__ import annotations

import re
from typing import Dict, Mapping

from ..est.redaction import MASK

_NAME = re.compile(r"(?:[a-z]+_proxy|no_proxy)", re.IGNORECASE)
# What stands before the last @ of an authority: a password may have an @ in it that nobody encoded.
_ACCOUNT = re.compile(r"^([a-z][a-z0-9+.-]*://|)([^/]*)@", re.IGNORECASE)


def proxy_settings(environment: Mapping[str, str]) -> Dict[str, str]:
    """The variables of proxies, sorted by name. Passwords are masked, user names are not."""
    return {name: without_password(environment[name]) for name in sorted(environment) if _NAME.fullmatch(name)}


def without_password(url: str) -> str:
    """The URL of a proxy without the password in it."""
    match = _ACCOUNT.match(url)
    if match is None:
        return url
    user, colon, _password = match[2].partition(":")
    return f"{match[1]}{user}{f':{MASK}' if colon else ''}@{url[match.end() :]}"
