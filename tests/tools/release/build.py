# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the artifact of the commit, and say how it is published."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from artifact import files_in, make_reproducible, strays
from commands import ReleaseError, git, run
from venvs import ROOT


def build(tools: Path, dest: Path) -> Path:
    """Build the artifact from a clone of HEAD, and return its path.

    :raises ReleaseError: where something is in it that is not for users, or missing.
    """
    if git("status", "--porcelain"):
        print("The work tree has changes, which are not in the artifact: it is that of the commit.")
    dest.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
        galaxy = [tools / "ansible-galaxy", "collection", "build", "--force", "--output-path", folder]
        run(galaxy, cwd=clone, tools=tools)
        built = next(Path(folder).glob("*.tar.gz"))
        make_reproducible(built, int(git("log", "-1", "--format=%ct")))
        wrong = strays(files_in(built))
        if wrong:
            raise ReleaseError("not for users, or missing, in the artifact:\n" + "\n".join(wrong))
        artifact = dest / built.name
        artifact.write_bytes(built.read_bytes())
    version = artifact.name.removesuffix(".tar.gz").rpartition("-")[2]
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    commit = git("rev-parse", "HEAD")
    print(f"{artifact}\n{artifact.stat().st_size} bytes, {len(files_in(artifact))} files, SHA-256 {digest}\n")
    print("To release it, from here on for others to see:\n")
    print(f"    git tag --annotate {version} --message 'Release {version}' {commit}")
    print(f"    git push origin main {version}")
    print(f"    ansible-galaxy collection publish {artifact}")
    return artifact
