# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the twins runs them as Ansible does, and tells what a platform cannot show per case."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from twins.twin import HERE, PLUGINS, MissingError, Twin, WindowsHost, powershell

MODULE = Path(__file__).resolve().parent / "sample" / "sample.py"

WORDS = 'Grüße, 東京 \U0001f511 "quoted" \\back $dollar `tick` 2026-01-02T03:04:05Z'


def test_arguments_arrive_and_results_come_back_whole(twin: Twin) -> None:
    given = {"text": WORDS, "entries": [{"a": 1, "b": [True, None, ""]}, {}]}
    assert twin.run(given) == {"changed": False, "number": 7, "heard": 0, **given}


def test_defaults_nothing_and_one_entry(twin: Twin) -> None:
    result = twin.run({"entries": [{"only": "one"}], "number": "12"})
    assert (result["text"], result["number"], result["entries"]) == (None, 12, [{"only": "one"}])
    assert twin.run({"entries": []})["entries"] == []


def test_the_first_word_of_a_module_counts_also_where_it_catches_its_own_end(twin: Twin) -> None:
    result = twin.run({"operation": "fail"})
    assert (result["failed"], result["msg"], result["code"]) == (True, "it failed", "no_reason")
    assert "msg" not in twin.run({"text": "after a failure"})


def test_an_argument_that_the_module_refuses_is_a_failure(twin: Twin) -> None:
    assert "nonsense" in twin.run({"operation": "nonsense"})["msg"]
    assert twin.run({"unknown": 1})["failed"] is True


def test_a_secret_is_given_and_is_not_said_back(twin: Twin) -> None:
    assert twin.run({"secret": "hunter-two"})["heard"] == len("hunter-two")
    assert "hunter-two" not in twin.said


@pytest.mark.parametrize("operation", ["crash", "silent"])
def test_a_module_without_a_result_fails_the_test_and_the_next_case_runs(twin: Twin, operation: str) -> None:
    with pytest.raises(AssertionError):
        twin.run({"operation": operation})
    assert twin.run({"text": "still here"})["text"] == "still here"


@pytest.mark.parametrize(
    "name",
    [
        "with space.txt",
        pytest.param(
            "ü.txt", marks=pytest.mark.cannot_show(wine="its locale is C: other names than here for the same")
        ),
    ],
)
def test_files_are_where_both_sides_name_them_and_check_mode_is_known(twin: Twin, name: str) -> None:
    path = twin.folder / name
    case = {"operation": "write", "path": twin.path(path), "text": WORDS}
    assert twin.run(case, check=True)["changed"] is True
    assert not path.exists()
    twin.run(case)
    assert path.read_text(encoding="utf-8") == WORDS


def test_paths_in_wine(tmp_path: Path) -> None:
    host = WindowsHost(tmp_path, "b")
    assert host.path(host.drive / "one" / "two") == "C:\\one\\two"
    assert host.path(host.drive) == "C:\\"
    assert host.path(tmp_path / "root" / "opt" / "pwsh") == "Z:\\opt\\pwsh"
    with pytest.raises(ValueError, match="not on the host b"):
        host.path(tmp_path / "other")


FILE = f"""
from pathlib import Path
import pytest
MODULE = Path({str(MODULE)!r})
%s
@pytest.mark.parametrize("word", ["a", pytest.param("b", marks=pytest.mark.cannot_show(python="there is no b"))])
def test_it(twin, word):
    assert twin.run({{"text": word}})["text"] == word
"""


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("", ["1 passed, 5 skipped", "python cannot show it: there is no b", "none named in EST_TEST_PWSH"]),
        ("pytestmark = pytest.mark.cannot_show(python='no')", ["6 errors", "for a case, and not for a whole file"]),
    ],
)
def test_a_case_that_cannot_be_shown_says_so_and_a_whole_file_cannot(
    tmp_path: Path, mark: str, told: list[str]
) -> None:
    (tmp_path / "test_it.py").write_text(FILE % mark, encoding="utf-8")
    here = MODULE.parents[1]
    (tmp_path / "conftest.py").write_text((here / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EST_TEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={**environment, "PATH": str(empty), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [words for words in told if words not in done.stdout] == [], done.stdout


def of_5_1(script: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script that reads ours with the reference assemblies of .NET Framework 4.6.2."""
    try:
        command = [powershell(), "-NoProfile", "-File", str(script), *map(str, arguments)]
    except MissingError as error:
        pytest.skip(str(error))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_windows_powershell_5_1_would_know_all_that_our_files_use(tmp_path: Path) -> None:
    tools = os.environ.get("EST_TEST_TOOLS")
    if not tools:
        pytest.skip("the folder with check-5.1.ps1 is not named in EST_TEST_TOOLS")
    files = sorted(path for path in PLUGINS.rglob("*") if path.suffix in (".ps1", ".psm1", ".cs"))
    done = of_5_1(Path(tools) / "check-5.1.ps1", *files)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    # It goes by names alone. Of the C# it has the compiler look at the arguments as well.
    wrong = tmp_path / "wrong.ps1"
    wrong.write_text(
        "[IO.File]::Move('a', 'b', $true)\n[Text.UTF8Encoding]::new($false).GetString(1, 2, 3, 4)\n", "utf-8"
    )
    scripts = [path for path in files if path.suffix != ".cs"]
    done = of_5_1(HERE / "overloads.ps1", Path(tools) / "framework-4.6.2", wrong, *scripts)
    *found, last = done.stdout.splitlines()
    assert found == [
        f"{wrong}:1: not with 3 arguments: [IO.File]::Move('a', 'b', $true)",
        f"{wrong}:2: not with 4 arguments: [Text.UTF8Encoding]::new($false).GetString(1, 2, 3, 4)",
    ], done.stderr
    assert int(last.split()[2]) > 100
