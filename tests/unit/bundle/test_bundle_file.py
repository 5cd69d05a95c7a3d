# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import stat
import sys

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import MAX_OCTETS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import FileError, NotABundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.file import (
    find_file,
    read_file,
    write_file,
)


def test_it_is_0600_before_its_content_is_in_it_whatever_the_umask_says(tmp_path, monkeypatch):
    modes = []
    rename = os.rename

    def watched(made, path, **folders):
        modes.append(stat.S_IMODE(os.stat(tmp_path / made).st_mode))
        rename(made, path, **folders)

    opened = []
    monkeypatch.setattr(os, "rename", watched)
    monkeypatch.setattr(os, "fchmod", lambda descriptor, mode: opened.append((os.fstat(descriptor).st_size, mode)))
    old = os.umask(0)
    try:
        write_file(str(tmp_path / "b"), b"content")
    finally:
        os.umask(old)
    assert modes == [0o600]
    assert opened == [(0, 0o600)]
    assert (tmp_path / "b").read_bytes() == b"content"


def test_what_is_replaced_gets_0600_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "b"
    path.write_bytes(b"old")
    path.chmod(0o644)
    assert find_file(str(path)).mode == "0644"
    write_file(str(path), b"new")
    found = find_file(str(path))
    assert (found.octets, found.mode) == (b"new", "0600")
    assert os.listdir(tmp_path) == ["b"]
    assert "new" not in repr(found)


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, call):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "b"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(FileError, match="cannot be written: No space left on device"):
        write_file(str(path), b"new")
    assert os.listdir(tmp_path) == ["b"]
    assert path.read_bytes() == b"old"


def test_where_nothing_is(tmp_path):
    assert find_file(str(tmp_path / "b")) is None
    with pytest.raises(FileError, match="cannot be read: No such file or directory"):
        read_file(str(tmp_path / "b"))


def test_something_else_than_a_file(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nothing")
    for name, words in (("folder", "is a folder; name a file in it"), ("pipe", "is a device, socket or pipe")):
        for reading in (read_file, find_file):
            with pytest.raises(FileError, match=words):
                reading(str(tmp_path / name))
    for name in ("link", "dangling"):
        with pytest.raises(FileError, match="is a symbolic link; name the file itself"):
            find_file(str(tmp_path / name))
    assert read_file(str(tmp_path / "link")) == b"x"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(FileError, match=f"cannot be written: {tmp_path}/x is not a folder"):
        find_file(str(tmp_path / "x" / "y" / "b"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match=f"{tmp_path} cannot be written to"):
        find_file(str(tmp_path / "b"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_a_folder_that_takes_no_files():
    with pytest.raises(FileError, match="cannot be written: "):
        write_file("/proc/est.bundle", b"x")


def test_a_giant_file_is_not_read(tmp_path):
    with open(tmp_path / "giant", "wb") as file:
        file.truncate(MAX_OCTETS + 1)
    for reading in (read_file, find_file):
        with pytest.raises(NotABundle, match="it is larger than 8 MiB"):
            reading(str(tmp_path / "giant"))


def test_what_a_killed_run_left_is_removed_by_a_later_one(tmp_path):
    path = tmp_path / "bundle"
    left = [
        tmp_path / name
        for name in (
            ".bundle.est-abcd1233",
            ".bundle.est-abcd1234",
            ".other.est-abcd1234",
            ".bundle.mine",
        )
    ]
    for number, file in enumerate(left):
        file.write_bytes(b"half")
        if number:
            os.utime(file, (0, 0))
    write_file(str(path), b"new")
    # The first one may still be written; the others were never ours.
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        [".bundle.est-abcd1233", ".other.est-abcd1234", ".bundle.mine", "bundle"]
    )
