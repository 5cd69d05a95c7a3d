# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fingerprints of certificates as people write them: read from any spelling, written in one."""

from __future__ import annotations

import re

from .errors import NameSyntaxError

_SPACES = re.compile(r"\s+")
_HASH_PREFIX = re.compile(r"\s*sha-?(\d+)(?:\s+fingerprint)?\s*[:=]?\s*(?=[0-9a-f: ]*\Z)", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")
_HASH_OF_LENGTH = {64: "sha256", 128: "sha512"}
_WEAK_HASH_OF_LENGTH = {32: "an MD5", 40: "a SHA-1"}
_ALLOWED = "a SHA-256 (64 digits) or SHA-512 (128 digits) in hexadecimal"


def parse_fingerprint(text: str) -> tuple[str, str]:
    """Return the hash (``sha256`` or ``sha512``) and the lower-case hexadecimal digits of a fingerprint.

    Colons, spaces, case and a prefix (``sha256:``, ``SHA256 Fingerprint=``) do not matter.

    :raises NameSyntaxError: for anything else, a SHA-1 or MD5 fingerprint included.
    """
    prefix = _HASH_PREFIX.match(text)
    digits = _SPACES.sub("", text[prefix.end() :] if prefix else text).replace(":", "").lower()
    if not _HEXADECIMAL.match(digits):
        raise NameSyntaxError("is no fingerprint", allowed=_ALLOWED)
    hash_name = _HASH_OF_LENGTH.get(len(digits))
    if hash_name is None:
        weak = _WEAK_HASH_OF_LENGTH.get(len(digits))
        reason = f"is {weak} fingerprint, which is not safe" if weak else f"has {len(digits)} hexadecimal digits"
        raise NameSyntaxError(reason, allowed=_ALLOWED)
    if prefix and prefix.group(1) != hash_name[3:]:
        raise NameSyntaxError(f"says SHA-{prefix.group(1)} and has {len(digits)} digits", allowed=_ALLOWED)
    return hash_name, digits
