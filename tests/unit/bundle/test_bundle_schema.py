# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published JSON Schema of bundles against the code: they accept the same ones."""

from __future__ import annotations

import json
import os

import fastjsonschema
import pytest
from support.bundles import CLEAR, CONTENT, PASSPHRASE, SEALED, WITHOUT_SECRETS, redigested

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import read_content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import read_bundle, write_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import FIELDS, SECRET_FIELDS

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs")


def published(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture(scope="module")
def schema():
    return published("bundle.schema.json")


def of_content(schema):
    """Return the schema of what is sealed in a bundle."""
    return {"$ref": "#/definitions/content", "definitions": schema["definitions"]}


def test_the_schema_accepts_what_the_code_writes(schema):
    validate = fastjsonschema.compile(schema)
    for octets in (SEALED, CLEAR, write_bundle(CONTENT, PASSPHRASE), write_bundle(WITHOUT_SECRETS, PASSPHRASE)):
        validate(json.loads(octets))
    fastjsonschema.validate(of_content(schema), CONTENT.as_json())


def test_the_schema_has_every_field_as_the_schema_of_the_store_has_it(schema):
    template = schema["definitions"]["template"]["properties"]
    in_store = published("templates.schema.json")["definitions"]["template"]["properties"]["fields"]
    assert template["fields"]["properties"] == in_store["properties"]
    assert list(template["fields"]["properties"]) == [field.name for field in FIELDS if not field.secret]
    assert tuple(template["secrets"]["properties"]) == SECRET_FIELDS


WRONG = {
    "no digest": lambda data: data.pop("digest"),
    "another format": lambda data: data.update(format="x"),
    "no about": lambda data: data.update(about=None),
    "no secrets": lambda data: data.update(secrets=1),
    "more": lambda data: data.update(more=1),
    "in clear with secrets": lambda data: data.update(sealing=None, content=CONTENT.as_json()),
    "in clear and sealed": lambda data: data.update(sealing=None),
    "sealed and in clear": lambda data: data.update(content=WITHOUT_SECRETS.as_json()),
    "no base64": lambda data: data.update(content="?"),
    "another cipher": lambda data: data["sealing"].update(cipher="none"),
    "another derivation": lambda data: data["sealing"].update(kdf="none"),
    "no salt": lambda data: data["sealing"].pop("salt"),
    "a short salt": lambda data: data["sealing"].update(salt="AAAA"),
    "a long salt": lambda data: data["sealing"].update(salt="AAAA" * 30),
    "a short check": lambda data: data["sealing"].update(check="AAAA"),
    "a long nonce": lambda data: data["sealing"].update(nonce="AAAA" * 5),
    "no n": lambda data: data["sealing"].update(n=0),
    "too many p": lambda data: data["sealing"].update(p=17),
    "more of sealing": lambda data: data["sealing"].update(more=1),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=list(WRONG))
def test_schema_and_code_refuse_the_same(schema, change):
    data = json.loads(SEALED)
    change(data)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.validate(schema, data)
    octets = json.dumps(data).encode() if "digest" not in data else redigested(data)
    for passphrase in (PASSPHRASE, None):
        with pytest.raises(BundleError):
            read_bundle(octets, passphrase)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"templates": []},
        {"templates": {}},
        {"templates": [{}]},
        {"templates": [{"fields": {"name": "A", "server": "a.example"}}]},
        {"templates": [{"fields": {"name": "A"}, "secrets": {}}]},
        {"templates": [{"fields": {"name": "A", "server": "a.example", "more": 1}, "secrets": {}}]},
        {"templates": [{"fields": {"name": "A", "server": "a.example", "port": 0}, "secrets": {}}]},
        {"templates": [{"fields": {"name": "A", "server": "a.example"}, "secrets": {"pin": "x"}}]},
        {"templates": [{"fields": {"name": "A", "server": "a.example"}, "secrets": {"password": 1}}]},
    ],
)
def test_schema_and_code_refuse_the_same_content(schema, content):
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.validate(of_content(schema), content)
    with pytest.raises(BundleError):
        read_content(content, secrets=True)


def test_a_field_that_is_left_out_has_its_default(schema):
    least = {"templates": [{"fields": {"name": "A", "server": "a.example"}, "secrets": {}}]}
    fastjsonschema.validate(of_content(schema), least)
    assert read_content(least, secrets=True).templates[0].renewal_period_days == 14
