# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the server from its folder: `python3 tests/support/lab_server --help`."""

from __future__ import annotations

import sys
from pathlib import Path

# Python put this folder first on the path, where the package's own name is not found and its modules would hide others.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from support.lab_server.extension import main  # noqa: E402  (the path is set above)

if __name__ == "__main__":
    sys.exit(main())
