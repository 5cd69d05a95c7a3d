# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run with nothing to do writes nothing, and so does not mind a file system that is mounted read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.runs import Running, play, task
from support.lab import LabServer


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "est-faults", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_run_with_nothing_to_do_writes_nothing(tmp_path: Path, disk: Path) -> None:
    with LabServer() as lab:
        account = {"username": "estuser", "password": "estpwd"}
        templates = [{"name": "wifi", "server": lab.url, "ca_path": lab.ca_path, "subject": "/CN=ce1", **account}]
        names = ("certificate_path", "private_key_path", "fullchain_path", "chain_path", "root_certificate_path")
        work = [
            task("templates", "est_templates", templates=templates),
            task("look", "est_template_info"),
            task("certificate", "est_certificate", template="wifi", **{name: str(disk / name) for name in names}),
        ]
        hosts = {"ce1": {"store": str(disk / "store")}}
        first = Running(tmp_path / "first", [play("all", *work)], hosts).wait()
        assert [(told.ended, told.result["changed"]) for told in first.told()] == [
            ("ok", True),
            ("ok", False),
            ("ok", True),
        ], first.output

        found = {path: os.lstat(path).st_mtime_ns for path in (disk, *disk.rglob("*"))}
        for folder, options in (("second", "remount,ro"), ("third", "remount,rw")):
            subprocess.run(["mount", "-o", options, str(disk)], check=True)
            again = Running(tmp_path / folder, [play("all", *work)], hosts).wait()
            assert [(told.ended, told.result["changed"]) for told in again.told()] == [("ok", False)] * 3, again.output
        # A file that is made and removed again leaves the time of its folder behind.
        assert {path: os.lstat(path).st_mtime_ns for path in (disk, *disk.rglob("*"))} == found
