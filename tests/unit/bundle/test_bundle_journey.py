# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole way of templates: from the store of one host, through a bundle, into the store of another."""

from __future__ import annotations

from hypothesis import given, settings
from support.bundle_contents import contents
from support.bundles import PASSPHRASE, QUICK
from support.memory_store import MemoryStore
from support.properties import count, steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import read_bundle, write_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.transfer import collect, request_for
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request


def install(content, store=None, *, purge=False):
    store = store or MemoryStore()
    outcome = apply_request(store, request_for(content, purge=purge, keep=()), check_mode=False)
    return store, outcome


def collected(store, content):
    found = collect(store.read(want_key=content.secrets), None, include_secrets=content.secrets, skip_damaged=False)
    assert found.skipped == ()
    return found.content


@settings(steady, max_examples=count(12))
@given(contents())
def test_any_templates_arrive_at_another_host_as_they_left_and_a_second_import_changes_nothing(content):
    here, _outcome = install(content)
    exported = collected(here, content)
    assert exported == content
    there, outcome = install(read_bundle(write_bundle(exported, PASSPHRASE, QUICK), PASSPHRASE))
    assert outcome.plan.changed
    assert there.calls.count("write") == 1
    assert collected(there, content) == content
    _store, again = install(content, there, purge=True)
    assert not again.plan.changed


@settings(steady, max_examples=count(8))
@given(contents(), contents())
def test_after_a_replacement_nothing_is_left_of_what_was_there(content, before):
    there, _outcome = install(before)
    install(content, there, purge=True)
    left = collected(there, content)
    if content.secrets:
        assert left == content
    assert left.names == content.names
