# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are fakes on this machine, for looking at what the controller takes for each of thousands."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any

from .playbook import COLLECTIONS


class FakeHosts:
    """Hosts whose Python hands what it is to run to this process, which answers: its work is not the controller's.

    :ivar python: what the controller is to run as their Python.
    """

    def __init__(self, folder: Path) -> None:
        self.python = folder / "python"
        sys.path.append(str(COLLECTIONS))
        utils = "ansible_collections.estfleet.cloud_extender.plugins.module_utils"
        self._look, self._answer = (importlib.import_module(f"{utils}.{name}") for name in ("_store.look", "_answer"))
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), functools.partial(_Answer, self))
        self._server.daemon_threads = True

    def __enter__(self) -> FakeHosts:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_address[1]
        self.python.write_text(
            '#!/bin/bash\nsent=$(mktemp)\ncat >"$sent"\n'
            f'exec 3<>/dev/tcp/127.0.0.1/{port}\necho "$sent" >&3\nexec cat <&3\n',
            encoding="utf-8",
        )
        self.python.chmod(0o700)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, sent: str) -> str:
        """Return what a real host would print: of a quick look, or else of a ping."""
        found = re.search(r"ARGUMENTS, MARK = (.*), '([0-9a-f]+)'$", sent, re.MULTILINE)
        if found is None:
            return json.dumps({"ping": "pong", "changed": False})
        told = self._answer.as_line(self._look.quick_look(*ast.literal_eval(found.group(1))))
        return f"\n{found.group(2)}{told}{found.group(2)}\n"


class _Answer(socketserver.StreamRequestHandler):
    """Answers one program."""

    def __init__(self, hosts: FakeHosts, *arguments: Any) -> None:
        self._hosts = hosts
        super().__init__(*arguments)

    def handle(self) -> None:
        """Read the path of the program, and answer."""
        path = Path(self.rfile.readline().decode().strip())
        sent = path.read_text(encoding="utf-8")
        path.unlink()
        self.wfile.write(self._hosts.answer(sent).encode())
