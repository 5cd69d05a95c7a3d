# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file of the collection imports of the collection, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
COLLECTION = "ansible_collections.estfleet.cloud_extender.plugins."


def files() -> list[Path]:
    """Every file of the libraries."""
    return sorted(path for name in ("module_utils", "plugin_utils") for path in (PLUGINS / name).rglob("*.py"))


def imports(path: Path, source: str) -> Iterator[tuple[str, int]]:
    """What a file imports of the collection, wherever the statement stands: dotted below ``plugins``, and the line."""
    package = path.relative_to(PLUGINS).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        elif node.level:
            above = package[: len(package) - node.level + 1]
            names = [".".join((*above, node.module or "", alias.name)).replace("..", ".") for alias in node.names]
            names = [f"{COLLECTION}{name}" for name in names]
        else:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from ((name[len(COLLECTION) :], node.lineno) for name in names if name.startswith(COLLECTION))
