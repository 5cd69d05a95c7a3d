# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double without ansible-core between: for tests of every moment at which a run can be killed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windows.machine import Fail, Machine
from windows.windows_modules import run_module

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.host import Refused


class DirectHost:
    """What a ``WindowsStore`` needs of its host.

    :param collection: the folder of the real ansible.windows.
    """

    def __init__(self, machine: Machine, collection: Path) -> None:
        self.machine = machine
        self._collection = collection
        self.calls: list[str] = []
        #: Called before a module runs, with its name: what others do at that time.
        self.meanwhile: dict[str, Any] = {}

    @property
    def prepared(self) -> dict[str, str]:
        """Nothing: whatever is done here is a task of its own."""
        return {}

    def run(self, module: str, arguments: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Run a module."""
        self.calls.append(module)
        if module in self.meanwhile:
            self.meanwhile.pop(module)()
        result = run_module(self.machine, self._collection, module, {**arguments, "_ansible_check_mode": check})
        if result.get("failed"):
            raise Refused(result["msg"])
        return result

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        self.calls.append("put")
        try:
            self.machine.write(path, content)
        except Fail as failure:
            raise Refused(str(failure)) from None

    def fetch(self, path: str) -> bytes:
        """Read a file."""
        self.calls.append("fetch")
        return self.machine.read(path)
