# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are down or hang, and inventories and variables that are wrong: told, bounded, and no harm to the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fleet.playbook import Run, run_playbook
from fleet.ssh_fleet import GROUP, Fleet

CONFIGURE = "maas360.cloud_extender.configure"

Play = Callable[..., Run]


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


def test_thirty_percent_of_hosts_unreachable(variables: dict[str, Any], tmp_path: Path) -> None:
    with Fleet(10) as fleet:
        down = ["ce10", "ce2", "ce7"]
        for name in down:
            fleet.hosts[name].stop()
        done = run_playbook(CONFIGURE, fleet.inventory(variables), folder=tmp_path)
    assert done.status == 4, done.output
    assert done.hosts("unreachable") == down
    assert done.hosts("changed") == sorted(set(fleet.hosts) - set(down))
    assert done.hosts("failed") == []


def test_a_host_that_takes_connections_and_says_nothing_is_given_up_in_time(fleet: Fleet, play: Play) -> None:
    fleet.close_connections()
    fleet.hosts["ce4"].suspend()
    try:
        done = play(CONFIGURE, "--timeout", "3")
    finally:
        fleet.hosts["ce4"].resume()
    assert done.status == 4, done.output
    assert done.hosts("unreachable") == ["ce4"]
    assert done.hosts("changed") == ["ce1", "ce2", "ce3", "ce5"]
    assert "timed out" in done.output.lower()


def test_a_host_that_hangs_in_an_open_connection_is_given_up_in_time(fleet: Fleet, play: Play) -> None:
    play(CONFIGURE)  # the connections stay open
    fleet.hosts["ce4"].suspend()
    try:
        done = play(CONFIGURE, settings={"ANSIBLE_TASK_TIMEOUT": "5"})
    finally:
        fleet.hosts["ce4"].resume()
    assert done.status == 2, done.output
    assert done.hosts("failed") == ["ce4"]
    assert "5 second" in done.output


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
    both = run_playbook(CONFIGURE, inventory, folder=tmp_path)
    assert both.status == 0, both.output
    assert host.template_names() == {"wifi", "mail"}
    assert {"by_name", "by_address"} & set(both.hosts("changed"))
    again = run_playbook(CONFIGURE, inventory, folder=tmp_path)
    assert again.status == 0, again.output
    assert again.hosts("changed") == []


def test_an_inventory_without_hosts_is_told(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({GROUP: {"hosts": {}}}), encoding="utf-8")
    done = run_playbook(CONFIGURE, inventory, folder=tmp_path)
    assert done.status == 0, done.output
    assert "skipping: no hosts matched" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "templates",
    [{"name": "wifi"}, "wifi", 7, ["wifi"], [["wifi"]]],
    ids=["a template", "a text", "a number", "a list of texts", "a list of lists"],
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
