# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of a Windows host about PowerShell: what goes on under them, and what says that one is in the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from twins.twin import WindowsHost
from windows.playbooks.plays import Plays, script, task

# Scripts that are files have to be signed, as a group policy says it.
SIGNED = r"HKLM\Software\Policies\Microsoft\PowerShellCore"
ALL_SIGNED = f"""
reg.exe add '{SIGNED}' /v EnableScripts /t REG_DWORD /d 1 /f
reg.exe add '{SIGNED}' /v ExecutionPolicy /d AllSigned /f
"""
# What PowerShell has for tests in the place of AppLocker and App Control for Business.
CONSTRAINED = r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment"
CONSTRAIN = f"reg.exe add '{CONSTRAINED}' /v __PSLockdownPolicy /d 4 /f"
# A script in a file, as nothing of ours is on a host.
RUN_FILE = r"[IO.File]::WriteAllText('C:\windows\temp\file.ps1', '2 * 21'); & C:\windows\temp\file.ps1"
VPN = {"name": "VPN", "server": "est.example"}


@pytest.fixture
def as_it_was(host: WindowsHost, alone: None) -> Iterator[None]:
    """Take the policies away again."""
    yield
    undo = f"reg.exe delete '{SIGNED}' /f; reg.exe delete '{CONSTRAINED}' /v __PSLockdownPolicy /f; exit 0"
    subprocess.run([*host.command, "-NoProfile", "-Command", undo], stdin=subprocess.DEVNULL, check=True)


@pytest.mark.usefixtures("as_it_was")
def test_an_execution_policy_is_no_hindrance_and_constrained_language_is_told(plays: Plays) -> None:
    steps = [
        *script("before", windows=f"{RUN_FILE}\n{ALL_SIGNED}"),
        *script("after", windows=f"{RUN_FILE}; exit 0"),
        task("est_templates", templates=[VPN]),
        *script("constrain", windows=CONSTRAIN),
        *script("language", windows="$ExecutionContext.SessionState.LanguageMode"),
        task("est_template_info"),
    ]
    done = plays.run(steps, hosts="windows")
    assert done.of("windows", "before")["stdout"].split()[0] == "42"
    assert "42" not in done.of("windows", "after")["stdout"]
    assert done.of("windows", "est_templates")["changed"]
    assert done.of("windows", "language")["stdout"].strip() == "ConstrainedLanguage"
    told = done.of("windows", "est_template_info")
    assert (told["failed"], told["error_code"]) == (True, "module_failed")
    assert "ConstrainedLanguage" in told["msg"]
    assert "AppLocker" in told["msg"]
