# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``./test.sh one PATH ...``: one file of tests, or one integration target, as its part would run it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ansible_test import CORES, TARGETS, AnsibleTest, Core
from context import Context, PartError
from parts import DEFAULT_CORE
from pytest_parts import FOLDERS, Folder
from venvs import ROOT, VenvError


def run_one(arguments: Sequence[str]) -> int:
    """Read what follows ``one`` on the command line, run it with its output here, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="./test.sh one",
        description="Runs one file of tests, one test, or one integration target. What else is given goes to pytest or "
        "ansible-test: -k EXPRESSION, -x, --pdb ...",
    )
    parser.add_argument(
        "path", help="tests/unit/est/http/test_est_url.py, FILE::TEST, or the name or folder of a target"
    )
    parser.add_argument("--part", help="the part to run it as, where there are several: unit-oldest, core-2.16 ...")
    known, rest = parser.parse_known_args(arguments)
    context = Context("one")
    try:
        target = _target(known.path)
        if target:
            return _integration(context, target, _core(known.part), rest)
        return _pytest(context, known.path, _folder(known.path, known.part), rest)
    except (PartError, VenvError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        context.close()


def _relative(path: str) -> str:
    """Return a path as it is from the root of the checkout, where it is below that."""
    full = Path(path).absolute()
    return str(full.relative_to(ROOT)) if full.is_relative_to(ROOT) else path


def _target(path: str) -> str:
    """Return the integration target of this name or folder, or nothing where it is not a target."""
    if "/" not in path and (ROOT / TARGETS / path / "aliases").exists():
        return path
    parts = Path(_relative(path)).parts
    start = len(Path(TARGETS).parts)
    return parts[start] if parts[:start] == Path(TARGETS).parts and len(parts) > start else ""


def _core(part: str | None) -> Core:
    """Return the core that a part runs the integration targets with."""
    minor = DEFAULT_CORE if part in (None, "integration") else str(part).removeprefix("core-")
    for core in CORES:
        if core.minor == minor:
            if core.python is None:
                raise PartError(f"ansible-core {minor} needs a Python of {', '.join(core.pythons)}")
            return core
    others = ", ".join(f"core-{core.minor}" for core in CORES if core.minor != DEFAULT_CORE)
    raise PartError(f"{part} runs no integration target: integration, {others} do")


def _folder(path: str, part: str | None) -> Folder:
    """Return the folder of tests that a file is in, as the part, or else as the first part that has it, runs it."""
    file = Path(_relative(path.split("::")[0]))
    if not (ROOT / file).exists():
        raise PartError(f"{file} is not there")
    having = {name: folder for name, folder in FOLDERS.items() if file.is_relative_to(folder.path)}
    if not having:
        places = ", ".join(dict.fromkeys(folder.path for folder in FOLDERS.values()))
        raise PartError(f"no part runs {file} with pytest: those are {places}; and {TARGETS} with ansible-test")
    if part is None:
        return next(iter(having.values()))
    if part not in having:
        raise PartError(f"{part} does not run {file}: {', '.join(having)} do")
    return having[part]


def _pytest(context: Context, path: str, folder: Folder, rest: Sequence[str]) -> int:
    venv = folder.venv(context)
    if venv is None:
        raise PartError(f"no Python of {', '.join(folder.pythons)} is on this machine")
    env = context.environment(venv=venv, env=folder.environment(context))
    command = [venv / "bin" / "python", "-m", "pytest", "-p", "no:cacheprovider", _relative(path), *rest]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def _integration(context: Context, target: str, core: Core, rest: Sequence[str]) -> int:
    test = AnsibleTest(context, core)
    env = context.environment(env=test.env, home=test.home)
    wrong = test.look_at_results()
    command = test.command("integration", target, *rest)
    status = subprocess.run(command, cwd=test.copy, env=env, check=False).returncode
    if wrong.exists():
        print(f"results are not as documented:\n{wrong.read_text(encoding='utf-8')}", file=sys.stderr)
    return status or int(wrong.exists())
