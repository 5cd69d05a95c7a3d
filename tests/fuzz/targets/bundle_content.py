# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sealed in a bundle: bundle/content.py, and with it the templates."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import (
    content_as_text,
    content_from_text,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError

ERRORS = (BundleError,)


def run(data: bytes) -> None:
    """Parse it."""
    content = content_from_text(data, secrets=True)
    assert content_from_text(content_as_text(content), secrets=True) == content
