# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a store in both ways that there are, so that a test of the one is a test of the other."""

from __future__ import annotations

import base64
import json
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils import _told
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import look, posix_file

#: What a reading of a store finds where there is none.
NO_STORE = {
    "exists": False,
    "content": None,
    "sha256": "",
    "damage": "",
    "drift": [],
    "key_fingerprint": "",
    "key_damage": "",
    "masked_key": "",
    "folder_mode": "",
    "document_mode": "",
    "owner": "",
    "last_tests": "",
    "kept_documents": [],
}


def read_store(store_path: str, key_pad: bytes | None = None) -> dict[str, Any]:
    """Read a store as the module does; the quick look has to find the same, or to leave it to the module."""
    quick = look.quick_look(store_path, key_pad)
    found = posix_file.read_store(store_path, key_pad)
    assert quick in (None, found)
    if quick is not None:
        assert json.loads(_told.as_line(quick)) == {name: in_base64(value) for name, value in found.items()}
    return found


def in_base64(value: Any) -> Any:
    """A value as the answer of a quick look has it."""
    if isinstance(value, list):
        return [in_base64(entry) for entry in value]
    return base64.b64encode(value.encode()).decode("ascii") if isinstance(value, str) else value
