# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a template, and the custom user attributes that it declares."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.properties import steady
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.variables import (
    PORTAL_WILDCARDS,
    VARIABLES,
    Part,
    close_variable,
    fill_in,
    parse_variables,
    variables_in,
)


def parts(text: str, custom: Sequence[str] = ()) -> list[tuple[str, bool]]:
    return [tuple(part) for part in parse_variables("subject", text, custom)]  # type: ignore[misc]


def refused(text: str, custom: Sequence[str] = ()) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        parse_variables("subject", text, custom)
    assert caught.value.option == "subject"
    assert caught.value.value
    return caught.value


def test_variables_are_those_of_the_documentation() -> None:
    assert [name for name, variable in VARIABLES.items() if not variable.needs_user_visibility] == [
        "udid",
        "csn",
        "uname",
        "domain",
        "email",
        "imei",
        "model",
        "sim",
        "phnumber",
    ]
    assert [name for name, variable in VARIABLES.items() if variable.needs_user_visibility] == ["ou", "cn", "dc", "dn"]
    assert all(name == variable.name and variable.meaning for name, variable in VARIABLES.items())


@pytest.mark.parametrize("name", list(VARIABLES))
def test_every_variable_is_known(name: str) -> None:
    assert parts(f"a%{name}%b") == [("a", False), (name, True), ("b", False)]
    assert template(subject=f"/CN=%{name}%").subject == f"/CN=%{name}%"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", [("", False)]),
        ("Bob", [("Bob", False)]),
        ("%uname%%domain%", [("uname", True), ("domain", True)]),
        ("100%%", [("100", False), ("%", False)]),
        ("%%", [("%", False)]),
        ("%%%%", [("%", False), ("%", False)]),
        ("%%%uname%%%", [("%", False), ("uname", True), ("%", False)]),
        ("5%% of %uname%", [("5", False), ("%", False), (" of ", False), ("uname", True)]),
        ("%uname%%uname%%uname%", [("uname", True)] * 3),
        ("%%5%%", [("%", False), ("5", False), ("%", False)]),
    ],
)
def test_split(text: str, read: list[tuple[str, bool]]) -> None:
    assert parts(text) == read


def test_custom_attribute() -> None:
    assert parts("%Any Name%", ["Any Name"]) == [("Any Name", True)]


def test_fill_in_and_names() -> None:
    split = parse_variables("subject", "%uname%-%uname%@%domain% 5%%", ())
    assert variables_in(split) == ("uname", "domain")
    assert fill_in(split, {"uname": "a%b", "domain": "x"}) == "a%b-a%b@x 5%"


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("%uname", "has an unbalanced '%' at character 1", ""),
        ("uname%", "has an unbalanced '%' at character 6", ""),
        ("100%", "has an unbalanced '%' at character 4", ""),
        ("%", "has an unbalanced '%' at character 1", ""),
        ("%%%", "has an unbalanced '%' at character 3", ""),
        ("%uname%%", "has an unbalanced '%' at character 8", ""),
        ("%uname%domain%", "has an unbalanced '%' at character 14", ""),
        ("50% of %uname%", "has '% of %', which is not a variable", ""),
        ("% uname %", "has '% uname %', which is not a variable", "%uname%"),
        ("% %", "has '% %', which is not a variable", ""),
        ("%una\nme%", r"has '%una\nme%', which is not a variable", "%uname%"),
        ("%%uname%%", "has %%uname%%, which is the text %uname% and not a variable", "%uname%"),
        ("a%%email%%b", "has %%email%%, which is the text %email% and not a variable", "%email%"),
        ("%%upn%%", "has %%upn%%, which is the text %upn% and not a variable", "%uname%@%domain%"),
        ("%Uname%", "has the unknown variable %Uname%", "%uname%"),
        ("%EMAIL%", "has the unknown variable %EMAIL%", "%email%"),
        ("%unmae%", "has the unknown variable %unmae%", "%uname%"),
        ("%u_name%", "has the unknown variable %u_name%", "%uname%"),
        ("%e-mail%", "has the unknown variable %e-mail%", "%email%"),
        ("%emial%", "has the unknown variable %emial%", "%email%"),
        ("%phonenumber%", "has the unknown variable %phonenumber%", "%phnumber%"),
        ("%domian%", "has the unknown variable %domian%", "%domain%"),
        ("%upn%", "has %upn%, which is a wildcard of the portal", "%uname%@%domain%"),
        ("%username%", "has %username%, which is a wildcard of the portal", "%uname%"),
        ("%UserName%", "has %UserName%, which is a wildcard of the portal", "%uname%"),
        ("%deviceid%", "has %deviceid%, which is a wildcard of the portal", "%csn%"),
        ("%Any Name%", "has the unknown variable %Any Name%", ""),
    ],
)
def test_text_refused(text: str, reason: str, suggestion: str) -> None:
    error = refused(text)
    assert reason in error.reason
    assert error.suggestion == suggestion


def test_an_unknown_variable_says_what_there_is_and_how_to_declare_one() -> None:
    error = refused("%Any Name%", ["Object Sid"])
    assert error.allowed == (
        "%udid%, %csn%, %uname%, %domain%, %email%, %imei%, %model%, %sim%, %phnumber%, %ou%, %cn%, %dc%, %dn%,"
        " %Object Sid%; and a custom user attribute, where custom_attributes lists 'Any Name'"
    )


@pytest.mark.parametrize("written", ["%object sid%", "%ObjectSid%", "%Object  Sid%"])
def test_a_declared_attribute_is_suggested(written: str) -> None:
    assert refused(written, ["Object Sid"]).suggestion == "%Object Sid%"


def test_a_doubled_declared_attribute_is_refused() -> None:
    assert "not a variable" in refused("%%Object Sid%%", ["Object Sid"]).reason


@pytest.mark.parametrize(
    ("name", "close"), [("UNAME", "%uname%"), (" upn ", "%uname%@%domain%"), ("zzzz", ""), ("Cost Centre", "")]
)
def test_close_variable(name: str, close: str) -> None:
    assert close_variable(name) == close


def test_thirty_custom_attributes() -> None:
    names = [f"Attribute {number}" for number in range(30)]
    assert template(custom_attributes=names).custom_attributes == tuple(names)
    assert str(refusal(custom_attributes=[*names, "One more"])) == (
        "custom_attributes: has 31 names (allowed: at most 30, the most that a portal defines)."
    )


@pytest.mark.parametrize("name", ["a", "a" * 64, "Größe", "employee-ID_2.0", "Model2", "user"])
def test_custom_attribute_name(name: str) -> None:
    made = template(custom_attributes=[name], subject=f"/CN=%{name}%")
    assert (made.custom_attributes, made.subject) == ((name,), f"/CN=%{name}%")


@pytest.mark.parametrize(
    ("name", "reason", "suggestion"),
    [
        ("%Any Name%", "is not the plain name of an attribute", "Any Name"),
        (" Any Name", "is not the plain name of an attribute", "Any Name"),
        ("   ", "is not the plain name of an attribute", ""),
        ("%", "is not the plain name of an attribute", ""),
        ("a%b", "has a character that no attribute's name has", ""),
        ("a/b", "has a character that no attribute's name has", ""),
        ("a\\b", "has a character that no attribute's name has", ""),
        ("a=b", "has a character that no attribute's name has", ""),
        ("a+b", "has a character that no attribute's name has", ""),
        ("a" * 65, "has 65 characters", ""),
        ("a\x07b", "has a control character (U+0007) in it", ""),
        ("uname", "is the name of the variable %uname%, which needs no declaration", ""),
        ("Email", "is the name of the variable %email%, which needs no declaration", ""),
        ("upn", "is a wildcard of the portal: write %uname%@%domain% in the template", ""),
        ("DeviceID", "is a wildcard of the portal: write %csn% in the template", ""),
        ("cost centre", "is in the list twice (custom_attributes[0])", ""),
    ],
)
def test_custom_attribute_refused(name: str, reason: str, suggestion: str) -> None:
    error = refusal(custom_attributes=["Cost Centre", name])
    assert (error.option, error.reason, error.suggestion) == ("custom_attributes[1]", reason, suggestion)
    assert error.value


TEXTS = st.text(alphabet=st.characters(exclude_characters="%"), min_size=1, max_size=8).filter(
    lambda text: text.casefold() not in (*VARIABLES, *PORTAL_WILDCARDS)  # between two %% that is refused
)
PARTS = st.lists(
    st.one_of(
        st.sampled_from([Part("uname", True), Part("Any Name", True), Part("%", False)]),
        TEXTS.map(lambda text: Part(text, False)),
    ),
    min_size=1,
    max_size=8,
)


@steady
@given(PARTS)
def test_round_trip(wanted: list[Part]) -> None:
    text = "".join(f"%{part.text}%" if part.is_variable else part.text.replace("%", "%%") for part in wanted)
    read = parse_variables("subject", text, ("Any Name",))
    values = {"uname": "<1>", "Any Name": "<2>"}
    assert fill_in(read, values) == fill_in(wanted, values)
    assert variables_in(read) == variables_in(wanted)


@steady
@given(st.text(alphabet=st.one_of(st.sampled_from("%unamedi "), st.characters()), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_variables("subject", text, ())
    except TemplateError as exc:
        assert exc.reason
    else:
        assert all(part.text in VARIABLES for part in read if part.is_variable)
