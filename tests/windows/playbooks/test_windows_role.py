# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a fleet of a Windows-like host and a POSIX host: from nothing to tested, drift, and the report."""

from __future__ import annotations

from typing import Any

from support.lab import PASSWORD, USERNAME, LabServer
from windows.playbooks.plays import COLLECTION, Plays, role, script, task

IDENTITY = {"user": "alex", "domain": "example.com", "email": "alex@example.com"}
HOST_TASK = f"{COLLECTION}.est_integration : Keep the certificate templates as declared"
REPORT_TASK = f"{COLLECTION}.est_integration : Make the report of the fleet"

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
    wanted = declared(lab, plays)
    steps = [
        role("first", **wanted),
        role("again", **wanted),
        *script("touch", windows=TOUCH, posix=TOUCH_POSIX),
        role("check", check=True, **wanted),
        role("correct", **wanted),
        role("corrected", **wanted),
        {**task("est_template_info"), f"{COLLECTION}.est_template_info": {}, "when": "'windows' in group_names"},
    ]
    done = plays.run(steps, "-vvvvv")
    assert done.run.status == 0, done.run.output
    first, again, check, correct, corrected = done.all_of("posix", REPORT_TASK)
    print(done.run.output)
    for x in (first, again, check, correct, corrected):
        print(x["counts"], x["summary"])
    print(done.calls)
    for host in ("windows", "posix"):
        for r in done.all_of(host, HOST_TASK):
            print({**r, "invocation": 0})
    assert 0
