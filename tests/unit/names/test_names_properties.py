# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any text is a name, or is refused in a few words and in a short time, however long it is."""

from __future__ import annotations

from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.addresses import a_label_form, is_host_name
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_OIDS,
    SubjectAttribute,
    check_attribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    parse_distinguished_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import (
    NameSyntaxError,
    find_unprintable,
    normalized,
    quote,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    GeneralName,
    canonical_general_name,
    parse_general_name,
    validate_general_name,
)

LONG = 200_000
#: Texts that are long in the ways that a pattern could be slow with.
LONG_TEXTS = {
    "letters": "a" * LONG,
    "letters of another script": "é" * LONG,
    "spaces": "a" + " " * LONG + "b",
    "at signs": "//" + "@" * LONG + ":x",
    "addresses": "a@" * (LONG // 2),
    "dots": "a." * (LONG // 2),
    "commas": "CN=a," * (LONG // 5),
    "slashes": "/CN=a" * (LONG // 5),
    "plus signs": "+ " * (LONG // 2),
    "quotes": '="' * (LONG // 2),
    "open quote": '="' + "\\=" * (LONG // 2),
    "backslashes": "\\" * (LONG + 1),
    "hex pairs": "\\C4\\8D" * (LONG // 6),
    "digits": "1" * LONG,
    "arcs": "1." * (LONG // 2) + "1",
    "sub-authorities": "S-1-5" + "-1" * (LONG // 2),
    "percent signs": "%" * LONG,
    "lines": "\n" * LONG,
    "right to left": "\u0639\u0644\u064a " * (LONG // 4) + "\u0639",
    "combining marks": "e" + "\u0301" * LONG,
    "A-labels": "xn--" * (LONG // 4),
}


def refusal(read: Callable[[], object]) -> str:
    """What is said of a text that is refused; an empty text where it is taken."""
    try:
        read()
    except NameSyntaxError as error:
        assert error.reason
        assert not find_unprintable(error.reason)
        assert not find_unprintable(error.allowed)
        assert len(error.reason) + len(error.allowed) < 1000
        return str(error)
    return ""


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_a_long_text_is_refused_in_few_words_and_little_time(text: str) -> None:
    check_effort(3000 * LONG, lambda: refuse_everywhere(text))


def refuse_everywhere(text: str) -> None:
    for written in (text, f"/CN={text}", f"CN={text}", f"CN=x,O={text}", f"/{text}=x", f"{text}=x"):
        refusal(lambda written=written: parse_distinguished_name(written))
    for oid in (*ATTRIBUTE_OIDS.values(), "1.2.3"):
        assert refusal(lambda oid=oid: check_attribute(SubjectAttribute(oid, text)))
    for type_ in KINDS:
        assert refusal(lambda type_=type_: validate_general_name(GeneralName(type_, text)))
    for start in ("dirName:/CN=", "dirName:CN=", "URI:https://", "UPN:a@", "email:a@", "URI:ü://"):
        assert refusal(lambda start=start: validate_general_name(parse_general_name(f"{start}{text}x")))
    refusal(lambda: parse_general_name(text))


def test_what_is_refused_is_quoted_on_one_short_line() -> None:
    assert quote("abc") == "'abc'"
    assert quote("a\nb\u202e") == r"'a\nb\u202e'"
    assert len(quote("a" * LONG)) == len(quote("\n" * LONG)) == 120


TEXTS = st.text(alphabet=st.one_of(st.sampled_from("aA1.@:/-*_[]%#,=\\+ü "), st.characters()), max_size=30)


@steady
@given(st.sampled_from(list(KINDS)), TEXTS)
def test_any_entry_comes_out_as_it_went_in_or_is_refused(type_: str, value: str) -> None:
    text = f"{type_}:{value}"
    if refusal(lambda: validate_general_name(parse_general_name(text))):
        return
    name = parse_general_name(text)
    assert str(name) == text
    canonical = canonical_general_name(name)
    validate_general_name(canonical)
    assert canonical_general_name(canonical) == canonical
    if type_ != "dirName":
        assert canonical == (type_, normalized(value))


@steady
@given(TEXTS)
def test_any_text_is_an_entry_or_refused(text: str) -> None:
    if not refusal(lambda: parse_general_name(text)):
        assert parse_general_name(str(parse_general_name(text))) == parse_general_name(text)


@steady
@given(TEXTS)
def test_an_a_label_form_reads_back_as_the_name(text: str) -> None:
    ascii_form = a_label_form(text)
    if ascii_form:
        assert is_host_name(ascii_form)
        assert ascii_form.encode().decode("idna") == normalized(text).lower()


@steady
@given(st.sampled_from([*ATTRIBUTE_OIDS.values(), "2.5.4.97"]), TEXTS)
def test_a_value_that_an_attribute_takes_has_nothing_hidden(oid: str, value: str) -> None:
    if not refusal(lambda: check_attribute(SubjectAttribute(oid, value))):
        assert value
        assert value == value.strip()
        assert not find_unprintable(value)
        assert value.encode("utf-8")
