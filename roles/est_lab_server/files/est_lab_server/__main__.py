# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the server from its folder: `python3 est_lab_server --help`."""

from __future__ import annotations

import os
import sys

# Python put this folder first on the path, where the package's own name is not found and its modules would hide others.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from est_lab_server.command.cli import main  # noqa: E402  (the path is set above)

if __name__ == "__main__":
    sys.exit(main())
