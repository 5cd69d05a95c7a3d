# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a host's store goes into a bundle, and what cannot."""

from __future__ import annotations

import json
import sys

import pytest
from support.memory_store import MemoryStore
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import LibraryMissing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.transfer import collect
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import NewerFormat, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request

BARE = template(name="Bare")
CISCO = template(
    name="Cisco EST",
    username="estuser",
    password="canary-1",
    client_certificate_path="/c.pem",
    client_key_path="/k.pem",
    client_key_passphrase="canary-2",
)


@pytest.fixture
def store():
    store = MemoryStore()
    present = tuple(Desired(one.as_fields(), one.secrets()) for one in (CISCO, BARE))
    apply_request(store, Request(present=present), check_mode=False)
    return store


def collected(store, names=None, *, include_secrets=True, skip_damaged=False):
    observed = store.read(want_key=include_secrets)
    return collect(observed, names, include_secrets=include_secrets, skip_damaged=skip_damaged)


def edit(store, change):
    data = json.loads(store.content)
    change({entry["fields"]["name"]: entry for entry in data["templates"]})
    store.content = json.dumps(data)


def test_all_templates_with_their_secrets_opened(store):
    found = collected(store)
    assert found.content.templates == (BARE, CISCO)
    assert found.content.secrets is True
    assert found.skipped == ()


def test_some_templates_whatever_the_case(store):
    assert collected(store, ["CISCO est"]).content.templates == (CISCO,)


def test_without_secrets_nothing_is_opened(store):
    store.key = None
    found = collected(store, include_secrets=False)
    assert [one.secrets() for one in found.content.templates] == [{}, {}]
    assert found.content.templates[1].username == "estuser"


def test_names_that_are_not_there_are_told_with_what_is(store):
    with pytest.raises(StoreError) as caught:
        collected(store, ["x", "Bare", "y z"])
    assert str(caught.value) == (
        "there is no template 'x', 'y z' in the template store in /memory; templates there: 'Bare', 'Cisco EST'"
    )
    with pytest.raises(StoreError, match="templates there: none"):
        collected(MemoryStore(), ["x"])


def test_a_host_without_templates():
    with pytest.raises(StoreError, match="there is no template in the template store in /memory, so nothing can be"):
        collected(MemoryStore())


def test_a_damaged_or_newer_store(store):
    with pytest.raises(StoreError, match=r"cannot export from .* /memory: templates.json is cut short"):
        collected(MemoryStore(store.content[:100]))
    newer = {**json.loads(store.content), "format_version": 1000}
    with pytest.raises(NewerFormat, match="has format version 1000"):
        collected(MemoryStore(json.dumps(newer)))


@pytest.mark.parametrize(
    ("key", "facts", "why"),
    [
        (None, {}, "is lost"),
        (None, {"key_damage": "is empty"}, "is empty"),
        (b"x" * 32, {}, "is another key"),
    ],
)
def test_a_key_that_is_lost_is_told_for_each_template(store, key, facts, why):
    store.key, store.facts = key, facts
    with pytest.raises(StoreError) as caught:
        collected(store)
    words = f"'Cisco EST': its client_key_passphrase cannot be opened: sealing.key {why}. Apply these templates again"
    assert words in str(caught.value)
    assert "/memory" in str(caught.value)
    found = collected(store, skip_damaged=True)
    assert found.content.templates == (BARE,)
    assert [(entry.name, entry.reason) for entry in found.skipped] == [
        ("Cisco EST", f"its client_key_passphrase cannot be opened: sealing.key {why}")
    ]


def test_that_nothing_is_left_is_an_error_even_if_damage_may_be_skipped(store):
    store.key = None
    with pytest.raises(StoreError, match="leave them out with skip_damaged: true"):
        collected(store, ["Cisco EST"], skip_damaged=True)


def other_sealed_value(templates):
    """Exchange a sealed value, and make its digest fit, as nobody does by accident."""
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import secret_digest

    secret = templates["Cisco EST"]["secrets"]["password"]
    secret["sealed"] = templates["Cisco EST"]["secrets"]["client_key_passphrase"]["sealed"]
    secret["digest"] = secret_digest(
        "Cisco EST", "password", *(secret[key] for key in ("key_fingerprint", "sealed", "verifier", "keyed_verifier"))
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda found: found["Cisco EST"]["fields"].update(port=1), "its fields were edited by hand"),
        (lambda found: found["Cisco EST"]["fields"].update(pin="canary-3"), "its fields were edited by hand"),
        (lambda found: found["Cisco EST"]["secrets"]["password"].update(sealed="AAAA"), "its password was edited by"),
        (other_sealed_value, "its password cannot be opened: it was edited by hand"),
    ],
)
def test_a_template_that_was_edited_by_hand_is_not_carried_on(store, change, why):
    edit(store, change)
    with pytest.raises(StoreError) as caught:
        collected(store)
    assert f"'Cisco EST': {why}" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert collected(store, skip_damaged=True).content.templates == (BARE,)


def test_a_stored_template_that_is_none_any_more_is_told_with_its_option(store):
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import fields_digest

    def change(templates):
        templates["Bare"]["fields"]["port"] = 70000
        templates["Bare"]["digest"] = fields_digest(templates["Bare"]["fields"])

    edit(store, change)
    with pytest.raises(StoreError, match="'Bare': port: 70000 is not"):
        collected(store)


def test_that_cryptography_is_missing_is_told_of_the_controller_and_not_of_a_template(store, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LibraryMissing, match="cryptography"):
        collected(store, skip_damaged=True)
    assert collected(store, include_secrets=False).content.names == ("Bare", "Cisco EST")
