# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command of Ansible's and fail when it failed or when it gave a warning: ``no_warnings.py COMMAND ...``."""

from __future__ import annotations

import re
import subprocess
import sys

WARNING = re.compile(r"^\s*\[(?:DEPRECATION )?WARNING\]")


def main() -> int:
    """Pass the output through and look for warnings in it."""
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} COMMAND ...", file=sys.stderr)
        return 2
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    warnings = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if WARNING.match(line):
            warnings.append(line.strip())
    status = process.wait()
    if warnings:
        print(f"{len(warnings)} warning(s), none is allowed:", *warnings, sep="\n", file=sys.stderr)
        return status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
