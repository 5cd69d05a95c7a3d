# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates on a Windows-like host and a POSIX host in one inventory: the same results, and few calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from windows.playbooks.plays import COLLECTION, Plays, powershell, task

STORE = "{{ est_store }}"
WIFI = {"name": "Wi-Fi", "server": "est.example", "username": "u", "password": "canary-wifi", "use_system_trust": True}
VPN = {"name": "VPN", "server": "est.example", "label": "größe"}
PASSPHRASE = "canary: a passphrase that is long"
BUNDLE = "{{ inventory_hostname }}.bundle"


def role(name: str, templates: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A task that applies the role, and goes on."""
    variables = {"est_integration_store_path": STORE, "est_integration_templates": templates}
    return {
        "name": name,
        "ansible.builtin.include_role": {"name": f"{COLLECTION}.est_integration"},
        "vars": {**variables, **more},
    }


def test_try(plays: Plays) -> None:
    done = plays.run([
        role("first", [WIFI, VPN]),
        role("again", [WIFI, VPN]),
        task("est_template_info", store_path=STORE),
        powershell("icacls.exe \"{{ est_store }}\" ; exit 0"),
    ], "-vvvvv")
    print(done.run.output)
    print(done.calls)
    print(json.dumps(done.results, indent=1))
    assert 0
