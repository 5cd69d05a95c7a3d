# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./test.sh runs: each part, by default or when something of its subject has changed, and one file of tests."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import ansible_test
import changes
import one
import pytest
from changes import Changes, find_changes
from checkout import working_files
from context import Context, PartError
from parts import PARTS
from pytest_parts import FOLDERS
from touching import touch_the_libraries

ROOT = Path(__file__).resolve().parents[3]
UNIT_TESTS = sorted((ROOT / "tests" / "unit").rglob("test_*.py"))


def test_every_file_of_tests_is_run_by_a_part():
    files = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]
    assert [str(file) for file in files if not any(file.is_relative_to(each.path) for each in FOLDERS.values())] == []
    assert set(FOLDERS) <= {part.name for part in PARTS}


@pytest.mark.parametrize("part", [part for part in PARTS if part.subject is not None], ids=lambda part: part.name)
def test_every_pattern_of_a_subject_names_a_file(part):
    files = working_files()
    assert [pattern for pattern in part.subject if not any(fnmatchcase(name, pattern) for name in files)] == []


def test_a_change_of_the_subject_is_seen_and_so_is_what_cannot_be_told():
    changed = Changes("main", ("docs/a.md", "plugins/module_utils/est/url.py"))
    assert changed.touch(["docs/*"])
    assert changed.touch(["plugins/*url.py"])
    assert not changed.touch(["plugins/modules/*", "est/*"])
    assert not Changes("main", ()).touch(["*"])
    assert Changes("nothing", None).touch(["docs/*"])


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_what_has_changed_is_what_is_not_upstream_committed_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "ROOT", tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for name in ("kept", "edited", "deleted", "moved", "ignored", ".gitignore"):
        (tmp_path / name).write_text("ignored\n" if name == ".gitignore" else name)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "First")
    git(tmp_path, "switch", "-c", "work")
    (tmp_path / "edited").write_text("more")
    git(tmp_path, "mv", "moved", "there")
    git(tmp_path, "commit", "-am", "Second")
    (tmp_path / "deleted").unlink()
    (tmp_path / "new").touch()
    (tmp_path / "ignored").touch()
    git(tmp_path, "switch", "main")
    (tmp_path / "upstream").touch()
    git(tmp_path, "add", "upstream")
    git(tmp_path, "commit", "-m", "Third", "upstream")
    git(tmp_path, "switch", "work")
    fresh = find_changes.__wrapped__
    assert re.fullmatch(r"main \([0-9a-f]{9}\)", fresh().since)
    assert fresh().files == ("deleted", "edited", "moved", "new", "there")
    assert fresh("HEAD").files == ("deleted", "new")
    with pytest.raises(ValueError, match="no commit nonsense"):
        fresh("nonsense")
    git(tmp_path, "branch", "--delete", "--force", "main")
    assert fresh().files is None


def test_a_test_that_imports_a_library_touches_it_and_so_does_one_of_what_imports_it():
    for file in UNIT_TESTS:
        if re.search(r"^\s*(from|import) (cryptography|requests)\b", file.read_text(), re.MULTILINE):
            assert touch_the_libraries(file), file
    by_name = {file.name: touch_the_libraries(file) for file in UNIT_TESTS}
    assert by_name["test_est_client.py"]  # by what the client imports
    assert not by_name["test_est_url.py"]
    assert 0.3 < sum(by_name.values()) / len(by_name) < 0.8


@pytest.mark.parametrize(
    ("path", "part", "requirements"),
    [
        ("tests/unit/est/http/test_est_url.py", None, "unit"),
        ("tests/unit/est/http/test_est_url.py::test_a", "unit-oldest", "unit-oldest"),
        (str(ROOT / "tests/awx/test_awx_image.py"), None, "awx"),
        ("tests/examples", None, "unit"),
    ],
)
def test_one_file_runs_as_its_part_runs_it(path, part, requirements):
    assert one._folder(path, part).requirements == requirements


@pytest.mark.parametrize(
    ("path", "part", "words"),
    [
        ("tests/unit/nothing.py", None, "nothing.py is not there"),
        ("tests/fuzz/fuzz.py", None, "no part runs tests/fuzz/fuzz.py"),
        ("tests/unit/est", "awx", "awx does not run tests/unit/est: unit, unit-oldest do"),
    ],
)
def test_one_file_that_cannot_be_run_is_told(path, part, words):
    with pytest.raises(PartError, match=re.escape(words)):
        one._folder(path, part)


def test_one_integration_target_is_its_name_or_its_folder_or_a_file_of_it():
    target = "tests/integration/targets/est_template"
    for path in ("est_template", target, f"{target}/", f"{target}/tasks/main.yml", str(ROOT / target)):
        assert one._target(path) == "est_template"
    assert one._target("tests/unit/est") == one._target("tests/integration/targets") == ""
    assert one._core(None).minor == one._core("integration").minor == "2.19"
    with pytest.raises(PartError, match="unit runs no integration target"):
        one._core("unit")


@pytest.mark.parametrize("scripts", [[], ["win_a.ps1"]])
def test_without_powershell_validate_modules_runs_on_the_python_files_and_the_rest_is_told(
    tmp_path, monkeypatch, scripts
):
    test = object.__new__(ansible_test.AnsibleTest)
    test.copy, test.env, test.core = tmp_path, {"PATH": str(tmp_path)}, ansible_test.CORES[0]
    test.context = Context("sanity-x", logs=tmp_path / "logs")
    (tmp_path / "plugins" / "modules").mkdir(parents=True)
    for name in ["a.py", *scripts]:
        (tmp_path / "plugins" / "modules" / name).touch()
    runs = []
    monkeypatch.setattr(test, "run", lambda *words: (runs.append(words), (0, 'Running sanity test "pep8"\n'))[1])
    test.sanity(every_python=True, elsewhere={"shebang": "another part runs it"})
    test.context.close()
    missing = "PowerShell (pwsh) is not on this machine"
    told = [f"validate-modules: of plugins/modules/win_a.ps1: {missing}"] if scripts else []
    assert test.context.report.skips == ["shebang: another part runs it", f"pslint: {missing}", *told]
    skipped = ("--skip-test", "shebang", "--skip-test", "pslint", "--skip-test", "validate-modules")
    again = ("sanity", "--test", "validate-modules", "--exclude", "plugins/modules/win_a.ps1")
    assert runs == ([("sanity", *skipped), again] if scripts else [("sanity", *skipped[:4])])


SANITY = """WARNING: something
Running sanity test "changelog"
Running sanity test "compile" on Python 3.8
ERROR: a.py:1:1: bad
Running sanity test "pylint"
"""


def test_sanity_tests_that_were_ended_have_passed_where_they_came_to_their_end_without_an_error():
    names = ["changelog", "compile on Python 3.8", "pylint"]
    assert ansible_test._sanity_tests(SANITY, ended=True) == (names, [])
    assert ansible_test._sanity_tests(SANITY, ended=False) == (names, ["compile on Python 3.8", "pylint"])
