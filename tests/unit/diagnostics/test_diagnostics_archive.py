# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
import threading

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import (
    ArchiveFile,
    pack,
)

MEMBERS = [("SUMMARY.txt", 1000, b"all is well\n"), ("logs/b.log", 900, b"b"), ("logs/a.log", 800, b"")]


def test_the_members_come_in_their_order_below_one_folder():
    packed = pack("ce1", MEMBERS)
    assert packed == pack("ce1", MEMBERS), "equal content gives equal bytes"
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == ["ce1/SUMMARY.txt", "ce1/logs/b.log", "ce1/logs/a.log"]
        assert [member.mtime for member in members] == [1000, 900, 800]
        assert all(member.isreg() and member.mode == 0o600 and member.uid == 0 for member in members)
        assert archive.extractfile(members[0]).read() == b"all is well\n"


def test_the_file_is_private_and_appears_whole(tmp_path):
    folder = tmp_path / "made" / "for it"
    previous = os.umask(0)
    try:
        with ArchiveFile(str(folder), "ce1") as file:
            assert not list(folder.glob("*.tar.gz"))
            path = file.save(b"content")
    finally:
        os.umask(previous)
    assert path == str(folder / "ce1.tar.gz")
    assert os.listdir(folder) == ["ce1.tar.gz"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_nothing_stays_of_a_run_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), ArchiveFile(str(tmp_path), "ce1"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_no_archive_takes_the_place_of_another(tmp_path):
    paths, start = [], threading.Barrier(8)

    def run(number):
        with ArchiveFile(str(tmp_path), "ce1") as file:
            start.wait(60)
            paths.append((file.save(b"%d" % number), number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({path for path, _number in paths}) == 8 == len(os.listdir(tmp_path))
    for path, number in paths:
        with open(path, "rb") as file:
            assert file.read() == b"%d" % number


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.EPERM, "Operation not permitted")

    (tmp_path / "ce1.tar.gz").write_bytes(b"older")
    monkeypatch.setattr(os, "link", refuse)
    with ArchiveFile(str(tmp_path), "ce1") as file:
        path = file.save(b"newer")
    assert path == str(tmp_path / "ce1-2.tar.gz")
    assert sorted(os.listdir(tmp_path)) == ["ce1-2.tar.gz", "ce1.tar.gz"]
    assert (tmp_path / "ce1.tar.gz").read_bytes() == b"older"
