# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors, and how all those of the package are written."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base import errors

PACKAGE = Path(errors.__file__).parents[1]
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.EstError)}
# What a sentence may begin with all the same: CMS, PEM, TLS and the like.
ACRONYM = re.compile(r"[A-Z][A-Z0-9]")


def literal(node: ast.expr) -> str:
    """The text of a literal; ``{}`` for each value that is put into it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def reasons_in(source: str) -> Iterator[str]:
    """The reasons that are written where an error is made."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS):
            continue
        yield from (literal(reason) for reason in node.args[:1] if isinstance(reason, (ast.Constant, ast.JoinedStr)))


def complaint(reason: str) -> str:
    if reason[:1].isupper() and not ACRONYM.match(reason):
        return "it begins with a capital"
    return "it ends with a full stop" if reason.endswith(".") else ""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_reasons_fit_into_a_sentence(path: Path) -> None:
    # They are shown as "... failed at stage tls: <reason>."
    wrong = [(reason, complaint(reason)) for reason in reasons_in(path.read_text(encoding="utf-8"))]
    assert [pair for pair in wrong if pair[1]] == []


def test_the_check_of_reasons_finds_what_it_is_for() -> None:
    source = 'ParseError("The data ends")\nParseError(f"byte {n} is wrong.")\nInputError("TLS is off")'
    assert [complaint(reason) for reason in reasons_in(source)] == [
        "it begins with a capital",
        "it ends with a full stop",
        "",
    ]
    found = [len(list(reasons_in(path.read_text(encoding="utf-8")))) for path in PACKAGE.rglob("*.py")]
    assert sum(found) > 60


def test_an_error_reads_as_its_reason_does_now() -> None:
    error = errors.ServerError("the server said hunter2", hint="Look.")
    error.reason = "the server said ********"
    assert str(error) == "the server said ********"
    assert "hunter2" not in repr(error)
