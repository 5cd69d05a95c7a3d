# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each requirement line that is met has a test of its name, and docs/est-client.md says which. The example there runs.

That a test is there says nothing about its worth; it only keeps a line from being forgotten.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Dict, List, Set

from support.lab import LabServer

TESTS = Path(__file__).parents[1]
DOCUMENT = Path(__file__).parents[3] / "docs" / "est-client.md"

#: The lines of est-client-requirements.md that are not met; the document says why under "Known deviations".
NOT_MET = (19, 28, 39, 115)
#: All others.
LINES = [line for line in range(1, 131) if line not in NOT_MET]


def test_names() -> Set[str]:
    """The names of all test functions, without the parameters of parametrised ones."""
    return {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


test_names.__test__ = False  # type: ignore[attr-defined]


def rows() -> Dict[int, List[str]]:
    """The tests that the table of the document names, by line."""
    cells = [
        row.strip("| ").split(" | ") for row in DOCUMENT.read_text(encoding="utf-8").splitlines() if row[:1] == "|"
    ]
    return {int(row[0]): re.findall(r"`(test_\w+)`", row[-1]) for row in cells if row[0].isdigit()}


def test_each_line_has_a_test_with_its_number() -> None:
    numbers = {int(number) for name in test_names() for number in re.findall(r"req_(\d{3})", name)}
    assert [line for line in LINES if line not in numbers] == []


def test_the_document_has_a_row_for_each_line_and_names_tests_of_it_that_exist() -> None:
    known = test_names()
    assert list(rows()) == LINES
    for line, names in rows().items():
        assert names, line
        assert [name for name in names if name not in known or f"req_{line:03}" not in name] == [], line


def test_the_document_says_why_the_others_are_not_met() -> None:
    _before, deviations = DOCUMENT.read_text(encoding="utf-8").split("\n## Known deviations\n")
    told = {
        int(line)
        for lines in re.findall(r"^- \*\*.*?\*\* \(([\d, ]+)\)", deviations, re.M)
        for line in lines.split(", ")
    }
    assert [line for line in NOT_MET if line not in told] == []


def test_the_examples_of_the_document_run(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    program, second = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    # The second goes on where the first has its connection.
    program += textwrap.indent(f"{second}print(type(issued).__name__)\n", "    ")
    (tmp_path / "password.txt").write_text("estpwd\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with LabServer() as lab:
        (tmp_path / "ca.pem").write_text(lab.ca_pem, encoding="ascii")
        place = '"est.example.com", port=8443'
        assert program.count(place) == 1
        program = program.replace(place, f'"{lab.host}", port={lab.port}')
        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert [entry["status"] for entry in lab.enrolments] == [200, 200]
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("-----BEGIN CERTIFICATE-----\n")
    assert ran.stdout.endswith("-----END CERTIFICATE-----\n\nIssuedCertificate\n")
