# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors carry what, front ends say how: the codes, the tables of hints, and the words of the library."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    argument_spec as certificate_argument_spec,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import HINTS as OPTION_HINTS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import argument_spec
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import FIELDS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base import errors
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.codes import CODES as OWN_CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command.hints import HINTS as FLAG_HINTS

EST = Path(errors.__file__).parents[1]
PLUGINS = EST.parents[1]
SPECS = (*argument_spec(), *certificate_argument_spec(), *(field.name for field in FIELDS))
#: The others are plain words too: server, port, label, proxy, subject.
OPTIONS = {name for name in SPECS if "_" in name} | {"username"}
#: The one file in which a template is something else: the CertificationRequestInfoTemplate of RFC 9908.
OF_RFC_9908 = "attributes.py"


def sentences(source: str) -> Iterator[str]:
    """The texts of a file that have more than one word, without docstrings and comments."""
    tree = ast.parse(source)
    aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if " " in text.strip() and id(node) not in aside:
            yield text


def names_of_front_ends(sentence: str, *, template: bool = True) -> set[str]:
    words = set(re.findall(r"\w+", sentence))
    return words & OPTIONS | ({"template"} & words if template else set())


@pytest.mark.parametrize("path", sorted(EST.rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_sentence_of_the_library_names_a_template_or_an_option(path: Path) -> None:
    template = path.name != OF_RFC_9908
    said = sentences(path.read_text(encoding="utf-8"))
    assert [text for text in said if names_of_front_ends(text, template=template)] == []


def test_the_check_of_sentences_finds_what_it_is_for() -> None:
    source = '"""Set ca_path."""\nfail("Set ca_path now.")\nfail(f"{x} of the template")\nread("ca_path")'
    assert [names_of_front_ends(text) for text in sentences(source)] == [{"ca_path"}, {"template"}]
    assert {"ca_certificate", "allow_redirects_to", "on_lost", "on_failed_renewal"} <= OPTIONS


def codes_in(tree: ast.AST) -> Iterator[str]:
    """The codes that are given to errors and results: by an argument, a class, a variable or a key of that name."""
    for node in ast.walk(tree):
        found: list[ast.expr | None] = []
        is_argument = isinstance(node, ast.keyword) and node.arg in ("code", "error_code")
        is_name = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]
        if is_argument or is_name:
            found = [node.value]
        elif isinstance(node, ast.Dict):
            found = [value for key, value in zip(node.keys, node.values) if key and ast.unparse(key) == "'error_code'"]
        elif isinstance(node, ast.arguments):
            found = [value for name, value in zip(node.kwonlyargs, node.kw_defaults) if name.arg == "code"]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "failure":
            found = node.args[1:2]
        yield from (value.value for value in found if isinstance(value, ast.Constant) and value.value)


def test_every_code_is_in_the_list_and_every_one_of_the_list_is_given() -> None:
    given: set[str] = set()
    texts: set[str] = set()
    for path in PLUGINS.rglob("*.py"):
        if path.name not in ("codes.py", "hints.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            given.update(codes_in(tree))
            texts.update(
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
    for path in PLUGINS.rglob("*.psm1"):  # PowerShell gives some to errors of Windows
        texts.update(re.findall(r"'([a-z_]+)'", path.read_text(encoding="utf-8")))
    assert given - set(CODES) - set(OWN_CODES) == set()
    assert (set(CODES) | set(OWN_CODES)) - texts == set()
    assert set(CODES) & set(OWN_CODES) == set()


def test_codes_are_names_with_a_sentence_each() -> None:
    for code, meaning in {**CODES, **OWN_CODES}.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)
        assert meaning[0].isupper() and meaning.endswith(".")


@pytest.mark.parametrize("hints", [OPTION_HINTS, FLAG_HINTS], ids=["options", "flags"])
def test_a_front_end_has_hints_for_known_codes_with_known_values(hints: dict[str, str]) -> None:
    assert set(hints) - set(CODES) == set()
    values = {"missing_library": {"name", "minimum"}, "redirect_needs_consent": {"server"}}
    for code, hint in hints.items():
        names = {name for _text, name, _spec, _conversion in string.Formatter().parse(hint) if name}
        assert names <= values.get(code, set()), code


def test_the_hints_of_the_command_name_no_option_of_a_module() -> None:
    without_flags = [re.sub(r"--[a-z-]+", "", hint) for hint in FLAG_HINTS.values()]
    assert [hint for hint in without_flags if names_of_front_ends(hint)] == []


def test_advice_is_that_of_the_front_end_after_what_callers_noted() -> None:
    error = errors.ServerError("no", code="redirect_needs_consent", values={"server": "b:443"}, hint="Allow it.")
    assert error.advice({}) == "Allow it."
    assert error.advice({"redirect_needs_consent": "Give --to {server}."}) == "Give --to b:443."
    error.note("Nothing was saved.")
    error.note("The old key stays.")
    assert error.advice({}) == "The old key stays. Nothing was saved. Allow it."


def test_a_code_is_that_of_the_class_where_none_is_given() -> None:
    assert errors.InputError("x").code == "invalid_option"
    assert errors.ParseError("x").code == "malformed_answer"
    assert errors.ParseError("x").hint
    assert errors.ServerError("x", code="forbidden").code == "forbidden"
