# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that runs what ansible-core sends to a Windows host by a program of this machine, as winrm does."""

from __future__ import annotations

import re
import subprocess

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: bench_pwsh
short_description: PowerShell on this machine
description: For the benchmark of a Windows host.
author: estfleet.cloud_extender contributors
options:
  program:
    description: The PowerShell.
    type: str
    required: true
    vars:
      - name: bench_pwsh_program
"""

# What it is to run: ansible-core writes it with and without quotes.
_ENCODED = re.compile(r"\s['\"]?-EncodedCommand['\"]?\s+['\"]?([A-Za-z0-9+/=]+)")
_OPTIONS = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-EncodedCommand")


class Connection(ConnectionBase):
    """The connection."""

    transport = "bench_pwsh"
    module_implementation_preferences = (".ps1", ".exe", "")
    has_pipelining = True
    allow_executable = False

    def __init__(self, *args, **kwargs):
        self.always_pipeline_modules = True
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        self._connected = False

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        found = _ENCODED.search(cmd)
        command = [self.get_option("program"), *_OPTIONS, found.group(1)]
        done = subprocess.run(command, input=in_data or b"", capture_output=True, timeout=300, check=False)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        raise NotImplementedError

    def fetch_file(self, in_path, out_path):
        raise NotImplementedError
