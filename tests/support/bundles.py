# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small bundle for tests, sealed and in clear, quickly made: its key derivation costs next to nothing."""

from __future__ import annotations

import json

from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import Scrypt, bundle_digest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import write_bundle

PASSPHRASE = "canary horse battery staple"
QUICK = Scrypt(b"0123456789abcdef", 2, 1, 1)
TEMPLATES = (
    template(name="Bare", custom_attributes=["Host Name"], key_type="ec"),
    template(name="Cisco EST", username="estuser", password="canary-b0b1"),
)
CONTENT = Content.of(TEMPLATES, secrets=True)
WITHOUT_SECRETS = Content.of((type(entry).from_fields(entry.as_fields(), {}) for entry in TEMPLATES), secrets=False)
SEALED = write_bundle(CONTENT, PASSPHRASE, QUICK)
CLEAR = write_bundle(WITHOUT_SECRETS, None)


def redigested(data: dict) -> bytes:
    """Return the octets of a bundle that somebody changed, and made its digest fit."""
    return json.dumps({**data, "digest": bundle_digest(data)}).encode()
