# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: starts the server, says when it is ready, stops it on a signal."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Optional

from .approvals import Approvals
from .arguments import ProcessOptions, parse_arguments
from .authentication.authenticator import Authenticator
from .authentication.user import User
from .background import start_in_background, stop_in_background
from .connection import Connection
from .faults import FaultPlan
from .laboratory import Lab
from .listener import StopSignal, accept_until, open_listener
from .pid_file import held_pid_file
from .redirects import parse_redirect
from .request_log import RequestLog
from .rollover import Rollover
from .server_certificates import server_certificate_file
from .settings import Settings
from .state import StateError, StateFolder
from .tls import server_context

BANNER = """\
est-lab-server: FOR LABS ONLY. It issues certificates to anyone who knows the lab password.
  state folder: {state}
  trust anchor: {trust_anchor}
  user name:    {username}
"""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the server until SIGTERM or SIGINT, or start or stop one in the background; gives the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    settings, options = parse_arguments(arguments)
    try:
        if options.mode == "stop":
            print(stop_in_background(options))
            return 0
        if options.mode == "daemon":
            print(start_in_background(arguments, settings, options))
            return 0
        stop = StopSignal()
        with contextlib.ExitStack() as cleanup:
            folder = options.state or cleanup.enter_context(tempfile.TemporaryDirectory(prefix="est-lab-server-"))
            _run(settings, options, StateFolder(folder), stop, cleanup)
    except (StateError, OSError) as error:
        print(f"est-lab-server: {error}", file=sys.stderr)
        return 1
    return 0


def _run(
    settings: Settings, options: ProcessOptions, state: StateFolder, stop: StopSignal, cleanup: contextlib.ExitStack
) -> None:
    authority = state.authority(settings.key_type, settings.intermediate)
    trust_anchors = [state.trust_anchor, *settings.client_authorities]
    rollover: Optional[Rollover] = None
    if settings.rollover is not None:
        new = state.authority(settings.key_type, settings.intermediate, new=True)
        rollover = Rollover.between(settings.rollover, authority, new)
        trust_anchors.append(state.new_trust_anchor)
    lab = Lab(
        settings,
        authority if rollover is None else rollover.new,
        Authenticator(
            User(settings.username, options.password),
            settings.authentication,
            settings.realm,
            settings.qop,
            settings.nonce_uses,
        ),
        Approvals(settings.manual_approval),
        rollover,
        tuple(parse_redirect(flag) for flag in settings.redirects),
    )
    tls = None
    if not settings.plain_http:
        from_new = rollover if settings.rollover_server == "new" else None
        certificate_file = server_certificate_file(
            state, from_new.new if from_new else authority, settings.server_certificate, settings.host_names, from_new
        )
        tls = server_context(settings, certificate_file, trust_anchors)
    plan = FaultPlan(settings.faults)
    log = RequestLog(options.log_file)
    listener = cleanup.enter_context(open_listener(settings.bind, settings.port))
    url = _url(settings, listener)
    if options.pid_file:
        cleanup.enter_context(held_pid_file(options.pid_file))
    if options.ready_file:
        cleanup.enter_context(_announced(options.ready_file, url))
    sys.stderr.write(BANNER.format(state=state.path, trust_anchor=state.trust_anchor, username=settings.username))
    print(f"ready {url}", flush=True)
    accept_until(stop, listener, lambda accepted: Connection(lab, plan, log, tls, accepted).serve())


def _url(settings: Settings, listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    scheme = "http" if settings.plain_http else "https"
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


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
