# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from support.memory_store import MemoryStore
from support.templates import pem

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import safe_value, short_value

CANARY = "canary-1f2e"


def wanted(name="Cisco", *, password=CANARY, update=True, **fields):
    plain = {"name": name, "port": 8443, "label": None, "custom_attributes": [], **fields}
    return Desired(plain, {"password": password} if password else {}, update)


@pytest.fixture
def store():
    store = MemoryStore()
    apply_request(store, Request((wanted(),)), check_mode=False)
    return store


def found(store, *present, **request):
    (result,) = apply_request(store, Request(tuple(present), **request), check_mode=True).plan.results
    return result


def edited(store, **fields):
    data = json.loads(store.content)
    data["templates"][0]["fields"].update(fields)
    store.content = json.dumps(data)
    return store


@pytest.mark.parametrize(
    ("change", "difference", "summary"),
    [
        ({"port": 443}, {"field": "port", "want": 443, "have": 8443}, "port is 8443, not 443"),
        (
            {"label": "wifi"},
            {"field": "label", "want": "wifi", "have": None},
            "label is not set, and should be 'wifi'",
        ),
        (
            {"custom_attributes": ["a", "b"]},
            {"field": "custom_attributes", "want": ["a", "b"], "have": []},
            "custom_attributes is not set, and should be 'a', 'b'",
        ),
        (
            {"password": "other"},
            {"field": "password", "want": "(set, different)", "have": "(set)", "secret": True},
            "password is another one",
        ),
        (
            {"password": None},
            {"field": "password", "want": "(not set)", "have": "(set)", "secret": True},
            "password is set, and should not be",
        ),
    ],
)
def test_each_difference_is_told_once_for_programs_and_once_in_words(store, change, difference, summary):
    result = found(store, wanted(**change))
    assert [entry.as_json() for entry in result.differences] == [difference]
    assert result.summary == (summary,)
    assert CANARY not in repr(result)


def test_what_is_as_it_should_be_has_nothing_to_tell(store):
    result = found(store, wanted())
    assert (result.action, result.differences, result.summary) == ("unchanged", (), ())


def test_what_is_not_there_or_should_not_be(store):
    assert found(MemoryStore(), wanted()).summary == ("is not in the store",)
    assert found(store, purge=True).summary == ("is in the store, and not declared",)
    assert found(store, absent=("cisco",)).summary == ("is in the store, and should not be",)
    assert found(store, absent=("Other",)).summary == ()
    store.content = "{"
    assert found(store, wanted()).summary == ("is lost with the damaged document",)
    assert found(store, wanted()).differences == ()


def test_a_hand_edit_is_told_before_what_it_changed(store):
    result = found(edited(store, port=1, label="x"), wanted())
    assert result.summary == ("was edited by hand", "port is 1, not 8443", "label is 'x', and should not be set")
    assert found(edited(store, port=443, label=None), wanted(port=443)).summary == ("was edited by hand",)


def test_a_field_that_no_template_has(store):
    result = found(edited(store, pin=CANARY, **{"a\nb": 1}), wanted())
    assert [entry.have for entry in result.differences] == ["(unknown field)"] * 2
    assert result.summary == (
        "was edited by hand",
        "'pin' is not a field of a template",
        "'a\\nb' is not a field of a template",
    )
    assert CANARY not in repr(result)


def test_a_secret_written_into_the_fields_or_that_cannot_be_opened(store):
    result = found(edited(store, password=CANARY), wanted())
    assert result.summary == ("was edited by hand", "password was written into the fields by hand")
    store.key = None
    assert "password cannot be opened" in found(store, wanted()).summary
    assert CANARY not in repr(result)


def test_another_certificate_is_told_by_its_fingerprint(store):
    one, other = pem(), pem() + pem(der=b"\x30\x07\x30\x00\x30\x00\x03\x01\x01")
    apply_request(store, Request((wanted(ca_certificate=one),)), check_mode=False)
    result = found(store, wanted(ca_certificate=other))
    (difference,) = result.differences
    assert difference.have.startswith("certificate with SHA-256 fingerprint ")
    assert difference.want.startswith(difference.have.replace("certificate ", "certificates ") + ", ")
    assert "BEGIN" not in repr(result.summary)
    assert result.summary == (f"ca_certificate is {difference.have}, not {difference.want}",)


def test_a_password_in_a_url_and_a_private_key_are_never_shown(store):
    key = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
    edited(store, proxy=f"http://user:{CANARY}@proxy.example:3128", ca_certificate=key, label=[CANARY and "x"])
    outcome = apply_request(store, Request((wanted(),)), check_mode=True)
    result = outcome.plan.results[0]
    assert CANARY not in repr(result) + repr(result.summary) + repr(outcome.plan.diff.before())
    assert "proxy is 'http://***@proxy.example:3128', and should not be set" in result.summary
    assert outcome.plan.diff.before()["templates"]["Cisco"]["ca_certificate"] == "(text with a private key)"


def test_values_are_short_and_safe():
    assert short_value("x" * 500) == "x" * 117 + "..."
    assert short_value({"a": CANARY}) == "(an object)"
    assert short_value("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----") == (
        "certificate with SHA-256 fingerprint (not base64)"
    )
    assert short_value(pem() * 5).endswith(" and 2 more")
    assert safe_value({"a": ["https://u:p@h/x", 1, None]}) == {"a": ["https://***@h/x", 1, None]}
    assert safe_value("URI:https://h/%uname%@%domain%") == "URI:https://h/%uname%@%domain%"
