# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sealing and opening: what goes in comes out, and every way in which it cannot has its own error."""

from __future__ import annotations

import base64
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundle_contents import contents
from support.bundles import CLEAR, CONTENT, PASSPHRASE, QUICK, SEALED, WITHOUT_SECRETS, redigested
from support.properties import count, steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle import sealing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content, choose
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import (
    BundleError,
    DamagedBundle,
    LibraryMissing,
    NotSealed,
    PassphraseMissing,
    UnknownName,
    UnusableTemplate,
    WrongPassphrase,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import read_bundle, write_bundle


def test_what_goes_in_comes_out():
    assert read_bundle(SEALED, PASSPHRASE) == CONTENT
    assert read_bundle(CLEAR, None) == WITHOUT_SECRETS
    assert read_bundle(write_bundle(WITHOUT_SECRETS, PASSPHRASE, QUICK), PASSPHRASE) == WITHOUT_SECRETS


def test_todays_parameters_work():
    assert read_bundle(write_bundle(CONTENT, PASSPHRASE), PASSPHRASE) == CONTENT


def test_salt_and_nonce_are_new_each_time():
    one, other = (json.loads(write_bundle(CONTENT, PASSPHRASE))["sealing"] for _time in range(2))
    assert one["salt"] != other["salt"]
    assert one["nonce"] != other["nonce"]


def test_a_wrong_passphrase_is_no_damage():
    with pytest.raises(WrongPassphrase, match="is sealed with another passphrase than the one that was given"):
        read_bundle(SEALED, PASSPHRASE + "s")


def test_a_passphrase_that_is_missing_or_too_many():
    with pytest.raises(PassphraseMissing, match="is sealed: give the passphrase"):
        read_bundle(SEALED, None)
    with pytest.raises(NotSealed, match="is not sealed, although a passphrase was given"):
        read_bundle(CLEAR, PASSPHRASE)


def test_secrets_are_never_written_in_clear():
    with pytest.raises(PassphraseMissing, match="would hold secrets"):
        write_bundle(CONTENT, None)
    assert b"canary" not in write_bundle(Content.of(CONTENT.templates, secrets=False), None)


@pytest.mark.parametrize("key", ["about", "secrets", "content"])
def test_what_somebody_changed_on_purpose_is_damage(key):
    data = json.loads(SEALED)
    sealed = bytearray(base64.b64decode(data["content"]))
    sealed[5] ^= 1
    data[key] = {"about": "x", "secrets": False, "content": base64.b64encode(sealed).decode()}[key]
    with pytest.raises(DamagedBundle, match="the passphrase is right, and the content is not what was sealed"):
        read_bundle(redigested(data), PASSPHRASE)


@pytest.mark.parametrize("content", ["", "AAAA"])
def test_content_shorter_than_its_tag_is_damage(content):
    with pytest.raises(DamagedBundle):
        read_bundle(redigested({**json.loads(SEALED), "content": content}), PASSPHRASE)


def sealed_content(monkeypatch, text, *, secrets=True):
    """Return a bundle in which something else is sealed than templates."""
    monkeypatch.setattr(sealing, "content_as_text", lambda _content: text)
    return write_bundle(Content.of(CONTENT.templates, secrets=secrets), PASSPHRASE, QUICK)


BARE = '{"fields": {"name": "A", "server": "a.example"}, "secrets": {}}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "is damaged: its content is not JSON"),
        ("[]", "is damaged: its content is not a list of templates"),
        ('{"templates": {}}', "is damaged: its content is not a list of templates"),
        ('{"templates": [], "more": 1}', "is damaged: its content is not a list of templates"),
        ('{"templates": []}', "is damaged: there is no template in it"),
        ('{"templates": [1]}', "templates[0] does not have exactly the keys fields, secrets"),
        ('{"templates": [{"fields": {}}]}', "templates[0] does not have exactly the keys"),
        ('{"templates": [{"fields": [], "secrets": {}}]}', "fields and secrets of templates[0] are not objects"),
        (f'{{"templates": [{BARE}, {BARE.replace("A", "a")}]}}', "templates[1] has the name of templates[0] ('a')"),
    ],
)
def test_content_of_another_shape_is_damage(monkeypatch, text, words):
    with pytest.raises(DamagedBundle) as caught:
        read_bundle(sealed_content(monkeypatch, text.encode()), PASSPHRASE)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "secrets", "words"),
    [
        ({"name": "A"}, {}, "templates[0].server of template 'A': is missing"),
        ({}, {}, "templates[0].name: is missing"),
        ({"name": 1}, {}, "templates[0].name: 1 is not a string"),
        ({"name": "A", "server": "a.example", "colour": "red"}, {}, "templates[0].colour of template 'A': is not an"),
        ({"name": "A", "server": "a.example", "port": 70000}, {}, "templates[0].port of template 'A': 70000 is not"),
        (
            {"name": "A", "server": "a.example", "password": "canary"},
            {},
            "templates[0].password of template 'A': is a secret",
        ),
        ({"name": "A", "server": "a.example"}, {"pin": "canary"}, "templates[0].pin of template 'A': is not a secret"),
        ({"name": "A", "server": "a.example", "username": "u"}, {"password": ["canary"]}, "templates[0].password of"),
    ],
)
def test_a_template_that_cannot_be_used_is_named_with_its_option(monkeypatch, fields, secrets, words):
    text = json.dumps({"templates": [{"fields": fields, "secrets": secrets}]}).encode()
    with pytest.raises(UnusableTemplate) as caught:
        read_bundle(sealed_content(monkeypatch, text), PASSPHRASE)
    assert str(caught.value).startswith(
        "holds a template that this version of estfleet.cloud_extender does not take: templates[0]."
    )
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


def test_secrets_where_there_should_be_none_are_damage(monkeypatch):
    text = json.dumps(CONTENT.as_json()).encode()
    with pytest.raises(DamagedBundle, match="has secrets, and the bundle says that it has none"):
        read_bundle(sealed_content(monkeypatch, text, secrets=False), PASSPHRASE)


def test_without_cryptography_only_what_is_sealed_fails(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    for fails in (lambda: read_bundle(SEALED, PASSPHRASE), lambda: write_bundle(CONTENT, PASSPHRASE, QUICK)):
        with pytest.raises(LibraryMissing, match=r"the Python library cryptography \(3\.4\.8 or newer\) is not inst"):
            fails()
    assert read_bundle(write_bundle(WITHOUT_SECRETS, None), None) == WITHOUT_SECRETS


def test_a_bundle_that_could_not_be_read_again_is_not_written(monkeypatch):
    monkeypatch.setattr(sealing, "MAX_OCTETS", len(SEALED) - 1)
    with pytest.raises(BundleError, match="would be larger than"):
        write_bundle(CONTENT, PASSPHRASE, QUICK)


def test_some_of_the_templates():
    assert choose(CONTENT, None) == CONTENT
    assert choose(CONTENT, ["CISCO est", "Cisco EST"]).names == ("Cisco EST",)
    with pytest.raises(UnknownName, match="has no template 'x', 'y'; templates there: 'Bare', 'Cisco EST'"):
        choose(CONTENT, ["x", "Bare", "y"])


def test_nothing_secret_is_in_a_repr():
    assert "canary" not in repr((CONTENT, sealing.parse_envelope(CLEAR), sealing.parse_envelope(SEALED)))


# --- any templates, any octets

PASSPHRASES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@settings(steady, max_examples=count(60))
@given(contents(), PASSPHRASES)
def test_any_templates_come_out_as_they_went_in(content, passphrase):
    assert read_bundle(write_bundle(content, passphrase, QUICK), passphrase) == content
    if not content.secrets:
        assert read_bundle(write_bundle(content, None), None) == content


@settings(steady, max_examples=count(30))
@given(PASSPHRASES, PASSPHRASES)
def test_no_other_passphrase_opens_a_bundle(one, other):
    sealed = write_bundle(CONTENT, one, QUICK)
    if one != other:
        with pytest.raises(WrongPassphrase):
            read_bundle(sealed, other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(), inner, max_size=3)
)  # fmt: skip


@settings(steady, max_examples=count(100))
@given(st.binary(max_size=200), st.integers(0, len(SEALED)), st.integers(0, 200))
def test_any_octets_in_a_bundle_are_our_error_or_the_same_content(octets, place, length):
    for whole, passphrase, content in ((SEALED, PASSPHRASE, CONTENT), (CLEAR, None, WITHOUT_SECRETS)):
        for damaged in (octets, whole[:place] + octets + whole[place + length :]):
            try:
                assert read_bundle(damaged, passphrase) == content
            except BundleError as error:
                assert str(error)


@settings(steady, max_examples=count(100))
@given(st.data())
def test_any_value_in_the_place_of_another_is_our_error_or_another_valid_content(data):
    for whole, passphrase in ((SEALED, PASSPHRASE), (CLEAR, None)):
        changed = json.loads(whole)
        place = changed
        while True:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not place[key] or not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
                break
            place = place[key]
        place[key] = data.draw(JSON)
        try:
            taken = read_bundle(redigested(changed), passphrase)
            assert read_bundle(write_bundle(taken, passphrase, QUICK), passphrase) == taken
        except BundleError as error:
            assert str(error)
