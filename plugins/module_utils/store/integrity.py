# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests that show a hand edit, and the fingerprint that tells one sealing key from another.

They are no protection against somebody who may write the store and wants to deceive: who can do that can also read the
sealing key. They tell an edit by hand, or a damaged disk, from what this collection wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# json.dumps() would make one for each digest.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_FINGERPRINT_PREFIX = b"maas360.cloud_extender sealing key\0"


def digest(*parts: Any) -> str:
    """Return the SHA-256 (hex) of plain JSON data, the same for equal data whatever its order or formatting."""
    return hashlib.sha256(_CANONICAL.encode(parts).encode("ascii")).hexdigest()


def fields_digest(fields: Mapping[str, Any]) -> str:
    """Return the digest of a template's fields."""
    return digest("fields", dict(fields))


def content_digest(fields: Mapping[str, Any], verifiers: Mapping[str, str]) -> str:
    """Return the digest of all that a template says: its fields, and by their salted verifiers its secrets.

    It betrays no password that the document does not, and stays the same when the sealing key is replaced.

    :param verifiers: of the secrets that are set, by field.
    """
    return digest("content", dict(fields), dict(verifiers))


def secret_digest(
    template: str, field: str, key_fingerprint: str, sealed: str, verifier: str, keyed_verifier: str
) -> str:
    """Return the digest of a sealed secret, bound to the template and the field that it belongs to.

    :param keyed_verifier: empty in a secret that was sealed in format version 1, whose digest has no place for it.
    """
    keyed = (keyed_verifier,) if keyed_verifier else ()
    return digest("secret", template, field, key_fingerprint, sealed, verifier, *keyed)


def key_fingerprint(key: bytes) -> str:
    """Return 16 hex digits that tell this sealing key from another. The key is random, so this reveals nothing."""
    return hashlib.sha256(_FINGERPRINT_PREFIX + key).hexdigest()[:16]
