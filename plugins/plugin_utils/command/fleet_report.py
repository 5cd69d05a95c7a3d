# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that merges fleet reports without Ansible: ``python -m ...plugin_utils.command.fleet_report --help``."""

from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from ...module_utils._report.counts import ReportError
from ...module_utils._report.merging import merge_files
from ...module_utils._report.summary import summary_lines
from ...module_utils._report.writing import write_report


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Merge reports; return the exit status: 0, or 1 where a file cannot be read or written."""
    parser = argparse.ArgumentParser(
        prog="est-fleet-report", description="Merge fleet reports, such as those of the slices of a job, into one."
    )
    parser.add_argument("dest", help="where to write: DEST.json and DEST.html, whose folder is made")
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="a JSON file of a report, or a pattern")
    options = parser.parse_args(arguments)
    try:
        document = merge_files(options.reports)
        written = write_report(options.dest, document)
    except ReportError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("\n".join([*summary_lines(document), *written, ""]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
