# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an error reads."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import (
    TemplateError,
    closest,
    show,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TemplateError("port", "is missing"), "port: is missing."),
        (TemplateError("port", "is not a port", value="'x'"), "port: 'x' is not a port."),
        (
            TemplateError("port", "is not a port", value="'x'", allowed="1 to 9"),
            "port: 'x' is not a port (allowed: 1 to 9).",
        ),
        (
            TemplateError("port", "is not a port", value="'x'", allowed="1 to 9", suggestion="7"),
            "port: 'x' is not a port (allowed: 1 to 9). Did you mean '7'?",
        ),
        (TemplateError("port", "is missing").at("templates[2]"), "templates[2].port: is missing."),
        (
            TemplateError("port", "is missing").at("templates[2]", "'a'"),
            "templates[2].port of template 'a': is missing.",
        ),
        (TemplateError("port", "is missing").at("b").at("a"), "a.b.port: is missing."),
    ],
)
def test_text(error: TemplateError, text: str) -> None:
    assert str(error) == text


def test_at_keeps_everything() -> None:
    error = TemplateError("port", "is not a port", value="'x'", allowed="1", suggestion="7").at("here", "'a'")
    assert (error.option, error.reason, error.value, error.allowed, error.suggestion, error.where, error.template) == (
        "port",
        "is not a port",
        "'x'",
        "1",
        "7",
        "here",
        "'a'",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        (r"a\/b", r"'a\/b'"),
        (7, "7"),
        (None, "None"),
        ("x" * 500, "'" + "x" * 115 + "...'"),
    ],
)
def test_show(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("value", "choice"),
    [("UPN and Email", "upn_and_email"), (" OTHER", "other"), ("othr", "other"), ("zzz", ""), (7, "")],
)
def test_closest(value: object, choice: str) -> None:
    assert closest(value, ("none", "upn", "upn_and_email", "other")) == choice
