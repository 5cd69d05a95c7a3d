# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of templates."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import templates_from_options


def entry(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "server": "est.example.com", **options}


def refused(options: Any) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        templates_from_options(options)
    return caught.value


def test_order_is_kept() -> None:
    assert [template.name for template in templates_from_options([entry("b"), entry("a")])] == ["b", "a"]
    assert templates_from_options([]) == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [("Corp", "corp"), ("Corp", "Corp"), ("Straße", "STRASSE"), ("Caf\u00e9", "cafe\u0301")],
)
def test_names_that_differ_only_in_case(first: str, second: str) -> None:
    error = refused([entry(first), entry("x"), entry(second)])
    assert error.where == "templates[2]"
    assert str(error).startswith("templates[2].name: '")
    assert f"is the name of templates[0] too ('{first}')" in str(error)


def test_an_error_says_which_template() -> None:
    error = refused([entry("a"), entry("Corp Wi-Fi", port=0)])
    assert str(error) == "templates[1].port of template 'Corp Wi-Fi': 0 is not a port (allowed: 1 to 65535)."
    assert (error.where, error.option, error.template) == ("templates[1]", "port", "'Corp Wi-Fi'")


def test_an_error_of_a_template_without_a_name() -> None:
    assert str(refused([{"server": "a"}])) == "templates[0].name: is missing (allowed: a string)."


@pytest.mark.parametrize("options", [None, "a", {"name": "a"}, 7])
def test_no_list(options: Any) -> None:
    assert str(refused(options)).startswith("templates: ")
    assert "is not a list (allowed: a list of templates)" in str(refused(options))


@pytest.mark.parametrize("element", [None, "a", [], 7])
def test_no_dictionary_in_the_list(element: Any) -> None:
    error = refused([entry("a"), element])
    assert str(error).startswith("templates[1]: ")
    assert "is not a dictionary of options" in str(error)
