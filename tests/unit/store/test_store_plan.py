# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json

import pytest
from support.memory_store import MemoryStore

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import Observed
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import MAX_ATTEMPTS, apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import parse_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import NewerFormat, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request, make_plan
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import open_secrets

CANARY = "canary-1f2e"


def cisco(name="Cisco", *, password=CANARY, update=True, **fields):
    plain = {"name": name, "port": 8443, "label": None, **fields}
    return Desired(plain, {"password": password} if password else {}, update)


def apply(store, *present, check=False, absent=(), purge=False):
    return apply_request(store, Request(tuple(present), tuple(absent), purge), check_mode=check)


def applied(*present):
    store = MemoryStore()
    apply(store, *present)
    store.calls.clear()
    store.writes.clear()
    return store


def results(outcome):
    return [(entry.name, entry.action, entry.changed_fields) for entry in outcome.plan.results]


def edited(store, change):
    data = json.loads(store.content)
    change(data["templates"])
    store.content = json.dumps(data)
    return store


def passwords(store):
    document = parse_document(store.content)
    return {entry.name: open_secrets(entry, store.key).get("password") for entry in document.templates}


# --- the truth table


def test_create_then_unchanged():
    store = MemoryStore()
    expected = [("Cisco", "created", ("name", "port", "password"))]
    outcome = apply(store, cisco(), check=True)
    assert (results(outcome), outcome.plan.changed, store.content) == (expected, True, None)
    assert store.calls == ["read with key"]
    outcome = apply(store, cisco())
    assert (results(outcome), outcome.plan.changed) == (expected, True)
    assert passwords(store) == {"Cisco": CANARY}
    assert CANARY not in store.content

    before = store.content
    for check in (True, False):
        store.calls.clear()
        outcome = apply(store, cisco(), check=check)
        assert (results(outcome), outcome.plan.changed) == ([("Cisco", "unchanged", ())], False)
        assert len(store.calls) == 1, "nothing to change is one round trip"
        assert outcome.plan.diff.before() == outcome.plan.diff.after() == {}
    assert store.content == before


def test_a_change_is_two_round_trips_and_leaves_the_other_templates_bytes():
    store = applied(cisco("A"), cisco("B"))
    before = json.loads(store.content)["templates"]
    outcome = apply(store, cisco("A", port=443), cisco("B"))
    assert store.calls == ["read with key", "write"]
    assert results(outcome) == [("A", "updated", ("port",)), ("B", "unchanged", ())]
    after = json.loads(store.content)["templates"]
    assert after[1] == before[1]
    assert after[0]["secrets"] == before[0]["secrets"], "a secret that stays is not sealed again"
    assert outcome.plan.diff.before() == {"templates": {"A": {"port": 8443}}}
    assert outcome.plan.diff.after() == {"templates": {"A": {"port": 443}}}


def test_the_key_is_fetched_only_where_there_is_something_to_compare_or_to_seal():
    store = MemoryStore()
    apply(store, cisco(password=None))
    assert "read with key" not in store.calls
    assert store.key is None


def test_with_the_key_no_password_is_put_through_scrypt(monkeypatch):
    store = applied(cisco("A"), cisco("B", password="another"))
    monkeypatch.delattr(hashlib, "scrypt")
    for check in (True, False):
        assert not apply(store, cisco("A"), cisco("B", password="another"), check=check).plan.changed
    outcome = apply(store, cisco("A"), cisco("B"), check=True)
    assert results(outcome) == [("A", "unchanged", ()), ("B", "updated", ("password",))]


@pytest.fixture
def scrypts(monkeypatch):
    """The secrets of which a scrypt is made."""
    calls, real = [], hashlib.scrypt
    monkeypatch.setattr(hashlib, "scrypt", lambda *given, **how: calls.append(given[0]) or real(*given, **how))
    return calls


def without_key(store):
    """A store whose key does not come with the document, as on Windows."""
    found = MemoryStore(store.content, store.key)
    found.facts = {"key": None}
    return found


def test_without_the_key_one_scrypt_answers_for_all_passwords(scrypts):
    declared = [cisco(f"T{number}", password=f"password {number}") for number in range(20)]
    store = without_key(applied(*declared))
    scrypts.clear()
    for check in (True, False):
        assert not apply(store, *declared, check=check).plan.changed
    assert len(scrypts) == 2, "one a run"
    scrypts.clear()
    outcome = apply(store, *declared[:7], cisco("T7", password="another"), *declared[8:], check=True)
    assert [name for name, action, _fields in results(outcome) if action == "updated"] == ["T7"]
    assert len(scrypts) == 21, "the one for all does not match, so each has its own"


def test_a_secret_that_is_not_known_leaves_the_others_one_scrypt(scrypts):
    """Of a template that is not declared; and one whose secret was not compared counts as what it is."""
    first, other = cisco("A", password="one"), cisco("B", password="two")
    store = applied(first, other, cisco("Theirs", password="three"))
    apply(store, cisco("A", password="one", port=1), cisco("B", password="not it", update=False))
    store = without_key(store)
    scrypts.clear()
    assert not apply(store, cisco("A", password="one", port=1), check=True).plan.changed
    assert len(scrypts) == 1
    outcome = apply(store, cisco("A", password="one", port=1), cisco("B", password="not it"), check=True)
    assert results(outcome) == [("A", "unchanged", ()), ("B", "updated", ("password",))]


@pytest.mark.parametrize("part", ["sealed", "verifier", "digest"])
def test_one_verifier_for_all_says_nothing_of_a_secret_that_was_changed_since(part):
    store = without_key(applied(cisco("A"), cisco("B", password="another")))
    edited(store, lambda templates: templates[0]["secrets"]["password"].update({part: "00"}))
    outcome = apply(store, cisco("A"), cisco("B", password="another"), check=True)
    assert results(outcome) == [("A", "repaired", ("password",)), ("B", "unchanged", ())]


def test_absent_and_purge():
    store = applied(cisco("A"), cisco("B"), cisco("C"))
    assert results(apply(store, absent=["a"], check=True)) == [("A", "removed", ())]
    outcome = apply(store, absent=["a", "Z"])
    assert results(outcome) == [("Z", "unchanged", ()), ("A", "removed", ())]
    assert outcome.plan.undeclared == ("B", "C")
    assert set(passwords(store)) == {"B", "C"}
    assert not apply(store, absent=["A"]).plan.changed
    outcome = apply(store, cisco("B"), purge=True)
    assert results(outcome) == [("B", "unchanged", ()), ("C", "removed", ())]
    assert outcome.plan.undeclared == ()
    assert outcome.plan.diff.before()["templates"]["C"]["password"] == "(set)"
    assert outcome.plan.diff.after() == {}
    assert set(passwords(store)) == {"B"}


def test_nothing_desired_writes_nothing():
    store = MemoryStore()
    assert not apply(store, purge=True).plan.changed
    assert store.content is None


def test_undeclared_templates_are_left_alone_and_listed():
    store = applied(cisco("Mine"), cisco("Theirs"))
    outcome = apply(store, cisco("Mine", port=1))
    assert outcome.plan.undeclared == ("Theirs",)
    assert passwords(store)["Theirs"] == CANARY


def test_another_spelling_of_a_name_is_the_same_template():
    store = applied(cisco("cisco"))
    outcome = apply(store, cisco("Cisco"))
    assert results(outcome) == [("Cisco", "updated", ("name", "password"))]
    assert passwords(store) == {"Cisco": CANARY}
    assert not apply(store, cisco("Cisco")).plan.changed


@pytest.mark.parametrize(("stored", "wanted"), [(1, True), (0, False), ([1], [True]), ("", None), (1, "1")])
def test_values_that_are_equal_only_to_python_differ(stored, wanted):
    store = applied(cisco(port=stored))
    assert results(apply(store, cisco(port=wanted), check=True)) == [("Cisco", "updated", ("port",))]
    assert not apply(store, cisco(port=stored), check=True).plan.changed


# --- secrets


@pytest.mark.parametrize("key_with_document", [True, False])
def test_another_password_is_seen_with_the_key_and_without_and_sealed_anew(monkeypatch, key_with_document):
    store = applied(cisco())
    monkeypatch.setattr(MemoryStore, "key_with_document", key_with_document)
    assert not apply(store, cisco(), check=True).plan.changed
    store.calls.clear()
    outcome = apply(store, cisco(password="another"), check=True)
    assert store.calls == ["read with key" if key_with_document else "read"]
    assert results(outcome) == [("Cisco", "updated", ("password",))]
    assert outcome.plan.diff.before() == {"templates": {"Cisco": {"password": "(set)"}}}
    assert outcome.plan.diff.after() == {"templates": {"Cisco": {"password": "(set, different)"}}}
    apply(store, cisco(password="another"))
    assert passwords(store) == {"Cisco": "another"}


def test_a_password_that_is_not_declared_any_more_is_removed():
    store = applied(cisco())
    outcome = apply(store, cisco(password=None))
    assert results(outcome) == [("Cisco", "updated", ("password",))]
    assert outcome.plan.diff.after() == {"templates": {"Cisco": {"password": "(not set)"}}}
    assert passwords(store) == {"Cisco": None}
    outcome = apply(store, cisco())
    assert outcome.plan.diff.before() == {"templates": {"Cisco": {"password": "(not set)"}}}
    assert outcome.plan.diff.after() == {"templates": {"Cisco": {"password": "(set)"}}}


def test_on_create_never_compares_and_never_removes():
    store = MemoryStore()
    apply(store, cisco(update=False))
    assert passwords(store) == {"Cisco": CANARY}
    for password in ("another", None):
        assert not apply(store, cisco(password=password, update=False)).plan.changed
    outcome = apply(store, cisco(password="another", update=False, subject="/CN=x"))
    assert results(outcome) == [("Cisco", "updated", ("subject",))]
    assert passwords(store) == {"Cisco": CANARY}


def test_on_create_sends_no_password_to_another_server():
    store = applied(cisco())
    assert results(apply(store, cisco(password="another", update=False, port=1))) == [
        ("Cisco", "updated", ("port", "password"))
    ]
    assert passwords(store) == {"Cisco": "another"}
    apply(store, cisco(password=None, update=False, port=2))
    assert passwords(store) == {"Cisco": None}


def test_on_create_sets_a_password_where_there_is_none():
    store = applied(cisco(password=None))
    assert results(apply(store, cisco(update=False))) == [("Cisco", "updated", ("password",))]


@pytest.mark.parametrize("update", [True, False])
def test_a_lost_key_is_drift_and_repaired(update):
    store = applied(cisco("A"), cisco("B"))
    store.key = None
    outcome = apply(store, cisco("A", update=update), check=True)
    assert results(outcome) == [("A", "repaired", ("password",))]
    assert outcome.plan.problems == (
        "password of template 'A' cannot be opened: sealing.key is lost",
        "password of template 'B' cannot be opened: sealing.key is lost",
    )
    assert outcome.plan.diff.before()["store_problems"] == [outcome.plan.problems[0]]
    assert outcome.plan.diff.before()["templates"] == {"A": {"password": "(cannot be opened)"}}
    apply(store, cisco("A", update=update))
    document = parse_document(store.content)
    assert open_secrets(document.find("A"), store.key) == {"password": CANARY}
    again = apply(store, cisco("A", update=update))
    assert not again.plan.changed
    assert again.plan.problems == ("password of template 'B' cannot be opened: sealing.key is another key",)


def test_a_damaged_key_is_drift_even_where_nothing_is_sealed():
    store = applied(cisco(password=None))
    store.facts = {"key_damage": "is empty"}
    outcome = apply(store, cisco(password=None))
    assert outcome.plan.changed
    assert outcome.plan.problems == ("sealing.key is empty: what it sealed cannot be opened",)
    assert store.writes[0].use_new_key


# --- drift


def test_a_hand_edited_field_is_repaired_and_the_old_document_kept():
    store = edited(applied(cisco()), lambda templates: templates[0]["fields"].update(port=443))
    outcome = apply(store, cisco())
    assert results(outcome) == [("Cisco", "repaired", ("port",))]
    assert outcome.plan.problems == ("template 'Cisco' was edited by hand: fields",)
    assert outcome.kept == "/memory/templates.json.damaged-1"
    assert not apply(store, cisco()).plan.changed


def test_a_hand_edit_to_what_is_desired_is_repaired_too():
    store = edited(applied(cisco()), lambda templates: templates[0]["fields"].update(port=443))
    assert results(apply(store, cisco(port=443))) == [("Cisco", "repaired", ())]
    assert not apply(store, cisco(port=443)).plan.changed


def test_true_is_not_one():
    store = edited(
        applied(cisco(use_system_trust=True)), lambda templates: templates[0]["fields"].update(use_system_trust=1)
    )
    assert results(apply(store, cisco(use_system_trust=True))) == [("Cisco", "repaired", ("use_system_trust",))]


def test_a_field_added_by_hand_goes():
    store = edited(applied(cisco()), lambda templates: templates[0]["fields"].update(color="red"))
    assert results(apply(store, cisco())) == [("Cisco", "repaired", ("color",))]
    assert "color" not in store.content


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_secret_written_by_hand_among_the_fields_is_never_shown(state):
    store = edited(applied(cisco()), lambda templates: templates[0]["fields"].update(password="by-hand", pin="by-hand"))
    outcome = apply(store, cisco()) if state == "present" else apply(store, absent=["Cisco"])
    assert "by-hand" not in repr(outcome.plan.diff.before()) + repr(outcome.plan.diff.after())
    assert "by-hand" not in store.content
    if state == "present":
        assert results(outcome) == [("Cisco", "repaired", ("password", "pin"))]
        assert outcome.plan.diff.before()["templates"]["Cisco"] == {"password": "(set)", "pin": "(unknown field)"}


@pytest.mark.parametrize("part", ["sealed", "verifier", "key_fingerprint", "digest"])
@pytest.mark.parametrize("update", [True, False])
def test_a_hand_edited_secret_is_repaired(part, update):
    store = edited(applied(cisco()), lambda templates: templates[0]["secrets"]["password"].update({part: "00"}))
    assert results(apply(store, cisco(update=update))) == [("Cisco", "repaired", ("password",))]
    assert passwords(store) == {"Cisco": CANARY}


def test_a_hand_edited_undeclared_template_is_told_and_left_alone():
    store = edited(applied(cisco("A"), cisco("B")), lambda templates: templates[1]["fields"].update(port=1))
    outcome = apply(store, cisco("A"))
    assert not outcome.plan.changed
    assert outcome.plan.problems == ("template 'B' was edited by hand: fields",)


def test_wrong_modes_are_drift_and_one_write():
    store = applied(cisco())
    before = store.content
    store.facts = {"drift": ("templates.json has mode 0644, not 0600",)}
    outcome = apply(store, cisco(), check=True)
    assert (outcome.plan.changed, results(outcome)) == (True, [("Cisco", "unchanged", ())])
    assert outcome.plan.diff.before() == {"store_problems": ["templates.json has mode 0644, not 0600"]}
    outcome = apply(store, cisco())
    assert (store.content, outcome.kept) == (before, "")
    assert not apply(store, cisco()).plan.changed


@pytest.mark.parametrize(
    ("content", "damage", "words"),
    [
        ("{", "", "templates.json is cut short"),
        ("nonsense", "", "templates.json is not JSON"),
        (None, "is a folder", "templates.json is a folder"),
    ],
)
def test_a_damaged_document_is_rebuilt_from_what_is_desired(content, damage, words):
    store = applied(cisco("A"), cisco("B"))
    store.content = content or store.content
    if damage:
        store.facts = {"content": None, "damage": damage}
    broken = store.content
    outcome = apply(store, cisco("A"), check=True)
    assert results(outcome) == [("A", "repaired", ("name", "port", "password"))]
    assert outcome.plan.problems[0].startswith(words)
    assert store.content == broken
    outcome = apply(store, cisco("A"))
    assert outcome.kept
    assert passwords(store) == {"A": CANARY}
    assert not apply(store, cisco("A")).plan.changed


def test_a_newer_format_is_never_overwritten():
    store = applied(cisco())
    store.content = store.content.replace('"format_version": 1', '"format_version": 2')
    for check in (True, False):
        with pytest.raises(NewerFormat, match=r"templates.json in /memory has format version 2"):
            apply(store, cisco(port=1), check=check)
    assert store.writes == []


# --- conflicts


def test_a_conflict_is_planned_again_from_a_new_reading():
    store = applied(cisco("A"))
    rival = applied(cisco("A"), cisco("B"))

    def interfere(which):
        which.before_write = None
        which.content, which.key = rival.content, rival.key

    store.before_write = interfere
    outcome = apply(store, cisco("A", port=1))
    assert store.calls == ["read with key", "write"] * 2
    assert outcome.plan.undeclared == ("B",)
    assert passwords(store) == {"A": CANARY, "B": CANARY}


def test_endless_conflicts_end_with_a_clear_error():
    store = applied(cisco())
    store.before_write = lambda which: setattr(which, "content", which.content + " ")
    with pytest.raises(StoreError, match="changed by others 5 times"):
        apply(store, cisco(port=1))
    assert store.calls.count("write") == MAX_ATTEMPTS


def test_the_store_says_when_the_key_did_not_come():
    store = applied(cisco())
    store.facts = {"key": None}
    with pytest.raises(StoreError, match=r"sealing key .* could not be fetched"):
        apply(store, cisco(password="another"))


def test_no_secret_in_repr_diff_or_results():
    request = Request((cisco(),))
    plan = make_plan(request, Observed("/memory"))
    assert CANARY not in repr(request) + repr(plan) + repr(plan.diff.before()) + repr(plan.diff.after())
