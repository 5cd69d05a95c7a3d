# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core runs on a Windows host beside modules: it makes a temporary folder for a task, and removes it."""

from __future__ import annotations

import base64
import json
import re

from windows.machine import Machine

#: Where the folder is made: the option remote_tmp of the shell is %TEMP%.
_MADE = re.compile(r"ExpandEnvironmentVariables\('([^']+)'\).*New-Item -Type Directory -Path \S+ -Name '([^']+)'", re.S)
#: From ansible-core 2.21 on, with quotes only where they are needed.
_REMOVED = re.compile(r"Remove-Item '?([^']+?[^.'])'? -Force -Recurse")


def run_script(machine: Machine, command: str, in_data: bytes | None) -> tuple[str, str, bytes] | None:
    """Run a script of ansible-core's own.

    :returns: what was done, with which folder, and what it prints; None where it is not such a script.
    """
    if in_data:
        return _from_manifest(machine, in_data)
    words = command.split()
    encoded = words[-1] if "-EncodedCommand" in words else ""
    script = base64.b64decode(encoded).decode("utf-16-le") if encoded else ""
    made, removed = _MADE.search(script), _REMOVED.search(script)
    if made:
        return _make(machine, made.group(1), made.group(2))
    if removed:
        machine.remove(removed.group(1))
        return "remove temporary folder", removed.group(1), b""
    return None


def _from_manifest(machine: Machine, in_data: bytes) -> tuple[str, str, bytes] | None:
    """The same from ansible-core 2.19 on, which sends the script apart from its parameters."""
    manifest = json.loads(in_data.partition(b"\0\0\0\0")[2] or b"{}")
    actions = manifest.get("actions") or [{}]
    if not isinstance(actions[-1], dict) or actions[-1].get("name") != "powershell_mkdtemp.ps1":
        return None
    return _make(machine, actions[-1]["params"]["Directory"], actions[-1]["params"]["Name"])


def _make(machine: Machine, folder: str, name: str) -> tuple[str, str, bytes]:
    path = f"{machine.expand(folder)}\\{name}"
    machine.make_folder(path)
    return "make temporary folder", path, f"{path}\r\n".encode()
