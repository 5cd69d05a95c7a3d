# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import (
    Document,
    StoredSecret,
    StoredTemplate,
    parse_document,
    serialise_document,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import DamagedDocument, NewerFormat
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import Verifiers

VERIFIERS = Verifiers(salt=b"s" * 16)


def template(name="Cisco", **fields):
    secret = StoredSecret.of(name, "password", sealed="AAAA", key_fingerprint="f" * 16, verifier="0" * 64)
    return StoredTemplate.of({"name": name, **fields}, {"password": secret})


def text(*templates):
    return serialise_document(Document(templates, VERIFIERS))


def changed(change):
    data = json.loads(text(template()))
    change(data)
    return json.dumps(data)


def test_round_trip():
    document = Document((template("A", port=8443), template("B", label="Büro")), VERIFIERS)
    assert parse_document(serialise_document(document)) == document


def test_equal_content_is_equal_bytes_and_sorted_by_name():
    assert text(template("b"), template("A"), template("C")) == text(template("C"), template("b"), template("A"))
    names = [entry["fields"]["name"] for entry in json.loads(text(template("b"), template("A")))["templates"]]
    assert names == ["A", "b"]


def test_says_its_format_and_version():
    data = json.loads(text())
    assert (data["format"], data["format_version"]) == ("estfleet.cloud_extender.templates", 1)


def test_find_does_not_look_at_case():
    document = Document((template("Cisco"),), VERIFIERS)
    assert document.find("CISCO").name == "Cisco"
    assert document.find("Other") is None


def test_edited_parts():
    good = template(port=8443)
    assert good.edited_parts() == ()
    assert StoredTemplate({**good.fields, "port": 443}, good.secrets, good.digest).edited_parts() == ("fields",)
    secret = good.secrets["password"]
    moved = secret.replace(sealed=secret.sealed[::-1] + "A")
    assert StoredTemplate(good.fields, {"password": moved}, good.digest).edited_parts() == ("password",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        (text(template())[:-40], "is cut short: it ends in the middle of the document, at line"),
        ("not json", "is not JSON: Expecting value at line 1 column 1"),
        ('{"a": 1,}', "is not JSON:"),
        ('{"a": 1, "a": 2}', "an object names a key twice"),
        ("[" * 200_000, "is not JSON"),
        ("[]", "not a document of format estfleet.cloud_extender.templates"),
        ("{}", "not a document of format"),
        (changed(lambda d: d.pop("format_version")), "has no format version"),
        (changed(lambda d: d.update(format_version="1")), "has no format version"),
        (changed(lambda d: d.update(format_version=True)), "has no format version"),
        (changed(lambda d: d.update(format_version=0)), "has no format version"),
        (changed(lambda d: d.pop("templates")), "the document has no templates"),
        (changed(lambda d: d.update(more=1)), "the document has the unknown key 'more'"),
        (changed(lambda d: d.update(templates={})), "templates is not a list"),
        (changed(lambda d: d["templates"].append(3)), "templates[1] is not an object"),
        (changed(lambda d: d["templates"][0].pop("digest")), "templates[0] has no digest"),
        (changed(lambda d: d["templates"][0].update(digest=3)), "templates[0].digest is not text"),
        (changed(lambda d: d["templates"][0].update(fields=[])), "templates[0].fields has no name"),
        (changed(lambda d: d["templates"][0]["fields"].update(name="")), "templates[0].fields has no name"),
        (changed(lambda d: d["templates"][0].update(secrets=[])), "templates[0].secrets is not an object"),
        (
            changed(lambda d: d["templates"][0]["secrets"].update(password="clear")),
            "templates[0].secrets.password is not an object",
        ),
        (
            changed(lambda d: d["templates"][0]["secrets"]["password"].update(sealed=None)),
            "templates[0].secrets.password.sealed is not text",
        ),
        (changed(lambda d: d["templates"].append(d["templates"][0])), "two templates of one name: 'Cisco' and 'Cisco'"),
        (text(template("cisco"), template("Cisco")), "two templates of one name"),
        (changed(lambda d: d["templates"][0]["fields"].update(label="\ud800")), "not Unicode"),
        (changed(lambda d: d.update(verifier=None)), "verifier is not an object with kdf scrypt"),
        (changed(lambda d: d["verifier"].update(n=2**30)), "scrypt parameters out of bounds"),
        (changed(lambda d: d["verifier"].update(n=4097)), "scrypt parameters out of bounds"),
        (changed(lambda d: d["verifier"].update(p="1")), "scrypt parameters out of bounds"),
        (changed(lambda d: d["verifier"].update(salt="AAAA")), "salt is not base64 of at least 16 octets"),
        (changed(lambda d: d.pop("sealing_key")), "the document has no sealing_key"),
        (changed(lambda d: d.update(sealing_key="0" * 16)), "sealing_key is not an object"),
        (changed(lambda d: d.update(sealing_key={"fingerprint": "0" * 16})), "sealing_key has no since"),
        (changed(lambda d: d.update(sealing_key={"fingerprint": 1, "since": None})), "fingerprint is not text"),
        (
            changed(lambda d: d.update(sealing_key={"fingerprint": "0" * 16, "since": "yesterday"})),
            "sealing_key.since is not a time in UTC",
        ),
        (changed(lambda d: d["verifier"].update(salt="ä")), "salt is not base64"),
    ],
)
def test_damage_is_told_apart_and_says_where(content, words):
    with pytest.raises(DamagedDocument) as error:
        parse_document(content)
    assert words in str(error.value)


def test_a_newer_format_is_no_damage():
    with pytest.raises(NewerFormat) as error:
        parse_document(changed(lambda d: d.update(format_version=2, templates="of a shape not known yet")))
    assert "format version 2" in str(error.value)
    assert "knows up to 1" in str(error.value)


@given(st.integers(min_value=0, max_value=len(text(template("A"), template("B"))) - 3))
def test_every_cut_is_seen_as_damage(length):
    with pytest.raises(DamagedDocument):
        parse_document(text(template("A"), template("B"))[:length])


@given(st.text())
def test_any_text_is_damage_or_a_document(content):
    with pytest.raises(DamagedDocument):
        parse_document(content)


def test_repr_holds_no_sealed_value():
    assert "AAAA" not in repr(Document((template(),), VERIFIERS))
