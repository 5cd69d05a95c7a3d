# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates on a Windows-like host and a POSIX host in one inventory: the same results, and few calls."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from windows.playbooks.plays import Plays, task

WIFI = {"name": "Wi-Fi", "server": "est.example", "username": "u", "password": "canary-wifi", "use_system_trust": True}
VPN = {"name": "VPN", "server": "est.example", "label": "größe"}
PASSPHRASE = "canary: a passphrase that is long"
BUNDLE = "{{ inventory_hostname }}.bundle"
OTHER_BUNDLE = "{{ {'windows': 'posix', 'posix': 'windows'}[inventory_hostname] }}.bundle"

# What is asked of both hosts, and whether it changes something.
TABLE: dict[str, tuple[dict[str, Any], bool]] = {
    "check": (task("est_templates", check=True, diff=True, templates=[WIFI, VPN]), True),
    "create": (task("est_templates", templates=[WIFI, VPN]), True),
    "again": (task("est_templates", templates=[WIFI, VPN]), False),
    "another port": (task("est_template", diff=True, **VPN, port=8443), True),
    "info": (task("est_template_info"), False),
    "wrong option": (task("est_template", name="VPN", server="est.example", port=0), False),
}
# What cannot differ between versions of ansible-core.
MORE = {
    "another password": (task("est_template", **{**WIFI, "password": "canary-2"}), True),
    "password kept": (
        task("est_template", **{**WIFI, "password": "canary-3", "update_password": "on_create"}),
        False,
    ),
    "export": (task("est_template_export", dest=BUNDLE, passphrase=PASSPHRASE), True),
    "rotate the key": (task("est_templates", templates=[WIFI], rotate_key=True), True),
    # Each takes what the other had: a bundle of Windows is one of POSIX.
    "import": (
        task("est_template_import", src=OTHER_BUNDLE, passphrase=PASSPHRASE, purge=True),
        True,
    ),
    "purge": (task("est_templates", templates=[VPN], purge=True), True),
}


def test_both_platforms_have_the_same_results(plays: Plays) -> None:
    table = {**TABLE, **(MORE if plays.is_newest else {})}
    steps = [{**step, "name": name} for name, (step, _changes) in table.items()]
    done = plays.run(steps, "-vvvvv")
    keys = [plays.store(host).joinpath("sealing.key").read_text("ascii").strip() for host in ("windows", "posix")]
    for name, (_step, changes) in table.items():
        windows, posix = done.of("windows", name), done.of("posix", name)
        assert (windows["failed"], windows["changed"]) == (name == "wrong option", changes), (name, windows)
        assert comparable(windows, plays, "windows") == comparable(posix, plays, "posix"), name
    # A verbose connection prints what it is told and what it answers.
    assert "STDOUT" in done.run.output
    for secret in ("canary", *keys, *(base64.b64encode(bytes.fromhex(key)).decode("ascii") for key in keys)):
        assert secret not in done.run.output


def comparable(result: Mapping[str, Any], plays: Plays, host: str) -> str:
    """A result without what must differ between the hosts: their names and paths, times, and what only POSIX tells."""
    posix_only = {"folder_mode": "", "document_mode": "", "owner": ""}
    text = json.dumps({key: value for key, value in result.items() if not key.startswith("_") and key != "invocation"})
    told = json.loads(text, object_hook=lambda entry: {**entry, **{key: "" for key in posix_only if key in entry}})
    text = json.dumps(told, sort_keys=True, indent=1)
    store = plays.store_path(host)
    text = text.replace(json.dumps(store)[1:-1], "(store)").replace("(store)\\\\", "(store)/")
    text = re.sub(r"\b(windows|posix)\.bundle", "(host).bundle", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "(time)", text)


def test_two_controllers_at_once_lose_nothing(newest_plays: Plays, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each writes two templates, one after the other, while the other does the same."""
    first, second = newest_plays, newest_plays.other_controller(tmp_path_factory.mktemp("second"))
    steps = [[task("est_template", **{**WIFI, "name": f"{who} {number}"}) for number in (1, 2)] for who in ("a", "b")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(plays.run, of, hosts="windows") for plays, of in zip((first, second), steps, strict=True)]
        for run in runs:
            assert [result["failed"] for result in run.result().results["windows"]] == [False, False], run.result()
    document = json.loads(first.store("windows").joinpath("templates.json").read_text("utf-8"))
    assert {entry["fields"]["name"] for entry in document["templates"]} == {"a 1", "a 2", "b 1", "b 2"}
