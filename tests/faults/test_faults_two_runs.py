# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once on one host: nothing is lost, nothing torn, and each says what it has changed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.runs import Running, Told, play, task
from support.actions import run_action
from support.bundles import PASSPHRASE, QUICK
from support.lab import LabServer
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import write_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template

IMPORTED = ("i0", "i1", "i2")
STEPS = 2
IDENTITY = {"user": "jdoe", "email": "jdoe@example.com"}


def options(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "server": "est.example.com", "username": "user", "password": f"password of {name}", **more}


def adding(letter: str) -> list[dict[str, Any]]:
    """One template of its own in each task."""
    return [task(f"{letter}{step}", "est_templates", templates=[options(f"{letter}{step}")]) for step in range(STEPS)]


def a_bundle(path: Path) -> str:
    templates = [template(**options(name)) for name in IMPORTED]
    path.write_bytes(write_bundle(Content.of(templates, secrets=True), PASSPHRASE, QUICK))
    return str(path)


@pytest.fixture
def lab() -> Any:
    with LabServer() as server:
        yield server


def test_no_template_is_lost_and_each_run_tells_the_truth(
    rounds: int, tmp_path: Path, lab: LabServer, count: Callable[[str, str], None]
) -> None:
    hosts: dict[str, dict[str, Any]] = {}
    for kind in ("adding", "rotating", "importing", "testing"):
        for number in range(rounds):
            hosts[f"{kind}_{number}"] = {"store": str(tmp_path / "stores" / f"{kind}_{number}")}
    bundle = a_bundle(tmp_path / "bundle")
    tested = options("wifi", server=lab.url, username="estuser", password="estpwd", ca_path=lab.ca_path, key_type="ec")
    first = [
        play("adding_*", *adding("a"), task("shared", "est_templates", templates=[options("shared", port=1)])),
        play("rotating_*", *[task(f"rotate {step}", "est_templates", templates=[], rotate_key=True) for step in "12"]),
        play("importing_*", task("import", "est_template_import", src=bundle, passphrase=PASSPHRASE)),
        play("testing_*", *[task(f"rotate {step}", "est_templates", templates=[], rotate_key=True) for step in "12"]),
    ]
    second = [
        play("adding_*", *adding("b"), task("shared", "est_templates", templates=[options("shared", port=2)])),
        play("rotating_*", *adding("b")),
        play("importing_*", *adding("b")),
        play("testing_*", task("test", "est_test_enroll", template="wifi", identity=IDENTITY)),
    ]
    for host, variables in hosts.items():
        if host.startswith("testing"):
            done = run_action("est_templates", {"store_path": variables["store"], "templates": [tested]})
            assert done["changed"], done
    running = [Running(tmp_path / name, plays, hosts) for name, plays in (("first", first), ("second", second))]
    told: list[list[Told]] = []
    for run in running:
        run.wait()
        assert run.status == 0, run.output
        assert "Traceback" not in run.output
        told.append(run.told())
    for host, variables in hosts.items():
        kind = host.partition("_")[0]
        count("two runs at once", kind)
        said = [[entry for entry in run if entry.host == host] for run in told]
        _check_store(variables["store"], kind)
        if kind == "testing":
            assert [entry.result["status"] for entry in said[1]] == ["issued"]
        else:
            _check_truth(said, kind, variables["store"])


def _expected(kind: str) -> dict[str, str]:
    mine = {
        "adding": [f"{letter}{step}" for letter in "ab" for step in range(STEPS)] + ["shared"],
        "rotating": [f"b{step}" for step in range(STEPS)],
        "importing": ["b0", "b1", *IMPORTED],
        "testing": ["wifi"],
    }[kind]
    return {name: "estpwd" if name == "wifi" else f"password of {name}" for name in mine}


def _check_store(path: str, kind: str) -> None:
    document = json.loads(Path(path, "templates.json").read_text(encoding="utf-8"))
    names = [entry["fields"]["name"] for entry in document["templates"]]
    assert sorted(names) == sorted(_expected(kind))
    for name, password in _expected(kind).items():
        assert read_template(path, name)[1] == {"password": password}
    there = {"templates.json", "sealing.key", *(["last_tests.json", "tests"] if kind == "testing" else [])}
    assert set(os.listdir(path)) == there


def _check_truth(said: list[list[Told]], kind: str, path: str) -> None:
    """The reported actions, one after the other, make the store what it is."""
    actions: Counter[tuple[str, str]] = Counter()
    last_change = None
    for run, entries in enumerate(said):
        for entry in entries:
            results = entry.result["templates"]
            done = [(result["name"], result["action"]) for result in results if result["action"] != "unchanged"]
            rotated = bool(entry.result.get("key_rotated"))
            assert entry.result["changed"] == (bool(done) or rotated), entry
            actions.update(done)
            if ("shared", "updated") in done:
                last_change = run
    once = {(name, "created"): 1 for name in _expected(kind)}
    if kind == "adding":
        once["shared", "updated"] = 1
        assert last_change is not None
        assert read_template(path, "shared")[0]["port"] == last_change + 1
    assert actions == once
