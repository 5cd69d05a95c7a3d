# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only this layer shows: ways to a folder, and what a new file has of the one that it replaces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.folder import Folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.paths import open_folder, why_not_writable
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.walk import Walk, other_writers

CONTEXT = b"system_u:object_r:cert_t:s0\0"


@pytest.mark.parametrize("path", ["a/b/file", "a//b/./file", "c/../a/b/file", "link/file", "c/up/file", "a/b/name"])
def test_a_file_is_found_as_the_system_finds_it(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "a" / "b" / "file").write_text("content")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    (tmp_path / "c" / "up").symlink_to("../link")
    (tmp_path / "a" / "b" / "name").symlink_to("../../link/file")
    monkeypatch.chdir(tmp_path)
    for given in (path, str(tmp_path / path)):
        descriptor, above, name = Walk().to_file(given)
        folder = Folder(descriptor, above)
        assert folder.path_of(name) == os.path.realpath(given)
        assert folder.read(name, 100).content == b"content"


def test_links_that_lead_to_one_another_and_what_is_no_folder_are_errors_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "file").write_text("")
    for path, words in (("one/x", "Too many levels"), ("file/x", "Not a directory"), ("gone/x", "No such file")):
        with pytest.raises(OSError, match=words) as caught:
            Walk().to_file(str(tmp_path / path))
        assert os.path.dirname(caught.value.filename) == str(tmp_path)


def test_a_way_can_be_long(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["d"] * 60)
    with open_folder(str(path), make=0o700) as folder:
        assert folder.path == str(path)


def test_folders_are_made_with_their_modes_and_found_again(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = tmp_path / "a" / "b" / "c"
        open_folder(str(path), make=0o700, parents=0o755)
        open_folder(str(path), make=0o777, parents=0o777)
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (path.parent.parent, path.parent, path)] == [
        0o755,
        0o755,
        0o700,
    ]


def test_a_file_keeps_the_selinux_context_of_the_one_that_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = {os.stat(_made(tmp_path / "old")).st_ino: CONTEXT}

    def getxattr(path: str, name: str, *, follow_symlinks: bool) -> bytes:
        assert (name, follow_symlinks) == ("security.selinux", False)
        return contexts[os.lstat(path).st_ino]

    def setxattr(descriptor: int, name: str, context: bytes) -> None:
        assert name == "security.selinux"
        contexts[os.fstat(descriptor).st_ino] = context

    monkeypatch.setattr(os, "getxattr", getxattr, raising=False)
    monkeypatch.setattr(os, "setxattr", setxattr, raising=False)
    with open_folder(str(tmp_path)) as folder:
        folder.write("old", b"new")
        folder.write("other", b"new", like="old")
    for name in ("old", "other"):
        assert contexts[os.stat(tmp_path / name).st_ino] == CONTEXT


def test_a_system_without_selinux_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getxattr", raising=False)
    with open_folder(str(tmp_path)) as folder:
        folder.write("file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_that_it_leads_to(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    _made(elsewhere / "file")
    _made(tmp_path / "gone" / "deep" / "file")
    (tmp_path / "gone" / "link").symlink_to(elsewhere)
    (tmp_path / "gone" / "deep" / "link").symlink_to(elsewhere / "file")
    with open_folder(str(tmp_path)) as folder:
        folder.remove("gone")
    assert [entry.name for entry in tmp_path.iterdir()] == ["elsewhere"]
    assert (elsewhere / "file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is in the group of root")
def test_the_group_of_this_user_alone_counts_as_nobody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    os.chown(tmp_path, 0, 0)
    with open_folder(str(tmp_path)) as folder:
        assert other_writers(folder) == ""


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("old")
    return path


def test_what_is_no_folder_is_known_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert why_not_writable(str(tmp_path / "file" / "x" / "y")) == f"{tmp_path / 'file'} is not a folder"
    assert why_not_writable(str(tmp_path / "x" / "y")) == ""
    assert os.listdir(tmp_path) == ["file"]
