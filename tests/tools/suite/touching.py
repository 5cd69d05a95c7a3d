# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests touch cryptography or requests: those that import them, or import what does, as far as it goes."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from checkout import PLACE
from venvs import ROOT

LIBRARIES = ("cryptography", "requests")

# The first name of what is imported, and where it begins: our collection, and the folders on the path of the tests.
_COLLECTION = ".".join(PLACE.parts) + "."


def touch_the_libraries(test: Path) -> bool:
    """Return whether a test file imports one of the libraries, itself or by what it imports of this repository."""
    seen: set[Path] = set()
    ahead = [test]
    while ahead:
        file = ahead.pop()
        if file in seen:
            continue
        seen.add(file)
        libraries, files = _imports(file)
        if libraries:
            return True
        ahead += files
    return False


@functools.cache
def _imports(file: Path) -> tuple[bool, tuple[Path, ...]]:
    """Return whether a file imports a library, and the files of this repository that it imports."""
    libraries = False
    files: list[Path] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        for name in _names(node, file):
            libraries = libraries or name.split(".")[0] in LIBRARIES
            files += _files(name)
    return libraries, tuple(dict.fromkeys(files))


def _names(node: ast.AST, file: Path) -> list[str]:
    """Return the absolute names of what a statement imports; of a name in a module also the name of the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    module = node.module or ""
    if node.level:
        folder = file.parents[node.level - 1].relative_to(ROOT)
        module = ".".join([_COLLECTION.rstrip("."), *folder.parts, *([module] if module else [])])
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def _files(name: str) -> list[Path]:
    """Return the file of a module or package of this repository, with the packages that it is in, if it is one."""
    start = ROOT if name.startswith(_COLLECTION) else ROOT / "tests"
    parts = name.removeprefix(_COLLECTION).split(".")
    files = []
    for length in range(1, len(parts) + 1):
        path = start.joinpath(*parts[:length])
        files += [candidate for candidate in (path.with_suffix(".py"), path / "__init__.py") if candidate.is_file()]
    return files
