# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run of pytest here does.

It tells each result at once, for the suite, keeps its bytecode in ``.cache/``, and fails a test in which a module
returned something else than it documents.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# For this process alone: what a test starts writes its bytecode where it would for a user.
sys.pycache_prefix = str(Path(__file__).resolve().parents[1] / ".cache" / "bytecode")

# ./test.sh itself looks for a Python 3.11 or newer.
collect_ignore_glob = ["unit/suite/*"] if sys.version_info < (3, 11) else []

# Where ./test.sh reads what passed until now, also of a run that never ends.
_RESULTS = os.environ.pop("SUITE_RESULTS", "")

# Where support/callback_plugins/returned.py writes, in every run of Ansible's that a test starts.
_RETURNED = Path(tempfile.mkdtemp(prefix="returned-"), "wrong")
atexit.register(shutil.rmtree, _RETURNED.parent, ignore_errors=True)
os.environ["RETURNED_FILE"] = str(_RETURNED)
os.environ["ANSIBLE_CALLBACK_PLUGINS"] = str(Path(__file__).resolve().parent / "support" / "callback_plugins")


@pytest.fixture(autouse=True)
def _as_documented() -> Iterator[None]:
    """Fail where a module returned something else than it documents."""
    yield
    if _RETURNED.exists():
        wrong = _RETURNED.read_text(encoding="utf-8")
        _RETURNED.unlink()
        pytest.fail(f"results are not as documented:\n{wrong}", pytrace=False)


def _tell(kind: str, test: str, why: str = "") -> None:
    if _RESULTS:
        with Path(_RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps([kind, test, why]) + "\n")


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tell which test begins."""
    _tell("started", nodeid)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Tell which test has ended, with all that cleans up after it."""
    _tell("ended", nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell the result of a test; a failure to set it up or to clean up after it is one as well."""
    if report.failed:
        _tell("failed", report.nodeid)
    elif report.skipped:
        _tell("skipped", report.nodeid, _reason(report))
    elif report.when == "call":
        _tell("passed", report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Tell a file that cannot be read, and one that is skipped as a whole."""
    if report.failed:
        _tell("failed", report.nodeid)
    elif report.skipped:
        _tell("skipped", report.nodeid, _reason(report))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why something is skipped, or was expected to fail."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(getattr(report, "wasxfail", "") or report.longrepr)
