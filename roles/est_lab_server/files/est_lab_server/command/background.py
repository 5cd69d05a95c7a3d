# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the server in the background: `--daemon` and `--stop`, both idempotent, for roles and scripts.

The pid file is locked while its server lives, so a number that a dead server left misleads nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Optional

from ..authority.state import StateError, StateFolder
from ..extension import Extension
from ..settings import Settings
from .arguments import ProcessOptions

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02


@contextlib.contextmanager
def held_pid_file(path: str) -> Iterator[None]:
    """Write this process's id, and hold the file until the end of the block; then remove it.

    Raises OSError where another server holds it.
    """
    with open(path, "a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OSError(f"another server is running with the pid file {path}") from error
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def running_process(path: str) -> Optional[int]:
    """The id of the server that holds the pid file; None when none does."""
    try:
        with open(path, encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(stream.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def stop_process(path: str) -> None:
    """End the server that holds the pid file: SIGTERM, and SIGKILL when it takes longer than ten seconds."""
    deadline = time.monotonic() + _STOP_SECONDS
    number = signal.SIGTERM
    process = running_process(path)
    if process is not None:
        os.kill(process, number)
    while process is not None:
        if number == signal.SIGTERM and time.monotonic() > deadline:
            number = signal.SIGKILL
            os.kill(process, number)
        time.sleep(_POLL_SECONDS)
        process = running_process(path)


PROGRAM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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


def start_in_background(
    program: str, argv: Sequence[str], settings: Settings, options: ProcessOptions, extension: Extension
) -> str:
    """Have a server with these flags running; gives `started URL`, `restarted URL` or `unchanged URL`.

    One that runs already is left alone if its flags, password and program are the same; otherwise it is replaced.
    Returns when the server is ready. Raises StateError with the server's own words when it does not become ready.
    """
    fingerprint = _fingerprint(program, settings, options, extension)
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
    url = _spawn(program, argv, state)
    state.write(_RECORD_FILE, json.dumps({"fingerprint": fingerprint, "url": url}).encode())
    return f"{word} {url}"


def _spawn(program: str, argv: Sequence[str], state: StateFolder) -> str:
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


def _fingerprint(program: str, settings: Settings, options: ProcessOptions, extension: Extension) -> str:
    """A digest of all that makes a difference. The file it goes to is as secret as the password file: 0600."""
    told = [dataclasses.astuple(settings), options.state, options.log_file, options.ready_file, options.password]
    digest = hashlib.sha256(json.dumps([*told, extension.configured]).encode())
    for top in sorted({program, PROGRAM}):
        for folder, folders, files in os.walk(top):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    with open(os.path.join(folder, name), "rb") as stream:
                        digest.update(stream.read())
    return digest.hexdigest()
