# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certs-only messages: certs_only.py, and what is asked of each certificate."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cms import parse_certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    describe,
    load_certificate,
    not_before,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import find_path

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Parse it."""
    for encoded in parse_certs_only(data).certificates[:20]:
        certificate = load_certificate(encoded)
        describe(certificate)
        find_path(certificate, (), (certificate,), not_before(certificate))
