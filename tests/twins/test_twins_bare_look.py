# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of the quick look, as a connection starts it: by a PowerShell of its own, with lines on standard input.

What it finds is held against the module in ``test_twins_store.py``, in every case of that.
"""

from __future__ import annotations

import base64
import subprocess
from typing import Any

import pytest
from twins.twin import PLUGINS, Twin, powershell, windows_host

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.program import read_answer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.quick_look import WINDOWS_STORE, reading_in
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_program import COMMAND, CONSTRAINED

MODULE = PLUGINS / "modules" / "est_store_file.py"
MARK = "0123456789abcdef01234567"
NO_POWERSHELL = "its look is a program of Python"

# As application control has it.
CONSTRAINING = f"$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'\n{COMMAND}"
# What one command leaves in a process that several share, as with the connection psrp.
LEAVING = f"$before = @(Get-Variable; Get-Command -CommandType Function)\n{COMMAND}\n" + (
    "$left = @(Get-Variable; Get-Command -CommandType Function) | Where-Object Name -notin $before.Name\n"
    '"left: $($left.Name | Sort-Object)"\n'
)


def run(twin: Twin, script: str, sent: str) -> str:
    command = windows_host().command if twin.windows else [powershell()]
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    options = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-EncodedCommand", encoded]
    done = subprocess.run(
        [*command, *options], input=sent.encode("ascii"), capture_output=True, timeout=120, check=False
    )
    return done.stdout.decode("ascii", "replace")


def sent_to(twin: Twin) -> str:
    return WINDOWS_STORE.text((twin.path(twin.folder / "est"),), MARK)


@pytest.fixture
def found(twin: Twin) -> dict[str, Any]:
    """What the module finds of a store that is there."""
    arguments = {"store_path": twin.path(twin.folder / "est")}
    assert twin.run({**arguments, "operation": "write", "content": '{"ä": 1}\n'})["changed"]
    read = twin.run({**arguments, "operation": "read"})
    assert read.pop("changed") is False
    return read


@pytest.mark.cannot_show(python=NO_POWERSHELL)
def test_it_says_what_the_module_does(twin: Twin, found: dict[str, Any]) -> None:
    said = run(twin, COMMAND, sent_to(twin))
    assert reading_in(read_answer(said, MARK)) == found
    assert said.strip() == said.strip().splitlines()[-1]


@pytest.mark.cannot_show(python=NO_POWERSHELL, wine="it is of PowerShell, and the same as under Linux")
def test_a_script_without_its_input_is_no_answer(twin: Twin, found: dict[str, Any]) -> None:
    assert found["exists"]
    # The program never came, or was cut off on its way.
    for sent in ("", sent_to(twin)[:2000], f"AAAA\n{MARK}\nAAAA\n"):
        assert read_answer(run(twin, COMMAND, sent), MARK) is None


@pytest.mark.cannot_show(python=NO_POWERSHELL, wine="it is of PowerShell, and the same as under Linux")
def test_a_powershell_that_is_held_to_a_part_of_its_language_says_so(twin: Twin, found: dict[str, Any]) -> None:
    assert found["exists"]
    assert read_answer(run(twin, CONSTRAINING, sent_to(twin)), MARK) == CONSTRAINED


@pytest.mark.cannot_show(python=NO_POWERSHELL, wine="it is of PowerShell, and the same as under Linux")
def test_a_process_that_is_used_again_is_as_before(twin: Twin, found: dict[str, Any]) -> None:
    said = run(twin, LEAVING, sent_to(twin))
    assert reading_in(read_answer(said, MARK)) == found
    left = said.rpartition("left: ")[2].split()
    assert left, said
    assert [name for name in left if "Est" in name or name.isupper()] == []
