# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores whose sealing key does not come with the document: it is asked for where it is needed, and only there."""

from __future__ import annotations

import pytest
from support.memory_store import MemoryStore
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request


class KeyApart(MemoryStore):
    key_with_document = False


def request(password="canary-1", **options):
    made = template(username="u", password=password)
    return Request(present=(Desired(made.as_fields(), made.secrets()),), **options)


@pytest.fixture
def store():
    made = KeyApart()
    apply_request(made, request(), check_mode=False)
    made.calls.clear()
    return made


def test_the_first_write_needs_no_key_that_is_there():
    store = KeyApart()
    apply_request(store, request(), check_mode=False)
    assert store.calls == ["read", "new key", "write"]


def test_what_is_unchanged_is_read_without_the_key(store):
    assert not apply_request(store, request(), check_mode=False).plan.changed
    assert store.calls == ["read"]


def test_a_new_secret_reads_again_with_the_key(store):
    assert apply_request(store, request("canary-2"), check_mode=False).plan.changed
    assert store.calls == ["read", "read with key", "write"]


def test_a_rotation_reads_again_with_the_key(store):
    assert apply_request(store, request(rotate_key=True), check_mode=False).plan.rotate
    assert store.calls == ["read", "read with key", "new key", "write"]


def test_check_mode_never_asks_for_the_key(store):
    assert apply_request(store, request("canary-2", rotate_key=True), check_mode=True).plan.changed
    assert store.calls == ["read"]


def test_a_change_without_secrets_needs_no_key(store):
    wanted = Request(present=request().present, absent=("Other",))
    assert not apply_request(store, wanted, check_mode=False).plan.changed
    removed = Request(absent=(request().present[0].name,))
    assert apply_request(store, removed, check_mode=False).plan.changed
    assert store.calls == ["read", "read", "write"]
