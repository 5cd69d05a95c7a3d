# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's EST server as a real process on a loopback port, for tests."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Optional

from .lab_certificates import IssuedCertificate, issue_certificate

PROGRAM = os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", "..", "roles", "est_lab_server", "files", "est_lab_server")
)
USERNAME = "estuser"
PASSWORD = "estpwd"
_READY_SECONDS = 20.0
_STOP_SECONDS = 10.0

_session_folder: Optional[str] = None


def session_folder() -> str:
    """A temporary folder of this test process, removed at its end: the shared state, logs."""
    global _session_folder
    if _session_folder is None:
        _session_folder = tempfile.mkdtemp(prefix="est-lab-tests-")
        atexit.register(shutil.rmtree, _session_folder, ignore_errors=True)
    return _session_folder


class LabServer:
    """Starts the server when entered, or by `start()`, and ends it by its process id.

    `arguments` are flags of the program (`--help` lists them). Unless `state` names a folder, all servers of a test
    process with the same kind of keys share one state folder and therefore one root CA, which is made only once.
    `python` is the interpreter to run with, `environment` is added to the process's own.
    """

    def __init__(
        self,
        *arguments: str,
        state: Optional[str] = None,
        python: str = sys.executable,
        environment: Optional[dict[str, str]] = None,
    ) -> None:
        self.arguments = list(arguments)
        rsa = "--key-type" in arguments and arguments[arguments.index("--key-type") + 1] == "rsa"
        self.state = state or os.path.join(session_folder(), "state-rsa" if rsa else "state-ec")
        self.username = USERNAME
        self.password = PASSWORD
        self.host = "localhost"
        self.port = 0
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._python = python
        self._environment = environment or {}
        self._folder = ""

    def __enter__(self) -> LabServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> LabServer:
        """Start the process and wait until it is ready. Raises RuntimeError with its words when it is not."""
        self._folder = tempfile.mkdtemp(prefix="server-", dir=session_folder())
        shared = ("--state", self.state, "--log-file", self.log_path)
        with open(self._file("errors.txt"), "wb") as errors:
            self.process = subprocess.Popen(
                [self._python, PROGRAM, "--port", "0", *shared, *self.arguments],
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
        return self

    def stop(self) -> int:
        """End the process (SIGTERM, after ten seconds SIGKILL) and give its exit status. Harmless when called again."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode

    @property
    def url(self) -> str:
        """The server's origin, without a path."""
        scheme = "http" if "--plain-http" in self.arguments else "https"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def est_url(self) -> str:
        """The base of all operations, without a label."""
        return f"{self.url}/.well-known/est"

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

    @property
    def stderr(self) -> str:
        """What the process wrote to standard error so far: the banner, and whatever went wrong."""
        with contextlib.suppress(FileNotFoundError), open(self._file("errors.txt"), encoding="utf-8") as stream:
            return stream.read()
        return ""

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)

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
