# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's EST server on a loopback port, for tests: in a thread of the test process, or as a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Optional, TypeVar

if TYPE_CHECKING:
    from .lab_certificates import IssuedCertificate

_HERE = os.path.dirname(os.path.abspath(__file__))
#: The program that users get, and that of the tests, which is the same but for the flags that make it misbehave.
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "roles", "est_lab_server", "files", "est_lab_server")
PROGRAM_OF_TESTS = os.path.join(_HERE, "lab_server")
USERNAME = "estuser"
PASSWORD = "estpwd"
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0

_session_folder: Optional[str] = None
_Lab = TypeVar("_Lab", bound="Lab")


def session_folder() -> str:
    """A temporary folder of this test process, removed at its end: the shared state, logs."""
    global _session_folder
    if _session_folder is None:
        _session_folder = tempfile.mkdtemp(prefix="est-lab-tests-")
        atexit.register(shutil.rmtree, _session_folder, ignore_errors=True)
    return _session_folder


def end_process(process: subprocess.Popen[Any]) -> None:
    """End a process by its id: SIGTERM, and after ten seconds SIGKILL."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Lab:
    """What tests ask of a lab server, however it runs. It starts when entered, or by `start()`.

    `arguments` are flags of the program (`--help` lists them). Unless `state` names a folder, all servers of a test
    process with the same kind of keys share one state folder and therefore one root CA, which is made only once.
    """

    def __init__(self, *arguments: str, state: Optional[str] = None) -> None:
        self.arguments = list(arguments)
        rsa = "--key-type" in arguments and arguments[arguments.index("--key-type") + 1] == "rsa"
        self.state = state or os.path.join(session_folder(), "state-rsa" if rsa else "state-ec")
        self.username = USERNAME
        self.password = PASSWORD
        self.host = "localhost"
        self.port = 0
        self._folder = ""

    def __enter__(self: _Lab) -> _Lab:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self: _Lab) -> _Lab:
        """Start the server; it listens when this returns. Raises RuntimeError with its words when it does not."""
        self._folder = tempfile.mkdtemp(prefix="server-", dir=session_folder())
        self._start(["--port", "0", "--state", self.state, "--log-file", self.log_path, *self.arguments])
        return self

    def stop(self) -> None:
        """End the server and every connection with it. Harmless when called again."""
        raise NotImplementedError

    def _start(self, arguments: list[str]) -> None:
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The server's origin, without a path."""
        scheme = "http" if "--plain-http" in self.arguments else "https"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def est_url(self) -> str:
        """The base of all operations, without a label."""
        given = self.arguments
        path = given[given.index("--base-path") + 1] if "--base-path" in given else "/.well-known/est"
        return f"{self.url}{path}"

    @property
    def ca_path(self) -> str:
        """The file with the trust anchor."""
        return os.path.join(self.state, "ca.pem")

    @property
    def ca_pem(self) -> str:
        """The trust anchor as PEM text."""
        with open(self.ca_path, encoding="ascii") as stream:
            return stream.read()

    @property
    def new_ca_path(self) -> str:
        """The file with the root that follows the first one. It is there with `--rollover`."""
        return os.path.join(self.state, "ca-new.pem")

    def issue(self, common_name: str = "device", **options: Any) -> IssuedCertificate:
        """A certificate of the server's authority with its key, made without a request to the server.

        `options` are those of `issue_certificate`: `subject`, `extensions`, `private_key`, `days`.
        """
        from .lab_certificates import issue_certificate

        authorities = ("issuing",) if "--intermediate" in self.arguments else ()
        return issue_certificate(self.state, authorities, session_folder(), common_name, **options)

    @property
    def log_path(self) -> str:
        """The file with the request log."""
        return self._file("log.jsonl")

    @property
    def log(self) -> list[dict[str, Any]]:
        """All log entries so far: requests, failed handshakes, malformed requests (see `event`)."""
        try:
            with open(self.log_path, encoding="utf-8") as stream:
                return [json.loads(line) for line in stream]
        except FileNotFoundError:
            return []

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests so far; an entry is there before the client gets the answer."""
        return [entry for entry in self.log if entry["event"] == "request"]

    @property
    def enrolments(self) -> list[dict[str, Any]]:
        """The requests to simpleenroll so far."""
        return [entry for entry in self.requests if entry["operation"] == "simpleenroll"]

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)


class LabServer(Lab):
    """The server in a thread of this process: no program is started and nothing compiled for it."""

    _server: Any = None
    _thread: threading.Thread
    _wake: socket.socket

    def _start(self, arguments: list[str]) -> None:
        # Only here: who starts the server as a process with another Python may have no cryptography.
        from .lab_server.extension import Misbehaviour, Server, StateError, StateFolder, parse_arguments

        extension = Misbehaviour()
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                settings, options = parse_arguments(arguments, extension)
            state = StateFolder(options.state)
            self._server = Server(settings, options.password, state, options.log_file, extension)
        except (SystemExit, StateError, OSError) as error:
            raise RuntimeError(f"the lab server did not start: {error} {said.getvalue()}") from error
        self.port = self._server.port
        self._wake, stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(stop,), name="lab server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the server, its connections and their threads. Raises RuntimeError for one that does not end."""
        server, self._server = self._server, None
        if server is None:
            return
        with self._wake:
            self._wake.send(b"\0")
            self._thread.join(_STOP_SECONDS)
        server.close()
        if self._thread.is_alive():
            raise RuntimeError("the lab server did not end")

    def _serve(self, stop: socket.socket) -> None:
        with stop:
            self._server.serve(stop)


class LabProcess(Lab):
    """The server as a process of its own, for what a thread cannot tell: signals, what it writes, a sudden end.

    `python` is the interpreter to run with, `environment` is added to the process's own, `program` may be PROGRAM.
    """

    def __init__(
        self,
        *arguments: str,
        state: Optional[str] = None,
        python: str = sys.executable,
        environment: Optional[dict[str, str]] = None,
        program: str = PROGRAM_OF_TESTS,
    ) -> None:
        super().__init__(*arguments, state=state)
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._command = [python, program]
        self._environment = environment or {}

    def _start(self, arguments: list[str]) -> None:
        with open(self._file("errors.txt"), "wb") as errors:
            self.process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **self._environment},
            )
        line = self._first_line()
        if not line.startswith("ready "):
            self.stop()
            raise RuntimeError(f"the lab server did not start: {line!r} {self.stderr}")
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self) -> None:
        """End the process by its id: SIGTERM, and after ten seconds SIGKILL."""
        if self.process is None:
            return
        end_process(self.process)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def stderr(self) -> str:
        """What the process wrote to standard error so far: the banner, and whatever went wrong."""
        with contextlib.suppress(FileNotFoundError), open(self._file("errors.txt"), encoding="utf-8") as stream:
            return stream.read()
        return ""

    def _first_line(self) -> str:
        assert self.process is not None and self.process.stdout is not None
        deadline = time.monotonic() + _READY_SECONDS
        received = b""
        while not received.endswith(b"\n"):
            readable, _unused, _unused = select.select(
                [self.process.stdout], [], [], max(0.0, deadline - time.monotonic())
            )
            piece = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                break
            received += piece
        return received.decode("utf-8", "replace").strip()
