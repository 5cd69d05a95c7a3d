# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a variable holds ends as exactly one value, and whatever a template says is kept or refused."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import steady
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import ATTRIBUTE_NAMES
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import normalized
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    canonical_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.render import Rendered, render

LONG = 200_000
HOSTILE = (
    "a/O=Injected",
    "a,O=Injected",
    "a+O=Injected",
    "a\\,O=Injected",
    "a\\",
    '"a",O=Injected',
    "#0c0161",
    "%domain%",
    "%%",
    "100%",
    "%Any%",
    "a\nb",
    "a\x00b",
    "a\u202eb",
    "\u0639\u0644\u064a",
    "\u05d0/\u05d1",
    "e\u0301",
    "\u0338",
    "\ud800",
    "  ",
    " a",
    "x" * LONG,
    "\u0639" * LONG,
    "/" * LONG,
    "," * LONG,
    "%" * LONG,
    "\n" * LONG,
    "O=a," * (LONG // 4),
    "\\2c" * (LONG // 3),
)
TEXTS = st.text(alphabet=st.one_of(st.sampled_from('/\\+=%,;<>"#: @.COU1\n'), st.characters()), min_size=1, max_size=24)
SUBJECTS = ("/CN=%Any%/OU=fixed", "OU=fixed,CN=%Any%", "/CN=%Any%/OU=fixed/O=%Any%")
ENTRIES = ("DNS:fixed.example", *(f"{type_}:%Any%" for type_ in KINDS), "dirName:CN=%Any%,OU=fixed")


def outcome(make: Callable[[], Any]) -> Optional[Any]:
    """What is made; None for our own error, which is said in a few words."""
    try:
        return make()
    except TemplateError as error:
        assert error.reason
        assert len(str(error)) < 2000
        assert "\n" not in str(error)
        return None


def rendered(value: str, **options: Any) -> Optional[Rendered]:
    made = template(custom_attributes=["Any"], **options)
    return outcome(lambda: render(made, TestIdentity(variables={"Any": value})))


def check_subject(value: str) -> None:
    for subject in SUBJECTS:
        made = rendered(value, subject=subject)
        if made is not None:
            wanted = [("CN", normalized(value)), ("OU", "fixed"), ("O", normalized(value))][: 2 + subject.count("/O=")]
            assert sorted((ATTRIBUTE_NAMES[oid], held) for oid, held in made.subject) == sorted(wanted)


def check_entry(value: str) -> None:
    for entry in ENTRIES[1:]:
        made = rendered(
            value, subject_alternative_name="other", subject_alternative_name_other=[ENTRIES[0], entry], subject="/CN=x"
        )
        if made is None:
            continue
        first, *others = made.subject_alternative_names
        assert str(first) == ENTRIES[0]
        if entry.startswith("dirName:CN="):
            ((_type, text),) = others
            assert {(ATTRIBUTE_NAMES[oid], held) for oid, held in parse_slash_dn(text)} == {
                ("CN", normalized(value)),
                ("OU", "fixed"),
            }
        elif others:  # left out where it says the same as the first
            (name,) = others
            assert name.type == entry.partition(":")[0] or (name.type, entry[:3]) == ("SID", "URI")
            assert canonical_general_name(name) == name


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
def test_a_hostile_value_is_one_value_or_refused(value: str) -> None:
    check_effort(100_000_000, lambda: (check_subject(value), check_entry(value)))


@pytest.mark.parametrize("separator", ["/", ",", "+", "\\,", ";"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_value_adds_an_attribute(subject: str, separator: str) -> None:
    value = f"bob{separator}O=Injected"
    made = rendered(value, subject=subject)
    assert made is not None
    assert [held for oid, held in made.subject if ATTRIBUTE_NAMES[oid] == "CN"] == [value]
    assert len(made.subject) == 2 + subject.count("/O=")


@steady
@given(TEXTS)
@example("a,O=b")
@example("a/O=b")
def test_any_value_in_a_subject_is_one_value_or_refused(value: str) -> None:
    check_subject(value)


@steady
@given(st.one_of(TEXTS, st.sampled_from(["a@b.example", "b.example", "192.0.2.1", "1.2.3", "urn:x:1", "CN=a,O=b"])))
def test_any_value_in_an_entry_is_one_value_or_refused(value: str) -> None:
    check_entry(value)


@steady
@given(st.one_of(TEXTS, TEXTS.map("/CN={}".format), TEXTS.map("CN={},O=x".format), TEXTS.map("/CN=%Any%{}".format)))
def test_any_subject_is_kept_or_refused(text: str) -> None:
    made = outcome(lambda: template(subject=text, custom_attributes=["Any"]))
    if made is not None:
        assert made.subject.startswith("/")
        assert template(subject=made.subject, custom_attributes=["Any"]) == made
        if text.startswith("/CN="):
            # The same text out: only names of attributes and needless escapes may differ.
            assert parse_slash_dn(made.subject) == parse_slash_dn(text)


@steady
@given(st.sampled_from(["", *(f"{type_}:" for type_ in KINDS), "dirName:/CN=", "dirName:CN="]), TEXTS)
def test_any_entry_is_kept_or_refused(start: str, text: str) -> None:
    def make(entry: str) -> Any:
        return template(
            subject_alternative_name="other", subject_alternative_name_other=[entry], custom_attributes=["Any"]
        )

    made = outcome(lambda: make(start + text))
    if made is not None:
        (entry,) = made.subject_alternative_name_other
        assert make(entry) == made
        if start and not start.startswith("dirName"):
            assert entry == start + text


@steady
@given(TEXTS)
@example("Last, First")
@example('a;b<c>"d"#')
def test_any_custom_attribute_is_a_variable_or_refused(name: str) -> None:
    made = outcome(lambda: template(subject=f"/CN=%{name}%/OU=x", custom_attributes=[name]))
    if made is not None:
        got = render(made, TestIdentity(variables={name: "v,/+"}))
        assert [value for _oid, value in got.subject] == ["v,/+", "x"]
