# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a fleet of a Windows-like host and a POSIX host: from nothing to tested, drift, and the report."""

from __future__ import annotations

from typing import Any

from support.lab import PASSWORD, USERNAME, LabServer
from windows.playbooks.plays import COLLECTION, Done, Plays, role, script, task

IDENTITY = {"user": "alex", "domain": "example.com", "email": "alex@example.com"}
HOST_TASK = f"{COLLECTION}.est_integration : Keep the certificate templates as declared"
REPORT_TASK = f"{COLLECTION}.est_integration : Make the report of the fleet"

# What a test tells whatever the platform is.
SAME = ("template", "status", "requested", "substitutions", "lost", "omitted_attributes")

# Somebody gives everybody the right to read the store, and another server to its templates.
TOUCH = r"""
$folder, $document = [IO.DirectoryInfo]'{{ est_store }}', '{{ est_store }}\templates.json'
$list = [IO.FileSystemAclExtensions]::GetAccessControl($folder)
$everyone = [Security.Principal.SecurityIdentifier]'S-1-1-0'
$list.AddAccessRule([Security.AccessControl.FileSystemAccessRule]::new(
    $everyone, 'ReadAndExecute', 'ContainerInherit, ObjectInherit', 'None', 'Allow'))
[IO.FileSystemAclExtensions]::SetAccessControl($folder, $list)
[IO.File]::WriteAllText($document, [IO.File]::ReadAllText($document).Replace('localhost', 'elsewhere'))
"""
TOUCH_POSIX = "chmod 755 {{ est_store }} && sed -i s/localhost/elsewhere/ {{ est_store }}/templates.json"


def declared(lab: LabServer, plays: Plays) -> dict[str, Any]:
    """What a team declares: two templates, and their test, which costs seconds on the Windows-like host."""
    server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_certificate": lab.ca_pem}
    return {
        "templates": [
            {"name": "wifi", "key_type": "ec", **server},
            {"name": "größe", "key_type": "ec", "subject_alternative_name": "upn_and_email", **server},
        ],
        "test": {"identity": IDENTITY},
        "test_policy": "changed" if plays.is_newest else "never",
        "report_dest": str(plays.folder / "report"),
    }


def test_a_fleet_from_nothing_to_tested_and_back_from_drift(plays: Plays, lab: LabServer) -> None:
    tested = declared(lab, plays)
    wanted = {**tested, "test_policy": "never"}
    steps = [
        role("first", **tested),
        role("again", **wanted),
        *script("touch", windows=TOUCH, posix=TOUCH_POSIX),
        role("check", check=True, **wanted),
        role("correct", **wanted),
        role("corrected", **wanted),
        {**task("est_template_info"), f"{COLLECTION}.est_template_info": {}, "when": "'windows_hosts' in group_names"},
    ]
    done = plays.run(steps, "-vvvvv")
    assert done.run.status == 0, done.run.output
    hold(done, tested=plays.is_newest)
    if not plays.is_newest:
        look, write = ["command"], ["module"]
        steps_by_calls = [look, write * 2, look, ["command"], look, look, write, look, look]
        assert done.calls["windows"] == [call for calls in steps_by_calls for call in calls]
    assert PASSWORD not in done.run.output
    assert done.of("windows", "est_template_info")["store_path"] == "C:\\ProgramData\\CloudExtenderEST"


def hold(done: Done, *, tested: bool) -> None:
    """Check what each step came to, on both hosts, and what the report of the fleet says of it."""
    reports = done.all_of("windows", REPORT_TASK)
    assert [report["complete"] for report in reports] == [True] * 5
    counts = [{name: number for name, number in report["counts"].items() if number} for report in reports]
    first, again, check, correct, corrected = counts
    assert (first["hosts_corrected"], first.get("tests_issued", 0)) == (2, 4 if tested else 0)
    assert (again["hosts_as_declared"], "changed" in again, "tests" in again) == (2, False, False)
    assert (check["hosts_differing"], check["templates_differing"]) == (2, 4)
    assert (correct["hosts_corrected"], correct["templates_corrected"]) == (2, 4)
    assert (corrected["hosts_as_declared"], "changed" in corrected) == (2, False)
    for host, words in (("windows", "the folder gives access to Everyone"), ("posix", "the folder has mode 0755")):
        told = done.all_of(host, HOST_TASK)
        assert [result["changed"] for result in told] == [True, False, True, True, False]
        problems = [result["store_problems"] for result in told]
        assert (problems[0], problems[1], problems[4]) == ([], [], [])
        assert problems[2] == problems[3]
        assert words in problems[2][0]
        assert problems[2][1:] == [f"template '{name}' was edited by hand: fields" for name in ("größe", "wifi")]
    unproved = [result["unproved"] for result in done.all_of("windows", HOST_TASK)]
    both = ["wifi", "größe"]
    assert unproved == ([both, [], both, both, []] if tested else [both] * 5)
    for windows, posix in zip(*(done.all_of(host, HOST_TASK) for host in ("windows", "posix")), strict=True):
        assert without_times(windows["templates"]) == without_times(posix["templates"])
        assert windows["unproved"] == posix["unproved"]
        for on_windows, on_posix in zip(windows["tests"], posix["tests"], strict=True):
            assert [on_windows[key] for key in SAME] == [on_posix[key] for key in SAME]
            assert (on_windows["exchange"], on_posix["exchange"]) == ("relay", "host")


def without_times(templates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is told of templates, and of their last tests the status alone: each host has another certificate."""
    return [{**told, "last_test": (told.get("last_test") or {}).get("status")} for told in templates]
