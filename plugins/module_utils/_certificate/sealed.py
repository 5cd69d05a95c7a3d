# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted of a file that a passphrase encrypts: it is another one each time it is made.

So SHA-256 over it is noted, and something that only the passphrase and the other options of that time give again. With
both, a quick look can say that the file is right, and need not open it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Mapping, Optional

from .note import Chain
from .outputs import KEY_PASSPHRASE, Pkcs12

#: Rounds of PBKDF2. The MAC of a PKCS#12 file has no more: whoever can read both gains nothing by the note.
_ROUNDS = 2048
_SALT_OCTETS = 16
_PKCS12, _PKCS12_SHA256 = "pkcs12", "pkcs12_sha256"


def sealed_key(passphrase: Optional[str]) -> Mapping[str, str]:
    """What is noted of a private key that was written with a passphrase; nothing where there is none."""
    return {} if passphrase is None else {KEY_PASSPHRASE: _sealed(passphrase)}


def is_key_sealed(noted: Mapping[str, str], passphrase: Optional[str]) -> bool:
    """Say whether the key was written with this passphrase, or without one where there is none."""
    if passphrase is None:
        return KEY_PASSPHRASE not in noted
    return _is_sealed(noted.get(KEY_PASSPHRASE, ""), passphrase)


def sealed_pkcs12(wanted: Pkcs12, text: str, chain: Chain) -> Mapping[str, str]:
    """What is noted of a PKCS#12 file.

    :param text: its content, each octet a character.
    """
    said = _sealed(wanted.passphrase, wanted.said(), chain.intermediates)
    return {_PKCS12: said, _PKCS12_SHA256: sha256_of(text)}


def is_pkcs12_sealed(noted: Mapping[str, str], wanted: Pkcs12, sha256: str, chain: Chain) -> bool:
    """Say whether a file is the one that was noted, and made as it is wanted.

    :param sha256: over what is there.
    """
    if not sha256 or sha256 != noted.get(_PKCS12_SHA256):
        return False
    return _is_sealed(noted.get(_PKCS12, ""), wanted.passphrase, wanted.said(), chain.intermediates)


def is_noted_pkcs12(noted: Mapping[str, str], text: str) -> bool:
    """Say whether a file is the one that was noted, whatever is wanted of it now.

    :param text: its content, each octet a character.
    """
    return sha256_of(text) == noted.get(_PKCS12_SHA256)


def sha256_of(text: Optional[str]) -> str:
    """SHA-256 over a file, each octet of which is a character; empty where there is none."""
    return "" if text is None else hashlib.sha256(text.encode("latin-1")).hexdigest()


def _sealed(passphrase: str, *said: str, salt: str = "") -> str:
    """What only the same passphrase with the same texts gives again, and only with the salt that it begins with."""
    salt = salt or os.urandom(_SALT_OCTETS).hex()
    content = json.dumps([passphrase, *said]).encode("ascii")
    return f"{salt}:{hashlib.pbkdf2_hmac('sha256', content, salt.encode('utf-8'), _ROUNDS).hex()}"


def _is_sealed(text: str, passphrase: str, *said: str) -> bool:
    salt = text.partition(":")[0]
    return bool(salt) and hmac.compare_digest(
        _sealed(passphrase, *said, salt=salt).encode("utf-8"), text.encode("utf-8")
    )
