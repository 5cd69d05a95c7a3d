# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import time

import pytest
from support.memory_store import MemoryStore

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import parse_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import SealingError, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.information import describe_store
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import open_secrets
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import seal


def wanted(name, password, *, update=True, **fields):
    return Desired({"name": name, "port": 8443, **fields}, {"password": password} if password else {}, update)


def apply(store, *present, check=False, rotate=True):
    return apply_request(store, Request(tuple(present), rotate_key=rotate), check_mode=check)


@pytest.fixture
def store():
    store = MemoryStore()
    apply(store, wanted("A", "alpha"), wanted("B", "beta"), wanted("C", None), rotate=False)
    store.calls.clear()
    return store


def secrets(store):
    return {entry.name: open_secrets(entry, store.key) for entry in parse_document(store.content).templates}


def test_everything_is_sealed_anew_undeclared_templates_too(store):
    before, old_key = parse_document(store.content), store.key
    outcome = apply(store, wanted("A", "alpha"))
    assert store.calls == ["read with key", "new key", "write"]
    assert (outcome.plan.changed, outcome.plan.rotate) == (True, True)
    assert [entry.action for entry in outcome.plan.results] == ["unchanged"]
    assert outcome.plan.undeclared == ("B", "C")
    assert store.key != old_key
    assert secrets(store) == {"A": {"password": "alpha"}, "B": {"password": "beta"}, "C": {}}
    after = parse_document(store.content)
    for one, other in zip(before.templates, after.templates):
        assert (one.fields, one.digest) == (other.fields, other.digest)
        assert other.edited_parts() == ()
        for name in one.secrets:
            assert one.secrets[name].sealed != other.secrets[name].sealed
            assert other.secrets[name].key_fingerprint == key_fingerprint(store.key)
    assert not apply(store, wanted("A", "alpha"), rotate=False).plan.changed


def test_it_is_an_action_and_changes_every_time_and_check_mode_does_nothing(store):
    content, key = store.content, store.key
    outcome = apply(store, wanted("A", "alpha"), check=True)
    assert (outcome.plan.changed, outcome.plan.rotate, store.calls) == (True, True, ["read with key"])
    assert (store.content, store.key) == (content, key)
    assert outcome.plan.diff.before() == {"sealing_key": "(in use)"}
    assert outcome.plan.diff.after() == {"sealing_key": "(new, everything is sealed anew)"}
    assert apply(store, wanted("A", "alpha")).plan.changed
    assert apply(store, wanted("A", "alpha")).plan.changed


def test_together_with_changes(store):
    outcome = apply(store, wanted("A", "new"), wanted("B", "beta", port=1), wanted("D", "delta"))
    assert [entry.action for entry in outcome.plan.results] == ["updated", "updated", "created"]
    expected = {"A": "new", "B": "beta", "C": None, "D": "delta"}
    assert {name: values.get("password") for name, values in secrets(store).items()} == expected


def test_the_document_tells_since_when_the_key_is_in_force(store):
    first = parse_document(store.content).sealing_key
    apply(store, wanted("A", "alpha", port=1), rotate=False)
    assert parse_document(store.content).sealing_key == first, "it is still the same key"
    apply(store, wanted("A", "alpha"))
    second = parse_document(store.content).sealing_key
    assert second.fingerprint == key_fingerprint(store.key) != first.fingerprint
    told = describe_store(store.read(want_key=False), None)["store"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["sealing_key_since"])
    store.key = b"x" * 32
    assert describe_store(store.read(want_key=False), None)["store"]["sealing_key_since"] is None


def test_a_key_without_secrets_is_rotated_too():
    store = MemoryStore()
    apply(store, wanted("A", "alpha"), rotate=False)
    apply(store, wanted("A", None), rotate=False)
    key = store.key
    assert apply(store, wanted("A", None)).plan.rotate
    assert store.key != key


def test_where_there_is_no_key_there_is_nothing_to_rotate():
    store = MemoryStore()
    outcome = apply(store, wanted("A", None))
    assert (outcome.plan.rotate, store.calls) == (False, ["read with key", "write"])
    outcome = apply(store, wanted("A", None))
    assert (outcome.plan.changed, outcome.plan.rotate) == (False, False)
    outcome = apply(store, wanted("A", "alpha"))
    assert (outcome.plan.rotate, store.calls[-2:]) == (False, ["new key", "write"])


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("key", [None, b"k" * 32])
def test_a_secret_that_would_be_lost_is_an_error_before_anything_is_written(store, check, key):
    store.key, content = key, store.content
    with pytest.raises(StoreError, match="password of template 'B' cannot be opened, and would be lost"):
        apply(store, wanted("A", "alpha"), check=check)
    assert store.calls in (["read"], ["read with key"])
    assert store.content == content
    assert apply(store, wanted("A", "alpha"), wanted("B", "beta"), check=check).plan.changed


@pytest.mark.parametrize("change", [{}, {"subject": "/CN=x"}])
def test_a_secret_that_on_create_leaves_alone_is_not_lost_either(store, change):
    store.key = b"k" * 32
    with pytest.raises(StoreError, match="password of template 'A' cannot be opened, and would be lost"):
        apply(store, wanted("A", None, update=False, **change), wanted("B", "beta"))


def test_what_looks_right_and_cannot_be_opened_is_an_error_before_anything_is_written(store):
    """Sealed for another template, with right digests: only opening it shows."""
    forged = store.content.replace(
        parse_document(store.content).find("B").secrets["password"].sealed, seal(store.key, "A", "password", "x")
    )
    document = parse_document(forged)
    secret = document.find("B").secrets["password"]
    right = type(secret).of(
        "B",
        "password",
        sealed=secret.sealed,
        key_fingerprint=secret.key_fingerprint,
        verifier=secret.verifier,
        keyed_verifier=secret.keyed_verifier,
    )
    store.content = forged.replace(secret.digest, right.digest)
    with pytest.raises(SealingError, match="the sealed password of template 'B' cannot be opened"):
        apply(store, wanted("A", "alpha"))
    assert store.calls == ["read with key"]


def test_a_hand_edit_of_an_undeclared_template_stays_visible(store):
    store.content = store.content.replace('"name": "B",\n        "port": 8443', '"name": "B",\n        "port": 1')
    outcome = apply(store, wanted("A", "alpha"))
    assert outcome.plan.problems == ("template 'B' was edited by hand: fields",)
    assert apply(store, wanted("A", "alpha"), rotate=False).plan.problems == outcome.plan.problems


def test_a_run_that_was_slower_takes_the_key_that_another_made(store):
    """The other one made it between the reading and the call for a new key."""
    slow, fast = MemoryStore(), store

    def faster(replaced_key):
        del slow.new_key
        slow.content, slow.key = fast.content, fast.key
        assert replaced_key == ""

    slow.new_key = faster
    outcome = apply(slow, wanted("D", "delta"), rotate=False)
    assert slow.calls == ["read with key", "read with key", "write"]
    assert (slow.key, outcome.plan.undeclared) == (fast.key, ("A", "B", "C"))
    assert secrets(slow)["D"] == {"password": "delta"}


def test_a_conflict_rotates_what_is_there_then(store):
    def interfere(which):
        which.before_write = None
        key, which.key = which.key, None
        rival = MemoryStore()
        apply(rival, wanted("A", "alpha"), wanted("B", "beta"), wanted("E", "epsilon"), rotate=False)
        which.content, which.key = rival.content, rival.key
        assert key != rival.key

    store.before_write = interfere
    apply(store, wanted("A", "alpha"))
    assert {name: values.get("password") for name, values in secrets(store).items()} == {
        "A": "alpha",
        "B": "beta",
        "E": "epsilon",
    }


# -- a key that is replaced when it is old enough ------------------------------------------------------------------


def due(store, days, *, check=False, rotate=False):
    request = Request((wanted("A", "alpha"),), rotate_key=rotate, rotate_key_after_days=days)
    return apply_request(store, request, check_mode=check).plan.rotate


def aged(store, since):
    data = json.loads(store.content)
    data["sealing_key"]["since"] = since
    store.content = json.dumps(data)


def days_ago(days, seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400 + seconds))


@pytest.mark.parametrize(
    ("since", "old"),
    [
        (lambda: days_ago(90, seconds=3600), False),
        (lambda: days_ago(90), True),
        (lambda: days_ago(4000), True),
        (lambda: days_ago(-1), False),
        (lambda: None, True),
        (lambda: "2026-02-30T00:00:00Z", True),
    ],
    ids=["younger", "as old", "older", "of tomorrow", "of unknown age", "of no day"],
)
def test_a_key_that_is_old_enough_is_replaced_once(store, since, old):
    aged(store, since())
    before = store.key
    assert due(store, 90, check=True) is old
    assert store.key == before
    assert due(store, 90) is old
    assert (store.key != before) is old
    assert due(store, 90) is False


def test_a_key_that_the_document_does_not_name_is_of_unknown_age(store):
    data = json.loads(store.content)
    data["sealing_key"]["fingerprint"] = "0123456789abcdef"
    store.content = json.dumps(data)
    assert due(store, 3650)
    assert not due(store, 3650)


def test_beside_an_age_the_order_to_replace_it_now_counts(store):
    assert not due(store, 90)
    assert due(store, 90, rotate=True)


def test_where_there_is_no_key_none_is_old():
    assert not due(MemoryStore(), 1)
