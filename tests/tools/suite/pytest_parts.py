# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of tests that pytest runs: each with what it needs, for a whole part and for one file of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pythons
from ansible_test import CORES, newest_core
from checkout import clean_copy, linked_collections
from context import REQUIREMENTS, Context, PartError, tail
from site_pages import SITE, build_site
from touching import touch_the_libraries
from venvs import CACHE, ROOT, pip_venv

# The accessibility checker of the part "browser", from the npm registry.
AXE_CORE = "axe-core@4.14.1"


def _nothing(_context: Context) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Folder:
    """A folder of tests.

    path: the folder, from the root of the checkout.
    requirements: the file of tests/requirements for its environment.
    pythons: the Pythons that can run it, the one to be preferred first.
    environment: makes what the tests find in their environment variables.
    tests: returns what pytest is given to run the whole folder.
    name: the name of its virtual environment, where it is not that of the requirements.
    processes: how many processes share the tests of a whole run.
    """

    path: str
    requirements: str = "unit"
    pythons: tuple[str, ...] = ("3.11", "3.12", "3.13")
    environment: Callable[[Context], Mapping[str, str]] = _nothing
    tests: Callable[[Context], list[str]] | None = None
    name: str | None = None
    processes: int = 1

    def venv(self, context: Context) -> Path | None:
        """Return the virtual environment to run it with, or None, and tell so, where no Python will do."""
        linked_collections()
        python = pythons.best(self.pythons)
        if python is None:
            context.skipped(self.path, f"no Python of {', '.join(self.pythons)} is on this machine")
            return None
        return context.venv(self.requirements, python, name=self.name)

    def run(self, context: Context) -> None:
        """Run all of it, as a part."""
        venv = self.venv(context)
        if venv is not None:
            tests = [self.path] if self.tests is None else self.tests(context)
            env = self.environment(context)
            context.pytest(context.report.name, venv, tests, env=env, processes=self.processes)


def _pages(context: Context) -> Mapping[str, str]:
    """Return where the site is, and axe-core."""
    return {**_axe_core(context), **({"EST_SITE": str(SITE)} if build_site(context) else {})}


def _release(context: Context) -> Mapping[str, str]:
    """Return a copy that can be released, the tools for it, and the cores to install the artifact for."""
    tools = context.venv("docs")
    return {
        "RELEASE_COPY": str(clean_copy(context.report.name)),
        "RELEASE_TOOLS": str(tools),
        **_cores("RELEASE_CORES")(context),
    }


def _axe_core(context: Context) -> Mapping[str, str]:
    """Return where axe-core is, if it can be had: the tests skip what needs it otherwise."""
    if not shutil.which("npm"):
        return {}
    folder = CACHE / "npm" / AXE_CORE.replace("@", "-")
    install = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"]
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if script.exists() or context.run([*install, AXE_CORE])[0] == 0:
        return {"AXE_CORE": str(script)}
    return {}


def _cores(variable: str) -> Callable[[Context], Mapping[str, str]]:
    """Return what gives ansible-playbook of the oldest and the newest core by release, as JSON, in this variable."""

    def environment(context: Context) -> Mapping[str, str]:
        found = {}
        for core in (CORES[0], newest_core()):
            if core.python is None:
                context.skipped(f"ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
            else:
                found[core.minor] = str(context.venv(f"core-{core.minor}", core.python) / "bin" / "ansible-playbook")
        return {variable: json.dumps(found)}

    return environment


def _windows(context: Context) -> Mapping[str, str]:
    """Return the cores, for what is sent to a Windows host has another form since 2.19, and ansible.windows."""
    return {**_cores("WINDOWS_CORES")(context), "WINDOWS_COLLECTIONS": str(_ansible_windows(context))}


def _ansible_windows(context: Context) -> Path:
    """Return a folder of collections with ansible.windows alone, out of the package "ansible", which has a hundred."""
    pin = next(line for line in (REQUIREMENTS / "windows.txt").read_text().split("\n") if line.startswith("ansible=="))
    folder = CACHE / pin.replace("==", "-windows-")
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    pip = [pip_venv() / "bin" / "python", "-m", "pip"]
    status, output = context.run(
        [*pip, "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", wheels, pin]
    )
    if status != 0:
        raise PartError(f"cannot download {pin}\n{tail(output)}")
    with zipfile.ZipFile(next(wheels.glob("ansible-*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("ansible_collections/ansible/windows/")]
        wheel.extractall(folder, names)
    shutil.rmtree(wheels)
    (folder / "complete").touch()
    return folder


def _with_the_oldest(context: Context) -> list[str]:
    """Return the unit tests to run with the oldest libraries: by default those that touch them.

    What the lab server is to do is tested once, in "unit"; it works for the tests of the client here as well. This
    suite does not run on so old a Python.
    """
    return [
        str(file.relative_to(ROOT))
        for file in _unit_files()
        if file.parent.name not in ("lab", "suite") and (context.whole or touch_the_libraries(file))
    ]


def _unit_tests(_context: Context) -> list[str]:
    """Return the files of the unit tests one by one, for processes to share."""
    return [str(file.relative_to(ROOT)) for file in _unit_files()]


def _unit_files() -> list[Path]:
    return sorted((ROOT / "tests" / "unit").rglob("test_*.py"))


# By the name of the part. Most run on 3.11 and "unit-oldest" on 3.9, so "unit" takes the newest. Its tests wait half of
# their time for programs and servers, and no other part takes as long: alone, it would be what all wait for.
FOLDERS = {
    "unit": Folder("tests/unit", pythons=("3.13", "3.12", "3.11"), name="unit-newest", tests=_unit_tests, processes=2),
    "unit-oldest": Folder("tests/unit", requirements="unit-oldest", pythons=("3.9", "3.11"), tests=_with_the_oldest),
    "interop": Folder("tests/interop"),
    "browser": Folder("tests/browser", requirements="browser", environment=_pages),
    "fleet": Folder("tests/fleet"),
    # The newest Python that the engine of rulebooks has packages for is not the newest that is here.
    "awx": Folder("tests/awx", requirements="awx", pythons=("3.11", "3.12")),
    "windows": Folder("tests/windows", environment=_windows),
    "twins": Folder("tests/twins"),
    "faults": Folder("tests/faults"),
    "attacks": Folder("tests/attacks"),
    "canary": Folder("tests/canary"),
    "release": Folder("tests/release", environment=_release),
    "promises": Folder("tests/promises", environment=_cores("PROMISES_CORES")),
    "examples": Folder("tests/examples", environment=_cores("EXAMPLES_CORES")),
}
