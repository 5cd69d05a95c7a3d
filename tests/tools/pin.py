# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renew the pins of ``tests/requirements/NAME.txt`` that stand below the line: ``pin.py NAME ...``.

Above the line of such a file stands what we ask for, changed by hand; below it is what pip brought in with that.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
LINE = "# --- brought in by these"


def normal(requirement: str) -> str:
    """Return the name of a pinned package as the package index compares names."""
    return re.sub(r"[-_.]+", "-", requirement.split("==")[0]).lower()


def renew(path: Path) -> None:
    """Install what is above the line into a new environment and write down what came with it."""
    head, line, _old = path.read_text(encoding="utf-8").partition(LINE)
    if not line:
        raise SystemExit(f"error: {path.name} has no line '{LINE}': its pins are kept by hand")
    asked = [row for row in head.splitlines() if row and not row.startswith("#")]
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *asked], check=True)
        frozen = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    names = {normal(row) for row in asked}
    brought = [row for row in frozen.splitlines() if normal(row) not in names]
    path.write_text("\n".join([head.rstrip(), LINE, *brought, ""]), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: {sys.argv[0]} NAME ...")
    for name in sys.argv[1:]:
        renew(REQUIREMENTS / f"{name}.txt")
