# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a new sealing key takes its place on the host: whenever the writer is killed, the document can be opened."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time

import pytest
from support.looking import read_store

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import found as store_found
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import look, posix_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import (
    make_key,
    read_store_and_key,
    write_store,
)

PAD = bytes(range(32))
LEFT = "sealing.key.next was left by a run that ended while it made a new sealing key"
HALF_WRITTEN = [
    f".{name}.new was left by a run that was killed while it wrote"
    for name in ("sealing.key.next", "templates.json", "sealing.key")
]


class Killed(BaseException):
    """Stands for SIGKILL: nothing that follows is run, neither handlers of OSError."""


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "store")
    key = new_key(path)
    write_store(path, "old\n", expected_sha256="", use_new_key=True, expected_key=key_fingerprint(key))
    return path


def new_key(path):
    return mask(bytes.fromhex(make_key(path, PAD, read_store(path)["key_fingerprint"])), PAD)


def rotate(path, content="new\n"):
    found, old = read_store_and_key(path)
    key = new_key(path)
    written = write_store(
        path,
        content,
        expected_sha256=found["sha256"],
        use_new_key=True,
        expected_key=key_fingerprint(key),
        replaced_key=key_fingerprint(old),
    )
    return key, written


def key_of(path):
    return read_store_and_key(path)[1]


def files(path):
    return sorted(os.listdir(path))


def test_document_and_key_change_together(path):
    old = key_of(path)
    key, written = rotate(path)
    assert not written["conflict"]
    assert key_of(path) == key != old
    assert files(path) == ["sealing.key", "templates.json"]
    assert stat.S_IMODE(os.stat(f"{path}/sealing.key").st_mode) == 0o600
    with open(f"{path}/sealing.key", encoding="ascii") as file:
        assert file.read() == f"{key.hex()}\n"
    assert read_store(path)["drift"] == []


def age(path):
    """Let time go by for a key that waits."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(f"{path}/sealing.key.next", (1, 1))


def steps_of(path, monkeypatch, die_at):
    """Rotate, and die before the step of this number; return whether the rotation came to its end."""
    count = 0

    def counted(real):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            if count == die_at:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("open", "write", "fsync", "rename", "unlink", "fchmod", "chmod"):
            patched.setattr(store_found.os, name, counted(getattr(os, name)))
        try:
            rotate(path)
        except Killed:
            return False
    return True


def test_a_writer_killed_at_every_step_leaves_a_document_with_its_key(tmp_path, monkeypatch):
    ended, die_at, seen = False, 0, set()
    while not ended:
        die_at += 1
        path = str(tmp_path / f"store-{die_at}")
        old = new_key(path)
        write_store(path, "old\n", expected_sha256="", use_new_key=True, expected_key=key_fingerprint(old))
        ended = steps_of(path, monkeypatch, die_at)
        found, key = read_store_and_key(path)
        assert found["content"] in ("old\n", "new\n")
        assert (key == old) is (found["content"] == "old\n"), "a document goes with its own key"
        seen.add((found["content"], bool(found["drift"])))
        assert set(found["drift"]) <= {LEFT, *HALF_WRITTEN}
        age(path)
        assert found["drift"] or read_store(path)["drift"] == [LEFT] * os.path.exists(f"{path}/sealing.key.next")
        # The next writer, whatever it writes, tidies up and loses nothing.
        written = write_store(path, "next\n", expected_sha256=found["sha256"], expected_key=key_fingerprint(key))
        assert not written["conflict"]
        assert key_of(path) == key
        assert read_store(path)["drift"] == []
        assert [name for name in files(path) if not name.startswith(".")] == ["sealing.key", "templates.json"]
    assert die_at > 30, "it died at many steps"
    assert seen == {("old\n", False), ("old\n", True), ("new\n", True), ("new\n", False)}


def test_a_rotation_can_follow_one_that_was_killed(path):
    old = key_of(path)
    waiting = new_key(path)
    assert read_store(path)["drift"] == [], "its document may still come"
    age(path)
    assert read_store(path)["drift"] == [LEFT]
    assert key_of(path) == old, "a key that waits is not in force"
    assert new_key(path) == waiting, "it has sealed nothing, and is used again"
    assert read_store(path)["drift"] == [], "its time begins anew"
    key, written = rotate(path)
    assert not written["conflict"]
    assert key_of(path) == key == waiting


def test_a_full_disk_after_the_document_is_in_its_place_loses_nothing(path, monkeypatch):
    real = posix_file.put_key

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(posix_file, "put_key", fail)
    key, written = rotate(path)
    monkeypatch.setattr(posix_file, "put_key", real)
    assert not written["conflict"]
    assert (read_store(path)["content"], key_of(path)) == ("new\n", key)
    again, _written = rotate(path, "newer\n")
    assert key_of(path) == again != key


def test_two_first_runs_at_once_share_the_new_key(tmp_path):
    path = str(tmp_path / "store")
    one, other = new_key(path), new_key(path)
    assert one == other
    arguments = {"expected_sha256": "", "use_new_key": True, "expected_key": key_fingerprint(one)}
    assert not write_store(path, "one\n", **arguments)["conflict"]
    assert write_store(path, "other\n", **arguments)["conflict"]


def test_another_write_leaves_a_key_that_waits_alone(path):
    found, old = read_store_and_key(path)
    key = new_key(path)
    write_store(path, "theirs\n", expected_sha256=found["sha256"], expected_key=key_fingerprint(old))
    assert key_of(path) == old
    assert new_key(path) == key


@pytest.mark.parametrize("content", [b"", b"nonsense", b"00 ff", b"\xff" * 64, b"z" * 64 + b" " + b"0" * 64])
def test_nonsense_in_the_place_of_the_next_key_is_drift_and_goes(path, content):
    key = key_of(path)
    with open(f"{path}/sealing.key.next", "wb") as file:
        file.write(content)
    found = read_store(path)
    assert (found["drift"], key_of(path)) == ([LEFT], key)
    write_store(path, "new\n", expected_sha256=found["sha256"], expected_key=key_fingerprint(key))
    assert files(path) == ["sealing.key", "templates.json"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_other_things_in_the_place_of_the_next_key(path, kind, tmp_path):
    place, key = f"{path}/sealing.key.next", key_of(path)
    if kind == "folder":
        os.mkdir(place)
    else:
        os.symlink(tmp_path / "elsewhere", place)
    assert read_store(path)["drift"] == [LEFT]
    assert rotate(path)[0] == key_of(path) != key
    assert not os.path.lexists(place)


def test_no_key_is_made_where_another_run_was_faster(path):
    for replaced in ("", "0" * 16):
        assert make_key(path, PAD, replaced) == ""
    assert files(path) == ["sealing.key", "templates.json"]


def test_a_new_key_that_nobody_made_is_a_conflict(path):
    found = read_store(path)
    written = write_store(
        path, "new\n", expected_sha256=found["sha256"], use_new_key=True, replaced_key=found["key_fingerprint"]
    )
    assert written == {"conflict": True, "kept": ""}


def test_a_key_cannot_be_made_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is not a folder"):
        make_key(str(tmp_path / "file"), PAD)


def test_readers_always_see_a_document_with_its_key(tmp_path):
    """The document says with which key it goes; a reader that mixed two moments would see another one."""
    path = str(tmp_path / "store")
    key = new_key(path)
    write_store(path, f"{key_fingerprint(key)}\n", expected_sha256="", use_new_key=True)
    stop = threading.Event()
    seen, wrong = set(), []

    def read():
        while not stop.is_set():
            # One after the other, while somebody writes: each is right by itself, and the two need not be the same.
            for found in (posix_file.read_store(path), look.quick_look(path, None) or posix_file.read_store(path)):
                seen.add(found["content"])
                if found["content"].strip() != found["key_fingerprint"] or found["drift"]:
                    wrong.append(found)
            time.sleep(0.005)  # the writer has to get the lock too

    reader = threading.Thread(target=read)
    reader.start()
    try:
        until = time.monotonic() + 60
        while len(seen) < 6 and time.monotonic() < until:
            found = read_store(path)
            key = new_key(path)
            assert not write_store(
                path,
                f"{key_fingerprint(key)}\n",
                expected_sha256=found["sha256"],
                use_new_key=True,
                replaced_key=found["key_fingerprint"],
            )["conflict"]
            time.sleep(0.005)
    finally:
        stop.set()
        reader.join(timeout=60)
    assert wrong == []
    assert len(seen) >= 6
