# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the test suite works with: its log, its results, and commands run with a known environment."""

from __future__ import annotations

import concurrent.futures
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_results import Results, read_results
from running import CannotStart, Silences, run_command
from venvs import CACHE, ROOT, ensure_venv

REQUIREMENTS = ROOT / "tests" / "requirements"
LOGS = CACHE / "logs"

# More tests than these that are skipped for one reason are told in one line.
_SKIPS_TOLD = 5

# A part whose commands are never silent for longer than this need not say how long they are.
USUAL_SILENCE = 60.0

# What the user has set for these must not decide whether the tests pass; and bytecode is written as it is for users.
_NOT_PASSED_ON = ("ANSIBLE_", "PYTEST_", "MYPY_", "RUFF_", "HYPOTHESIS_", "PYTHONDONTWRITEBYTECODE", "SUITE_")

_PRINTING = threading.Lock()


def say(text: str) -> None:
    """Print one whole line at once, whatever the other threads print."""
    with _PRINTING:
        print(text, flush=True)


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
    """One running part.

    whole: whether the part is to leave nothing out, or only to run what the default selection has of it.
    beside: the names of all parts of the same run.
    """

    def __init__(
        self,
        name: str,
        *,
        whole: bool = True,
        beside: frozenset[str] = frozenset(),
        silence: float = USUAL_SILENCE,
        logs: Path = LOGS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the part's log, new for each run."""
        self.report = Report(name)
        self.whole = whole
        self.beside = beside
        self._logs = logs
        self._clock = clock
        logs.mkdir(parents=True, exist_ok=True)
        self.log_path = logs / f"{name}.log"
        self.log = self.log_path.open("w", encoding="utf-8", errors="replace")
        self._silences = Silences(logs / "silences.json")
        self._limit = self._silences.limit(name, silence)
        self._longest = 0.0
        self._ended = False

    def close(self) -> None:
        """Close the log, and learn from a run that came to its end how long this part is silent."""
        self.log.close()
        if self._longest and not self._ended:
            self._silences.learn(self.report.name, self._longest)

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

    def environment(
        self, *, venv: Path | None = None, env: Mapping[str, str] | None = None, home: Path | None = None
    ) -> dict[str, str]:
        """Return the environment that commands get: ours, without what must not decide about the tests."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
        environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(CACHE / "hypothesis")
        environment.update(ANSIBLE_NOCOLOR="1", ANSIBLE_FORCE_COLOR="0", NO_COLOR="1", TERM="dumb", COLUMNS="120")
        if self.whole:
            environment["SUITE_PROPERTIES"] = "deep"
        if venv is not None:
            environment["PATH"] = f"{venv / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        if home is not None:
            environment["HOME"] = str(home)
        environment.update(env or {})
        return environment

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path = ROOT,
        venv: Path | None = None,
        env: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> tuple[int, str]:
        """Run a command with its output in the log; return its exit status and its output.

        ``venv`` is put first on the PATH, ``home`` stands in for the user's home folder. A command that hangs is
        ended, and its output says so in its last line.
        """
        words = [str(word) for word in command]
        self.log.write(f"\n$ cd {shlex.quote(str(cwd))} && {shlex.join(words)}\n")
        self._write("")
        environment = self.environment(venv=venv, env=env, home=home)
        try:
            ended = run_command(
                words, cwd=cwd, env=environment, limit=self._limit, on_text=self._write, clock=self._clock
            )
        except CannotStart as error:
            raise PartError(str(error)) from error
        self._longest = max(self._longest, ended.silence)
        self._ended = self._ended or ended.status < 0
        if ended.hung:
            told = f"ended because it wrote nothing for {self._limit:.0f} s, ten times the usual longest silence"
        elif ended.status < 0:
            told = f"ended by signal {-ended.status}"
        else:
            return ended.status, ended.output
        self._write(f"\n{told}\n")
        return ended.status, f"{ended.output.rstrip()}\n{told}\n"

    def _write(self, text: str) -> None:
        self.log.write(text)
        self.log.flush()

    def check(self, what: str, command: Sequence[str | Path], **options: object) -> bool:
        """Run a command that stands for one test: it passes when it ends with status 0."""
        started = time.monotonic()
        status, output = self.run(command, **options)  # type: ignore[arg-type]
        if status != 0:
            self.failed(what, tail(output))
            return False
        self.passed(f"{what} ({time.monotonic() - started:.1f} s)")
        return True

    def pytest(
        self, what: str, venv: Path, tests: Sequence[str], env: Mapping[str, str] | None = None, *, processes: int = 1
    ) -> None:
        """Run pytest and count its tests, also those of a run that does not come to its end.

        With more than one process, each takes its share of what is given.
        """
        shares = [tests[number::processes] for number in range(processes)]
        with concurrent.futures.ThreadPoolExecutor(processes) as pool:
            futures = [
                pool.submit(self._pytest_process, venv, share, env, self._logs / f"{self.report.name}-{number}.jsonl")
                for number, share in enumerate(shares, 1)
            ]
            ended = [future.result() for future in futures]
        self.passed(what, sum(len(results.passed) for _status, _output, results in ended))
        for status, output, results in ended:
            by_reason: dict[str, list[str]] = {}
            for test, why in results.skipped.items():
                by_reason.setdefault(why, []).append(test)
            for why, skipped in by_reason.items():
                if len(skipped) > _SKIPS_TOLD:
                    self.skipped(f"{what}: {len(skipped)} tests", why, len(skipped))
                    continue
                for test in skipped:
                    self.skipped(f"{what}: {test}", why)
            if results.failed:
                self.failed(what, tail(output, 80), count=len(results.failed))
            if results.running:
                self.failed(f"{what}: pytest was ended in {results.running}", tail(output, 3))
            elif status != 0 and not results.failed:
                self.failed(f"{what}: pytest ended with status {status}", tail(output))

    def _pytest_process(
        self, venv: Path, tests: Sequence[str], env: Mapping[str, str] | None, told: Path
    ) -> tuple[int, str, Results]:
        """Run pytest once; return its exit status, its output and its results, which it writes down as it goes."""
        told.unlink(missing_ok=True)
        command = [venv / "bin" / "python", "-m", "pytest", "-v", "--durations=15", "-p", "no:cacheprovider"]
        status, output = self.run([*command, *tests], venv=venv, env={**(env or {}), "SUITE_RESULTS": str(told)})
        return status, output, read_results(told)


def tail(text: str, lines: int = 40) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
