# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: starts the server, says when it is ready, stops it on a signal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Optional

from ..authority.state import StateError, StateFolder
from ..extension import Extension
from ..http.server import Server
from ..settings import Settings
from .arguments import ProcessOptions, parse_arguments
from .background import PROGRAM, held_pid_file, start_in_background, stop_in_background

BANNER = """\
est-lab-server: FOR LABS ONLY. It issues certificates to anyone who knows the lab password.
  state folder: {state}
  trust anchor: {trust_anchor}
  user name:    {username}
"""


def main(argv: Optional[Sequence[str]] = None, extension: Optional[Extension] = None, program: str = PROGRAM) -> int:
    """Run the server until SIGTERM or SIGINT, or start or stop one in the background; gives the exit status.

    `program` is what Python is to run in the background, with the same extension.
    """
    extension = extension or Extension()
    arguments = sys.argv[1:] if argv is None else list(argv)
    settings, options = parse_arguments(arguments, extension)
    try:
        if options.mode == "stop":
            print(stop_in_background(options))
            return 0
        if options.mode == "daemon":
            print(start_in_background(program, arguments, settings, options, extension))
            return 0
        with contextlib.ExitStack() as cleanup:
            # From the beginning: a server that is told to stop while it starts leaves nothing either.
            stop = cleanup.enter_context(_stop_signals())
            folder = options.state or cleanup.enter_context(tempfile.TemporaryDirectory(prefix="est-lab-server-"))
            _run(settings, options, StateFolder(folder), extension, stop, cleanup)
    except (StateError, OSError) as error:
        print(f"est-lab-server: {error}", file=sys.stderr)
        return 1
    return 0


def _run(
    settings: Settings,
    options: ProcessOptions,
    state: StateFolder,
    extension: Extension,
    stop: socket.socket,
    cleanup: contextlib.ExitStack,
) -> None:
    server = Server(settings, options.password, state, options.log_file, extension)
    cleanup.callback(server.close)
    if options.pid_file:
        cleanup.enter_context(held_pid_file(options.pid_file))
    if options.ready_file:
        cleanup.enter_context(_announced(options.ready_file, server.url))
    sys.stderr.write(BANNER.format(state=state.path, trust_anchor=state.trust_anchor, username=settings.username))
    print(f"ready {server.url}", flush=True)
    server.serve(stop)


@contextlib.contextmanager
def _stop_signals() -> Iterator[socket.socket]:
    """A socket that there is something to read from after SIGTERM or SIGINT. Only for the main thread."""
    read, write = socket.socketpair()
    with read, write:
        write.setblocking(False)
        signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            # The wake-up above does the work; a handler must be set for it to happen.
            signal.signal(number, lambda *_: None)
        try:
            yield read
        finally:
            signal.set_wakeup_fd(-1)


@contextlib.contextmanager
def _announced(path: str, line: str) -> Iterator[None]:
    """A file with one line, which exists only while the server runs."""
    # Whoever waits for the file must not see it empty.
    with open(f"{path}.new", "w", encoding="utf-8") as stream:
        stream.write(line + "\n")
    os.replace(f"{path}.new", path)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
