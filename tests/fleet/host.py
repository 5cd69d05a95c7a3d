# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the fleet: a real ``sshd`` on a loopback address, with a folder of its own for what a host keeps."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .ending import end, session_processes

_READY_SECONDS = 60.0

# Debian's own place comes last: a user's PATH may have another one, and often has no sbin at all.
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")

_CONFIGURATION = """\
AddressFamily inet
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {authorized_keys}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
LoginGraceTime 60
PrintMotd no
Subsystem sftp internal-sftp
"""


class FleetError(Exception):
    """The fleet cannot run; the message says why."""


class Host:
    """One host.

    :ivar name: the name in the inventory.
    :ivar address: the loopback address that its sshd listens on.
    :ivar folder: what this host keeps: ``store``, ``certificates``, and Ansible's temporary files.
    """

    def __init__(self, name: str, address: str, port: int, folder: Path, authorized_keys: Path) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        make_key(folder / "host_key")
        self._configuration = folder / "sshd_config"
        self._configuration.write_text(
            _CONFIGURATION.format(address=address, port=port, folder=folder, authorized_keys=authorized_keys),
            encoding="ascii",
        )

    @property
    def store(self) -> Path:
        """The folder of its template store."""
        return self.folder / "store"

    @property
    def document(self) -> Path:
        """The document of its template store."""
        return self.store / "templates.json"

    def template_names(self) -> set[str]:
        """Return the names of the templates in its store."""
        stored = json.loads(self.document.read_text(encoding="utf-8"))
        return {entry["fields"]["name"] for entry in stored["templates"]}

    @property
    def certificates(self) -> Path:
        """The folder of its test certificates."""
        return self.folder / "certificates"

    @property
    def known_host(self) -> str:
        """Its line in a file of known hosts."""
        kind, key = (self.folder / "host_key.pub").read_text(encoding="ascii").split()[:2]
        return f"[{self.address}]:{self.port} {kind} {key}\n"

    def launch(self) -> None:
        """Start sshd; ``wait_until_ready()`` waits for it."""
        assert SSHD is not None
        self._process = subprocess.Popen(
            [SSHD, "-D", "-f", str(self._configuration), "-E", str(self._log)], stdin=subprocess.DEVNULL
        )

    def wait_until_ready(self) -> None:
        """Wait until sshd accepts connections.

        :raises FleetError: when it ends before, or does not in time.
        """
        assert self._process is not None
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1.0):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise FleetError(f"sshd of {self.name} did not start on {self.address}:{self.port}: {self.log()}")
            time.sleep(0.02)

    def start(self) -> None:
        """Start sshd and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def stop(self) -> None:
        """End sshd and every session with it, as when a host goes down. Harmless when it does not run."""
        if self._process is not None:
            end([*session_processes(self._process.pid), self._process.pid])
            self._process.wait()
            self._process = None

    def suspend(self) -> None:
        """Have the host hang: connections are taken by the kernel, and nobody answers, in old sessions neither."""
        for pid in (self.pid, *session_processes(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo ``suspend()``."""
        for pid in (self.pid, *session_processes(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        """The process id of its sshd."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What sshd has written."""
        with contextlib.suppress(FileNotFoundError):
            return self._log.read_text(encoding="utf-8", errors="replace")
        return ""

    @property
    def _log(self) -> Path:
        return self.folder / "sshd.log"


def make_key(path: Path) -> None:
    """Make an Ed25519 key pair without a passphrase at ``path`` and ``path``.pub."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet of tests", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
