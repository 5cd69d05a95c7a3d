# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a stored template as they may be shown: what somebody wrote into the store by hand can be a secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

_USERINFO = re.compile(r"(?<=://)[^/?#\s:@]*:[^/?#\s]*@")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_LONGEST = 120


def safe_value(value: Any) -> Any:
    """Return a value without user name and password in a URL, and without private keys."""
    if isinstance(value, str):
        return "(text with a private key)" if "PRIVATE KEY" in value else _USERINFO.sub("***@", value)
    if isinstance(value, dict):
        return {key: safe_value(entry) for key, entry in value.items()}
    return [safe_value(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def short_value(value: Any) -> Any:
    """Return a value safe and short: of certificates only how many there are, and their SHA-256 fingerprints."""
    value = safe_value(value)
    if isinstance(value, (list, tuple)):
        return [short_value(entry) for entry in value]
    if isinstance(value, dict):
        return "(an object)"
    if not isinstance(value, str):
        return value
    blocks = _CERTIFICATE.findall(value)
    if blocks:
        fingerprints = ", ".join(_fingerprint(block) for block in blocks[:3])
        more = f" and {len(blocks) - 3} more" if len(blocks) > 3 else ""
        return f"certificate{'' if len(blocks) == 1 else 's'} with SHA-256 fingerprint {fingerprints}{more}"
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."


def _fingerprint(block: str) -> str:
    try:
        der = base64.b64decode("".join(block.split()), validate=True)
    except (ValueError, binascii.Error):
        return "(not base64)"
    return hashlib.sha256(der).hexdigest()
