# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sealing of secrets with AES-256-GCM, under a random key that is kept on the host apart from the document.

The template's and the field's name are associated data, so a sealed value cannot be moved to another place.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any

from .errors import SealingError

#: Octets of a nonce (96 bits, NIST SP 800-38D section 8.2.2).
NONCE_OCTETS = 12


def require_cryptography() -> None:
    """Make sure that secrets can be sealed here, before anything is begun.

    :raises SealingError: when ``cryptography`` is missing.
    """
    _aes_gcm()


def seal(key: bytes, template: str, field: str, secret: str) -> str:
    """Seal one secret.

    :param key: the sealing key.
    :param template: the name of the template; bound to the result.
    :param field: the name of the field; bound to the result.
    :param secret: the secret.
    :returns: base64 text of nonce, ciphertext and tag.
    :raises SealingError: when ``cryptography`` is missing.
    """
    nonce = os.urandom(NONCE_OCTETS)
    ciphertext = _aes_gcm()(key).encrypt(nonce, secret.encode("utf-8"), _associated_data(template, field))
    return base64.b64encode(nonce + ciphertext).decode("ascii")


def unseal(key: bytes, template: str, field: str, sealed: str) -> str:
    """Open what :func:`seal` sealed.

    :raises SealingError: when the key is another one, the sealed value was changed or belongs to another template or
        field, or ``cryptography`` is missing.
    """
    try:
        data = base64.b64decode(sealed.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise SealingError(_cannot_open(template, field)) from None
    cipher = _aes_gcm()(key)
    try:
        secret: bytes = cipher.decrypt(data[:NONCE_OCTETS], data[NONCE_OCTETS:], _associated_data(template, field))
        return secret.decode("utf-8")
    except Exception:  # InvalidTag; ValueError for a short nonce: to the user both are the same
        raise SealingError(_cannot_open(template, field)) from None


def _cannot_open(template: str, field: str) -> str:
    return (
        f"the sealed {field} of template '{template}' cannot be opened: it was edited by hand, or sealing.key is not "
        f"the key that sealed it; apply the template again with its {field}"
    )


def _associated_data(template: str, field: str) -> bytes:
    return f"maas360.cloud_extender\0{template}\0{field}".encode()


def _aes_gcm() -> type[Any]:
    # Imported here, not above: the path that changes nothing seals nothing, and must not load cryptography.
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise SealingError(
            "the Python library cryptography (3.4.8 or newer) is needed to seal and open passwords, and is not "
            "installed; install it where this runs, for example with: pip install cryptography"
        ) from None
    return AESGCM
