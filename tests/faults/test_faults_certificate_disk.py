# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full, read-only, or mounted on the file of a certificate: no certificate is issued for nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.runs import Running, play, task
from support.lab import LabServer
from support.production import keep, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

NAMES = ("certificate_path", "private_key_path", "fullchain_path", "chain_path", "root_certificate_path")


@pytest.fixture
def disk(mount_disk: Callable[[int], Path]) -> Path:
    return mount_disk(4 * 1024 * 1024)


@pytest.fixture
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


def inline(lab: LabServer) -> dict[str, Any]:
    account = {"username": "estuser", "password": "estpwd"}
    return {"name": "wifi", "server": lab.url, "ca_path": lab.ca_path, "subject": "/CN=ce1", **account}


def certificate(lab: LabServer, disk: Path, **options: Any) -> dict[str, Any]:
    return task(
        "certificate", "est_certificate", inline=inline(lab), **{name: str(disk / name) for name in NAMES}, **options
    )


def enrolled(lab: LabServer) -> int:
    """How many certificates the CA was asked for."""
    return Path(lab.log_path).read_text(encoding="utf-8").count("simpleenroll") if os.path.exists(lab.log_path) else 0


def run(folder: Path, disk: Path, *work: dict[str, Any]) -> list[tuple[str, Any]]:
    done = Running(folder, [play("all", *work)], {"ce1": {"store": str(disk / "store")}}).wait()
    return [(told.ended, told.result) for told in done.told()]


def test_a_run_with_nothing_to_do_writes_nothing(tmp_path: Path, disk: Path, lab: LabServer) -> None:
    templates = task("templates", "est_templates", templates=[inline(lab)])
    work = [templates, task("look", "est_template_info"), certificate(lab, disk)]
    first = run(tmp_path / "first", disk, *work)
    assert [(ended, result["changed"]) for ended, result in first] == [("ok", True), ("ok", False), ("ok", True)], first
    found = {path: os.lstat(path).st_mtime_ns for path in (disk, *disk.rglob("*"))}
    for folder, options in (("second", "remount,ro"), ("third", "remount,rw")):
        subprocess.run(["mount", "-o", options, str(disk)], check=True)
        again = run(tmp_path / folder, disk, *work)
        assert [(ended, result["changed"]) for ended, result in again] == [("ok", False)] * 3, again
    # A file that is made and removed again leaves the time of its folder behind.
    assert {path: os.lstat(path).st_mtime_ns for path in (disk, *disk.rglob("*"))} == found


def test_a_full_disk_costs_no_certificate(tmp_path: Path, disk: Path, lab: LabServer) -> None:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        file.write(bytes(os.statvfs(disk).f_bfree * os.statvfs(disk).f_frsize))
    test = task("test", "est_test_enroll", inline=inline(lab), output_path=str(disk / "tests"))
    for name, work in (("certificate", certificate(lab, disk)), ("test", test)):
        ((ended, result),) = run(tmp_path / name, disk, work)
        assert ended == "failed"
        assert (result["stage"], result["request_received"]) == ("save", "not_received"), result
        assert "No space left on device" in result["msg"]
    assert enrolled(lab) == 0
    assert sorted(os.listdir(disk)) == ["filler"]
    filler.unlink()
    ((ended, _result),) = run(tmp_path / "room", disk, certificate(lab, disk))
    assert ended == "ok"
    assert sorted(name for name in os.listdir(disk) if not name.startswith(".")) == sorted(NAMES)
    assert [name for name in os.listdir(disk) if name.startswith(".")] == [".certificate_path.est-note"]


@pytest.mark.parametrize("mounted", ["certificate_path", "private_key_path"])
def test_a_file_that_something_is_mounted_on_is_named_before_the_ca_is_asked(
    tmp_path: Path, disk: Path, lab: LabServer, mounted: str
) -> None:
    ((ended, _result),) = run(tmp_path / "first", disk, certificate(lab, disk))
    assert ended == "ok"
    before = {name: (disk / name).read_bytes() for name in NAMES}
    asked = enrolled(lab)
    (tmp_path / "elsewhere").write_bytes(before[mounted])
    subprocess.run(["mount", "--bind", str(tmp_path / "elsewhere"), str(disk / mounted)], check=True)
    try:
        ((ended, result),) = run(tmp_path / "second", disk, certificate(lab, disk, force=True))
        assert (ended, result["request_received"]) == ("failed", "not_received")
        assert f"{disk / mounted} is a mount point, and no file can take its place" in result["msg"]
        assert enrolled(lab) == asked
        assert {name: (disk / name).read_bytes() for name in NAMES} == before
    finally:
        subprocess.run(["umount", str(disk / mounted)], check=True)


def test_a_folder_of_versions_is_as_careful(tmp_path: Path, disk: Path, lab: LabServer) -> None:
    """A mount point in it, a read-only and a full disk: told before the CA is asked, and nothing is changed."""
    web, template = disk / "web", template_for(lab)
    assert keep(web, template, versioned_folder=True)["status"] == "issued"
    version = Path(os.path.realpath(web))
    asked = enrolled(lab)
    elsewhere = tmp_path / "elsewhere"
    for mounted in (version / "host.pem", version):
        shutil.rmtree(elsewhere, ignore_errors=True)
        shutil.copytree(version, elsewhere) if mounted == version else elsewhere.write_bytes(mounted.read_bytes())
        subprocess.run(["mount", "--bind", str(elsewhere), str(mounted)], check=True)
        try:
            with pytest.raises(
                EstError, match=r"web(/host\.pem)? is a mount point, and stays as it is: mount"
            ) as caught:
                keep(web, template, versioned_folder=True, force=True)
            assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")
            assert keep(web, template, versioned_folder=True)["status"] == "unchanged"
        finally:
            subprocess.run(["umount", "--lazy", str(mounted)], check=True)
        elsewhere.unlink() if elsewhere.is_file() else shutil.rmtree(elsewhere)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert keep(web, template, versioned_folder=True)["status"] == "unchanged"
    with pytest.raises(EstError, match="may not write to the folder"):
        keep(web, template, versioned_folder=True, force=True)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    with (disk / "filler").open("wb", buffering=0) as file:
        file.write(bytes(os.statvfs(disk).f_bfree * os.statvfs(disk).f_frsize))
    with pytest.raises(EstError, match=r"so none was asked for: .*No space left on device") as caught:
        keep(web, template, versioned_folder=True, force=True)
    assert caught.value.request_received == "not_received"
    assert enrolled(lab) == asked
    (disk / "filler").unlink()
    assert os.path.realpath(web) == str(version)
    assert keep(web, template, versioned_folder=True, force=True)["status"] == "issued"
    assert sorted(path.name for path in disk.iterdir()) == [
        ".web.est-note",
        ".web.est-version-1",
        ".web.est-version-2",
        "web",
    ]
