# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's EST server as tests of clients want it: it can misbehave. The server that users get is the role's.

It is the role's program with one extension, so it has every flag of that program, and those of `extension`.
"""

from __future__ import annotations

import sys
from pathlib import Path

#: The folder that has the program of users, which is not a package of Ansible's: it is imported by its own name.
ROLE_FILES = Path(__file__).resolve().parents[3] / "roles" / "est_lab_server" / "files"

if str(ROLE_FILES) not in sys.path:
    sys.path.append(str(ROLE_FILES))
