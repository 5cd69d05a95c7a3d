# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders have an order, drawn in CONTRIBUTING.md: what is below imports nothing from above."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.imports import COLLECTION, PLUGINS, ROOT, files, imports

# From below to above. A folder may import from those before it, and from itself.
ORDER = (
    "module_utils/_answer",
    "module_utils/_failure",
    "module_utils/_value",
    "module_utils/_files",
    "module_utils/_names",
    "module_utils/est/base",
    "module_utils/est/asn1",
    "module_utils/est/x509",
    "module_utils/est/http",
    "module_utils/est/request",
    "module_utils/est/answers",
    "module_utils/est",
    "module_utils/_template",
    "module_utils/_store",
    "module_utils/_bundle",
    "module_utils/_exchange",
    "module_utils/_certificate",
    "module_utils/_identities",
    "module_utils/_diagnostics",
    "module_utils/_report",
    "plugin_utils/base",
    "plugin_utils/exchange",
    "plugin_utils/host",
    "plugin_utils/action",
    "plugin_utils/fleet",
    "plugin_utils/command",
)

# What no other folder of these may import: each stands for itself on what is below it.
APART = {
    "module_utils/est": {"module_utils/_template", "module_utils/_store"},
    "module_utils/_report": {"module_utils/est", "module_utils/_exchange", "module_utils/_store"},
    "module_utils/_store": {"module_utils/est"},
    "module_utils/_bundle": {"module_utils/est"},
    "module_utils/_template": {"module_utils/est"},
}


def folder_of(dotted: str) -> str:
    """The entry of the order that a module below ``plugins`` belongs to."""
    path = dotted.replace(".", "/")
    return max((entry for entry in ORDER if f"{path}/".startswith(f"{entry}/")), key=len, default="")


def wrong_arrows(path: Path, source: str) -> list[str]:
    """The imports of a file that point upwards, or to where they may not."""
    own = folder_of(".".join(path.relative_to(PLUGINS).with_suffix("").parts))
    wrong = []
    for name, line in imports(path, source):
        other = folder_of(name)
        apart = any(own.startswith(one) and other.startswith(tuple(others)) for one, others in APART.items())
        if not other or ORDER.index(other) > ORDER.index(own) or apart:
            wrong.append(f"line {line}: {own} imports {name}")
    return wrong


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_no_arrow_points_upwards(path: Path) -> None:
    assert wrong_arrows(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("from .der import Element", False),
        ("from ..base.errors import EstError", False),
        ("from ..http import tls", True),
        ("def f():\n    from ..client import EstClient", True),
        ("from ..._template.model import Template", True),
        (f"from {COLLECTION}plugin_utils.base.action import plain", True),
        (f"import {COLLECTION}module_utils.est.client", True),
    ],
)
def test_an_arrow_that_points_upwards_is_seen(statement: str, wrong: bool) -> None:
    assert bool(wrong_arrows(PLUGINS / "module_utils" / "est" / "asn1" / "cms.py", statement)) is wrong


def test_every_folder_is_in_the_order_and_in_the_picture() -> None:
    folders = {folder_of(".".join(path.relative_to(PLUGINS).with_suffix("").parts)) for path in files()}
    assert folders == set(ORDER)
    (picture,) = re.findall(r"```mermaid\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    drawn = set(re.findall(r"[\w/]+", picture))
    assert {entry.split("/", 1)[1] for entry in ORDER} <= drawn


def test_the_map_names_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/.-]+/[\w.-]+)`", text)) - {"changelogs/fragments/"}
    roots = ROOT, PLUGINS, PLUGINS / "module_utils", PLUGINS / "plugin_utils"
    lab = ROOT / "roles" / "est_lab_server" / "files" / "est_lab_server"
    assert len(named) > 20
    assert [name for name in sorted(named) if not any((root / name).exists() for root in (*roots, lab))] == []


def test_the_pages_on_security_and_certificates_name_tests_that_are_there() -> None:
    for page in ("security.md", "certificates.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        named = set(re.findall(r"`(tests/[\w/.-]+)`", text))
        assert named, page
        assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    # Each row of a table says which test holds it.
    rows = [line for line in text_of_tables() if not re.match(r"\| (attack|who|---)", line)]
    assert [row for row in rows if "`tests/" not in row] == []


def text_of_tables() -> list[str]:
    """The rows of the tables of attacks."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    promised = text[text.index("## What is promised") : text.index("## What is not promised")]
    return [line for line in promised.splitlines() if line.startswith("|")]
