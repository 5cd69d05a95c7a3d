# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server itself: its listener and its connections, each in a thread of its own. It knows nothing of the process."""

from __future__ import annotations

import select
import socket
import threading
from typing import Optional

from ..authority.authority import Rollover
from ..authority.profiles import Approvals
from ..authority.server_certificate import server_certificate_file, server_context
from ..authority.state import StateFolder
from ..est.routes import parse_redirect
from ..extension import Extension
from ..laboratory import Lab, RequestLog
from ..settings import Settings
from .authentication import Authenticator, User
from .connection import Connection

_BACKLOG = 128
_END_SECONDS = 10.0


class Server:
    """Listens as soon as it is made, takes connections while it serves, and ends those that are open when closed."""

    def __init__(
        self,
        settings: Settings,
        password: str,
        state: StateFolder,
        log_file: Optional[str],
        extension: Extension,
    ) -> None:
        """Make what is missing in the state folder, and listen. Raises StateError and OSError."""
        authority = state.authority(settings.key_type, settings.intermediate)
        trust_anchors = [state.trust_anchor, *settings.client_authorities]
        rollover: Optional[Rollover] = None
        if settings.rollover is not None:
            new = state.authority(settings.key_type, settings.intermediate, new=True)
            rollover = Rollover.between(settings.rollover, authority, new)
            trust_anchors.append(state.new_trust_anchor)
        self._tls = None
        if extension.tls:
            from_new = rollover if settings.rollover_server == "new" else None
            certificate_file = server_certificate_file(
                state,
                from_new.new if from_new else authority,
                extension.server_certificate,
                settings.host_names,
                from_new,
            )
            self._tls = server_context(settings, certificate_file, trust_anchors)
        self._lab = Lab(
            settings,
            authority if rollover is None else rollover.new,
            Authenticator(
                User(settings.username, password),
                settings.authentication,
                settings.realm,
                settings.qop,
                settings.nonce_uses,
            ),
            Approvals(settings.manual_approval),
            rollover,
            tuple(parse_redirect(flag) for flag in settings.redirects),
            extension,
        )
        self._connections: dict[Connection, threading.Thread] = {}
        self._listener = open_listener(settings.bind, settings.port)
        try:
            self._log = RequestLog(log_file)
        except OSError:
            self._listener.close()
            raise

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The origin, with the address that it listens on."""
        address = self._listener.getsockname()[0]
        scheme = "https" if self._tls else "http"
        return f"{scheme}://[{address}]:{self.port}" if ":" in address else f"{scheme}://{address}:{self.port}"

    def serve(self, stop: socket.socket) -> None:
        """Take connections and serve each in a thread of its own, until there is something to read from `stop`."""
        while True:
            readable, _unused, _unused = select.select([stop, self._listener], [], [])
            if stop in readable:
                return
            try:
                accepted, _unused = self._listener.accept()
            except OSError:
                continue
            connection = Connection(self._lab, self._log, self._tls, accepted)
            # The thread takes itself off the list, so it must be on it before it starts.
            thread = threading.Thread(target=self._serve_one, args=(connection,), daemon=True)
            self._connections[connection] = thread
            thread.start()

    def close(self) -> None:
        """End what is open, after `serve` has returned. Raises RuntimeError for a thread that does not end in time."""
        self._listener.close()
        ending = list(self._connections.items())
        for each, _unused in ending:
            each.abort()
        for _unused, thread in ending:
            thread.join(_END_SECONDS)
        self._log.close()
        if any(thread.is_alive() for _unused, thread in ending):
            raise RuntimeError("a connection of the lab server did not end")

    def _serve_one(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            self._connections.pop(connection, None)


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
