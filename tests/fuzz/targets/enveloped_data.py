# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted CMS messages: enveloped_data.py, and the private key inside: server_key.py."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enveloped_data import decrypt
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_key import read_server_key
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.key_protection import KeyProtection

ERRORS = (EstError,)
#: Keys that are no secret, to which messages of the corpus are encrypted.
KEYS = (
    KeyProtection.by_key(ec.derive_private_key(2026, ec.SECP256R1())),
    KeyProtection(b"fuzz", None, bytes(range(32))),
)


def run(data: bytes) -> None:
    """Parse it."""
    read_server_key(decrypt(data, KEYS))
