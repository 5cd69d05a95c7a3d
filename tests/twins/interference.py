# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes between a twin and its files: programs that have them open, other writers, and its own end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twins.twin import Twin

HOLD = """param($path, $share, $stop)
$stream = [IO.File]::Open($path, 'OpenOrCreate', 'ReadWrite', $share)
[IO.File]::WriteAllText("$stop.held", '')
for ($i = 0; $i -lt 600 -and -not [IO.File]::Exists($stop); $i++) { Start-Sleep -Milliseconds 100 }
"""

#: To begin a script with that shall not wait for long.
IMPATIENT = "& (Get-Module _windows_files) { $script:LOCK_SECONDS = 1; $script:OPEN_SECONDS = 1 }\n"

# What puts something in place, removes it, or comes before the end of a file. A PowerShell is started for each, which
# takes seconds in Wine.
_CHANGES = {
    "pwsh": re.compile(r"\[IO\.(File|Directory)\]::(Move|Replace|Delete)|\.Flush\("),
    "wine": re.compile(r"\[IO\.(File|Directory)\]::(Move|Replace)"),
}
_KILL = """
$global:hits = 0
foreach ($place in $lines -split ';') {
    $module, $line = $place -split ':'
    $null = Set-PSBreakpoint -Script (Get-Module $module).Path -Line $line -Action {
        $global:hits++
        if ($global:hits -eq $at) { [Diagnostics.Process]::GetCurrentProcess().Kill() }
    }
}
"""


@contextlib.contextmanager
def held(twin: Twin, path: Path, share: str = "None") -> Iterator[None]:
    """Hold a file open, as a program on the twin's host would.

    :param share: what others may do with it meanwhile, on a host like Windows.
    """
    if not twin.windows:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    stop = twin.folder / f"stop-{time.monotonic_ns()}"
    with twin.start(HOLD, twin.path(path), share, twin.path(stop)) as process:
        for _moment in range(600):
            if stop.with_name(f"{stop.name}.held").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        try:
            yield
        finally:
            stop.touch()
            process.communicate(timeout=60)


def at_once(twin: Twin, python: str, powershell: str, *arguments: str) -> list[str]:
    """Run a script twice at the same time, and return what each said."""
    running = []
    for _number in range(2):
        if twin.kind == "python":
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            command = [sys.executable, "-c", python, *arguments]
            running.append(subprocess.Popen(command, env=environment, stdout=-1, stderr=-2, text=True))
        else:
            running.append(twin.start(powershell, *arguments))
    return [process.communicate(timeout=120)[0] for process in running]


def kills(twin: Twin, python: Callable[[], Any], powershell: str, *arguments: str) -> Iterator[int]:
    """Do something in a process that is killed, each time a bit later, until it comes to its end; yield after each.

    :param python: what the Python twin does: it is killed before every seventh line of our own files.
    :param powershell: the same as a script without ``param()``, its arguments are ``$given``: it is killed where it
        puts something in place.
    """
    number, ended = 1, False
    lines = "" if twin.kind == "python" else ";".join(_places(twin))
    while not ended:
        if twin.kind == "python":
            ended = not _is_killed(python, number * 7)
        else:
            script = (
                f"param($at, $lines, [Parameter(ValueFromRemainingArguments)]$given)\n{_KILL}{powershell}\n'done'\n"
            )
            ended = "done" in twin.script(script, str(number), lines, *arguments)
        yield number
        number += 1
        assert number < 1000


def _places(twin: Twin) -> Iterator[str]:
    for file in twin.utilities:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if _CHANGES[twin.kind].search(line):
                yield f"{file.stem}:{number}"


def _is_killed(what: Callable[[], Any], at: int) -> bool:
    """Do something in a process that is killed before this line of our own files; say whether it was."""
    child = os.fork()
    if child == 0:
        lines = 0

        def trace(frame: Any, event: str, _argument: Any) -> Any:
            nonlocal lines
            if "/module_utils/" not in frame.f_code.co_filename:
                return None
            if event == "line":
                lines += 1
                if lines == at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        try:
            what()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
