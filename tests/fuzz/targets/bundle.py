# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles of templates: the file, the parameters in it, and what was sealed: bundle/envelope.py and sealing.py."""

from __future__ import annotations

import json

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import read_content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import (
    Envelope,
    Keys,
    Scrypt,
    bundle_digest,
    parse_envelope,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import open_envelope

ERRORS = (BundleError,)

# The keys of the bundles in the corpus. An input's own parameters could cost seconds, which is what they may.
KEYS: Keys = Scrypt(b"0123456789abcdef", 2, 1, 1).derive("correct horse battery staple")


def run(data: bytes) -> None:
    """Open it, as it is and with a digest that fits: else nothing would get past the digest."""
    try:
        envelope = parse_envelope(data)
    except BundleError:
        envelope = parse_envelope(with_digest(data))
    open_it(envelope)


def open_it(envelope: Envelope) -> None:
    if envelope.sealing is None:
        content = read_content(envelope.content, secrets=envelope.secrets)
    else:
        content = open_envelope(envelope, KEYS)
    assert read_content(content.as_json(), secrets=content.secrets) == content


def with_digest(data: bytes) -> bytes:
    try:
        bundle = json.loads(data)
        return json.dumps({**bundle, "digest": bundle_digest(bundle)}).encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return data
