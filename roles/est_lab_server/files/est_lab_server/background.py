# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the server in the background: `--daemon` and `--stop`, both idempotent, for roles and scripts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence

from .arguments import ProcessOptions
from .pid_file import running_process, stop_process
from .settings import Settings
from .state import StateError, StateFolder

PID_FILE = "daemon.pid"
_RECORD_FILE = "daemon.json"
_MESSAGES_FILE = "daemon.log"


def stop_in_background(options: ProcessOptions) -> str:
    """Stop the server of the state folder; gives the word to tell the user. Raises StateError and OSError."""
    folder = str(options.state)
    pid_file = os.path.join(folder, PID_FILE)
    if running_process(pid_file) is None:
        return "not running"
    if not options.check:
        stop_process(pid_file)
    return "stopped"


def start_in_background(argv: Sequence[str], settings: Settings, options: ProcessOptions) -> str:
    """Have a server with these flags running; gives `started URL`, `restarted URL` or `unchanged URL`.

    One that runs already is left alone if its flags, password and program are the same; otherwise it is replaced.
    Returns when the server is ready. Raises StateError with the server's own words when it does not become ready.
    """
    fingerprint = _fingerprint(settings, options)
    pid_file = os.path.join(str(options.state), PID_FILE)
    running = running_process(pid_file) is not None
    if running:
        record = _record(str(options.state))
        if record.get("fingerprint") == fingerprint:
            return f"unchanged {record['url']}"
    word = "restarted" if running else "started"
    if options.check:
        return word
    state = StateFolder(str(options.state))
    if running:
        stop_process(pid_file)
    url = _spawn(argv, state)
    state.write(_RECORD_FILE, json.dumps({"fingerprint": fingerprint, "url": url}).encode())
    return f"{word} {url}"


def _spawn(argv: Sequence[str], state: StateFolder) -> str:
    program = os.path.dirname(os.path.abspath(__file__))
    with state.lock():
        state.write(_MESSAGES_FILE, b"")
    with open(state.file(_MESSAGES_FILE), "ab") as messages:
        process = subprocess.Popen(
            [sys.executable, program, *argv, "--foreground", "--pid-file", state.file(PID_FILE)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    if not line.startswith("ready "):
        said = (state.read(_MESSAGES_FILE) or b"").decode("utf-8", "replace").strip()
        raise StateError(f"the server did not start: {said or 'it said nothing'}")
    # The process outlives this one on purpose; without this Python would warn of it.
    process.returncode = 0
    return line[len("ready ") :]


def _record(folder: str) -> dict[str, str]:
    try:
        with open(os.path.join(folder, _RECORD_FILE), encoding="utf-8") as stream:
            content = json.load(stream)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _fingerprint(settings: Settings, options: ProcessOptions) -> str:
    """A digest of all that makes a difference. The file it goes to is as secret as the password file: 0600."""
    flags = [dataclasses.astuple(settings), options.state, options.log_file, options.ready_file, options.password]
    digest = hashlib.sha256(json.dumps(flags).encode())
    program = os.path.dirname(os.path.abspath(__file__))
    for folder, folders, files in os.walk(program):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as stream:
                    digest.update(stream.read())
    return digest.hexdigest()
