# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that version 1 wrote, recorded, is read and becomes one of the newest version."""

from __future__ import annotations

import json
from pathlib import Path

import fastjsonschema
import pytest
from support.memory_store import MemoryStore

from ansible_collections.maas360.cloud_extender.plugins.module_utils.store import upgrade
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.apply import apply_request
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.document import (
    parse_document,
    serialise_document,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.information import describe_store
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.integrity import key_fingerprint
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.plan import Desired, Request
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.reading import open_secrets
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.upgrade import VERSION

FIXTURES = Path(__file__).parent / "fixtures"
DOCS = Path(__file__).resolve().parents[3] / "docs"
SECRETS = {
    "Cisco EST": {"password": "estpwd"},
    "Plain": {},
    "Wi-Fi Büro": {"client_key_passphrase": "a passphrase"},
}


@pytest.fixture
def store():
    folder = FIXTURES / "version_1"
    return MemoryStore((folder / "templates.json").read_text(), bytes.fromhex((folder / "sealing.key").read_text()))


def declared(store):
    """What the recorded document holds, as it would be declared."""
    templates = parse_document(store.content).templates
    return tuple(Desired(template.fields, SECRETS[template.name]) for template in templates)


def test_every_older_version_has_a_recorded_document_a_schema_and_a_step():
    versions = range(1, VERSION)
    assert list(upgrade._STEPS) == list(versions)
    for version in versions:
        text = (FIXTURES / f"version_{version}" / "templates.json").read_text()
        schema = json.loads((DOCS / f"templates-{version}.schema.json").read_text())
        fastjsonschema.validate(schema, json.loads(text))
        assert parse_document(text).version == version


def test_version_1_is_read_whole(store):
    document = parse_document(store.content)
    assert (document.version, document.sealing_key) == (1, None)
    assert {entry.name: open_secrets(entry, store.key) for entry in document.templates} == SECRETS
    assert all(entry.edited_parts() == () for entry in document.templates)


@pytest.mark.parametrize("check", [True, False])
def test_version_1_is_no_drift_and_no_reason_to_write(store, check):
    before = store.content
    outcome = apply_request(store, Request(declared(store)), check_mode=check)
    assert (outcome.plan.changed, outcome.plan.drift, outcome.plan.upgraded) == (False, (), "")
    assert store.calls in (["read"], ["read with key"])
    assert store.content == before
    told = describe_store(store.read(want_key=False), None)["store"]
    assert (told["format_version"], told["sealing_key_since"], told["drift"]) == (1, None, [])


def test_the_next_change_writes_the_newest_version_and_says_so(store):
    first, *others = declared(store)
    wanted = Request((Desired({**first.fields, "port": 443}, first.secrets), *others))
    would = apply_request(store, wanted, check_mode=True)
    did = apply_request(store, wanted, check_mode=False)
    for outcome in (would, did):
        assert outcome.plan.upgraded == "templates.json is of format version 1, and is written as version 2"
        assert outcome.plan.diff.before()["format_version"] == 1
        assert outcome.plan.diff.after()["format_version"] == 2
    written = json.loads(store.content)
    fastjsonschema.validate(json.loads((DOCS / "templates.schema.json").read_text()), written)
    assert written["sealing_key"] == {"fingerprint": key_fingerprint(store.key), "since": None}
    document = parse_document(store.content)
    assert {entry.name: open_secrets(entry, store.key) for entry in document.templates} == SECRETS
    again = apply_request(store, wanted, check_mode=False)
    assert (again.plan.changed, again.plan.upgraded) == (False, "")


def test_an_upgraded_document_round_trips(store):
    document = parse_document(store.content)
    assert parse_document(serialise_document(document)).templates == document.templates
