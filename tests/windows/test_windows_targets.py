# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integration targets, on a Windows host and a POSIX host in one inventory."""

from __future__ import annotations

import json

import pytest
from windows.conftest import Play
from windows.targets import FILES, play


@pytest.mark.parametrize("target", FILES)
def test_integration_target(newest_play: Play, target: str) -> None:
    folder = newest_play.folder / "target"
    folder.mkdir()
    playbook = newest_play.folder / "target.json"
    playbook.write_text(json.dumps([play(target, folder)]), encoding="utf-8")
    variables = {
        "is_windows": "{{ inventory_hostname == 'windows' }}",
        "target_folder": f"{{{{ is_windows | ternary('C:/ProgramData/target', '{newest_play.folder}/t') }}}}",
    }
    found, printed = newest_play.run_playbook(playbook, variables=variables)
    assert printed.count("failed=0") == len(found), printed
    counts = {host: len(results) for host, results in found.items()}
    assert counts["windows"] == counts["posix"] > len(FILES[target])
