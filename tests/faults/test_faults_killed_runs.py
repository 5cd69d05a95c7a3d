# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ``ansible-playbook`` that are killed, at growing delays: nothing is lost, and the next run needs no help."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.runs import Running, play, task
from support.actions import run_action
from support.bundles import PASSPHRASE, QUICK
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import read_bundle, write_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template

NAMES = ("wifi", "vpn", "mail")


def options(number: int) -> list[dict[str, Any]]:
    """The templates as they are after a round: each port and each password tells which one."""
    return [
        {
            "name": name,
            "server": "est.example.com",
            "port": 1000 + number,
            "username": "user",
            "password": f"password {number} of {name}",
        }
        for name in NAMES
    ]


def stored(path: str) -> set[int]:
    """The rounds that the templates of the store are of; their secrets must open, and belong to their fields."""
    rounds = set()
    for name in NAMES:
        fields, secrets = read_template(path, name)
        number = fields["port"] - 1000
        assert secrets == {"password": f"password {number} of {name}"}
        rounds.add(number)
    return rounds


@pytest.mark.parametrize("kind", ["a change", "a new sealing key", "an import", "an export"])
def test_a_killed_run_leaves_the_old_or_the_new(
    kind: str, rounds: int, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    store, bundle = str(tmp_path / "store"), tmp_path / "bundles" / "bundle"
    bundle.parent.mkdir()
    hosts = {"host": {"store": store, "bundle": str(bundle)}}
    works = {
        "a change": lambda number: task("work", "est_templates", templates=options(number)),
        "a new sealing key": lambda number: task(
            "work", "est_templates", templates=options(number)[:1], rotate_key=True
        ),
        "an import": lambda number: task("work", "est_template_import", src="{{ bundle }}", passphrase=PASSPHRASE),
        "an export": lambda number: task("work", "est_template_export", dest="{{ bundle }}", passphrase=PASSPHRASE),
    }
    seconds = 0.0
    for number in range(rounds + 1):
        # As it is before the run, whatever the round before has left. The first run is not killed, but timed.
        _apply(store, number)
        if kind == "an import":
            templates = [template(**entry) for entry in options(number + 1)]
            bundle.write_bytes(write_bundle(Content.of(templates, secrets=True), PASSPHRASE, QUICK))
        old_bundle = bundle.read_bytes() if bundle.exists() else None
        run = Running(tmp_path / f"run{number}", [play("all", works[kind](number + 1))], hosts)
        began = run.wait_for_task()
        if number == 0:
            assert run.wait().status == 0, run.output
            seconds = time.monotonic() - began
        else:
            time.sleep(max(0.0, began + 1.2 * seconds * (number - 0.5) / rounds - time.monotonic()))
            run.kill()
            count(f"killed runs: {kind}", "when it had ended" if run.status == 0 else "killed")
        if kind == "an export":
            assert stored(store) == {number}
            _check_bundle(bundle, old_bundle, number)
        else:
            after = stored(store)
            # A rotation declares one template only, and changes the others' keys.
            assert after in ({number}, {number + 1}, {number, number + 1} if kind == "a new sealing key" else {number})
    _apply(store, rounds + 2)
    assert set(os.listdir(store)) == {"templates.json", "sealing.key"}


def _apply(store: str, number: int) -> None:
    done = run_action("est_templates", {"store_path": store, "templates": options(number)})
    assert not done.get("failed"), done
    assert stored(store) == {number}
    assert set(os.listdir(store)) <= {"templates.json", "sealing.key", "sealing.key.next"}


def _check_bundle(bundle: Path, old: bytes | None, number: int) -> None:
    assert [name for name in os.listdir(bundle.parent) if not name.startswith(".")] in ([], [bundle.name])
    if not bundle.exists() or bundle.read_bytes() == old:
        return
    content = read_bundle(bundle.read_bytes(), PASSPHRASE)
    assert {entry.name: entry.secrets() for entry in content.templates} == {
        entry["name"]: {"password": entry["password"]} for entry in options(number)
    }
