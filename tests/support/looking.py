# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a store in both ways that there are, so that a test of the one is one of the other; and a host to look at."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils import _answer
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import look, posix_file

#: What a reading of a store finds where there is none.
NO_STORE = {
    "exists": False,
    "content": None,
    "sha256": "",
    "damage": "",
    "drift": [],
    "key_fingerprint": "",
    "key_damage": "",
    "masked_key": "",
    "folder_mode": "",
    "document_mode": "",
    "owner": "",
    "last_tests": "",
    "kept_documents": [],
}


def read_store(store_path: str, key_pad: bytes | None = None) -> dict[str, Any]:
    """Read a store as the module does; the quick look has to find the same, or to leave it to the module."""
    quick = look.quick_look(store_path, key_pad)
    found = posix_file.read_store(store_path, key_pad)
    assert quick in (None, found)
    if quick is not None:
        assert json.loads(_answer.as_line(quick)) == {name: in_base64(value) for name, value in found.items()}
    return found


def in_base64(value: Any) -> Any:
    """A value as the answer of a quick look has it."""
    if isinstance(value, list):
        return [in_base64(entry) for entry in value]
    return base64.b64encode(value.encode()).decode("ascii") if isinstance(value, str) else value


class Action:
    """As much of an action as the quick look needs; its host is this machine."""

    def __init__(self, *, environment="", variables=None, pipelining=True, executable="/bin/sh", **connection):
        become = connection.pop("become", None)
        self.on_windows = False
        self._connection = SimpleNamespace(
            **{"transport": "ssh", "has_pipelining": True, "allow_executable": True, **connection}, become=become
        )
        self._play_context = SimpleNamespace(executable=executable)
        self._task = SimpleNamespace(delegate_to=None)
        self._task_vars = {
            "inventory_hostname": "ce1",
            "ansible_python_interpreter": sys.executable,
            **(variables or {}),
        }
        self._templar = SimpleNamespace(template=lambda value: value)
        self._environment = environment
        self._pipelining = pipelining
        self.sent = []
        self.result = None

    def _compute_environment_string(self):
        return self._environment

    def _is_pipelining_enabled(self, style):
        assert style == "new"
        return self._pipelining

    def _low_level_execute_command(self, cmd, in_data):
        self.sent.append((cmd, in_data))
        if self.result is not None:
            return self.result
        done = subprocess.run(["/bin/sh", "-c", cmd], input=in_data, capture_output=True, timeout=60, check=False)
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}
