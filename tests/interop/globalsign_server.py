# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real GlobalSign EST server as a process on a loopback port, for tests."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from support.lab import end_process

from .go_programs import estserver
from .server_certificates import write_server_certificates

_READY_SECONDS = 60.0
_PORTS_TO_TRY = 3


class GlobalSignServer:
    """Starts the server when entered and ends it by its process id.

    It issues from a CA below the root, takes TLS client certificates of that CA, and any user name and password: its
    command has no way to set them. `key_type` is that of all its keys, `rate_limit` is in requests a second.
    """

    def __init__(self, folder: Path, key_type: str = "ec", rate_limit: int = 0) -> None:
        self.folder = folder
        self.host = "localhost"
        self.port = 0
        self._key_type = key_type
        self._rate_limit = rate_limit
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> GlobalSignServer:
        program = estserver()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_server_certificates(self.folder, self._key_type)
        # The server cannot choose a free port by itself, and does not say when it could not have the one it was given.
        for _attempt in range(_PORTS_TO_TRY):
            self.port = _free_port()
            if self._started(program):
                return self
            self.__exit__()
        raise RuntimeError(f"the GlobalSign EST server did not start: {self.log}")

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            end_process(process)

    @property
    def url(self) -> str:
        """The server's origin, without a path."""
        return f"https://{self.host}:{self.port}"

    @property
    def ca_path(self) -> str:
        """The file with the trust anchor."""
        return str(self.folder / "root.pem")

    @property
    def ca_pem(self) -> str:
        """The trust anchor."""
        return (self.folder / "root.pem").read_text(encoding="ascii")

    @property
    def issuing_pem(self) -> str:
        """The CA that issues, and the root."""
        return (self.folder / "authorities.pem").read_text(encoding="ascii")

    @property
    def log(self) -> str:
        """What the server has logged so far: one line for a request."""
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _started(self, program: str) -> bool:
        config: dict[str, Any] = {
            "mock_ca": {
                "certificates": str(self.folder / "authorities.pem"),
                "private_key": str(self.folder / "issuing.key"),
            },
            "tls": {
                "listen_address": f"127.0.0.1:{self.port}",
                "certificates": str(self.folder / "server.pem"),
                "private_key": str(self.folder / "server.key"),
                "client_cas": [self.ca_path],
            },
            "allowed_hosts": ["localhost", "127.0.0.1"],
            "rate_limit": self._rate_limit,
            "timeout": 30,
        }
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with (self.folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "-config", str(self.folder / "config.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                # With the anchor of this server only: a stranger on the port is not taken for it.
                with socket.create_connection((self.host, self.port), 1) as connection:
                    ssl.create_default_context(cafile=self.ca_path).wrap_socket(
                        connection, server_hostname=self.host
                    ).close()
                return True
            except ssl.SSLCertVerificationError:
                return False
            except OSError:
                time.sleep(0.05)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
