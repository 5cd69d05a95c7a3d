# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that checks a real Windows host, on the Windows-like one: what Wine has not is left out by name."""

from __future__ import annotations

from support.lab import PASSWORD, USERNAME, LabServer
from windows.playbooks.plays import HERE, Plays


def test_the_playbook_for_a_real_host_finds_all_as_expected(newest_plays: Plays, lab: LabServer) -> None:
    variables = {
        "store": newest_plays.store_path("windows"),
        "check_server": lab.url,
        "check_username": USERNAME,
        "check_password": PASSWORD,
        "check_ca_certificate": lab.ca_pem,
        "check_folder": str(newest_plays.folder),
        # icacls.exe and takeown.exe of Wine change nothing, and it keeps no key of CNG.
        "check_left_out": ["entries", "certificates"],
    }
    done = newest_plays.run(HERE.parent / "real_host.yml", "--limit", "windows", extra=variables)
    assert done.run.status == 0, done.run.output
    (told,) = [result["msg"] for result in done.results["windows"] if isinstance(result.get("msg"), dict)]
    assert len(told["as_expected"]) > 15
    assert all(told["as_expected"].values()), told
    assert not newest_plays.store("windows").exists()
    assert PASSWORD not in done.run.output
