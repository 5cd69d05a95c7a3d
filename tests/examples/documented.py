# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the examples of the documentation: EXAMPLES of the plugins, and the YAML of the README files and of docs/."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]

_FENCED = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(?=- )", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One task or one play.

    :param name: its name, or its first line where it has none.
    :param text: as it is shown.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Document:
    """What is shown in one place: the EXAMPLES of a module or lookup, or one block of a page.

    :param name: of the plugin, or the path of the page with the name of the first entry.
    :param kind: ``tasks``, ``plays``, or ``data`` for anything else, such as an inventory.
    """

    name: str
    kind: str
    entries: tuple[Entry, ...]

    def full_name(self, entry: Entry) -> str:
        """Return the name by which the tables of the tests know an entry."""
        return f"{self.name.partition(':')[0]}: {entry.name}"

    @property
    def alias(self) -> str:
        """The host that it runs on."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def find_documents() -> tuple[Document, ...]:
    """Find all of them, in an order that stays."""
    found = []
    plugins = ROOT / "plugins"
    for path in sorted([*plugins.glob("modules/*.py"), *plugins.glob("lookup/*.py")]):
        text = _examples_of(path)
        found.append(Document(path.stem, _kind_of(text), _entries(text)))
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]
    for page in sorted(set(pages) - {ROOT / "docs" / "start.md"}):  # test_start.py goes through that one
        where = str(page.relative_to(ROOT))
        for block in _FENCED.finditer(page.read_text(encoding="utf-8")):
            text = textwrap.dedent(block.group(2))
            entries = _entries(text)
            found.append(Document(f"{where}: {entries[0].name}", _kind_of(text), entries))
    return tuple(found)


def _examples_of(path: Path) -> str:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no EXAMPLES")


def _entries(text: str) -> tuple[Entry, ...]:
    """Split a text into its tasks or plays, each as it is shown."""
    text = text.strip("\n") + "\n"
    return tuple(Entry(_name_of(part), part) for part in _ENTRY.split(text) if part.strip())


def _name_of(part: str) -> str:
    return part.partition("\n")[0].removeprefix("- ").removeprefix("name: ")


def _kind_of(text: str) -> str:
    data = yaml.safe_load(text)
    if not isinstance(data, list) or not isinstance(data[0], dict):
        return "data"
    return "plays" if "hosts" in data[0] else "tasks"
