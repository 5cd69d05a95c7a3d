# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of hosts on this machine: real ``sshd`` processes, one for each host, reached by real ``ssh``.

Every host has an address of its own in 127.0.0.0/8, a host key, and a folder for its store and its certificates. One
key made for the run opens all of them, host keys are checked, connections are kept open (ControlPersist) and modules
are piped (pipelining), as on a fleet that is run well. It works for root and for any other user whose shell can be
logged in to; all hosts are that user's.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import ending
from .host import SSHD, FleetError, Host, make_key

GROUP = "cloud_extenders"
_ATTEMPTS = 3
# sshd of root drops its rights into this empty folder; Debian's service file makes it, and no service runs here.
_PRIVILEGE_SEPARATION = Path("/run/sshd")


class Fleet:
    """Starts the hosts when entered, or by ``start()``, and ends all it has started.

    :param size: how many hosts.
    :ivar hosts: the hosts by name: ``ce1``, ``ce2`` ...
    :ivar folder: everything of this fleet; removed at its end.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.hosts: dict[str, Host] = {}
        # Short, because the path of a socket may have 108 octets.
        self.folder = Path(tempfile.mkdtemp(prefix="est-fleet-", dir="/tmp"))
        self._keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Fleet:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Fleet:
        """Start all hosts.

        :raises FleetError: when there is no sshd, or it does not start.
        """
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", ending.__file__, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        if SSHD is None:
            raise FleetError("there is no sshd; install Debian's openssh-server")
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        (self.folder / "control").mkdir()
        make_key(self.folder / "user_key")
        for attempt in range(_ATTEMPTS):
            try:
                self._start_hosts(self.folder / "hosts" if not attempt else self.folder / "hosts" / f"again{attempt}")
                break
            except FleetError:
                # Someone else may have taken the port between our looking and sshd's listening.
                for host in self.hosts.values():
                    host.stop()
                if attempt == _ATTEMPTS - 1:
                    raise
        known = "".join(host.known_host for host in self.hosts.values())
        (self.folder / "known_hosts").write_text(known, encoding="ascii")

    def _start_hosts(self, folder: Path) -> None:
        addresses = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(self.size)]
        port = _free_port(addresses)
        keys = self.folder / "user_key.pub"
        self.hosts = {
            f"ce{number}": Host(f"ce{number}", address, port, folder / f"ce{number}", keys)
            for number, address in enumerate(addresses, 1)
        }
        for host in self.hosts.values():
            host.launch()
        for host in self.hosts.values():
            host.wait_until_ready()

    def stop(self) -> None:
        """End every process of the fleet and remove its folder. Harmless when called again."""
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()  # one way down, the same as after a crash
        self._keeper.wait()
        self._keeper = None
        for host in self.hosts.values():
            host.stop()

    def empty(self) -> None:
        """Take every store and every certificate off the hosts."""
        for host in self.hosts.values():
            for folder in (host.store, host.certificates):
                shutil.rmtree(folder, ignore_errors=True)

    def close_connections(self) -> None:
        """Close the connections that ssh keeps open, so that the next run has to make new ones."""
        for path in (self.folder / "control").glob("*"):
            command = ["ssh", "-F", "none", "-o", f"ControlPath={path}", "-O", "exit", "fleet"]
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def connections(self) -> list[int]:
        """Return the process ids of the connections that ssh keeps open."""
        return ending.connection_processes(self.folder)

    def inventory(
        self, variables: dict[str, Any] | None = None, *, name: str = "inventory.json", size: int | None = None
    ) -> Path:
        """Write an inventory of the hosts, in the group ``cloud_extenders``, and return its path.

        :param variables: variables of the group, beside those that the connection needs.
        :param name: the name of the file.
        :param size: how many of the hosts; None: all.
        """
        hosts = {host.name: self.host_variables(host) for host in list(self.hosts.values())[:size]}
        content = {GROUP: {"hosts": hosts, "vars": {**self.connection_variables(), **(variables or {})}}}
        path = self.folder / name
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path

    def host_variables(self, host: Host) -> dict[str, Any]:
        """Return the variables in which a host differs from the others."""
        return {
            "ansible_host": host.address,
            "ansible_port": host.port,
            "ansible_remote_tmp": str(host.folder / "tmp"),
            "est_integration_store_path": str(host.store),
            "fleet_output_path": str(host.certificates),
        }

    def connection_variables(self, *, python: str = sys.executable) -> dict[str, Any]:
        """Return the variables of the connection, the same for all hosts.

        :param python: the Python of the hosts.
        """
        persist = "-o ControlMaster=auto -o ControlPersist=120s"
        alone = "-F none -o IdentitiesOnly=yes -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes"
        return {
            "ansible_connection": "ssh",
            "ansible_user": pwd.getpwuid(os.geteuid()).pw_name,
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
            "ansible_ssh_args": f"{persist} {alone} -o UserKnownHostsFile={self.folder}/known_hosts",
            "ansible_control_path_dir": str(self.folder / "control"),
            "ansible_pipelining": True,
            "ansible_host_key_checking": True,
            "ansible_python_interpreter": python,
        }


def _free_port(addresses: list[str]) -> int:
    """Return a port that is free on all these addresses."""
    for _attempt in range(100):
        with contextlib.ExitStack() as sockets:
            port = 0
            try:
                for address in addresses:
                    listener = sockets.enter_context(socket.socket())
                    listener.bind((address, port))
                    port = int(listener.getsockname()[1])
                return port
            except OSError:
                continue
    raise FleetError("no port is free on all loopback addresses of the fleet")
