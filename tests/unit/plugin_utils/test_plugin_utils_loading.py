# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible loads an action before it forks for the hosts: what is loaded then is not loaded for each host."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

PLUGINS = "ansible_collections.estfleet.cloud_extender.plugins"
PROGRAM = f"""
import sys
import {PLUGINS}.action.est_fleet_host
print(*sys.modules, sep="\\n")
"""


def test_what_a_host_without_changes_needs_is_loaded_before_the_forks():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    for name in ("action.est_templates", "module_utils._store.apply", "module_utils._template.model"):
        assert f"{PLUGINS}.{name}" in loaded
