# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``win_est_services``: services that are restarted, with what depends on them, and what is owed.

It has no Python twin. Wine has services, and tells nobody which depend on which: the order is shown with made-up ones,
by both PowerShells.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from twins.twin import PLUGINS, Twin

MODULE = PLUGINS / "modules" / "est_services.py"
NO_SERVICES = "Linux has no services of Windows"
shown_by_wine = pytest.mark.cannot_show(pwsh=NO_SERVICES)

#: What the module does with services, for a test to do it by hand.
BY_HAND = """param($operation, $name)
$signature = @'
[DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
public static extern IntPtr OpenSCManagerW(string computer, string database, int access);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
public static extern IntPtr CreateServiceW(IntPtr manager, string name, string shown, int access, int type,
    int start, int error, string program, string group, IntPtr tag, string dependencies, string account, string secret);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
public static extern IntPtr OpenServiceW(IntPtr manager, string name, int access);
[DllImport("advapi32.dll")]
public static extern bool StartServiceW(IntPtr service, int count, IntPtr arguments);
[DllImport("advapi32.dll")]
public static extern bool ControlService(IntPtr service, int control, int[] status);
[DllImport("advapi32.dll")]
public static extern bool DeleteService(IntPtr service);
[DllImport("advapi32.dll")]
public static extern bool QueryServiceStatusEx(IntPtr service, int level, int[] status, int size, out int needed);
[DllImport("advapi32.dll")]
public static extern bool ChangeServiceConfigW(IntPtr service, int type, int start, int error, IntPtr program,
    IntPtr group, IntPtr tag, IntPtr dependencies, IntPtr account, IntPtr password, IntPtr shown);
'@
$native = Add-Type -PassThru -Name Native -Namespace Test -MemberDefinition $signature
$manager, $none = $native::OpenSCManagerW($null, $null, 0xF003F), [IntPtr]::Zero
$status, $needed = [int[]]::new(9), 0
if ($operation -eq 'make') {
    $program = 'C:\\windows\\system32\\spoolsv.exe'
    $no = [NullString]::Value
    $null = $native::CreateServiceW($manager, $name, $name, 0xF01FF, 0x10, 3, 1, $program, $no, $none, $no, $no, $no)
}
$service = $native::OpenServiceW($manager, $name, 0xF01FF)
if ($operation -in 'make', 'start') { $null = $native::StartServiceW($service, 0, $none) }
if ($operation -in 'stop', 'remove') { $null = $native::ControlService($service, 1, $status) }
if ($operation -eq 'remove') { $null = $native::DeleteService($service) }
if ($operation -eq 'disable') {
    $null = $native::ChangeServiceConfigW($service, -1, 4, -1, $none, $none, $none, $none, $none, $none, $none)
}
for ($i = 0; $i -lt 100; $i++) {
    $null = $native::QueryServiceStatusEx($service, 0, $status, 36, [ref]$needed)
    if ($status[1] -in 1, 4) { break }
    Start-Sleep -Milliseconds 100
}
"$($status[1]) $($status[7])"
"""

#: Made-up services in place of those of a host. They say what is done with them; what is not to be is in "refused".
#: Each case is a restart of "web", and the next run, in which nothing is refused any more.
MADE_UP = """param($folder, $given)
$global:services, $global:said = @{}, @()
& (Get-Module _windows_services) {
    function script:Open-EstService([string]$Name) {
        if (-not $global:services.ContainsKey($Name)) { return $null }
        $refused = @($global:services[$Name].refused)
        $service = [pscustomobject]@{ Name = $Name; CanStop = 'lasting' -notin $refused; IsDisabled = $false }
        $service.IsDisabled = 'disabled' -in $refused
        $service | Add-Member ScriptMethod Dispose { }
        $service | Add-Member ScriptMethod Settled { $global:services[$this.Name].state }
        $service | Add-Member ScriptMethod Dependents {
            $all = $global:services
            @($all[$this.Name].dependents | Where-Object { $_ -and $all.ContainsKey($_) -and $all[$_].state -eq 4 })
        }
        $service | Add-Member ScriptMethod Stop { Set-State $this.Name 'stop' 1 }
        $service | Add-Member ScriptMethod Start {
            if ($this.IsDisabled) { throw [ComponentModel.Win32Exception]::new(1058) }
            Set-State $this.Name 'start' 4
        }
        return $service
    }
}
function global:Set-State($Name, $What, $State) {
    $one = $global:services[$Name]
    if ("$What-dies" -in $one.refused) { throw 'the run was killed' }
    if ("$What-removed" -in $one.refused) { $global:services.Remove($Name); throw 'the run was killed' }
    if ("$What-denied" -in $one.refused) { throw [ComponentModel.Win32Exception]::new(5) }
    if ("$What-slow" -in $one.refused) { return $false }
    if ($one.state -ne $State) { $global:said += "$What $Name" }
    $one.state = $State
    return $true
}
$number = 0
foreach ($case in ConvertFrom-Json -AsHashtable $given) {
    $global:services, $number = $case, ($number + 1)
    $store = [IO.Path]::Combine($folder, "store $number")
    $runs = foreach ($run in 1, 2) {
        $global:said = @()
        try { $result = Restart-EstService $store 'web' } catch { $result = "$_" }
        $states = @{}
        foreach ($name in $case.Keys) {
            $states[$name] = $case[$name].state
            $case[$name].refused = @($case[$name].later)
        }
        $left = @([IO.Directory]::GetFiles($store, 'restarting-*')).Length
        @{ result = $result; said = @($global:said); states = $states; left = $left }
    }
    ConvertTo-Json -Compress -Depth 5 @($runs)
}
"""
STOPPED, RUNNING, PAUSED = 1, 4, 7


@pytest.fixture
def service(twin: Twin) -> Iterator[str]:
    """A service of the test's own, which runs."""
    name = f"esttest-{secrets.token_hex(4)} $1"
    by_hand(twin, "make", name)
    yield name
    by_hand(twin, "remove", name)


def by_hand(twin: Twin, operation: str, name: str) -> tuple[int, int]:
    """Do something with a service; return its state, and the number of its process."""
    state, process = twin.script(BY_HAND, operation, name).split()
    return int(state), int(process)


def restart(twin: Twin, services: list[str], marks: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Run the module."""
    return twin.run(
        {
            "store_path": twin.path(twin.folder / "store"),
            "services": services,
            "certificates": [{"store_name": "My", "mark": mark} for mark in marks or ()],
            **more,
        }
    )


def owe(twin: Twin, mark: str, services: list[str]) -> None:
    """Note services, as ``win_est_key`` does with a certificate."""
    script = """param($store, $mark, $given)
Save-EstOwed @{ store_path = $store; store_name = 'My'; mark = $mark; services = ConvertFrom-Json $given }
"""
    said = twin.script(script, twin.path(twin.folder / "store"), mark, json.dumps(services))
    assert said.strip() == "", said


def owed(twin: Twin, mark: str) -> list[str]:
    """What is noted."""
    note = twin.folder / "store" / f"certificate-My-{mark}.reload"
    return note.read_text(encoding="utf-8").split("\n")[:-1] if note.exists() else []


def left(twin: Twin) -> list[str]:
    """What is noted of services that a run has stopped."""
    return sorted(path.name for path in (twin.folder / "store").iterdir() if path.name.startswith("restarting-"))


def made_up(twin: Twin, cases: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Restart "web" of made-up services, each ``{"state": ..., "dependents": [...], "refused": [...]}``, twice; return
    what came of both, of each case. What is refused by the second run is in ``later``.
    """
    plain: dict[str, Any] = {"state": RUNNING, "dependents": [], "refused": [], "later": []}
    whole = [{name: {**plain, **one} for name, one in services.items()} for services in cases]
    said = twin.script(MADE_UP, twin.path(twin.folder), json.dumps(whole)).splitlines()
    assert len(said) == len(cases), said
    return [json.loads(line) for line in said]


# ----------------------------------------------------------------------------------------------------------------------
# With services of the host


@shown_by_wine
def test_a_service_that_runs_is_restarted_and_what_is_owed_forgotten(twin: Twin, service: str) -> None:
    before = by_hand(twin, "look", service)
    assert before[0] == RUNNING
    for mark, services in (("00000001", [service]), ("00000002", [service, "gone"]), ("00000003", [service])):
        owe(twin, mark, services)
    result = restart(twin, [service, "gone"], ["00000001", "00000002"])
    assert result == {"changed": True, "problems": {service: "", "gone": "gone: there is no such service"}}
    state, process = by_hand(twin, "look", service)
    assert (state, process != before[1]) == (RUNNING, True)
    assert [owed(twin, f"0000000{number}") for number in (1, 2, 3)] == [[], ["gone"], [service]]
    assert left(twin) == []


@shown_by_wine
def test_a_service_that_does_not_run_stays_so(twin: Twin, service: str) -> None:
    assert by_hand(twin, "stop", service)[0] == STOPPED
    owe(twin, "00000001", [service])
    assert restart(twin, [service], ["00000001"])["problems"] == {service: ""}
    assert by_hand(twin, "look", service)[0] == STOPPED
    assert owed(twin, "00000001") == []


@shown_by_wine
def test_a_service_that_would_not_start_again_is_not_stopped(twin: Twin, service: str) -> None:
    by_hand(twin, "disable", service)
    problems = restart(twin, [service])["problems"]
    assert problems == {service: f"{service}: {service} is disabled, and would not start again"}
    assert by_hand(twin, "look", service)[0] == RUNNING


@shown_by_wine
def test_a_service_is_named_by_capital_letters_or_small_ones(twin: Twin, service: str) -> None:
    process = by_hand(twin, "look", service)[1]
    assert list(restart(twin, [service.upper(), service])["problems"].values()) == [""]
    assert by_hand(twin, "look", service)[1] != process


@pytest.mark.parametrize("mark", ["../../x", "0123ABCD", ""])
def test_a_note_that_cannot_be_meant_is_refused(twin: Twin, mark: str) -> None:
    result = restart(twin, [], [mark])
    assert (result["failed"], result["error_code"]) == (True, "invalid_option")
    assert not (twin.folder / "store").exists()


def test_check_mode_does_nothing(twin: Twin) -> None:
    arguments = {"store_path": twin.path(twin.folder / "store"), "services": ["Spooler"]}
    assert twin.run(arguments, check=True) == {"changed": True, "problems": {}}
    assert not (twin.folder / "store").exists()


# ----------------------------------------------------------------------------------------------------------------------
# With made-up ones


def test_what_depends_on_a_service_is_stopped_before_and_started_after_it(twin: Twin) -> None:
    web = {"dependents": ["shop", "idle", "mail"]}
    ((first, second),) = made_up(twin, [{"web": web, "shop": {}, "idle": {"state": STOPPED}, "mail": {}}])
    said = ["stop shop", "stop mail", "stop web", "start web", "start mail", "start shop"]
    for run in (first, second):
        assert (run["result"], run["said"], run["states"]["idle"], run["left"]) == ("", said, STOPPED, 0)


def test_what_cannot_be_stopped_keeps_what_depends_on_it(twin: Twin) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"state": PAUSED}, "web: it is paused"),
        ({"refused": ["lasting"]}, "web: it cannot be stopped while Windows runs"),
        ({"refused": ["disabled"]}, "web: web is disabled, and would not start again"),
        ({"refused": ["stop-denied"]}, "web: access is denied"),
        ({"refused": ["stop-slow"]}, "web: it has not stopped after 90 seconds"),
    ]
    found = made_up(twin, [{"web": {"dependents": ["shop"], **web}, "shop": {}} for web, _words in cases])
    for (web, words), (first, _second) in zip(cases, found):
        assert first["result"].startswith(words)
        assert first["states"] == {"web": web.get("state", RUNNING), "shop": RUNNING}
        assert first["left"] == 0


def test_what_a_run_has_stopped_and_not_started_is_started_by_the_next(twin: Twin) -> None:
    words = {"denied": "access is denied", "slow": "does not run 90 seconds after", "dies": "the run was killed"}
    cases = [(which, f"start-{how}") for which in ("web", "shop") for how in words]
    cases += [("web", "stop-dies"), ("shop", "stop-dies")]
    wholes: list[dict[str, Any]] = []
    for which, refused in cases:
        services: dict[str, dict[str, Any]] = {"web": {"dependents": ["shop"]}, "shop": {}}
        services[which]["refused"] = [refused]
        wholes.append(services)
    for (which, refused), (first, second) in zip(cases, made_up(twin, wholes)):
        assert words[refused.split("-")[1]] in first["result"], (which, refused)
        assert first["left"] == 1
        assert (second["result"], second["states"], second["left"]) == ("", {"web": RUNNING, "shop": RUNNING}, 0)
        # It has been started after the change, by one run or the other.
        assert "start web" in [*first["said"], *second["said"]]


def test_what_depends_on_a_service_and_would_not_start_again_keeps_both_running(twin: Twin) -> None:
    ((first, _second),) = made_up(twin, [{"web": {"dependents": ["shop"]}, "shop": {"refused": ["disabled"]}}])
    assert first["result"] == "web: shop is disabled, and would not start again"
    assert (first["said"], first["left"]) == ([], 0)


def test_what_was_removed_or_disabled_since_it_was_stopped_is_not_waited_for(twin: Twin) -> None:
    removed = {"web": {"dependents": ["shop"]}, "shop": {"refused": ["start-removed"]}}
    disabled = {"web": {"dependents": ["shop"]}, "shop": {"refused": ["start-dies"], "later": ["disabled"]}}
    for first, second in made_up(twin, [removed, disabled]):
        assert "the run was killed" in first["result"] and first["left"] == 1
        assert (second["result"], second["said"], second["left"]) == ("", ["stop web", "start web"], 0)


def test_one_that_does_not_run_stays_so_with_what_depends_on_it(twin: Twin) -> None:
    ((first, _second),) = made_up(
        twin, [{"web": {"state": STOPPED, "dependents": ["shop"]}, "shop": {"state": STOPPED}}]
    )
    assert (first["result"], first["said"], first["left"]) == ("", [], 0)
