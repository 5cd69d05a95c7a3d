# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a release of the collection.

    python3 tests/tools/release prepare 1.0.0   version and changelog, in the work tree, to be read and committed
    python3 tests/tools/release build           the artifact of the commit, into .cache/release, and what to do with it

Nothing is pushed, tagged or published.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "suite"))

from build import build
from commands import ReleaseError
from prepare import prepare
from venvs import ROOT, ensure_venv


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/tools/release", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--tools", type=Path, help="environment with the tools; by default made from the pins of docs.txt"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="set the version and write the changelog")
    preparing.add_argument("version")
    preparing.add_argument("--date", help="of the release, as YYYY-MM-DD; today by default")
    building = commands.add_parser("build", help="build the artifact of the commit")
    building.add_argument("--dest", type=Path, default=ROOT / ".cache" / "release", help="the folder for it")
    options = parser.parse_args()
    tools = options.tools or ensure_venv("docs", ROOT / "tests" / "requirements" / "docs.txt")
    try:
        if options.command == "prepare":
            prepare(tools / "bin", options.version, options.date)
        else:
            build(tools / "bin", options.dest)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
