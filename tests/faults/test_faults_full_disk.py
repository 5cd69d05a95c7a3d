# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is really full: no free page, one free page, two ..., until there is room enough."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.runs import Running, play, task
from support.actions import run_action
from support.lab import PASSWORD, USERNAME, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template

PAGE = os.sysconf("SC_PAGE_SIZE")
PAGES = 64
NAMES = tuple(f"template{number}" for number in range(8))  # a document of more than one page
OLD, NEW = 1, 2


class SmallDisk:
    """A file system of a few pages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def clear(self) -> None:
        """Make it empty."""
        for entry in self.path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def fill(self, pages: int) -> None:
        """Fill it, but for so many pages."""
        with self._filler.open("wb", buffering=0) as file:
            free = os.statvfs(self.path).f_bfree
            assert free >= pages
            file.write(bytes((free - pages) * PAGE))
        assert os.statvfs(self.path).f_bfree == pages

    def room(self) -> None:
        """Make room again."""
        self._filler.unlink()


@pytest.fixture
def disk(mount_disk: Callable[[int], Path]) -> SmallDisk:
    return SmallDisk(mount_disk(PAGES * PAGE))


def options(port: int) -> list[dict[str, Any]]:
    server = {"server": "est.example.com", "port": port, "username": "user"}
    return [{"name": name, **server, "password": f"password {port} of {name}"} for name in NAMES]


def stored(path: Path) -> int:
    """The port of all templates, which their passwords belong to."""
    found = [read_template(str(path), name) for name in NAMES]
    (port,) = {fields["port"] for fields, _secrets in found}
    assert [secrets["password"] for _fields, secrets in found] == [f"password {port} of {name}" for name in NAMES]
    return int(port)


@pytest.mark.parametrize("rotate", [False, True])
def test_a_full_disk_keeps_the_old_store(rotate: bool, disk: SmallDisk, count: Callable[[str, str], None]) -> None:
    store = disk.path / "store"

    def work(port: int, *, rotate_key: bool = False) -> dict[str, Any]:
        return run_action(
            "est_templates", {"store_path": str(store), "templates": options(port), "rotate_key": rotate_key}
        )

    for pages in range(PAGES):
        disk.clear()
        assert work(OLD)["changed"]
        key = (store / "sealing.key").read_bytes()
        disk.fill(pages)
        done = work(NEW, rotate_key=rotate)
        if not done.get("failed"):
            break
        count("a new sealing key" if rotate else "a change", "a full disk")
        words = f"cannot write the template store {store}: No space left on device; free some space on that file system"
        assert words in done["msg"]
        assert not done.get("changed")
        assert stored(store) == OLD
        assert (store / "sealing.key").read_bytes() == key
        # A new key that found room waits: the next run takes it.
        assert set(os.listdir(store)) <= {"templates.json", "sealing.key", "sealing.key.next"}
        assert rotate or "sealing.key.next" not in os.listdir(store)
        disk.room()
        assert work(NEW, rotate_key=rotate)["changed"]
        assert set(os.listdir(store)) == {"templates.json", "sealing.key"}
        assert stored(store) == NEW
    assert pages > 1
    assert done["changed"]
    assert stored(store) == NEW


@pytest.mark.parametrize("what", ["issued", "pending"])
def test_a_full_disk_keeps_the_files_of_the_last_test(
    what: str, disk: SmallDisk, count: Callable[[str, str], None]
) -> None:
    test = TestFolder(str(disk.path / "tests"), "wifi", "test")
    save = test.save_issued if what == "issued" else test.save_pending
    path = Path(test.path if what == "issued" else test.pending_path)

    def saved() -> set[str]:
        return {file.read_text()[:3] for file in path.iterdir()}

    for pages in range(PAGES):
        disk.clear()
        names = ("private_key.pem", "request.pem", "state.json")
        save(dict.fromkeys(names, "old"))
        disk.fill(pages)
        try:
            save(dict.fromkeys(names, "new" * PAGE))
        except OSError as error:
            count(f"files of a test: {what}", "a full disk")
            assert error.strerror == "No space left on device"
            assert error.filename is not None
        else:
            break
        assert saved() == {"old"}
        assert sorted(os.listdir(path.parent)) == [path.name]
        disk.room()
        save(dict.fromkeys(names, "new" * PAGE))
        assert saved() == {"new"}
    assert pages > 1
    assert saved() == {"new"}


def test_a_test_enrolment_on_a_full_disk_says_so(
    disk: SmallDisk, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    store, output = tmp_path / "store", disk.path / "tests"
    with LabServer() as lab:
        server = {"server": lab.url, "username": USERNAME, "password": PASSWORD, "ca_path": lab.ca_path}
        template = {"name": "wifi", "key_type": "ec", **server}
        assert run_action("est_templates", {"store_path": str(store), "templates": [template]})["changed"]
        identity = {"user": "jdoe", "email": "jdoe@example.com"}
        enrol = task("test", "est_test_enroll", template="wifi", output_path=str(output), identity=identity)
        disk.fill(0)
        run = Running(tmp_path / "run", [play("all", enrol)], {"host": {"store": str(store)}}).wait()
    count("a test enrolment", "a full disk")
    (told,) = run.told()
    assert told.ended == "failed"
    assert not told.result["changed"]
    assert "Traceback" not in run.output
    assert "No space left on device" in told.result["msg"]
    assert "free space" in told.result["msg"]
    assert told.result["stage"] == "save"
    assert [name for _path, _folders, names in os.walk(output) for name in names] == []
