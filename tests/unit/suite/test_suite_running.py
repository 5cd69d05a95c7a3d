# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of ./test.sh: a slow one is let run, one that hangs is ended, and what it did until then is told."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from context import Context
from running import CannotStart, Ended, Silences, run_command

CONFTEST = Path(__file__).resolve().parents[2] / "conftest.py"


def run(code: str, limit: float, clock) -> Ended:
    texts: list[str] = []
    command = [sys.executable, "-u", "-c", code]
    ended = run_command(command, cwd=Path.cwd(), env=os.environ, limit=limit, on_text=texts.append, clock=clock)
    assert "".join(texts) == ended.output
    return ended


def hours_once(begun: Callable[[], bool]) -> Callable[[], float]:
    """Return a clock that stands still, and goes an hour further at each look once something has begun."""
    hours = itertools.count(1)
    return lambda: 3600.0 * next(hours) if begun() else 0.0


def test_a_command_may_take_any_time_as_long_as_it_writes():
    # Each look at the clock is nine seconds later, and something new is there at each: hours of a busy machine.
    times = iter(range(0, 10**9, 9))
    ended = run("for number in range(2000): print(number)\nprint('last', end='')", 10, lambda: next(times))
    assert (ended.status, ended.hung) == (0, False)
    assert ended.output.endswith("1999\nlast")


def test_a_command_that_goes_silent_is_ended_and_what_it_wrote_is_kept(tmp_path):
    seen = tmp_path / "seen"
    code = f"import pathlib, time\nprint('begun')\npathlib.Path({str(seen)!r}).touch()\ntime.sleep(600)"
    ended = run(code, 600, hours_once(seen.exists))
    assert (ended.status, ended.hung, ended.output) == (-9, True, "begun\n")


def test_a_command_ends_though_what_it_left_behind_keeps_its_output_open(tmp_path):
    stop = tmp_path / "stop"
    left = f"import os, time\nwhile not os.path.exists({str(stop)!r}): time.sleep(0.1)"
    ended = run(
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {left!r}])\nprint('done')", 600, lambda: 0
    )
    stop.touch()
    assert (ended.status, ended.hung, ended.output) == (0, False, "done\n")


def test_a_program_that_is_not_there_is_told():
    with pytest.raises(CannotStart, match="/no/such/program"):
        run_command(["/no/such/program"], cwd=Path.cwd(), env={}, limit=1, on_text=print)


def test_the_limit_is_ten_times_the_longest_silence_that_is_known(tmp_path):
    silences = Silences(tmp_path / "silences.json")
    assert silences.limit("unit", 60) == 600
    silences.learn("unit", 90.04)
    silences.learn("docs", 5)
    assert silences.limit("unit", 60) == 900
    assert silences.limit("docs", 60) == 600
    (tmp_path / "silences.json").write_text("{")
    assert silences.limit("unit", 60) == 600


FILE = """
import time
import pytest

def test_good(): pass
@pytest.mark.parametrize("value", ["a b", "\\n", "\\udc80"])
def test_names(value): pass
def test_bad(): assert 1 == 2
@pytest.fixture
def unclean():
    yield
    raise RuntimeError("cannot clean up")
def test_unclean(unclean): pass
def test_left_out(): pytest.skip("no such thing here")
def test_hangs(): time.sleep(600)
def test_never_begun(): pass
"""


def folder(tmp_path: Path, text: str) -> Path:
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(CONFTEST, tests)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tests / "test_some.py").write_text(text)
    return tests


def report(tmp_path: Path, tests: Path, clock):
    context = Context("some", logs=tmp_path / "logs", clock=clock)
    context.pytest("some", Path(sys.prefix), [str(tests)], env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    context.close()
    return context.report


def test_a_part_that_is_ended_tells_what_had_passed(tmp_path):
    results = tmp_path / "logs" / "some-1.jsonl"

    def hanging() -> bool:
        return results.exists() and '["started", "tests/test_some.py::test_hangs' in results.read_text()

    told = report(tmp_path, folder(tmp_path, FILE), hours_once(hanging))
    assert told.passed == 4
    assert told.skips == ["some: tests/test_some.py::test_left_out: Skipped: no such thing here"]
    bad, ended = told.problems
    assert "some" in bad
    assert "some: pytest was ended in tests/test_some.py::test_hangs" in ended
    assert "wrote nothing for 600 s" in ended
    assert told.failed == 3
    assert not (tmp_path / "logs" / "silences.json").exists()


def test_a_part_that_comes_to_its_end_tells_all_of_it(tmp_path):
    told = report(tmp_path, folder(tmp_path, FILE.replace("time.sleep(600)", "pass")), lambda: 0.0)
    assert (told.passed, told.failed, told.skipped) == (6, 2, 1)


def test_two_processes_share_the_files_and_each_tells_its_results(tmp_path):
    tests = folder(tmp_path, FILE.replace("time.sleep(600)", "pass"))
    (tests / "test_other.py").write_text("def test_good(): pass")
    context = Context("some", logs=tmp_path / "logs", clock=lambda: 0.0)
    context.pytest("some", Path(sys.prefix), [str(path) for path in sorted(tests.glob("test_*.py"))], processes=2)
    context.close()
    assert (context.report.passed, context.report.failed, context.report.skipped) == (7, 2, 1)


def test_many_tests_that_are_skipped_for_one_reason_are_one_line(tmp_path):
    text = (
        'import pytest\n@pytest.mark.parametrize("n", range(9))\ndef test_a(n): pytest.skip("no" if n else "other")\n'
    )
    told = report(tmp_path, folder(tmp_path, text), lambda: 0.0)
    assert told.skipped == 9
    assert told.skips == ["some: tests/test_some.py::test_a[0]: Skipped: other", "some: 8 tests: Skipped: no"]


def test_a_file_that_cannot_be_read_is_a_failure(tmp_path):
    told = report(tmp_path, folder(tmp_path, "import no_such_module"), lambda: 0.0)
    assert (told.passed, told.failed, told.skipped) == (0, 1, 0)
    assert "no_such_module" in told.problems[0]


def test_pytest_that_does_not_even_begin_is_a_failure(tmp_path):
    told = report(tmp_path, tmp_path / "nowhere", lambda: 0.0)
    assert (told.passed, told.failed) == (0, 1)
    assert "status 4" in told.problems[0]


def test_what_a_user_has_set_and_what_is_kinder_than_a_user_has_it_is_not_passed_on(tmp_path, monkeypatch):
    for name in ("ANSIBLE_CONFIG", "PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    context = Context("some", logs=tmp_path)
    _status, output = context.run([sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"])
    context.close()
    passed_on = json.loads(output)
    assert not {"ANSIBLE_CONFIG", "PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE"} & set(passed_on)
