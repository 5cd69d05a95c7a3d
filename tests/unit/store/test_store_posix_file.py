# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.looking import read_store

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import lock
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import found as store_found
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import (
    make_key,
    read_store_and_key,
    write_store,
)

STORE = store_found.__name__.rpartition(".")[0]
KEY = bytes(range(32))
PAD = bytes(range(100, 132))
TESTS = Path(__file__).resolve().parents[2]
COLLECTIONS = TESTS.parent / ".cache" / "collections"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "parent" / "store"


@pytest.fixture
def store(path):
    write_store(str(path), "old\n", expected_sha256="")
    (path / "sealing.key").write_text(f"{KEY.hex()}\n")
    (path / "sealing.key").chmod(0o600)
    return path


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def write(path, content="new\n", **options):
    return write_store(str(path), content, expected_sha256=read_store(str(path))["sha256"], **options)


def new_key(path):
    """Have a new key made, as the controller gets it."""
    return mask(bytes.fromhex(make_key(str(path), PAD, read_store(str(path))["key_fingerprint"])), PAD)


def key_of(path):
    return read_store_and_key(str(path))[1]


def files(path):
    return sorted(entry.name for entry in path.iterdir())


# --- reading


def test_reading_what_does_not_exist_makes_nothing(path):
    found = read_store(str(path))
    assert (found["exists"], found["content"], found["sha256"], found["drift"]) == (False, None, "", [])
    assert not path.parent.exists()


def test_reading_tells_all_in_one_go(store):
    found = read_store(str(store))
    assert found["exists"] is True
    assert found["content"] == "old\n"
    assert found["key_fingerprint"] == key_fingerprint(KEY)
    assert (found["folder_mode"], found["document_mode"]) == ("0700", "0600")
    assert found["drift"] == []
    assert found["damage"] == found["key_damage"] == found["masked_key"] == ""
    json.dumps(found)


def test_the_key_leaves_the_host_only_masked(store):
    pad = os.urandom(32)
    found = read_store(str(store), pad)
    assert KEY.hex() not in json.dumps(found)
    assert bytes(a ^ b for a, b in zip(bytes.fromhex(found["masked_key"]), pad)) == KEY
    assert read_store(str(store), b"short")["masked_key"] == ""


@pytest.mark.parametrize("name", ["", "templates.json", "sealing.key"])
def test_wrong_modes_are_told_and_put_right(store, name):
    (store / name).chmod(0o755 if not name else 0o640)
    what = {"": "the folder has mode 0755, not 0700"}.get(name, f"{name} has mode 0640, not 0600")
    assert read_store(str(store))["drift"] == [what]
    write(store)
    assert read_store(str(store))["drift"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["templates.json", "sealing.key"])
def test_a_wrong_owner_is_told_and_put_right(store, name):
    os.chown(store / name, 12345, -1)
    assert read_store(str(store))["drift"] == [f"{name} belongs to 12345, not root"]
    write(store)
    assert read_store(str(store))["drift"] == []


def test_a_folder_in_the_documents_place(store):
    (store / "templates.json").unlink()
    (store / "templates.json").mkdir()
    found = read_store(str(store))
    assert (found["exists"], found["content"], found["damage"]) == (True, None, "is a folder")
    assert found["sha256"]
    kept = Path(write(store)["kept"])
    assert kept.is_dir()
    assert (store / "templates.json").read_text() == "new\n"


def test_symbolic_links_are_never_followed(store, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("elsewhere")
    (store / "templates.json").unlink()
    (store / "templates.json").symlink_to(target)
    found = read_store(str(store))
    assert (found["content"], found["damage"]) == (None, "is a symbolic link")
    assert Path(write(store)["kept"]).is_symlink()
    assert target.read_text() == "elsewhere"
    assert not (store / "templates.json").is_symlink()


def test_a_socket_or_pipe_does_not_block(store):
    (store / "templates.json").unlink()
    os.mkfifo(store / "templates.json")
    assert read_store(str(store))["damage"] == "is a device, socket or pipe"


def test_not_utf8(store):
    (store / "templates.json").write_bytes(b"abc\xff")
    found = read_store(str(store))
    assert (found["content"], found["damage"]) == (None, "is not UTF-8 text (octet 3)")
    assert Path(write(store, keep_old=True)["kept"]).read_bytes() == b"abc\xff"


def test_too_large(store, monkeypatch):
    monkeypatch.setattr(store_found, "MAX_FILE_OCTETS", 1024 * 1024)
    (store / "templates.json").write_bytes(b" " * (1024 * 1024 + 1))
    assert read_store(str(store))["damage"] == "is larger than 1 MiB"


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"abc", "is not a key of 64 hex digits"),
        (b"z" * 64, "is not a key of 64"),
    ],
)
def test_a_damaged_key_is_kept_beside_a_new_one(store, content, damage):
    (store / "sealing.key").write_bytes(content)
    assert read_store(str(store))["key_damage"].startswith(damage)
    assert key_of(store) is None
    key = new_key(store)
    assert not write(store, use_new_key=True, expected_key=key_fingerprint(key))["conflict"]
    assert key_of(store) == key
    kept = [name for name in files(store) if name.startswith("sealing.key.damaged-")]
    assert (store / kept[0]).read_bytes() == content


@pytest.mark.parametrize("kind", ["file", "link", "below a file"])
def test_store_path_must_be_a_folder(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "link":
        place.symlink_to(tmp_path)
    else:
        place.write_text("")
    asked = place / "below" if kind == "below a file" else place
    words = {"file": "is not a folder", "link": "is a symbolic link", "below a file": "Not a directory"}[kind]
    with pytest.raises(StoreError, match=words):
        read_store(str(asked))
    with pytest.raises(StoreError, match=words):
        write_store(str(asked), "x", expected_sha256="")


# --- writing


def test_writing_makes_folder_key_and_document_whatever_the_umask(path):
    old = os.umask(0)
    try:
        key = new_key(path)
        written = write_store(str(path), "ä\n", expected_sha256="", use_new_key=True)
        assert written == {"conflict": False, "kept": ""}
    finally:
        os.umask(old)
    assert files(path) == ["sealing.key", "templates.json"]
    assert (mode(path), mode(path / "templates.json"), mode(path / "sealing.key")) == (0o700, 0o600, 0o600)
    assert (path / "templates.json").read_text(encoding="utf-8") == "ä\n"
    assert key_of(path) == key


def test_a_changed_document_is_a_conflict_and_nothing_is_written(store):
    expected = read_store(str(store))["sha256"]
    (store / "templates.json").write_text("theirs\n")
    (store / "templates.json").chmod(0o644)
    outcome = write_store(str(store), "new\n", expected_sha256=expected, keep_old=True)
    assert outcome == {"conflict": True, "kept": ""}
    assert (store / "templates.json").read_text() == "theirs\n"
    assert mode(store / "templates.json") == 0o644
    assert files(store) == ["sealing.key", "templates.json"]


def test_a_document_that_appeared_or_went_is_a_conflict(store):
    assert write_store(str(store), "new\n", expected_sha256="")["conflict"]
    expected = read_store(str(store))["sha256"]
    (store / "templates.json").unlink()
    assert write_store(str(store), "new\n", expected_sha256=expected)["conflict"]


def test_a_key_is_only_replaced_by_one_who_knows_it(store):
    new_key(store)
    for replaced in ("", key_fingerprint(KEY[::-1])):
        assert write(store, use_new_key=True, replaced_key=replaced)["conflict"]
    assert key_of(store) == KEY
    assert not write(store, use_new_key=True, replaced_key=key_fingerprint(KEY))["conflict"]
    assert key_of(store) != KEY


def test_another_key_than_the_one_that_sealed_is_a_conflict(store):
    assert write(store, expected_key=key_fingerprint(KEY[::-1]))["conflict"]
    assert not write(store, expected_key=key_fingerprint(KEY))["conflict"]
    (store / "sealing.key").unlink()
    assert write(store, expected_key=key_fingerprint(KEY))["conflict"]


def test_the_old_document_is_kept_beside_the_new_one(store):
    (store / "templates.json").chmod(0o644)
    first, second = Path(write(store, keep_old=True)["kept"]), Path(write(store, "3\n", keep_old=True)["kept"])
    assert re.fullmatch(r"templates\.json\.damaged-\d{8}T\d{6}Z(-\d)?", first.name)
    assert (first.read_text(), second.read_text()) == ("old\n", "new\n")
    assert mode(first) == 0o600
    assert (store / "templates.json").read_text() == "3\n"


def test_the_old_document_is_kept_where_there_are_no_hard_links(store, monkeypatch):
    def no_links(*_args, **_options):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(store_found.os, "link", no_links)
    assert Path(write(store, keep_old=True)["kept"]).read_text() == "old\n"


def test_left_overs_of_a_killed_writer_go(store):
    (store / ".templates.json.new").write_text("half")
    write(store)
    assert files(store) == ["sealing.key", "templates.json"]


@pytest.mark.parametrize("name", ["templates.json", "sealing.key", "sealing.key.next", "last_tests.json"])
def test_what_a_killed_writer_left_is_told_and_the_next_write_removes_it(store, name):
    (store / f".{name}.new").write_text("half")
    assert read_store(str(store))["drift"] == [f".{name}.new was left by a run that was killed while it wrote"]
    write(store)
    assert files(store) == ["sealing.key", "templates.json"]
    assert read_store(str(store))["drift"] == []


@pytest.mark.parametrize("links", [True, False])
def test_a_failed_write_keeps_no_second_copy_of_the_old_document(store, monkeypatch, links):
    def fail(*_args, **_options):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(store_found.os, "write", fail)
    if not links:
        monkeypatch.setattr(store_found.os, "link", fail)
    with pytest.raises(StoreError):
        write(store, keep_old=True)
    monkeypatch.undo()
    assert files(store) == ["sealing.key", "templates.json"]
    assert (store / "templates.json").read_text() == "old\n"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EDQUOT, "Disk quota exceeded; free some"),
        (errno.EROFS, "Read-only file system; the file system is mounted read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_failed_write_leaves_the_old_document_and_no_other_file(store, monkeypatch, number, words, call):
    def fail(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store_found.os, call, fail)
    with pytest.raises(StoreError) as error:
        write(store)
    assert f"cannot write the template store {store}: {words}" in str(error.value)
    monkeypatch.undo()
    assert (store / "templates.json").read_text() == "old\n"
    assert files(store) == ["sealing.key", "templates.json"]


def test_a_short_write_is_completed(store, monkeypatch):
    real = os.write
    monkeypatch.setattr(store_found.os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    write(store, "a longer text\n")
    monkeypatch.undo()
    assert (store / "templates.json").read_text() == "a longer text\n"


def test_a_full_file_system(tmp_path):
    """The real thing: a file size limit stands for a full disk, which needs no privileges."""
    program = f"""
        import resource, signal
        from STORE.posix_file import write_store
        from STORE.errors import StoreError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        write_store({str(tmp_path / "s")!r}, "old", expected_sha256="")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        import hashlib
        try:
            write_store({str(tmp_path / "s")!r}, "x" * 9000, expected_sha256=hashlib.sha256(b"old").hexdigest())
        except StoreError as error:
            print(error)
    """
    assert "File too large" in run(program)
    assert files(tmp_path / "s") == ["templates.json"]
    assert (tmp_path / "s" / "templates.json").read_text() == "old"


def test_without_permission(store):
    """Another user can neither read nor write the store, and is told what to do."""
    store.parent.chmod(0o755)
    for parent in (store.parent.parent, *store.parent.parent.parents):
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o011)
    program = f"""
        import os
        from STORE.posix_file import read_store, write_store
        from STORE.errors import StoreError
        if os.geteuid() == 0:
            os.setgid(65534); os.setuid(65534)
        else:
            os.chmod({str(store)!r}, 0)
        for call in (lambda: read_store({str(store)!r}),
                     lambda: write_store({str(store)!r}, "x", expected_sha256=""),
                     lambda: write_store({str(store.parent / "new")!r}, "x", expected_sha256="")):
            try:
                call()
                print("done")
            except StoreError as error:
                print(error)
    """
    lines = run(program).splitlines()
    store.chmod(0o700)
    assert lines[0].startswith(f"cannot read the template store {store}: Permission denied; run the task as")
    assert "cannot write the template store" in lines[1]
    assert "Permission denied" in lines[1]
    if os.geteuid() == 0:
        assert lines[2].startswith(f"cannot write the template store {store.parent}/new: Permission denied")


def test_a_second_writer_waits_and_then_gives_up_with_a_clear_error(store, monkeypatch):
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.1)
    with lock.locked_folder(str(store)):
        for call in (write, lambda path: read_store(str(path))):
            with pytest.raises(StoreError, match="another process has held the lock on it for 0 seconds; try again"):
                call(store)
    assert not write(store)["conflict"]
    assert files(store) == ["sealing.key", "templates.json"]


def test_many_writers_at_once_lose_nothing(path):
    """Each of four processes adds its line ten times; a lost update would lose a line."""
    program = f"""
        import sys
        from STORE.posix_file import read_store, write_store
        for number in range(10):
            while True:
                found = read_store({str(path)!r})
                content = (found["content"] or "") + f"{{sys.argv[1]}} {{number}}\\n"
                if not write_store({str(path)!r}, content, expected_sha256=found["sha256"])["conflict"]:
                    break
    """
    running = [start(program, str(number)) for number in range(4)]
    try:
        for process in running:
            assert process.wait(timeout=60) == 0
    finally:
        for process in running:
            process.kill()
            process.communicate()
    lines = (path / "templates.json").read_text().splitlines()
    assert sorted(lines) == sorted(f"{who} {number}" for who in range(4) for number in range(10))


def test_a_writer_killed_at_any_moment_leaves_a_whole_document(path):
    program = f"""
        from STORE.posix_file import read_store, write_store
        while True:
            for letter in "ab":
                write_store({str(path)!r}, letter * 50000, expected_sha256=read_store({str(path)!r})["sha256"])
    """
    for attempt in range(4):
        process = start(program)
        deadline = time.monotonic() + 30
        while not (path / "templates.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.02 + 0.013 * attempt)
        process.kill()
        process.communicate()
        content = read_store(str(path))["content"]
        assert content in ("a" * 50000, "b" * 50000)
    assert not write(path)["conflict"]
    assert files(path) == ["templates.json"]


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program).replace("STORE", STORE), *arguments],
        env={"PYTHONPATH": str(COLLECTIONS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program):
    process = start(program)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output
