# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A template store in memory: counts round trips, and lets a test change things between reading and writing."""

from __future__ import annotations

import hashlib
import os

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import (
    Observed,
    TemplateStore,
    Write,
    Written,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint


class MemoryStore(TemplateStore):
    def __init__(self, content=None, key=None, **facts):
        self.content = content
        self.key = key
        self.next_key = None
        self.facts = facts
        self.calls = []
        self.writes = []
        self.before_write = None

    def read(self, *, want_key):
        self.calls.append("read with key" if want_key else "read")
        found = Observed(
            store_path="/memory",
            exists=self.content is not None,
            content=self.content,
            sha256=self._sha256(),
            key_fingerprint=key_fingerprint(self.key) if self.key else "",
            key=self.key if want_key else None,
        )
        return found.replace(**self.facts)

    def new_key(self, replaced_key):
        self.calls.append("new key")
        if replaced_key != (key_fingerprint(self.key) if self.key else ""):
            return None
        self.next_key = os.urandom(32)
        return self.next_key

    def write(self, change: Write):
        self.calls.append("write")
        self.writes.append(change)
        if self.before_write:
            self.before_write(self)
        if change.expected_sha256 != self._sha256():
            return Written(conflict=True)
        if change.use_new_key:
            self.key = self.next_key
        if change.key_fingerprint and change.key_fingerprint != key_fingerprint(self.key):
            return Written(conflict=True)
        self.content = change.content
        self.facts = {}
        return Written(kept="/memory/templates.json.damaged-1" if change.keep_old else "")

    def _sha256(self):
        return "" if self.content is None else hashlib.sha256(self.content.encode()).hexdigest()
