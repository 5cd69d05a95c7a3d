# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the checkout has to lie for Ansible's tools: below ``ansible_collections/estfleet/cloud_extender``.

Two ways: a symlink, good for running playbooks and unit tests on the work tree as it is, and a clean copy that is a
git repository of its own, which ansible-test, ansible-lint and the artifact need. As a program it makes the symlink
and prints the folder for ANSIBLE_COLLECTIONS_PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from venvs import CACHE, ROOT, TOOLS, locked

PLACE = Path("ansible_collections") / "estfleet" / "cloud_extender"


class CheckoutError(Exception):
    """The tree could not be copied; the message says why."""


def linked_collections() -> Path:
    """Return a folder that has the work tree, by symlink, where Ansible looks for the collection."""
    collections = CACHE / "collections"
    link = collections / PLACE
    with locked(CACHE / "locks" / "collections.lock"):
        link.parent.mkdir(parents=True, exist_ok=True)
        if not (link.is_symlink() and link.resolve() == ROOT):
            if link.is_symlink():
                link.unlink()
            # Relative, so that the link stays right when the checkout is moved.
            link.symlink_to(os.path.relpath(ROOT, link.parent))
    return collections


def working_files() -> list[str]:
    """Return every file of the work tree that git tracks or would offer to add, without those that are deleted."""
    try:
        listed = subprocess.run(
            # A CI system may have cloned as another user than the one that runs the tests.
            ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
    except FileNotFoundError:
        raise CheckoutError("git is needed to copy the work tree, and is not on the PATH") from None
    except subprocess.CalledProcessError as error:
        raise CheckoutError(f"{ROOT} is not a git checkout: {error.stderr.decode().strip()}") from None
    names = dict.fromkeys(listed.decode().split("\0"))
    return [name for name in names if name and os.path.lexists(ROOT / name)]


def git(folder: Path, *arguments: str) -> None:
    """Run git in a copy, untouched by what the user has set for git."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "test.sh",
        "GIT_AUTHOR_EMAIL": "test@localhost",
        "GIT_COMMITTER_NAME": "test.sh",
        "GIT_COMMITTER_EMAIL": "test@localhost",
    }
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def clean_copy(name: str) -> Path:
    """Return a new copy of the work tree at ``.cache/work/NAME/ansible_collections/...``, committed to its own git.

    Each part has a copy of its own, so that parts which run at the same time cannot meet in ``tests/output``.
    """
    base = TOOLS / "work" / name
    shutil.rmtree(base, ignore_errors=True)
    target = base / PLACE
    target.mkdir(parents=True)
    for file in working_files():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, target / file, follow_symlinks=False)
    git(target, "init", "--quiet", "--initial-branch=main")
    git(target, "add", "--all")
    git(target, "commit", "--quiet", "--message", "Copy of the work tree")
    return target


if __name__ == "__main__":
    print(linked_collections())
    sys.exit(0)
