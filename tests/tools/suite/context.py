# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the test suite works with: its log, its results, and commands run with a known environment."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from venvs import CACHE, ROOT, ensure_venv

REQUIREMENTS = ROOT / "tests" / "requirements"
LOGS = CACHE / "logs"

# A command that runs longer hangs: the whole suite has to end well before that.
LIMIT_SECONDS = 900

_PRINTING = threading.Lock()
_RUNNING: set[subprocess.Popen[str]] = set()
_INTERRUPTED = threading.Event()


def say(text: str) -> None:
    """Print one whole line at once, whatever the other threads print."""
    with _PRINTING:
        print(text, flush=True)


def _end(process: subprocess.Popen[str]) -> None:
    """End a command and what it started: each command leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_all() -> None:
    """End every command that still runs and let no further one start, for an interrupted suite."""
    _INTERRUPTED.set()
    for process in tuple(_RUNNING):
        _end(process)


class PartError(Exception):
    """The part cannot go on; the message says why. It counts as one failure."""


@dataclass
class Report:
    """What came out of one part."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)


class Context:
    """One running part."""

    def __init__(self, name: str) -> None:
        """Open the part's log, new for each run."""
        self.report = Report(name)
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log_path = LOGS / f"{name}.log"
        self.log = self.log_path.open("w", encoding="utf-8", errors="replace")

    # -- results ---------------------------------------------------------------------------------------------------

    def passed(self, what: str, count: int = 1) -> None:
        """Count what went well."""
        self.report.passed += count
        self._note(f"PASSED {what}")

    def failed(self, what: str, details: str = "", count: int = 1) -> None:
        """Count what did not, and keep the words that explain it for the end."""
        self.report.failed += count
        self.report.problems.append(f"{what}\n{details.rstrip()}" if details else what)
        self._note(f"FAILED {what}")
        say(f"  {self.report.name}: FAILED {what}")

    def skipped(self, what: str, why: str, count: int = 1) -> None:
        """Count what could not be run on this machine, and say why."""
        self.report.skipped += count
        self.report.skips.append(f"{what}: {why}")
        self._note(f"SKIPPED {what}: {why}")

    def _note(self, text: str) -> None:
        self.log.write(f"--- {text}\n")
        self.log.flush()

    # -- commands --------------------------------------------------------------------------------------------------

    def venv(self, requirements: str, python: str = sys.executable, name: str | None = None) -> Path:
        """Return the environment with the pins of ``tests/requirements/<requirements>.txt``."""
        return ensure_venv(name or requirements, REQUIREMENTS / f"{requirements}.txt", python)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path = ROOT,
        venv: Path | None = None,
        env: Mapping[str, str] | None = None,
        home: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> tuple[int, str]:
        """Run a command with its output in the log; return its exit status and its output.

        ``venv`` is put first on the PATH, ``home`` stands in for the user's home folder, ``on_line`` sees each line
        as it comes.
        """
        if _INTERRUPTED.is_set():
            raise PartError("interrupted")
        words = [str(word) for word in command]
        environment = dict(os.environ)
        # What the user has set for Ansible must not decide whether the tests pass.
        for name in [name for name in environment if name.startswith(("ANSIBLE_", "PYTEST_", "MYPY_", "RUFF_"))]:
            del environment[name]
        environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(CACHE / "hypothesis")
        environment.update(ANSIBLE_NOCOLOR="1", ANSIBLE_FORCE_COLOR="0", NO_COLOR="1", TERM="dumb", COLUMNS="120")
        if venv is not None:
            environment["PATH"] = f"{venv / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        if home is not None:
            environment["HOME"] = str(home)
        environment.update(env or {})
        self.log.write(f"\n$ cd {shlex.quote(str(cwd))} && {shlex.join(words)}\n")
        self.log.flush()
        lines: list[str] = []
        try:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise PartError(f"cannot start {words[0]}: {error}") from error
        timer = threading.Timer(LIMIT_SECONDS, _end, [process])
        timer.start()
        _RUNNING.add(process)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                self.log.write(line)
                self.log.flush()
                if on_line is not None:
                    on_line(line.rstrip())
            status = process.wait()
        finally:
            timer.cancel()
            _RUNNING.discard(process)
        if status < 0:
            lines.append(f"ended by signal {-status}; a command may run for {LIMIT_SECONDS} s\n")
        return status, "".join(lines)

    def check(self, what: str, command: Sequence[str | Path], **options: object) -> bool:
        """Run a command that stands for one test: it passes when it ends with status 0."""
        started = time.monotonic()
        status, output = self.run(command, **options)  # type: ignore[arg-type]
        if status != 0:
            self.failed(what, tail(output))
            return False
        self.passed(f"{what} ({time.monotonic() - started:.1f} s)")
        return True

    def pytest(self, what: str, venv: Path, tests: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Run pytest and count its tests."""
        junit = LOGS / f"{self.report.name}-{what.replace(' ', '-')}.xml"
        junit.unlink(missing_ok=True)
        command = [venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"]
        status, output = self.run([*command, *tests], venv=venv, env=env)
        if not junit.exists():
            self.failed(f"{what}: pytest ended with status {status} before any test", tail(output))
            return
        suite = ElementTree.parse(junit).getroot().find("testsuite")
        assert suite is not None
        count = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
        bad = count["failures"] + count["errors"]
        self.passed(what, max(0, count["tests"] - bad - count["skipped"]))
        for case in suite.iter("testcase"):
            for skip in case.iter("skipped"):
                self.skipped(f"{what}: {case.get('classname')}::{case.get('name')}", skip.get("message", ""))
        if bad:
            self.failed(what, tail(output, 80), count=bad)
        elif status != 0:
            self.failed(f"{what}: pytest ended with status {status}", tail(output))


def tail(text: str, lines: int = 40) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
