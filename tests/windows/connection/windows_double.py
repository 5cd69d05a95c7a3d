# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to the double of a Windows host; to ansible-core it is like winrm or psrp."""

from __future__ import annotations

import base64
import json
import os
import traceback
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from windows.machine import Fail, Machine
from windows.manifest import read_order
from windows.real_modules import real_module
from windows.temporary_folders import run_script
from windows.windows_modules import NAMES, run_module

DOCUMENTATION = """
name: windows_double
short_description: Test double of a Windows host
description: Carries out the modules of ansible.windows in Python.
author: estfleet.cloud_extender contributors
options:
  folder:
    description: The folder of the machine.
    type: str
    required: true
    vars:
      - name: windows_double_folder
  collection:
    description: The folder of the real ansible.windows.
    type: str
    required: true
    vars:
      - name: windows_double_collection
  shares_with_writers:
    description: Whether it fetches a file that another program writes to, as winrm and ssh do, and psrp does not.
    type: bool
    default: true
    vars:
      - name: windows_double_shares_with_writers
  down:
    description: Whether the host cannot be reached.
    type: bool
    default: false
    vars:
      - name: windows_double_down
"""

display = Display()


class Connection(ConnectionBase):
    """The connection: what winrm and psrp tell ansible-core of themselves."""

    transport = "windows_double"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True

    def __init__(self, *args, **kwargs):
        self.always_pipeline_modules = True
        self.has_native_async = True
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)

    def _connect(self):
        if self.get_option("down"):
            raise AnsibleConnectionFailure("the double is down")
        self._machine = Machine(Path(self.get_option("folder")))
        self._collection = Path(self.get_option("collection"))
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._connect()
        ran = run_script(self._machine, cmd, in_data)
        if ran is not None:
            call, path, output = ran
            self._machine.log(call=call, check=False, path=path)
            return 0, output, b""
        if not in_data:
            raise AnsibleError(f"the double does not run {_decoded(cmd)}")
        order = read_order(in_data)
        name = order.name or next(
            (name for name in NAMES if real_module(self._collection, name).source == order.source), "?"
        )
        if name not in NAMES or real_module(self._collection, name).source != order.source:
            raise AnsibleError(
                f"the double does not know the module {name}, or its code is not that of ansible.windows"
            )
        check = bool(order.arguments.get("_ansible_check_mode"))
        self._machine.log(call=name, check=check, path=_path_of(order.arguments))
        result = run_module(self._machine, self._collection, name, order.arguments)
        output = json.dumps(result)
        # As winrm does with -vvvvv, and psrp.
        display.vvvvv(f"WINDOWS DOUBLE RESULT {output}")
        return 1 if result.get("failed") else 0, output.encode(), b""

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        self._connect()
        display.vvv(f"PUT {in_path} TO {out_path}")
        self._machine.log(call="put_file", check=False, path=out_path)
        content = Path(in_path).read_bytes()
        display.vvvvv(f"WINDOWS DOUBLE PUT {content!r}")
        try:
            self._machine.write(out_path, content)
        except (Fail, OSError) as error:
            raise AnsibleError(f"failed to transfer file to '{out_path}': {error}") from None

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        self._connect()
        display.vvv(f"FETCH {in_path} TO {out_path}")
        self._machine.log(call="fetch_file", check=False, path=in_path)
        if not self._machine.real(in_path).is_file():
            raise AnsibleFileNotFound(f"{in_path} does not exist")
        try:
            content = self._machine.read(in_path, beside_writers=self.get_option("shares_with_writers"))
        except Fail:
            traceback.print_exc()  # as winrm does
            raise AnsibleError(f'failed to transfer file to "{out_path}"') from None
        display.vvvvv(f"WINDOWS DOUBLE FETCH {content!r}")
        Path(out_path).write_bytes(content)

    def close(self):
        self._connected = False


def _path_of(arguments):
    found = arguments.get("dest") or arguments.get("path") or arguments.get("src") or arguments.get("paths")
    return found[0] if isinstance(found, list) else found


def _decoded(command):
    words = command.split()
    encoded = words[-1] if "-EncodedCommand" in words else ""
    return base64.b64decode(encoded).decode("utf-16-le")[:200] if encoded else os.fsdecode(command)[:200]
