# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a Windows-like host of this machine: a PowerShell of its own for each command, as with winrm."""

from __future__ import annotations

import base64
import re
import subprocess

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

DOCUMENTATION = """
name: windows_like
short_description: A Windows-like host of this machine
description: Runs what ansible-core sends to a Windows host by PowerShell for Windows in Wine.
author: estfleet.cloud_extender contributors
options:
  command:
    description: What starts its PowerShell.
    type: list
    elements: str
    required: true
    vars:
      - name: windows_like_command
  calls:
    description: A file to write a line to for each thing that is done on the host.
    type: str
    required: true
    vars:
      - name: windows_like_calls
"""

display = Display()

_OPTIONS = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted")
# How the versions of ansible-core write it: with and without quotes, and with arguments of the script.
_ENCODED = re.compile(r"\s['\"]?-EncodedCommand['\"]?\s+['\"]?([A-Za-z0-9+/=]+)")
# The code page that winrm gives its shell. A script with parameters is one of ansible-core's, which does it itself.
_UTF8 = "try { [Console]::InputEncoding = [Console]::OutputEncoding = [Text.UTF8Encoding]::new($false) } catch {}\n"
#: Longest time in seconds for one command: nothing of ours takes as long.
_LIMIT = 300


class Connection(ConnectionBase):
    """What winrm tells ansible-core of itself, too."""

    transport = "windows_like"
    module_implementation_preferences = (".ps1", ".exe", "")
    has_pipelining = True
    allow_executable = False
    has_native_async = True

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
        self._count("module" if b"\0\0\0\0" in (in_data or b"") else "command")
        found = _ENCODED.search(cmd)
        # What is no command line for PowerShell is a script, as for winrm and psrp.
        script = base64.b64decode(found.group(1)).decode("utf-16-le") if found else cmd
        if not script.lstrip().startswith("param("):
            script = f"{_UTF8}{script}"
        display.vvv(f"EXEC {cmd if not in_data else '(pipelined)'}")
        done = subprocess.run(
            [*self.get_option("command"), *_OPTIONS, "-EncodedCommand", _encoded(script)],
            input=in_data or b"",
            capture_output=True,
            timeout=_LIMIT,
            check=False,
        )
        # As winrm does.
        display.vvvvv(f"STDOUT {done.stdout.decode('utf-8', 'replace')}")
        display.vvvvv(f"STDERR {done.stderr.decode('utf-8', 'replace')}")
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        raise AnsibleError(f"nothing of the collection puts a file on a Windows host, and this is {out_path}")

    def fetch_file(self, in_path, out_path):
        raise AnsibleError(f"nothing of the collection fetches a file from a Windows host, and this is {in_path}")

    def _count(self, what):
        with open(self.get_option("calls"), "a", encoding="utf-8") as calls:
            calls.write(f"{what}\n")


def _encoded(script):
    return base64.b64encode(script.encode("utf-16-le")).decode("ascii")
