# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small program that the Python of a POSIX host gets on standard input, and that answers with what it has read.

A module is built, shipped, unpacked and compiled, and most of that is its frame. The program is made of the same source
files that the module has for reading, and nothing else. It gives an answer where all is plain, and none in every other
case: an old Python, a lock, a file that cannot be read. What comes then is the module, and so are all errors.

It travels on standard input as a module does with pipelining: neither the process list of the host nor a log of sudo or
ssh shows it, nor the pad under which the sealing key comes back; and it needs no place on the host to be written to.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ansible import constants as C
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils import _store

from ..base.action import ControllerAction

# ----------------------------------------------------------------------------------------------------------------------
# The program.

#: Characters of an answer at most: the module is made for more.
LONGEST_ANSWER = 8 * 1024 * 1024

# Makes a module of each of the files, as if they had been imported, and calls the last one's ``quick_look()``.
_MAIN = """
def stand_in(package):
    if package and package not in sys.modules:
        sys.modules[package] = type(sys)(package)
        sys.modules[package].__path__ = []
        stand_in(package.rpartition(".")[0])
for name, source in FILES:
    module = sys.modules[name] = type(sys)(name)
    module.__package__ = name.rpartition(".")[0]
    stand_in(module.__package__)
    exec(compile(source, name, "exec"), module.__dict__)
found = module.quick_look(*ARGUMENTS)
answer = "" if found is None else sys.modules["program._answer"].as_line(found)
if len(answer) <= LONGEST:
    print("\\n" + MARK + answer + MARK, flush=True)
"""

# Any Python can read this much, and says nothing unless it is new enough.
_START = """\
import sys
if sys.version_info >= (3, 9):
    import binascii, zlib
    ARGUMENTS, MARK = {arguments}, {mark}
    exec(zlib.decompress(binascii.a2b_base64("{packed}")))
"""


class Program:
    """A program; make it where a file is loaded, before the forks, or every host's fork makes it again.

    :param files: of ``module_utils``, without ``.py``, each after those that it imports. The last one has a function
        ``quick_look()``, which returns plain data, or None where the module has to be run; ``_answer`` is among them.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = tuple(files)
        root = Path(str(_store.__file__)).parents[1]
        sources = [
            (f"program.{name.replace('/', '.')}", (root / f"{name}.py").read_text(encoding="utf-8")) for name in files
        ]
        text = f"FILES, LONGEST = {sources!a}, {LONGEST_ANSWER}\n{_MAIN}"
        self._packed = base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")

    def text(self, arguments: Sequence[Any], mark: str) -> str:
        """Return the program with its arguments, which is ASCII.

        :param arguments: of the function: texts, octets, numbers, None, and tuples of these.
        :param mark: what the answer stands between.
        """
        return _START.format(arguments=ascii(tuple(arguments)), mark=ascii(mark), packed=self._packed)


class AnyProgram(Protocol):
    """A program, for whichever host."""

    def text(self, arguments: Sequence[Any], mark: str) -> str:
        """Return what goes to standard input."""


# ----------------------------------------------------------------------------------------------------------------------
# Sending it.

#: Connections that take a program on standard input where pipelining is off, too: that is Ansible's default.
_TAKE_INPUT = ("ssh", "local", "community.docker.docker")
#: Shells that understand the command line. The one on the host's side is whichever Ansible puts before it.
_SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh")
#: What has core look for an interpreter; some are modes of its older versions.
_DISCOVERED = ("", "auto", "auto_silent", "auto_legacy", "auto_legacy_silent")


class Sender:
    """Sends a program to an action's host.

    :param action: has the connection, the user to become, the environment and the variables.
    """

    def __init__(self, action: ControllerAction) -> None:
        self._action = action

    def run(self, program: AnyProgram, arguments: Sequence[Any], what: str) -> Any:
        """Return the answer of a program, or None where the module has to be run.

        :param arguments: see ``Program.text()``.
        :param what: what is looked at, in words.
        :raises AnsibleError: the host is unreachable, or the user cannot be become, as it would be with the module.
        """
        reason = self._refusal()
        if not reason:
            mark = os.urandom(12).hex()
            sent = program.text(arguments, mark).encode("ascii")
            done = self._action._low_level_execute_command(self._command(), in_data=sent)
            found = read_answer(done["stdout"], mark) if done["rc"] == 0 else None
            if found is not None:
                return found
            reason = f"the host gave no answer (exit status {done['rc']})"
        self.tell_of_module(what, reason)
        return None

    def tell_of_module(self, what: str, reason: str) -> None:
        """Say in verbose output why the module is run."""
        host = self._action._task_vars.get("inventory_hostname")
        Display().vvv(f"no quick look at {what}, the module is run: {reason}", host=host)

    def _refusal(self) -> str:
        """Say why no program can be sent; an empty string where it can."""
        connection, become = self._action._connection, self._action._connection.become
        if getattr(connection, "_remote_is_local", False) or not connection.has_pipelining:
            return f"the connection {connection.transport} takes no program"
        executable = str(self._action._play_context.executable or "").split()
        if not connection.allow_executable or not executable or os.path.basename(executable[-1]) not in _SHELLS:
            return "commands do not go through a POSIX shell"
        if C.DEFAULT_KEEP_REMOTE_FILES:
            return "what is sent is to be kept on the host"
        if become and (become.name == "su" or not getattr(become, "pipelining", True)):
            return f"{become.name} takes the standard input for itself"
        # Pipelining may be off because something cannot do it: then only what is known to can is tried.
        known = connection.transport in _TAKE_INPUT and (not become or become.name == "sudo")
        if not known and not self._action._is_pipelining_enabled("new"):
            return "pipelining is off"
        return ""

    def _command(self) -> str:
        """Return what the shell on the host is to do."""
        environment = self._action._compute_environment_string().strip()
        variables = self._variables()
        python = self._interpreter(variables)
        # On a terminal Python would wait for somebody to type: then there is nothing to be had.
        if python:
            # Not quoted, as core does not: it may be several words, or begin with $HOME.
            return f"test -t 0 || {environment} {python} -I -S -"
        # Any Python will do to read files, so this is not left to core, which would need a round trip for it.
        known = C.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables)
        names = " ".join(shlex.quote(str(name)) for name in known)
        found = f'if command -v "$python" >/dev/null; then {environment} "$python" -I -S -; exit; fi'
        return f"test -t 0 || for python in {names}; do {found}; done"

    def _interpreter(self, variables: Mapping[str, Any]) -> str:
        """Return the interpreter that is set, or that core has found before; an empty string where there is none."""
        configured = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        python = str(self._action._templar.template(configured) or "").strip()
        if python in _DISCOVERED:
            python = str((variables.get("ansible_facts") or {}).get("discovered_interpreter_python") or "")
        return python

    def _variables(self) -> Mapping[str, Any]:
        """Return the variables of the host that the connection leads to."""
        variables, delegate = self._action._task_vars, self._action._task.delegate_to
        return variables["ansible_delegated_vars"][delegate] if delegate else variables


# ----------------------------------------------------------------------------------------------------------------------
# Its answer.


def read_answer(output: str, mark: str) -> Any:
    """Return what a program has found, or None where it gave no answer. It can be of any shape.

    :param output: all that came from the host; a shell's profile may have written to it as well.
    :param mark: what the answer stands between.
    """
    parts = output.split(mark)
    if len(parts) != 3 or len(parts[1]) > LONGEST_ANSWER:
        return None
    try:
        return _value(json.loads(parts[1]))
    except (ValueError, TypeError, RecursionError):
        return None


def _value(value: Any) -> Any:
    """Return a value as it was before its texts became base64.

    :raises ValueError, TypeError: nothing becomes what this is.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_value(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _value(entry) for name, entry in value.items()}
    return base64.b64decode(value, validate=True).decode("utf-8")
