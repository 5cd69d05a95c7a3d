# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the command line, one file for each group, in the order of `--help`."""

from __future__ import annotations

import argparse
from typing import Callable

from .admission import add_admission_flags
from .authentication import add_authentication_flags
from .authority import add_authority_flags
from .checks import add_check_flags
from .faults import add_fault_flags
from .key_generation import add_key_generation_flags
from .process import add_process_flags
from .redirects import add_redirect_flags
from .tls import add_tls_flags
from .wire import add_wire_flags

GROUPS: tuple[Callable[[argparse.ArgumentParser], None], ...] = (
    add_process_flags,
    add_admission_flags,
    add_authentication_flags,
    add_authority_flags,
    add_key_generation_flags,
    add_wire_flags,
    add_check_flags,
    add_tls_flags,
    add_redirect_flags,
    add_fault_flags,
)
