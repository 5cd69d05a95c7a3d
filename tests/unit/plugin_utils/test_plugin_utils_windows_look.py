# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick look at a Windows host: what is sent, when it is not, and what comes of the answer.

``tests/twins`` has it run by a real PowerShell.
"""

from __future__ import annotations

import base64
import json
import re
from types import SimpleNamespace

import pytest
from support.imports import PLUGINS
from support.looking import NO_STORE, in_base64

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from ansible import constants as C

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ModuleFailed
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.quick_look import WINDOWS_STORE, QuickLook
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_program import CONSTRAINED

STORE, MARK, PAD = "C:\\Größe's $x", "0123456789abcdef01234567", bytes(32)
#: What cmd.exe takes, which is the shell of WinRM and of OpenSSH where nobody chose another.
LONGEST_COMMAND = 8191
#: As the connection psrp of ansible-core 2.16 recognises a command that it may run in its own process.
BEGINNING = "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand "


class Action:
    """As much of an action as the quick look needs. Its host answers what it is told to, between the marks."""

    on_windows = True

    def __init__(self, *, answer=None, become=None, environment=(), pipelining=True, **variables):
        self._connection = SimpleNamespace(transport="winrm", has_pipelining=pipelining, become=become)
        self._task = SimpleNamespace(delegate_to=None, environment=list(environment))
        self._task_vars = {"inventory_hostname": "ce1", **variables}
        self._templar = SimpleNamespace(template=lambda value: value)
        self.answer = {**NO_STORE, "drift": ["ä"]} if answer is None else answer
        self.sent = []
        self.failure = None

    def private_module(self, name):
        return f"win_{name}"

    def execute(self, name, arguments):
        raise ModuleFailed(self.failure)

    def _low_level_execute_command(self, cmd, in_data):
        self.sent.append((cmd, in_data.decode("ascii")))
        mark = self.sent[-1][1].splitlines()[1]
        told = {name: in_base64(value) for name, value in self.answer.items()} if isinstance(self.answer, dict) else ""
        text = json.dumps(told or in_base64(self.answer))
        return {"rc": 0, "stdout": f"Welcome\r\n{mark}{text}{mark}\r\nbye\r\n", "stderr": "a profile spoke"}


def test_the_answer_is_found_among_what_a_profile_prints():
    action = Action()
    assert QuickLook(action).look(STORE, None) == {**NO_STORE, "drift": ["ä"]}
    ((command, sent),) = action.sent
    program, _mark, path = sent.splitlines()
    assert base64.b64decode(path).decode() == STORE
    assert sent.endswith("\n")
    # All of it may be encoded once more, as ssh and winrm of ansible-core 2.16 do.
    assert command.startswith(BEGINNING)
    assert len(base64.b64encode(command.encode("utf-16-le"))) < LONGEST_COMMAND
    assert len(program) < 32 * 1024
    assert "EstLook" in base64.b64decode(command.removeprefix(BEGINNING)).decode("utf-16-le")


def test_the_program_is_made_of_the_files_of_the_module():
    text = base64.b64decode(WINDOWS_STORE.text((STORE,), MARK).splitlines()[0]).decode("ascii")
    files = re.findall(
        r"-PowerShell \.\.module_utils\.(\w+)", (PLUGINS / "modules" / "win_est_store_file.ps1").read_text()
    )
    assert WINDOWS_STORE.files == (*files, "_windows_look")
    sources = [(PLUGINS / "module_utils" / f"{name}.psm1").read_text(encoding="ascii") for name in WINDOWS_STORE.files]
    lines = [line.strip() for source in sources for line in source.splitlines()]
    assert all(line in lines for line in text.splitlines())
    # They are one script there: no two may call something by the same name.
    named = re.findall(r"^(?:\$script:|function )([\w-]+)", "\n".join(sources), re.MULTILINE)
    assert sorted(named) == sorted(set(named))


def test_the_program_has_what_it_calls_and_nothing_else():
    text = base64.b64decode(WINDOWS_STORE.text((STORE,), MARK).splitlines()[0]).decode("ascii")
    has = set(re.findall(r"^function ([\w-]+)", text, re.MULTILINE))
    assert {"Get-EstLook", "Read-EstStore", "Get-EstDrift", "Get-EstReason"} <= has
    assert has == {"Get-EstLook", *re.findall(r"(?<!function )\b\w+-Est\w+", text)}
    assert not has & {"Write-EstFile", "Set-EstAccess", "Remove-EstFile", "New-EstFolder", "New-EstStoreKey"}
    assert not re.search("^(#|Export)", text, re.MULTILINE)


def test_the_key_is_never_asked_for():
    action = Action()
    look = QuickLook(action)
    assert (look.look(STORE, PAD), look.tells_key, action.sent) == (None, False, [])


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        ({}, True),
        ({"environment": [{}]}, True),
        ({"environment": [{}, {"ProgramData": "D:\\"}]}, False),
        ({"become": SimpleNamespace(name="runas")}, False),
        ({"pipelining": False}, False),
        ({"ansible_pwsh_interpreter": "C:\\pwsh\\pwsh.exe"}, True),
        ({"ansible_pwsh_interpreter": "C:\\Program Files\\pwsh.exe"}, False),
    ],
)
def test_it_is_sent_only_where_that_is_known_to_work(options, tried):
    action = Action(**options)
    assert (QuickLook(action).look(STORE, None) is not None, len(action.sent)) == (tried, int(tried))
    if tried:
        assert action.sent[0][0].split(" ")[0] == options.get("ansible_pwsh_interpreter", "PowerShell")


def test_it_is_not_sent_where_files_are_to_be_kept(monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_KEEP_REMOTE_FILES", True)
    action = Action()
    assert (QuickLook(action).look(STORE, None), action.sent) == (None, [])


@pytest.mark.parametrize(
    "answer", [CONSTRAINED, {"exists": True}, {**NO_STORE, "exists": "yes"}, {**NO_STORE, "more": ""}]
)
def test_anything_else_is_no_answer(answer):
    assert QuickLook(Action(answer=answer)).look(STORE, None) is None


TOLD_BY_CORE = {"failed": True, "msg": "Cannot invoke method. Method invocation is supported only on core types."}


def test_a_powershell_that_may_run_no_module_is_told_as_that():
    action = Action(answer=CONSTRAINED)
    action.failure = TOLD_BY_CORE
    with pytest.raises(StoreError, match=r"ConstrainedLanguage.*AppLocker.*only on core types\)$") as caught:
        store_of(action, STORE).read(want_key=False)
    assert caught.value.code == "module_failed"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"exists": True}, TOLD_BY_CORE),
        (CONSTRAINED, {"unreachable": True, "msg": "no route"}),
        (CONSTRAINED, {"failed": True, "error_code": "store_failed", "msg": "it is trusted, and fails of itself"}),
    ],
)
def test_another_failure_is_passed_on_as_it_is(answer, failure):
    action = Action(answer=answer)
    action.failure = failure
    with pytest.raises(ModuleFailed) as caught:
        store_of(action, STORE).read(want_key=True)
    assert caught.value.result == failure
