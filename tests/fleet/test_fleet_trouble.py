# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are down or hang, and inventories and variables that are wrong: told, bounded, and no harm to the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fleet.host import SSHD
from fleet.playbook import Run, run_playbook
from fleet.ssh_fleet import GROUP, Fleet

CONFIGURE = "estfleet.cloud_extender.configure"

# Long enough for a host that answers, on a machine with much else to do.
TASK_SECONDS = 20

Play = Callable[..., Run]


def report_to(folder: Path) -> tuple[str, str]:
    """The option that asks for the report."""
    return "-e", f"est_integration_report_dest={folder}/report"


def reported(folder: Path) -> dict[str, Any]:
    """The hosts of the report by name."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {host["name"]: host for host in report["hosts"]}


def test_a_host_that_is_down_stops_no_other(fleet: Fleet, play: Play) -> None:
    fleet.hosts["ce2"].stop()
    try:
        done = play(CONFIGURE)
    finally:
        fleet.hosts["ce2"].start()
    assert done.status == 4, done.output
    assert done.hosts("unreachable") == ["ce2"]
    assert done.hosts("changed") == ["ce1", "ce3", "ce4", "ce5"]
    assert play(CONFIGURE).hosts("changed") == ["ce2"]


@pytest.mark.skipif(SSHD is None, reason="there is no sshd; Debian has it in openssh-server")
def test_thirty_percent_of_hosts_unreachable(variables: dict[str, Any], tmp_path: Path) -> None:
    with Fleet(10) as fleet:
        down = ["ce10", "ce2", "ce7"]
        for name in down:
            fleet.hosts[name].stop()
        done = run_playbook(CONFIGURE, fleet.inventory(variables), *report_to(tmp_path), folder=tmp_path)
    assert done.status == 4, done.output
    assert done.hosts("unreachable") == down
    assert done.hosts("changed") == sorted(set(fleet.hosts) - set(down))
    assert done.hosts("failed") == []
    states = {name: host["state"] for name, host in reported(tmp_path).items()}
    assert states == {name: "unreachable" if name in down else "ok" for name in fleet.hosts}


def test_a_cluster_whose_first_host_is_down_is_not_written(
    fleet: Fleet, play: Play, variables: dict[str, Any], tmp_path: Path
) -> None:
    variables["est_integration_cluster"] = GROUP
    fleet.hosts["ce1"].stop()
    try:
        done = play(CONFIGURE, *report_to(tmp_path))
    finally:
        fleet.hosts["ce1"].start()
    assert done.status == 4, done.output
    assert not any(host.store.exists() for host in fleet.hosts.values())
    hosts = reported(tmp_path)
    assert hosts["ce1"]["state"] == "unreachable"
    for name in ("ce2", "ce3", "ce4", "ce5"):
        assert hosts[name]["mode"] == "report"
        assert hosts[name]["cluster"]["writer"] == "ce1"
        assert {template["state"] for template in hosts[name]["templates"]} == {"differs"}


def test_a_report_path_that_cannot_be_written_stops_before_anything_is_done(fleet: Fleet, play: Play) -> None:
    done = play(CONFIGURE, "-e", "est_integration_report_dest=/proc/none/report")
    assert done.status == 2, done.output
    assert done.hosts("failed") == sorted(fleet.hosts)
    assert "/proc/none" in done.output
    assert not any(host.store.exists() for host in fleet.hosts.values())


def test_a_host_that_takes_connections_and_says_nothing_is_given_up_in_time(
    fleet: Fleet, play: Play, tmp_path: Path
) -> None:
    fleet.close_connections()
    fleet.hosts["ce4"].suspend()
    try:
        done = play(CONFIGURE, "--timeout", "10", *report_to(tmp_path))
    finally:
        fleet.hosts["ce4"].resume()
    assert done.status == 4, done.output
    assert done.hosts("unreachable") == ["ce4"]
    assert done.hosts("changed") == ["ce1", "ce2", "ce3", "ce5"]
    host = reported(tmp_path)["ce4"]
    assert host["state"] == "unreachable"
    assert "timed out" in host["message"].lower()


def test_a_host_that_hangs_in_an_open_connection_is_given_up_in_time(fleet: Fleet, play: Play, tmp_path: Path) -> None:
    play(CONFIGURE)  # the connections stay open
    fleet.hosts["ce4"].suspend()
    try:
        done = play(CONFIGURE, "-e", f"est_integration_host_timeout={TASK_SECONDS}", *report_to(tmp_path))
    finally:
        fleet.hosts["ce4"].resume()
    assert done.status == 2, done.output
    assert done.hosts("failed") == ["ce4"]
    host = reported(tmp_path)["ce4"]
    assert host["state"] == "failed"
    assert f"{TASK_SECONDS} second" in host["message"]


def test_two_names_of_one_host_lose_no_template(fleet: Fleet, variables: dict[str, Any], tmp_path: Path) -> None:
    host = fleet.hosts["ce1"]
    first, second = variables["est_integration_templates"]
    hosts = {
        "by_name": {**fleet.host_variables(host), "est_integration_templates": [first]},
        "by_address": {**fleet.host_variables(host), "est_integration_templates": [second]},
        "again": {**fleet.host_variables(host), "est_integration_templates": [first, second]},
    }
    inventory = tmp_path / "inventory.json"
    content = {GROUP: {"hosts": hosts, "vars": {**fleet.connection_variables(), **variables}}}
    inventory.write_text(json.dumps(content), encoding="utf-8")
    both = run_playbook(CONFIGURE, inventory, *report_to(tmp_path), folder=tmp_path)
    assert both.status == 0, both.output
    assert host.template_names() == {"wifi", "mail"}
    # Any of the three may be the fastest; whoever it is, each template is made once.
    made = [
        template["name"]
        for entry in reported(tmp_path).values()
        for template in entry["templates"]
        if template["action"] == "created"
    ]
    assert sorted(made) == ["mail", "wifi"]
    notes = " ".join(json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["notes"])
    assert all(name in notes for name in hosts)
    again = run_playbook(CONFIGURE, inventory, folder=tmp_path)
    assert again.status == 0, again.output
    assert again.hosts("changed") == []


def test_an_inventory_without_hosts_is_an_error(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({GROUP: {"hosts": {}}}), encoding="utf-8")
    done = run_playbook(CONFIGURE, inventory, folder=tmp_path)
    assert done.status != 0, done.output
    assert "the pattern of hosts 'cloud_extenders' reaches no host, so nothing would be looked at" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "templates",
    [{"name": "wifi"}, 7, ["wifi"]],
    ids=["a template", "a number", "a list of texts"],
)
def test_a_template_list_that_is_none_is_told_and_nothing_written(
    fleet: Fleet, play: Play, variables: dict[str, Any], templates: Any
) -> None:
    variables["est_integration_templates"] = templates
    done = play(CONFIGURE, "--limit", "ce1,ce2")
    assert done.status == 2, done.output
    assert done.hosts("failed") == ["ce1", "ce2"]
    assert "templates" in done.output
    assert "Traceback" not in done.output
    assert not any(host.store.exists() for host in fleet.hosts.values())
