# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that runs what ansible-core sends to a Windows host by a program of this machine, as winrm does."""

from __future__ import annotations

import re
import resource
import subprocess
import time

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: bench_pwsh
short_description: PowerShell on this machine
description: For the benchmark of a Windows host.
author: estfleet.cloud_extender contributors
options:
  command:
    description: What starts the PowerShell.
    type: list
    elements: str
    required: true
    vars:
      - name: bench_pwsh_command
  log:
    description: A file that gets a line for each command, with the seconds and the CPU seconds that it took.
    type: str
    required: true
    vars:
      - name: bench_pwsh_log
"""

# What it is to run: ansible-core writes it with and without quotes.
_ENCODED = re.compile(r"\s['\"]?-EncodedCommand['\"]?\s+['\"]?([A-Za-z0-9+/=]+)")
_OPTIONS = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-EncodedCommand")


def _cpu():
    """The CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
        command = [*self.get_option("command"), *_OPTIONS, found.group(1)]
        started, before = time.monotonic(), _cpu()
        done = subprocess.run(command, input=in_data or b"", capture_output=True, timeout=300, check=False)
        with open(self.get_option("log"), "a", encoding="ascii") as log:
            log.write(f"{time.monotonic() - started} {_cpu() - before}\n")
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        raise NotImplementedError

    def fetch_file(self, in_path, out_path):
        raise NotImplementedError
