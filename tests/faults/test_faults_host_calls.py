# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own calls, of which each in turn is the last one or fails: the store is the old or the new one each time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.injection import ERRORS, KILLED, every_fault, is_cleaning

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import (
    parse_last_tests,
    record_test,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import (
    make_key,
    read_store,
    read_store_and_key,
    write_store,
)

OLD_KEY = bytes(range(32))
PAD = bytes(32)
OLD, NEW = "the old document\n", "the new document, of some length\n" * 300

# A folder that is there all the same, and a lock that is tried again.
FORGIVEN = ("mkdir", "flock")

State = tuple[Any, Any]


class Scene:
    """A store before the work, which is made anew for each fault.

    :param started: what has been there before.
    """

    def __init__(self, folder: Path, started: Callable[[str], None] | None = None) -> None:
        self.path = str(folder / "store")
        self._before = folder / "before"
        if started is not None:
            started(self.path)
            shutil.copytree(self.path, self._before, symlinks=True)

    def prepare(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._before.exists():
            shutil.copytree(self._before, self.path, symlinks=True)

    def state(self) -> State:
        found, key = read_store_and_key(self.path)
        return found["content"], key

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path)) if os.path.isdir(self.path) else []


def a_store(path: str) -> None:
    write_store(path, OLD, expected_sha256="")
    Path(path, "sealing.key").write_text(f"{OLD_KEY.hex()}\n")
    Path(path, "sealing.key").chmod(0o600)


def a_store_with_a_waiting_key(path: str) -> None:
    a_store(path)
    make_key(path, PAD, key_fingerprint(OLD_KEY))


def a_neglected_store(path: str) -> None:
    a_store(path)
    Path(path).chmod(0o755)
    for name in ("templates.json", "sealing.key"):
        Path(path, name).chmod(0o644)


def waiting_key(path: str) -> bytes:
    return bytes.fromhex(Path(path, "sealing.key.next").read_text().split()[0])


def write(path: str, **options: Any) -> Any:
    return write_store(path, NEW, expected_sha256=read_store(path)["sha256"], **options)


SCENES: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "the first document": (None, write),
    "a change": (a_store, lambda path: write(path, expected_key=key_fingerprint(OLD_KEY))),
    "a repair that keeps the old document": (a_store, lambda path: write(path, keep_old=True)),
    "modes put right": (a_neglected_store, write),
    "a new sealing key": (
        a_store_with_a_waiting_key,
        lambda path: write(path, use_new_key=True, replaced_key=key_fingerprint(OLD_KEY)),
    ),
}


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
@pytest.mark.parametrize("scene", SCENES)
def test_a_write_leaves_the_old_or_the_new_store(scene: str, kind: str, tmp_path: Path, count: Callable) -> None:
    started, work = SCENES[scene]
    store = Scene(tmp_path, started)
    store.prepare()
    old = store.state()
    new = (NEW, waiting_key(store.path) if scene == "a new sealing key" else old[1])
    seen = []
    for ended in every_fault(kind, store.prepare, lambda: work(store.path)):
        count(scene, kind)
        assert store.state() in (old, new), ended
        seen.append(store.state() == new)
        if kind in ERRORS and ended.fault:
            _check_error(store, ended, old)
        _check_next_run(store, ended)
    assert seen[-1]
    if kind in KILLED:  # up to one moment the old store counts, from then on the new one
        assert seen == sorted(seen)
        assert not seen[0]


def _check_error(store: Scene, ended: Any, old: State) -> None:
    """A run that fails says why, and leaves no file behind; what could not be tidied up is told by the next one."""
    if ended.error[0]:
        assert ended.error[0] == "StoreError"
        assert "cannot write the template store" in ended.error[1] or "cannot read" in ended.error[1], ended
        assert "Traceback" not in ended.error[1]
        if store.state() == old:
            assert not [name for name in store.names() if ".damaged-" in name], ended
    else:
        assert store.state() != old, f"it said that all went well: {ended}"
    if not is_cleaning(ended.call):
        assert not [name for name in store.names() if name.endswith(".new")], ended


def _check_next_run(store: Scene, ended: Any) -> None:
    """What is left is told, and the next run needs no help."""
    left = [name for name in store.names() if name.endswith(".new")]
    told = read_store(store.path)["drift"]
    assert all(any(name in words for words in told) for name in left), ended
    assert not write(store.path)["conflict"], ended
    rest = [name for name in store.names() if ".damaged-" not in name]
    assert set(rest) <= {"templates.json", "sealing.key", "sealing.key.next", "last_tests.json"}, ended
    if "sealing.key.next" in rest:
        assert store.state()[1] in (None, OLD_KEY), "a key that waits is none that counts"
    assert read_store(store.path)["drift"] == [], ended


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
@pytest.mark.parametrize("started", (None, a_store, a_store_with_a_waiting_key))
def test_making_a_key_changes_no_key_that_counts(started: Any, kind: str, tmp_path: Path, count: Callable) -> None:
    store = Scene(tmp_path, started)
    store.prepare()
    old = store.state()
    replaced = "" if old[1] is None else key_fingerprint(OLD_KEY)
    for ended in every_fault(kind, store.prepare, lambda: make_key(store.path, PAD, replaced)):
        count("a key made", kind)
        assert store.state() == old, ended
        if kind in ERRORS and ended.fault and not is_cleaning(ended.call):
            assert ended.error[0] == "StoreError" or ended.call in FORGIVEN, ended
            assert not [name for name in store.names() if name.endswith(".new")], ended
        key = mask(bytes.fromhex(make_key(store.path, PAD, replaced)), PAD)
        assert not write(store.path, use_new_key=True, replaced_key=replaced)["conflict"], ended
        assert store.state() == (NEW, key), ended
        assert store.names() == ["sealing.key", "templates.json"], ended


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_note_of_a_test_is_whole(kind: str, tmp_path: Path, count: Callable) -> None:
    def started(path: str) -> None:
        a_store(path)
        record_test(path, "wifi", {"status": "issued"})

    store = Scene(tmp_path, started)
    came = {"status": "failed", "stage": "enroll"}
    for ended in every_fault(kind, store.prepare, lambda: record_test(store.path, "wifi", came)):
        count("a note", kind)
        assert parse_last_tests(read_store(store.path)["last_tests"])["wifi"].status in ("issued", "failed"), ended
        assert store.state() == (OLD, OLD_KEY)
        if kind in ERRORS and ended.fault and not is_cleaning(ended.call):
            assert ended.error[0] == "StoreError" or ended.call in FORGIVEN, ended
        _check_next_run(store, ended)
