# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/subjects-and-names.md: every row and example is what happens."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List

import pytest
import yaml
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.doc_fragments.template_options import ModuleDocFragment
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_NAMES,
    ATTRIBUTE_OIDS,
    SubjectAttribute,
    check_attribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import KINDS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.render import render

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "subjects-and-names.md")
with open(PAGE, encoding="utf-8") as file:
    TEXT = file.read()


def rows(*header: str) -> List[List[str]]:
    """The rows of the table with this header, without backquotes around a cell."""
    start = TEXT.index("| " + " | ".join(header) + " |\n")
    lines = TEXT[start:].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?:(?<=^)|(?<= ))\|(?: |$)", line)[1:-1]] for line in lines]


def code(cell: str) -> str:
    assert cell[:1] == cell[-1:] == "`"
    return cell[1:-1]


def with_entry(entry: str) -> Dict[str, Any]:
    return {"subject_alternative_name": "other", "subject_alternative_name_other": [entry]}


@pytest.mark.parametrize(("written", "kept"), rows("written", "kept as"))
def test_what_is_kept(written: str, kept: str) -> None:
    assert template(subject=code(written)).subject == code(kept)


@pytest.mark.parametrize(("written", "because"), rows("written", "because it"))
def test_what_is_refused_of_a_subject(written: str, because: str) -> None:
    assert refusal(subject=code(written)).reason == because


@pytest.mark.parametrize(("written", "because", "suggested"), rows("written", "because it", "suggested"))
def test_what_is_refused_of_an_entry(written: str, because: str, suggested: str) -> None:
    error = refusal(**with_entry(code(written)))
    assert error.reason == because
    assert error.suggestion == (code(suggested) if suggested else "")


@pytest.mark.parametrize("row", rows("entry", "in the certificate"), ids=lambda row: row[0])
def test_an_entry_of_each_type(row: List[str]) -> None:
    assert len(template(**with_entry(code(row[0]))).subject_alternative_name_other) == 1


def test_the_tables_are_whole() -> None:
    assert [code(row[0]).partition(":")[0] for row in rows("entry", "in the certificate")] == list(KINDS)
    options = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    (text,) = options["subject_alternative_name_other"]["description"]
    assert list(dict.fromkeys(re.findall(r"V\((\w+)\)", text))) == list(KINDS)
    attributes = rows("name", "attribute", "string type", "may hold")
    assert [code(row[0]) for row in attributes] == list(ATTRIBUTE_OIDS)


@pytest.mark.parametrize("row", rows("name", "attribute", "string type", "may hold"), ids=lambda row: row[0])
def test_the_lengths(row: List[str]) -> None:
    found = re.match(r"(\d+) characters", row[3])
    name = code(row[0])
    if found and name != "emailAddress":
        check_attribute(SubjectAttribute(ATTRIBUTE_OIDS[name], "1" * int(found[1])))
        with pytest.raises(NameSyntaxError, match=f"at most {found[1]}"):
            check_attribute(SubjectAttribute(ATTRIBUTE_OIDS[name], "1" * (int(found[1]) + 1)))


def test_the_example_makes_what_the_page_says() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (task,) = yaml.safe_load(example)
    made = Template.from_options(task["estfleet.cloud_extender.est_template"])
    identity = TestIdentity(
        user="bob, O=x",
        domain="corp.example",
        email="bob@example.com",
        variables={"Object Sid": "S-1-5-21-1-2-3-4"},
    )
    with pytest.raises(ValueError, match="which is not a user name"):
        render(made, identity)
    rendered = render(made, TestIdentity(**{**vars(identity), "user": "bob"}))
    assert [(ATTRIBUTE_NAMES[oid], value) for oid, value in rendered.subject] == [
        *(("DC", "com"), ("DC", "example"), ("OU", "Phones"), ("CN", "bob")),
    ]
    assert [str(name) for name in rendered.subject_alternative_names] == [
        *("UPN:bob@corp.example", "email:bob@example.com", "SID:S-1-5-21-1-2-3-4"),
    ]
