# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users are told of: a copy of the collection in which the tools that list plugins find no private ones.

Ansible knows no private modules, and its tools list a role only by an entry point ``main`` in its argument specs, which
costs every host a task. So the changelog and the site are made from a copy that has neither.
"""

from __future__ import annotations

import re
from pathlib import Path

_PRIVATE = re.compile(r"This (?:module|lookup) is private\b")
_KINDS = ("modules", "lookup")
_SPECS = Path("roles") / "est_integration" / "meta" / "argument_specs.yml"


def private_plugins(root: Path) -> set[str]:
    """Return the names of the modules and lookups whose documentation says that they are private."""
    return {path.stem for path in _documentation(root) if _PRIVATE.search(path.read_text(encoding="utf-8"))}


def public_plugins(root: Path) -> set[str]:
    """Return the names of the others."""
    return {path.stem for path in _documentation(root)} - private_plugins(root)


def make_public(root: Path) -> None:
    """Take the private plugins out of a copy, and document its role by the name that tools look for."""
    private = private_plugins(root)
    for kind in _KINDS:
        for path in (root / "plugins" / kind).iterdir():
            if path.stem in private:
                path.unlink()
    specs = root / _SPECS
    text, count = re.subn(r"(?m)^  configure:$", "  main:", specs.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{_SPECS} has {count} entries 'configure', and one is to be told as 'main'")
    specs.write_text(text, encoding="utf-8")


def _documentation(root: Path) -> list[Path]:
    # The documentation of a module in PowerShell is a file beside it.
    return [path for kind in _KINDS for path in (root / "plugins" / kind).iterdir() if path.suffix in (".py", ".yml")]
