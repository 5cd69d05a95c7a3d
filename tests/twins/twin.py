# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twins of a module: the Python one, and the PowerShell one under Linux and in Wine.

All modules of a kind run in one process that takes case after case: a PowerShell needs seconds to start, and to compile
what they need.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
from support.tls_certificates import authority

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parents[1] / "plugins"
CORE = Path(ansible.__file__).parent / "module_utils"
TWINS = ("python", "pwsh", "wine")

#: The CA that the system of each twin under Linux trusts.
SYSTEM = authority("System Root")

# How long a PowerShell may take to start, and a case to end, on a machine that does other things as well.
START_SECONDS, CASE_SECONDS = 180.0, 120.0
# How long a host stays up at most, should whoever keeps it up be killed.
UP_SECONDS = 3600.0

_UTILITY = re.compile(r"^#AnsibleRequires -(CSharpUtil|PowerShell) (\S+)", re.MULTILINE)
_OPTIONS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")


class MissingError(Exception):
    """A twin cannot be run on this machine; the message says why."""


def powershell() -> str:
    """Return the PowerShell for Linux to test with: ``EST_TEST_PWSH``, or ``pwsh`` on the PATH.

    :raises MissingError: there is none.
    """
    program = os.environ.get("EST_TEST_PWSH") or shutil.which("pwsh")
    if not program:
        raise MissingError("there is no PowerShell: none on the PATH, and none named in EST_TEST_PWSH")
    return program


@dataclass(frozen=True)
class WindowsHost:
    """A Windows-like host that ``windows-host`` of the shared tools has made: a drive in a folder for several.

    folder: the folder. The root of its small Debian is drive Z of every host in it.
    name: which of its hosts; one that is not there yet is made when PowerShell first starts on it.
    """

    folder: Path
    name: str = "a"

    @property
    def drive(self) -> Path:
        """The folder that is drive C."""
        return self.folder / "root" / "hosts" / self.name / "drive_c"

    @property
    def program(self) -> str:
        """Its PowerShell, as a program on the host names it."""
        return self.path(self.folder / "root" / "opt" / "pwsh" / "powershell" / "pwsh.exe")

    @property
    def command(self) -> list[str]:
        """What starts its PowerShell from here."""
        return ["env", f"NAME={self.name}", str(self.folder / "pwsh")]

    def made(self) -> WindowsHost:
        """Make it where it is not there yet, which takes half a minute, and return it."""
        if not self.drive.exists():
            subprocess.run([*self.command, "-NoProfile", "-Command", "exit"], stdin=subprocess.DEVNULL, check=True)
        return self

    @contextlib.contextmanager
    def kept_up(self) -> Iterator[None]:
        """Keep the host up, as a host is. Wine else starts it with all its services for each command, and ends it then,
        which takes as long as PowerShell itself.
        """
        idle = [*self.command, "-NoProfile", "-NonInteractive", "-Command", f"Start-Sleep {UP_SECONDS:.0f}"]
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(idle, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def path(self, path: Path) -> str:
        """Return how a program on the host names a file that this process reaches by ``path``.

        Nothing is resolved: a link in the path is what the program is to meet.

        :raises ValueError: the file is not on the host.
        """
        for drive, folder in (("C:", self.drive), ("Z:", self.folder / "root")):
            if path.is_relative_to(folder):
                return "\\".join([drive, *path.relative_to(folder).parts]) + ("\\" if path == folder else "")
        raise ValueError(f"{path} is not on the host {self.name} in {self.folder}")


def windows_host() -> WindowsHost:
    """Return the host to test with: ``EST_TEST_WINDOWS_HOST``, and of several there ``EST_TEST_WINDOWS_HOST_NAME``.

    :raises MissingError: there is none.
    """
    folder = os.environ.get("EST_TEST_WINDOWS_HOST")
    if not folder:
        raise MissingError("there is no Windows-like host named in EST_TEST_WINDOWS_HOST")
    return WindowsHost(Path(folder).resolve(), os.environ.get("EST_TEST_WINDOWS_HOST_NAME", "a"))


class Process:
    """A process that runs modules on many cases.

    :param command: starts it; the port and the token to say there are appended.
    :param environment: what it is to have beside the environment of this process.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._token = secrets.token_hex(16)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(START_SECONDS)
            port = str(listener.getsockname()[1])
            self._process = subprocess.Popen(
                [*command, port, self._token],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
            try:
                self._connection, _address = self._accept(listener)
            except BaseException:
                self.close()
                raise
        self._connection.settimeout(CASE_SECONDS)
        self._lines = self._connection.makefile("rw", encoding="utf-8", newline="\n")
        assert self._lines.readline().strip() == self._token

    def _accept(self, listener: socket.socket) -> tuple[socket.socket, Any]:
        listener.settimeout(1)
        for _second in range(int(START_SECONDS)):
            with contextlib.suppress(socket.timeout):
                return listener.accept()
            assert self._process.poll() is None, f"the twin ended before its first case:\n{self._said()}"
        raise AssertionError(f"the twin did not start in {START_SECONDS:.0f} seconds:\n{self._said()}")

    def ask(self, case: dict[str, Any]) -> str:
        """Return the line that answers a case, JSON; see ``many_cases.ps1``."""
        self._lines.write(json.dumps(case) + "\n")
        self._lines.flush()
        line = str(self._lines.readline())
        assert line, f"the twin ended in a case:\n{self._said()}"
        return line

    def _said(self) -> str:
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")[-4000:]

    def close(self) -> None:
        """End it: it ends by itself where its connection does."""
        with contextlib.suppress(AttributeError, OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(AttributeError, OSError):
            self._lines.close()
            self._connection.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        self._output.close()


class Twin:
    """One twin of a module, as a test has it.

    :ivar kind: ``python``, ``pwsh`` or ``wine``.
    :ivar folder: a folder of the test's own on the twin's host, as this process reaches it.
    :ivar home: the home folder of the twin's user, for the twins under Linux.
    :ivar said: the last answer as it came, for what must not be in it.
    :ivar utilities: of a PowerShell twin, the files of PowerShell that it needs.
    """

    def __init__(
        self, kind: str, process: Process, module: Path, folder: Path, home: Path, utilities: list[Path]
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.home = home
        self.said = ""
        self.utilities = utilities
        self._process = process
        self._module = module

    @property
    def windows(self) -> bool:
        """Whether its host is like Windows."""
        return self.kind == "wine"

    def run(self, arguments: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Run the module with these arguments, and return its result without ``invocation``.

        :raises AssertionError: it ended without a result.
        """
        case = {"module": str(self._module), "arguments": {**arguments, "_ansible_check_mode": check}}
        self.said = self._process.ask(case)
        answer = json.loads(self.said)
        assert "crash" not in answer, answer["crash"]
        return {key: value for key, value in answer["result"].items() if key != "invocation"}

    def command(self, script: str, lines: list[str]) -> str:
        """Run a command in the twin's PowerShell, and return what it said.

        :param lines: of its standard input.
        """
        answer = json.loads(self._process.ask({"command": script, "lines": lines}))
        assert "crash" not in answer, answer["crash"]
        return str(answer["result"])

    def path(self, path: Path) -> str:
        """Return how the twin names a file that this process reaches by ``path``."""
        return windows_host().path(path) if self.windows else str(path)

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a script in a PowerShell of its own, which knows the functions of the module's utilities.

        :param script: begins with ``param(...)`` for the arguments, where it has some.
        """
        file = self.folder / f"script-{uuid.uuid4().hex[:8]}.ps1"
        parameters, _line, rest = script.partition("\n") if script.startswith("param(") else ("", "", script)
        modules = "".join(
            f"Import-Module -Global -DisableNameChecking '{self.path(utility)}'\n" for utility in self.utilities
        )
        file.write_text(f"{parameters}\n$ErrorActionPreference = 'Stop'\n{modules}{rest}", encoding="utf-8")
        command = windows_host().command if self.windows else [powershell()]
        return subprocess.Popen(
            [*command, *_OPTIONS, self.path(file), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self, script: str, *arguments: str) -> str:
        """Run a script as ``start()`` does, and return what it said."""
        with self.start(script, *arguments) as process:
            return process.communicate(timeout=CASE_SECONDS)[0]


class Twins:
    """The processes of this session of tests, one for each kind of twin; use it as a context manager."""

    def __init__(self) -> None:
        self._processes: dict[str, tuple[Process, Path]] = {}
        self._open = contextlib.ExitStack()
        self._home = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        (self._home / "system.pem").write_text(SYSTEM.pem, encoding="ascii")
        self._host_is_ours = False

    def __enter__(self) -> Twins:
        return self

    def __exit__(self, *_details: object) -> None:
        self._open.close()

    @contextlib.contextmanager
    def of(self, kind: str, module: Path, folder: Path) -> Iterator[Twin]:
        """Give a twin of a module, with a folder of its own.

        :param kind: one of ``TWINS``.
        :param module: the Python twin's file; the other is beside it, ``win_NAME.ps1``.
        :param folder: a folder of the test for a host that is this machine.
        :raises MissingError: this machine cannot run it.
        """
        with contextlib.ExitStack() as stack:
            if kind == "wine":
                folder = stack.enter_context(_folder_on(self._host()))
            yield self.in_folder(kind, module, folder)

    def in_folder(self, kind: str, module: Path, folder: Path) -> Twin:
        """Give a twin of a module, with a folder that is there already; see ``of()``."""
        if kind not in self._processes:
            self._processes[kind] = self._start(kind)
        process, staged = self._processes[kind]
        utilities: list[Path] = []
        if kind != "python":
            module = module.with_name(f"win_{module.name}").with_suffix(".ps1")
            needed = [file.name for file in _utilities(module) if file.suffix == ".psm1"]
            utilities = [staged / "modules" / name for name in sorted(needed)]
            module = Path(module.stem)
        return Twin(kind, process, module, folder, self._home, utilities)

    def _start(self, kind: str) -> tuple[Process, Path]:
        staged = HERE
        environment = {
            "POWERSHELL_TELEMETRY_OPTOUT": "1",
            "HOME": str(self._home),
            "SSL_CERT_FILE": str(self._home / "system.pem"),
        }
        if kind == "python":
            command = [sys.executable, str(HERE / "many_cases.py")]
            process = Process(command, {**environment, "PYTHONPATH": os.pathsep.join(sys.path)})
        else:
            if kind == "pwsh":
                command, named = [powershell()], str
                staged = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
            else:
                host = self._host()
                command, named = host.command, host.path
                staged = self._open.enter_context(_folder_on(host))
            _stage(staged)
            command += [*_OPTIONS, named(staged / "many_cases.ps1"), named(staged)]
            process = Process(command, environment)
        self._open.callback(process.close)
        return process, staged

    def _host(self) -> WindowsHost:
        """The Windows-like host, for this process alone until it ends."""
        host = windows_host()
        if not self._host_is_ours:
            lock = self._open.enter_context((host.folder / f"{host.name}.tests.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            host.made()
            self._host_is_ours = True
        return host


@contextlib.contextmanager
def _folder_on(host: WindowsHost) -> Iterator[Path]:
    folder = host.drive / f"twins-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stage(folder: Path) -> None:
    """Put what ``many_cases.ps1`` needs into a folder: all modules, and what Ansible would send along with them."""
    shutil.copy(HERE / "many_cases.ps1", folder)
    shutil.copy(CORE / "powershell" / "Ansible.ModuleUtils.AddType.psm1", folder / "AddType.psm1")
    for name in ("scripts", "utilities", "modules"):
        (folder / name).mkdir()
    for module in (*(PLUGINS / "modules").glob("win_*.ps1"), *(HERE / "sample").glob("win_*.ps1")):
        shutil.copy(module, folder / "scripts")
        for file in _utilities(module):
            shutil.copy(file, folder / ("utilities" if file.suffix == ".cs" else "modules"))


def _utilities(file: Path) -> set[Path]:
    """Return the files that a file says that it needs, and what those need in turn."""
    found: set[Path] = set()
    for kind, name in _UTILITY.findall(file.read_text(encoding="utf-8")):
        suffix, named = (".cs", "csharp") if kind == "CSharpUtil" else (".psm1", "powershell")
        source = CORE / named / f"{name}{suffix}"
        if not name.startswith("Ansible."):
            # ..module_utils.NAME, as it is written in a module of a collection, or .NAME in a utility
            above = file.parents[len(name) - len(name.lstrip(".")) - 1]
            source = above.joinpath(*name.lstrip(".").split(".")).with_suffix(suffix)
        found |= {source, *_utilities(source)}
    return found
