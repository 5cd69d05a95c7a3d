# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not given is not a wish to remove: an account, a CA certificate and a passphrase stay on the host."""

from __future__ import annotations

import json

import pytest
from support.memory_store import MemoryStore

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.decision import Desired
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import parse_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import REMOVE_CHOICES

BASE = {"name": "wifi", "server": "est.example.com", "port": 443, "username": None, "ca_certificate": None}
GIVEN = {**BASE, "username": "estuser", "ca_certificate": "PEM"}
PASSWORD = {"password": "secret"}
CODE = {"challenge_password": "secret code"}
EVERYTHING = frozenset(REMOVE_CHOICES)


@pytest.fixture
def store():
    store = MemoryStore()
    apply_request(store, Request((Desired(GIVEN, PASSWORD),)), check_mode=False)
    return store


def declare(store, fields, keep=EVERYTHING, check_mode=False, **more):
    desired = Desired(fields, keep=frozenset(keep), **more)
    return apply_request(store, Request((desired,)), check_mode=check_mode).plan


def there(store):
    (template,) = parse_document(store.content).templates
    return template


@pytest.mark.parametrize("update_secrets", [True, False])
def test_what_is_not_given_stays_and_nothing_is_written(store, update_secrets):
    before = store.content
    plan = declare(store, BASE, update_secrets=update_secrets)
    assert (plan.changed, plan.results[0].action, plan.warnings) == (False, "unchanged", ())
    assert store.content == before


def test_it_stays_where_another_field_changes(store):
    plan = declare(store, {**BASE, "subject": "/CN=x"})
    assert plan.results[0].changed_fields == ("subject",)
    found = there(store)
    assert (found.fields["username"], found.fields["ca_certificate"]) == ("estuser", "PEM")
    assert "password" in found.secrets


@pytest.mark.parametrize(
    ("remove", "changed"),
    [
        ({"account"}, ("username", "password")),
        ({"ca_certificate"}, ("ca_certificate",)),
    ],
)
def test_only_its_name_removes_it_and_a_second_time_changes_nothing(store, remove, changed):
    for update_secrets in (False, True):
        request = {"keep": EVERYTHING - remove, "remove": frozenset(remove), "update_secrets": update_secrets}
        plan = declare(store, BASE, **request)
        assert plan.results[0].changed_fields == (() if update_secrets else changed)


@pytest.mark.parametrize("other", [{"server": "other.example.com"}, {"port": 8443}])
@pytest.mark.parametrize("update_secrets", [True, False])
def test_a_kept_account_is_not_sent_to_another_server(store, other, update_secrets):
    plan = declare(store, {**BASE, **other}, update_secrets=update_secrets)
    assert there(store).secrets == {}
    assert there(store).fields["username"] is None
    assert there(store).fields["ca_certificate"] == "PEM"
    (warning,) = plan.warnings
    assert "is for est.example.com:443 and is not sent to " in warning
    assert "secret" not in warning


def test_a_server_that_was_edited_by_hand_is_put_right_with_its_account(store):
    data = json.loads(store.content)
    data["templates"][0]["fields"]["server"] = "edited.example.com"
    store.content = json.dumps(data)
    plan = declare(store, BASE)
    assert (plan.results[0].action, plan.results[0].changed_fields) == ("repaired", ("server",))
    assert (there(store).fields["server"], there(store).fields["username"]) == ("est.example.com", "estuser")
    assert "password" in there(store).secrets


@pytest.mark.parametrize("other", [{"ca_path": "/etc/ca.pem"}, {"use_system_trust": True}])
def test_another_kind_of_trust_is_a_wish_of_its_own(store, other):
    declare(store, {**BASE, **other})
    assert there(store).fields["ca_certificate"] is None


@pytest.mark.parametrize("update_secrets", [True, False])
def test_an_enrolment_code_stays_for_its_server_and_goes_where_it_is_named(update_secrets):
    store = MemoryStore()
    apply_request(store, Request((Desired(BASE, CODE),)), check_mode=False)
    assert not declare(store, BASE, update_secrets=update_secrets).changed
    plan = declare(store, {**BASE, "port": 8443}, update_secrets=update_secrets, check_mode=True)
    (warning,) = plan.warnings
    assert "the challenge_password that template 'wifi' has on this host is for est.example.com:443" in warning
    assert "secret" not in warning
    assert plan.results[0].changed_fields == ("port", "challenge_password")
    plan = declare(store, BASE, EVERYTHING - {"challenge_password"}, remove=frozenset({"challenge_password"}))
    assert plan.results[0].changed_fields == ("challenge_password",)
    assert there(store).secrets == {}


def test_account_and_enrolment_code_are_told_in_one_warning():
    store = MemoryStore()
    apply_request(store, Request((Desired(GIVEN, {**PASSWORD, **CODE}),)), check_mode=False)
    (warning,) = declare(store, {**BASE, "server": "b"}).warnings
    assert "the account and challenge_password that template" in warning
    assert "give username and password and challenge_password for the new server" in warning
    assert there(store).secrets == {}


def test_a_passphrase_belongs_to_its_key():
    store = MemoryStore()
    fields = {**BASE, "client_certificate_path": "/c.pem", "client_key_path": "/k.pem"}
    first = Desired(fields, {"client_key_passphrase": "phrase"})
    apply_request(store, Request((first,)), check_mode=False)
    assert not declare(store, fields).changed
    declare(store, {**fields, "client_key_path": "/other.pem"})
    assert there(store).secrets == {}


def test_a_password_that_cannot_be_opened_stays_and_is_told(store):
    store.key = b"k" * 32
    plan = declare(store, BASE)
    assert (plan.changed, plan.results[0].action) == (False, "unchanged")
    assert plan.problems == ("password of template 'wifi' cannot be opened: sealing.key is another key",)


def test_another_spelling_of_the_name_loses_no_password_in_silence(store):
    before = store.content
    with pytest.raises(StoreError, match="has password sealed for that spelling of its name"):
        declare(store, {**BASE, "name": "WiFi"})
    assert store.content == before


@pytest.mark.parametrize(
    ("fields", "warns"),
    [
        ({}, True),
        ({"ca_path": "/etc/ca.pem"}, False),
        ({"username": "estuser"}, False),
        ({"client_certificate_path": "/c.pem"}, False),
    ],
)
def test_a_new_template_with_nothing_to_go_by_is_told(fields, warns):
    plan = declare(MemoryStore(), {**BASE, **fields}, check_mode=True)
    assert bool(plan.warnings) == warns
    assert all("neither an account nor a client certificate, and nothing to trust" in one for one in plan.warnings)


def test_an_account_that_was_lost_with_a_damaged_document_is_told():
    plan = declare(MemoryStore("damaged"), {**BASE, "ca_path": "/etc/ca.pem"}, check_mode=True)
    assert plan.results[0].action == "repaired"
    assert "neither an account nor a client certificate: was a credential left out?" in plan.warnings[0]
