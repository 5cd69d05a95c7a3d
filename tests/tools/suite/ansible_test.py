# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test without a container, for any ansible-core, on a clean copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pythons
from changes import find_changes
from checkout import clean_copy
from context import Context, PartError, tail
from venvs import TOOLS, pip_venv


@dataclass(frozen=True)
class Core:
    """One minor release of ansible-core; ``tests/requirements/core-<minor>.txt`` pins its patch release."""

    minor: str
    pythons: tuple[str, ...]

    @property
    def python(self) -> str | None:
        """Return the Python of this machine to run it with, or None."""
        return pythons.best(self.pythons)

    @property
    def version(self) -> str:
        """Return the version of ``python``."""
        return next(version for version in self.pythons if version in pythons.found())


# The Pythons that can be a controller, the one to be preferred first.
CORES = (
    Core("2.16", ("3.11", "3.12")),
    Core("2.17", ("3.11", "3.12")),
    Core("2.18", ("3.11", "3.12", "3.13")),
    Core("2.19", ("3.11", "3.12", "3.13")),
    Core("2.20", ("3.12", "3.13", "3.14")),
    Core("2.21", ("3.12", "3.13", "3.14")),
)

# The oldest and the newest release that this machine can run take every target. Those between take one that has the
# role, and with it every module: all targets with all releases take longer than CI may.
BETWEEN = ("est_integration_target",)

TARGETS = "tests/integration/targets"

# Stands where ansible-test would keep the pip bootstrap script that it downloads. That host cannot be reached from
# everywhere, and the package index has the same pip: this runs it from its wheel.
STAND_IN = """\
import runpy
import sys

sys.path.insert(0, {wheel!r})
sys.argv = ["pip", "install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class AnsibleTest:
    """ansible-test of one core, in a copy of the tree and a home folder of its own."""

    def __init__(self, context: Context, core: Core) -> None:
        """Make the environment and the copy; raises PartError when this machine cannot run this core."""
        python = core.python
        if python is None:
            raise PartError(f"ansible-core {core.minor} needs a Python of {', '.join(core.pythons)}")
        self.context = context
        self.core = core
        self.venv = context.venv(f"core-{core.minor}", python)
        self.copy = clean_copy(context.report.name)
        self.home = TOOLS / "home" / f"core-{core.minor}"
        self._prepare_home()
        # ansible-test runs shellcheck when it is there: it comes with the linters.
        lint = context.venv("lint")
        folders = [str(self.venv / "bin"), str(pythons.search_folder()), os.environ["PATH"], str(lint / "bin")]
        # It looks for PowerShell on the PATH alone.
        if os.environ.get("EST_TEST_PWSH"):
            folders.append(os.path.dirname(os.environ["EST_TEST_PWSH"]))
        self.env = {"PATH": os.pathsep.join(folders)}

    def _prepare_home(self) -> None:
        """Give ansible-test a home folder: the user's pip settings and cache, and the stand-in for the bootstrap."""
        user = Path(os.environ.get("HOME", os.devnull))
        for shared in (Path(".config", "pip"), Path(".pip"), Path(".cache", "pip")):
            link = self.home / shared
            link.parent.mkdir(parents=True, exist_ok=True)
            if (user / shared).is_dir() and not link.exists():
                link.symlink_to(user / shared)
        script = next(self.venv.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
        match = re.search(r"default_packages = dict\(\s*pip='([0-9.]+)'", script.read_text(encoding="utf-8"))
        if match is None:
            raise PartError(f"cannot tell which pip ansible-test of ansible-core {self.core.minor} bootstraps")
        version = match.group(1)
        stand_in = self.home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
        wheels = TOOLS / "wheels"
        wheel = wheels / f"pip-{version}-py3-none-any.whl"
        if not wheel.exists():
            pip = [pip_venv() / "bin" / "python", "-m", "pip", "download", "--quiet", "--no-deps"]
            status, output = self.context.run([*pip, "--dest", wheels, f"pip=={version}"])
            if status != 0:
                raise PartError(f"cannot download pip {version} from the package index:\n{tail(output)}")
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(STAND_IN.format(wheel=str(wheel)), encoding="utf-8")

    def command(self, *arguments: str) -> list[str | Path]:
        """Return the command line of ansible-test with these arguments, to be run in the copy."""
        return [self.venv / "bin" / "python", self.venv / "bin" / "ansible-test", *arguments, "--color", "no"]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run ansible-test; return its exit status and output."""
        return self.context.run(self.command(*arguments), cwd=self.copy, env=self.env, home=self.home)

    # -- sanity ----------------------------------------------------------------------------------------------------

    def sanity(self, *, every_python: bool, elsewhere: Mapping[str, str]) -> None:
        """Run every sanity test that needs no container; each test and Python counts as one.

        :param every_python: compile and import on every Python found, not only on the one that this core runs with.
        :param elsewhere: tests that another part of the run has, and what is told of each.
        """
        python = [] if every_python else ["--python", self.core.version]
        without = {**elsewhere, **self._without_powershell()}
        status, output = self.run("sanity", *(word for name in without for word in ("--skip-test", name)), *python)
        self._sanity_results(status, output)
        for name, why in without.items():
            self.context.skipped(name, why)
        if "validate-modules" in without:
            # Where there is no PowerShell, it stops at the first module that is written in it.
            excluded = [word for script in self._scripts() for word in ("--exclude", script)]
            self._sanity_results(*self.run("sanity", "--test", "validate-modules", *excluded))

    def _scripts(self) -> list[str]:
        """Return the modules that are written in PowerShell."""
        return sorted(str(path.relative_to(self.copy)) for path in (self.copy / "plugins" / "modules").glob("*.ps1"))

    def _without_powershell(self) -> dict[str, str]:
        """Return the tests that lack PowerShell or a module of it, in whole or in part, and what is told."""
        if not shutil.which("pwsh", path=self.env["PATH"]):
            missing = "PowerShell (pwsh) is not on this machine"
            scripts = self._scripts()
            return {
                "pslint": missing,
                **({"validate-modules": f"of {', '.join(scripts)}: {missing}"} if scripts else {}),
            }
        command = "if (-not (Get-Module -ListAvailable PSScriptAnalyzer)) { exit 3 }"
        status, _output = self.context.run(
            ["pwsh", "-NoProfile", "-NonInteractive", "-Command", command], env=self.env, home=self.home
        )
        return {"pslint": "PowerShell has no PSScriptAnalyzer on this machine"} if status == 3 else {}

    def _sanity_results(self, status: int, output: str) -> None:
        """Count what a run of ansible-test sanity told."""
        names, unfinished = _sanity_tests(output, ended=status >= 0)
        listed = re.search(
            r"The \d+ sanity test\(s\) listed below \(out of \d+\) failed[^\n]*\n(.*)", output, re.DOTALL
        )
        bad = (
            [line.replace(" --python ", " on Python ") for line in listed.group(1).split("\n") if line.strip()]
            if listed
            else []
        )
        told_skips = re.findall(r"^WARNING: (Skipping sanity test .*)$", output, re.MULTILINE)
        for told in told_skips:
            self.context.skipped(told, "said ansible-test")
        skipped_names = [
            re.sub(r'^Skipping sanity test "([^"]+)"( on Python [0-9.]+)?.*', r"\1\2", told) for told in told_skips
        ]
        for name in names:
            if name not in bad and name not in skipped_names and name not in unfinished:
                self.context.passed(name)
        errors = [line for line in output.split("\n") if line.startswith(("ERROR:", "FATAL:"))]
        if bad:
            self.context.failed("sanity " + ", ".join(bad), "\n".join(errors), count=len(bad))
        elif status != 0:
            # It stopped before its end; what it had found until then still has to be told.
            self.context.failed(f"ansible-test sanity ended with status {status}", "\n".join([*errors, tail(output)]))
        elif not names:
            self.context.failed("ansible-test sanity ran no test", tail(output))

    # -- integration -----------------------------------------------------------------------------------------------

    def look_at_results(self) -> Path:
        """Have each result of a module in the targets looked at, also in what they start themselves.

        :returns: the file in which a line stands for each one that is not as documented; it is there when there is one.
        """
        wrong = self.copy / "tests" / "output" / "returned"
        # The name that ansible-test looks for. Everything that a target starts has this configuration.
        settings = self.copy / "tests" / "integration" / "integration.cfg"
        plugins = self.copy / "tests" / "support" / "callback_plugins"
        settings.write_text(
            f"[defaults]\ncallback_plugins = {plugins}\n[callback_returned]\nfile = {wrong}\n", encoding="utf-8"
        )
        return wrong

    def integration(self) -> None:
        """Run every integration target, each on its own; each counts as one."""
        status, output = self.run("integration", "--list-targets")
        if status != 0:
            self.context.failed("ansible-test integration --list-targets", tail(output))
            return
        targets = [line for line in output.split() if (self.copy / TARGETS / line / "aliases").exists()]
        # The list names a target once for each of its aliases.
        targets = list(dict.fromkeys(targets))
        if not self.context.whole:
            targets = [target for target in targets if target in BETWEEN or _changed(target)]
        elif self.core not in (CORES[0], newest_core()):
            targets = [target for target in targets if target in BETWEEN]
        if not targets:
            self.context.failed("there is no integration target to run", tail(output))
        wrong = self.look_at_results()
        for target in targets:
            started = time.monotonic()
            status, output = self.run("integration", target)
            told = wrong.read_text(encoding="utf-8") if wrong.exists() else ""
            wrong.unlink(missing_ok=True)
            if status != 0:
                self.context.failed(f"target {target} with ansible-core {self.core.minor}", f"{told}{tail(output, 60)}")
            elif told:
                self.context.failed(f"target {target} returned something else than is documented", told)
            elif "PLAY RECAP" not in output and "runme.sh" not in output:
                self.context.skipped(target, tail(output, 1) or "ansible-test left it out")
            else:
                self._warnings(target, output, time.monotonic() - started)

    def _warnings(self, target: str, output: str, seconds: float) -> None:
        """Pass a target that gave no warning of Ansible's."""
        warnings = re.findall(r"^\[(?:DEPRECATION )?WARNING\]:.*$", output, re.MULTILINE)
        if warnings:
            self.context.failed(
                f"target {target} with ansible-core {self.core.minor} gave warnings", "\n".join(warnings)
            )
        else:
            self.context.passed(f"{target} ({seconds:.1f} s)")


def _changed(target: str) -> bool:
    """Return whether an integration target is changed."""
    return find_changes().touch([f"{TARGETS}/{target}/*"])


def _sanity_tests(output: str, *, ended: bool) -> tuple[list[str], list[str]]:
    """Return the sanity tests that were begun, and those of them that cannot have passed.

    ansible-test names the tests that failed at its end only. One that was ended before that has not finished its last
    test, and has failed those after whose beginning it told an error.

    :param ended: whether it came to its own end.
    """
    pieces = re.split(r'^Running sanity test "', output, flags=re.MULTILINE)[1:]
    names = [piece.split("\n")[0].replace('" on Python ', " on Python ").rstrip('"') for piece in pieces]
    if ended:
        return names, []
    told = re.compile("^(ERROR|FATAL):", re.MULTILINE)
    wrong = [name for name, piece in zip(names, pieces, strict=True) if told.search(piece)]
    return names, [*wrong, *names[-1:]]


def newest_core() -> Core:
    """Return the newest core that this machine can run."""
    return next(core for core in reversed(CORES) if core.python is not None)
