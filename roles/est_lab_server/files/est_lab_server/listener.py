# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listening socket: a thread for every connection, until SIGTERM or SIGINT."""

from __future__ import annotations

import select
import signal
import socket
import threading
from typing import Callable

_BACKLOG = 128


def open_listener(address: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises OSError, which names address and port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {address} port {port}: {error.strerror}") from error
    return listener


class StopSignal:
    """Becomes readable when the process is told to stop. Only for the main thread."""

    def __init__(self) -> None:
        """Take over SIGTERM and SIGINT."""
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            # The wake-up above does the work; a handler must be set for it to happen.
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        """The file descriptor to wait for."""
        return self._read.fileno()


def accept_until(stop: StopSignal, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Take connections and serve each in a thread of its own, until the stop signal."""
    while True:
        readable, _unused, _unused = select.select([stop.fileno(), listener.fileno()], [], [])
        if stop.fileno() in readable:
            return
        try:
            accepted, _unused = listener.accept()
        except OSError:
            continue
        threading.Thread(target=serve, args=(accepted,), daemon=True).start()
