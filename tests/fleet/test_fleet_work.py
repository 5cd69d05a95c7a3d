# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operations team does every hour, on hosts that are reached by ssh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet.playbook import Run, write_playbook
from fleet.ssh_fleet import GROUP, Fleet
from support.lab import PASSWORD, LabServer

CONFIGURE = "estfleet.cloud_extender.configure"
DRIFT = "estfleet.cloud_extender.drift"
TEST_ENROLL = "estfleet.cloud_extender.test_enroll"

Play = Callable[..., Run]


def role(**words: Any) -> dict[str, Any]:
    return {
        "hosts": GROUP,
        "gather_facts": False,
        "roles": [{"role": "estfleet.cloud_extender.est_integration"}],
        **words,
    }


def test_templates_are_created_and_then_left_alone(fleet: Fleet, play: Play) -> None:
    first = play(CONFIGURE)
    assert first.status == 0, first.output
    assert first.hosts("changed") == sorted(fleet.hosts)
    for host in fleet.hosts.values():
        assert host.template_names() == {"wifi", "mail"}
        assert host.document.stat().st_mode & 0o777 == 0o600
        assert host.store.stat().st_mode & 0o777 == 0o700
    written = {name: host.document.stat() for name, host in fleet.hosts.items()}

    again = play(CONFIGURE)
    assert again.status == 0, again.output
    assert again.hosts("changed") == []
    for name, host in fleet.hosts.items():
        now = host.document.stat()
        assert (now.st_ino, now.st_mtime_ns) == (written[name].st_ino, written[name].st_mtime_ns)


def test_drift_of_one_host_is_told_and_corrected(fleet: Fleet, play: Play) -> None:
    play(CONFIGURE)
    drifted = fleet.hosts["ce3"].document
    right = drifted.read_text(encoding="utf-8")
    wrong = right.replace('"renewal_period_days": 14', '"renewal_period_days": 3')
    assert wrong != right
    drifted.write_text(wrong, encoding="utf-8")

    told = play(DRIFT)
    assert told.status == 0, told.output
    assert told.hosts("changed") == [], "a report changes nothing"
    assert "5 hosts, 2 templates: 1 drifted" in told.output
    assert "ce3: template 'wifi' differs: was edited by hand; renewal_period_days is 3, not 14" in told.output
    assert drifted.read_text(encoding="utf-8") == wrong

    corrected = play(CONFIGURE, "--diff")
    assert corrected.status == 0, corrected.output
    assert corrected.hosts("changed") == ["ce3"]
    assert "renewal_period_days" in corrected.output
    assert '"renewal_period_days": 14' in drifted.read_text(encoding="utf-8")
    assert play(CONFIGURE).hosts("changed") == []


def test_check_and_diff_tell_and_write_nothing(fleet: Fleet, play: Play) -> None:
    done = play(CONFIGURE, "--check", "--diff")
    assert done.status == 0, done.output
    assert done.hosts("changed") == sorted(fleet.hosts)
    assert done.output.count("name: wifi") >= len(fleet.hosts)
    assert PASSWORD not in done.output
    assert not any(host.store.exists() for host in fleet.hosts.values())


def test_serial_works_through_the_fleet_in_batches(fleet: Fleet, play: Play, tmp_path: Path) -> None:
    done = play(write_playbook(tmp_path, [role(serial=2)]))
    assert done.status == 0, done.output
    assert done.output.count(f"PLAY [{GROUP}]") == 3
    assert done.hosts("changed") == sorted(fleet.hosts)
    assert all(host.template_names() == {"wifi", "mail"} for host in fleet.hosts.values())


def test_limit_leaves_the_other_hosts_alone(fleet: Fleet, play: Play) -> None:
    done = play(CONFIGURE, "--limit", "ce2,ce4")
    assert done.status == 0, done.output
    assert done.hosts("changed") == ["ce2", "ce4"]
    assert [name for name, host in fleet.hosts.items() if host.store.exists()] == ["ce2", "ce4"]


def test_tags_of_the_role_choose_it(fleet: Fleet, play: Play, tmp_path: Path) -> None:
    tagged = role(roles=[{"role": "estfleet.cloud_extender.est_integration", "tags": ["est"]}])
    playbook = write_playbook(tmp_path, [tagged])

    skipped = play(playbook, "--skip-tags", "est")
    assert skipped.status == 0, skipped.output
    assert not any(host.store.exists() for host in fleet.hosts.values())

    chosen = play(playbook, "--tags", "est")
    assert chosen.status == 0, chosen.output
    assert chosen.hosts("changed") == sorted(fleet.hosts)


def test_every_host_enrols_for_every_template(fleet: Fleet, play: Play, lab: LabServer) -> None:
    play(CONFIGURE)
    before = len(lab.enrolments)
    done = play(TEST_ENROLL)
    assert done.status == 0, done.output
    assert len(lab.enrolments) - before == 2 * len(fleet.hosts)
    for host in fleet.hosts.values():
        assert len(list(host.certificates.rglob("certificate.pem"))) == 2, list(host.certificates.rglob("*"))
