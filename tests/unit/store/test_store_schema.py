# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published JSON Schema of the store against the code: they accept the same documents."""

from __future__ import annotations

import json
import os

import fastjsonschema
import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import (
    Document,
    JointVerifier,
    SealingKey,
    StoredSecret,
    StoredTemplate,
    parse_document,
    serialise_document,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import DamagedDocument
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import Verifiers
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import FIELDS, SECRET_FIELDS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs")


@pytest.fixture(scope="module")
def schema():
    with open(os.path.join(DOCS, "templates.schema.json"), encoding="utf-8") as file:
        return json.load(file)


def documents():
    """Documents with every kind of template: the least, and one with everything set."""
    verifiers = Verifiers.new()
    secret = StoredSecret.of(
        "all", "password", sealed="QUJD", key_fingerprint="0" * 16, verifier=verifiers.make("all", "password", "x")
    )
    least = Template.from_options({"name": "least", "server": "est.example.com"})
    everything = Template.from_options(
        {
            "name": "all",
            "server": "https://est.example.com:8443/.well-known/est/devices",
            "username": "estuser",
            "password": "x",
            "ca_path": "/etc/ca.pem",
            "client_certificate_path": "/etc/client.pem",
            "client_key_path": "/etc/client.key",
            "proxy": "http://proxy.example.com:3128",
            "subject_alternative_name": "other",
            "subject_alternative_name_other": ["DNS:%Host Name%.example.com"],
            "custom_attributes": ["Host Name"],
            "key_type": "ec",
        }
    )
    yield serialise_document(Document((), verifiers))
    yield serialise_document(
        Document(
            (
                StoredTemplate.of(least.as_fields(), {}),
                StoredTemplate.of(everything.as_fields(), {"password": secret}),
            ),
            verifiers,
            SealingKey("0" * 16, "2026-11-22T12:00:00Z"),
            joint=JointVerifier((("Everything", "password"),), "0" * 64),
        )
    )


def test_the_schema_accepts_what_the_code_writes(schema):
    validate = fastjsonschema.compile(schema)
    for text in documents():
        validate(json.loads(text))
        parse_document(text)


def test_the_schema_has_every_field_and_choice(schema):
    template = schema["definitions"]["template"]["properties"]
    properties = template["fields"]["properties"]
    assert list(properties) == [field.name for field in FIELDS if not field.secret]
    assert tuple(template["secrets"]["properties"]) == SECRET_FIELDS
    for field in FIELDS:
        if field.choices and not field.secret:
            assert properties[field.name]["enum"] == list(field.choices)


def broken_documents():
    """Documents of a wrong shape, one thing wrong in each."""
    text = list(documents())[-1]
    for change in (
        lambda data: data.pop("verifier"),
        lambda data: data.update(format="something else"),
        lambda data: data.update(more=1),
        lambda data: data.update(templates={}),
        lambda data: data["templates"][0].pop("digest"),
        lambda data: data["templates"][0].update(digest=1),
        lambda data: data["templates"][0].update(more=1),
        lambda data: data["templates"][0]["secrets"].update(password={}),
        lambda data: data["templates"][0].update(fields=[]),
        lambda data: data["verifier"].update(kdf="none"),
        lambda data: data.pop("joint_verifier"),
        lambda data: data.update(joint_verifier={"of": [["a"]], "verifier": ""}),
        lambda data: data.update(joint_verifier={"of": [["a", 1]], "verifier": ""}),
        lambda data: data.update(joint_verifier={"of": [], "verifier": 1}),
        lambda data: data.update(joint_verifier={"of": [], "verifier": "", "more": 1}),
        lambda data: data.pop("sealing_key"),
        lambda data: data["sealing_key"].update(since="today"),
        lambda data: data["sealing_key"].update(fingerprint=""),
        lambda data: data["sealing_key"].update(more=1),
    ):
        data = json.loads(text)
        change(data)
        yield json.dumps(data)


@pytest.mark.parametrize("text", list(broken_documents()))
def test_schema_and_code_refuse_the_same(schema, text):
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.validate(schema, json.loads(text))
    with pytest.raises(DamagedDocument):
        parse_document(text)
