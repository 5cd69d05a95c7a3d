# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the version everywhere, and have antsibull-changelog write the changelog of what is public."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from checkout import PLACE, working_files
from commands import ReleaseError, git, run
from public import make_public
from venvs import ROOT

_VERSION = re.compile(r"\d+\.\d+\.\d+$")
#: Where the version of the collection is named.
_NAMED_IN = ("docs/", "extensions/", "galaxy.yml")
_MARKED_IN = ("plugins/", "roles/")
_CHANGELOG = ("CHANGELOG.md", "changelogs/changelog.yaml")


def prepare(tools: Path, version: str, date: str | None) -> None:
    """Prepare a release in the work tree.

    :raises ReleaseError: for a version that cannot be the next, changes that are not committed, wrong fragments.
    """
    found = re.search(r"(?m)^version: (\S+)$", (ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    old = found.group(1) if found else ""
    released = set(re.findall(r"(?m)^  (\d+\.\d+\.\d+):$", (ROOT / _CHANGELOG[1]).read_text(encoding="utf-8")))
    if not _VERSION.match(version):
        raise ReleaseError(f"'{version}' is not a version of the form 1.0.0")
    if any(_parts(version) <= _parts(other) for other in released):
        raise ReleaseError(f"{version} is not newer than what was released: {', '.join(sorted(released, key=_parts))}")
    if git("status", "--porcelain"):
        raise ReleaseError("the work tree has changes: commit them, so that what the release changes can be seen alone")
    for name in working_files():
        if name.startswith(_NAMED_IN):
            _replace(ROOT / name, old, version)
        elif name.startswith(_MARKED_IN) and old not in released:
            _replace(ROOT / name, f"version_added: {old}", f"version_added: {version}")
    _write_changelog(tools, version, date, first=not released)
    print(f"Prepared {version}. Read what has changed, above all CHANGELOG.md, then:\n")
    print(f"    git add --all && git commit --message 'Release {version}'\n    python3 tests/tools/release build")


def _write_changelog(tools: Path, version: str, date: str | None, *, first: bool) -> None:
    """Write the changelog in a copy of what is public, and take it and the fragments that are left from there.

    A first release has changed nothing that anybody has: of its fragments only the summary is told.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PLACE
        for name in working_files():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
        make_public(copy)
        fragments = [path for path in (copy / "changelogs" / "fragments").iterdir() if path.suffix in (".yml", ".yaml")]
        for fragment in fragments:
            if first and not re.search(r"(?m)^release_summary:", fragment.read_text(encoding="utf-8")):
                fragment.unlink()
        when = [] if date is None else ["--date", date]
        run([tools / "antsibull-changelog", "release", "--version", version, *when], cwd=copy, tools=tools)
        for name in _CHANGELOG:
            shutil.copyfile(copy / name, ROOT / name)
        for fragment in fragments:
            if not fragment.exists():
                (ROOT / fragment.relative_to(copy)).unlink()


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_bytes()
    changed = re.sub(rb"(?<![\w.])" + re.escape(old.encode()) + rb"(?![\w]|\.\d)", new.encode(), text)
    if changed != text:
        path.write_bytes(changed)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
