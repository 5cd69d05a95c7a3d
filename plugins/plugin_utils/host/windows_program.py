# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``program.py`` is, for Windows: a small program that the host's PowerShell gets on standard input.

There the frame of a module costs still more, for ansible-core has C# compiled with each of them. The command line is
short, since that of ssh and WinRM may have 8,191 characters: it runs what comes on standard input, as modules do.

Half of what a look takes is the start of PowerShell, and most of the rest that it meets each function and each method
for the first time. So nothing is sent that is not called, and what is read is read with few different calls.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible import constants as C

from ansible_collections.estfleet.cloud_extender.plugins.module_utils import _store

from .program import LONGEST_ANSWER, Sender

#: The answer of a PowerShell that may not run the program, for it is held to a part of its language.
CONSTRAINED = "ConstrainedLanguage"

# What is for people, for Ansible, or for whoever imports a single file; and what indents the rest.
_NOT_SENT = re.compile(r"^ *(?:#.*|Export-ModuleMember.*)?\n|^ +", re.MULTILINE)
_FUNCTION = re.compile(r"^function ([\w-]+)(.*?)^}\n", re.MULTILINE | re.DOTALL)
_CALLED = re.compile(r"\w+-Est\w+")

#: The command that gets it: the program, the mark, and the argument, each a line. A module of PowerShell has its
#: variables to itself: with the connection psrp, all commands share one process.
COMMAND = """\
$given = @($input)
$mark = $given[1]
if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') { return $mark + '"CONSTRAINED"' + $mark }
$text = [Text.Encoding]::ASCII.GetString([Convert]::FromBase64String($given[0]))
$module = [Management.Automation.PSModuleInfo]::new([ScriptBlock]::Create($text))
$answer = & $module { Get-EstLook @args } $given[2]
if ($answer -and $answer.Length -le LONGEST) { $mark + $answer + $mark }
""".replace("CONSTRAINED", base64.b64encode(CONSTRAINED.encode("ascii")).decode("ascii")).replace(
    "LONGEST", str(LONGEST_ANSWER)
)

# As core's own commands begin: the connection psrp goes by it.
_OPTIONS = "-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand"
_POWERSHELL = "PowerShell"
#: A program that no shell of the host takes for more than one word.
_ONE_WORD = re.compile(r"[\w.:\\/-]+")


class WindowsProgram:
    """A program; make it where a file is loaded, before the forks.

    :param files: of ``module_utils``, without ``.psm1``. The last one has a function ``Get-EstLook``, which gets an
        argument in base64, and returns a line of JSON whose texts are in base64, or nothing where the module has to
        be run.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = tuple(files)
        root = Path(str(_store.__file__)).parents[1]
        text = _reached("".join((root / f"{name}.psm1").read_text(encoding="ascii") for name in files), "Get-EstLook")
        self._program = base64.b64encode(_NOT_SENT.sub("", text).encode("ascii")).decode("ascii")

    def text(self, arguments: Sequence[Any], mark: str) -> str:
        """Return the lines of the input, which are ASCII.

        :param arguments: a text.
        :param mark: what the answer stands between.
        """
        lines = [base64.b64encode(argument.encode("utf-8")).decode("ascii") for argument in arguments]
        return "\n".join([self._program, mark, *lines, ""])


def _reached(text: str, name: str) -> str:
    """Return a script without the functions that one of them does not lead to: to read them takes PowerShell time."""
    functions = {found[1]: found[2] for found in _FUNCTION.finditer(text)}
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        called = waiting.pop()
        if called in functions and called not in reached:
            reached.add(called)
            waiting += _CALLED.findall(functions[called])
    return _FUNCTION.sub(lambda found: found[0] if found[1] in reached else "", text)


class WindowsSender(Sender):
    """Sends such a program to an action's host."""

    def _refusal(self) -> str:
        connection = self._action._connection
        if connection.become:
            return "a command runs as the user of the connection, and only modules as another one"
        if not connection.has_pipelining:
            return f"the connection {connection.transport} takes no program"
        if C.DEFAULT_KEEP_REMOTE_FILES:
            return "what is sent is to be kept on the host"
        if any(self._action._task.environment or ()):
            return "only modules get the environment of the task"
        if not _ONE_WORD.fullmatch(self._interpreter_of_host()):
            return "ansible_pwsh_interpreter is not one word"
        return ""

    def _command(self) -> str:
        encoded = base64.b64encode(COMMAND.encode("utf-16-le")).decode("ascii")
        return f"{self._interpreter_of_host()} {_OPTIONS} {encoded}"

    def _interpreter_of_host(self) -> str:
        """Return the PowerShell of the host; from ansible-core 2.21 on a variable can name another."""
        named = self._variables().get("ansible_pwsh_interpreter")
        return str(self._action._templar.template(named) or "").strip() if named else _POWERSHELL
