# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any template is the same after the store, and no text in a document's place goes unnoticed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_store import MemoryStore
from support.properties import count, steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import find_unprintable
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import Observed
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import (
    Document,
    StoredSecret,
    StoredTemplate,
    parse_document,
    serialise_document,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import DamagedDocument, NewerFormat
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import inspect, open_secrets
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import Verifiers
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

TEXTS = st.text(alphabet=st.one_of(st.sampled_from('/\\+=%,;<>"#: @.{}[]\n'), st.characters()), max_size=24)
PLAIN = TEXTS.filter(lambda text: text and text == text.strip() and not find_unprintable(text))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def stored(name: str, **fields: Any) -> StoredTemplate:
    secret = StoredSecret.of(
        name, "password", sealed="AAAA", key_fingerprint="f" * 16, verifier="0" * 64, keyed_verifier="1" * 64
    )
    return StoredTemplate.of({"name": name, **fields}, {"password": secret})


DOCUMENT = Document((stored("Cisco", port=8443), stored("Wi-Fi", subject="/CN=%uname%")), Verifiers(salt=b"s" * 16))
TEXT = serialise_document(DOCUMENT)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in JSON data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


def replaced(path: tuple[Any, ...], value: Any) -> Any:
    """The document's JSON data with another value in one place."""
    data = json.loads(TEXT)
    if not path:
        return value
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def check_noticed(text: str) -> None:
    """A document that is not the one that was written is damaged or edited, or lacks a template or secret as a whole.

    What is lacking is missed by whoever wants it, so it needs no digest.
    """
    try:
        document = parse_document(text)
    except (DamagedDocument, NewerFormat) as error:
        assert str(error)
        assert "\n" not in str(error)
        found = inspect(Observed("/memory", True, text)) if isinstance(error, DamagedDocument) else None
        assert found is None or (found.damaged and found.file_problems)
        return
    again = parse_document(serialise_document(document))  # sorted by name, which a text in a name's place changes
    assert {entry.name: entry for entry in again.templates} == {entry.name: entry for entry in document.templates}
    written = {template.name: template for template in DOCUMENT.templates}
    for template in document.templates:
        if not template.edited_parts():
            original = written[template.name]
            assert template.fields == original.fields
            assert template.secrets.items() <= original.secrets.items()


@settings(steady, max_examples=count(100))
@given(
    st.fixed_dictionaries(
        {"name": PLAIN, "server": st.just("est.example.com")},
        optional={
            "subject": st.one_of(PLAIN.map("/CN={}".format), PLAIN.map("O=x,CN={}".format)),
            "username": PLAIN,
            "password": TEXTS,
            "label": PLAIN,
            "custom_attributes": st.lists(PLAIN, max_size=3),
            "ca_path": PLAIN.map("/{}".format),
            "port": st.integers(-1, 70000),
        },
    )
)
def test_a_template_is_the_same_after_the_store_or_refused(options: dict[str, Any]) -> None:
    try:
        template = Template.from_options(options)
    except TemplateError as error:
        assert "\n" not in str(error)
        return
    entry = StoredTemplate.of(template.as_fields(), {})
    (read,) = parse_document(serialise_document(Document((entry,), Verifiers(salt=b"s" * 16)))).templates
    assert not read.edited_parts()
    assert Template.from_fields(read.fields, template.secrets()) == template


@settings(steady, max_examples=count(12))  # scrypt takes its time
@given(PLAIN, TEXTS.filter(lambda text: text and text.isprintable()))
def test_any_password_opens_again_and_is_known_again(name: str, password: str) -> None:
    store = MemoryStore()
    request = Request((Desired({"name": name}, {"password": password}, True),), (), False)
    assert apply_request(store, request, check_mode=False).plan.changed
    assert not apply_request(store, request, check_mode=False).plan.changed
    (template,) = parse_document(store.content).templates
    assert template.name == name
    assert open_secrets(template, store.key) == {"password": password}
    assert json.dumps(password)[1:-1] not in store.content or len(password) < 8


@steady
@given(st.one_of(TEXTS, JSON.map(json.dumps)))
def test_any_text_in_the_place_of_a_document_is_told(text: str) -> None:
    check_noticed(text)


@settings(steady, max_examples=count(150))
@given(st.sampled_from(places(json.loads(TEXT))), JSON)
def test_any_value_in_any_place_of_a_document_is_noticed(path: tuple[Any, ...], value: Any) -> None:
    check_noticed(json.dumps(replaced(path, value)))


@settings(steady, max_examples=count(150))
@given(st.integers(0, len(TEXT)), st.integers(0, 40), TEXTS)
def test_any_damage_to_the_text_of_a_document_is_noticed(start: int, length: int, text: str) -> None:
    check_noticed(TEXT[:start] + text + TEXT[start + length :])
