# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a test certificate: each pair appears whole or not at all, and for its owner only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import files
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder, folder_name
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.paths import in_words

OLD = {"private_key.pem": "old key", "chain.pem": "old chain", "certificate.pem": "old certificate"}
NEW = {"private_key.pem": "new key", "chain.pem": "new chain", "certificate.pem": "new certificate"}
PENDING = {"private_key.pem": "a key", "request.pem": "a request", "state.json": "{}"}

#: Every call by which a save changes something, or can fail.
STEPS = (
    (os, "mkdir"),
    (os, "open"),
    (fcntl, "flock"),
    (os, "listdir"),
    (os, "fsync"),
    (os, "rename"),
)


def content(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in Path(folder).iterdir()}


def there(tmp_path):
    return sorted(os.listdir(tmp_path / "wifi"))


@pytest.fixture
def fail_at(monkeypatch):
    """Make the n-th step fail; the list that is returned says which it was."""

    def prepare(n, number=errno.ENOSPC):
        done = []

        def counted(name, really):
            def step(*arguments, **options):
                if name == "open" and not arguments[1] & os.O_CREAT:
                    return really(*arguments, **options)
                done.append(name)
                if len(done) == n:
                    raise OSError(number, os.strerror(number))
                return really(*arguments, **options)

            return step

        for owner, name in STEPS:
            monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
        return done

    return prepare


@pytest.mark.parametrize("n", range(1, 15))
def test_a_failure_at_any_step_leaves_the_old_pair_whole_and_nothing_else(n, tmp_path, fail_at, monkeypatch):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_issued(OLD)
    done = fail_at(n)
    with contextlib.suppress(OSError):
        folder.save_issued(NEW)
    monkeypatch.undo()
    if len(done) < n:  # it needs fewer steps than that
        assert content(folder.path) == NEW
    else:
        assert content(folder.path) == OLD, f"step {n}, {done[-1]}"
    assert there(tmp_path) == ["test"]


def test_the_steps_of_a_save_are_all_tried(tmp_path, fail_at):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_issued(OLD)
    done = fail_at(1000)
    folder.save_issued(NEW)
    assert done.count("rename") == 2
    assert set(done) == {name for _owner, name in STEPS}
    assert len(done) < 15


@pytest.mark.parametrize("n", range(1, 20))
def test_a_failure_of_the_first_save_leaves_no_half_of_a_pair(n, tmp_path, fail_at, monkeypatch):
    folder = TestFolder(str(tmp_path / "deep"), "wifi", "test")
    done = fail_at(n)
    with contextlib.suppress(OSError):
        folder.save_issued(NEW)
    monkeypatch.undo()
    assert os.path.exists(folder.path) == (len(done) < n)
    if os.path.exists(tmp_path / "deep" / "wifi"):
        assert set(there(tmp_path / "deep")) <= {"test"}


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_issued(OLD)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        folder.save_issued(NEW)
    assert in_words(caught.value).endswith("private_key.pem: No space left on device")
    assert in_words(OSError(errno.ENOLCK, "No locks available")) == "No locks available"


KILLED = """
import os, sys
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import files
folder, last = files.TestFolder(sys.argv[1], "wifi", "test"), int(sys.argv[2])
count = 0
def deadly(owner, name):
    really = getattr(owner, name)
    def step(*arguments, **options):
        global count
        if name == "open" and not arguments[1] & os.O_CREAT:
            return really(*arguments, **options)
        count += 1
        if count > last:
            os._exit(9)  # as a kill: nothing is tidied up
        return really(*arguments, **options)
    setattr(owner, name, step)
for owner, name in ((os, "open"), (os, "mkdir"), (os, "fsync"), (os, "rename"), (os, "unlink")):
    deadly(owner, name)
folder.save_issued({"private_key.pem": "new key", "chain.pem": "new chain", "certificate.pem": "new certificate"})
"""


def in_a_process(script, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], env=environment)


def test_what_a_killed_run_left_is_put_right_by_the_next(tmp_path, monkeypatch):
    running = []
    for last in range(11):
        folder = TestFolder(str(tmp_path / str(last)), "wifi", "test")
        folder.save_issued(OLD)
        running.append((folder, in_a_process(KILLED, tmp_path / str(last), last)))
    statuses = [process.wait(60) for _folder, process in running]
    assert statuses[0] == 9
    assert statuses[-2:] == [9, 9] or 0 in statuses

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for folder, _process in running:
        # Even where the next run fails there is a whole pair, the old one or the new one.
        with monkeypatch.context() as patched, pytest.raises(OSError):
            patched.setattr(os, "fsync", full)
            folder.save_issued(PENDING)
        assert content(folder.path) in (OLD, NEW)
        folder.save_issued(NEW)
        assert content(folder.path) == NEW
        assert sorted(os.listdir(os.path.dirname(folder.path))) == ["test"]


TWO_AT_ONCE = """
import sys
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
for number in range(20):
    mark = f"{sys.argv[2]}-{number}"
    TestFolder(sys.argv[1], "wifi", "test").save_issued({"private_key.pem": mark, "certificate.pem": mark})
"""


def test_two_processes_at_once_never_mix_their_pairs(tmp_path):
    both = [in_a_process(TWO_AT_ONCE, tmp_path, name) for name in ("one", "two")]
    assert [process.wait(60) for process in both] == [0, 0]
    found = content(tmp_path / "wifi" / "test")
    assert found["private_key.pem"] == found["certificate.pem"]
    assert found["private_key.pem"] in ("one-19", "two-19")
    assert there(tmp_path) == ["test"]


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_everything_is_for_the_owner_only(umask, tmp_path):
    top = tmp_path / "store"  # the folder of the template store where none was made before
    folder = TestFolder(str(top / "tests"), "wifi", "test")
    folder.save_issued(NEW)
    folder.save_pending(PENDING)
    assert stat.S_IMODE(top.stat().st_mode) == 0o700
    for path, folders, names in os.walk(top):
        for name in folders:
            assert stat.S_IMODE(os.stat(os.path.join(path, name)).st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(path, name)).st_mode) == 0o600


def test_folders_that_were_there_keep_their_mode(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    TestFolder(str(tmp_path / "open"), "wifi", "test").save_issued(NEW)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755


def test_harmless_names_are_kept():
    assert folder_name("wifi") == "wifi"
    assert folder_name("Cisco_EST-2.1") == "Cisco_EST-2.1"


def test_odd_names_make_harmless_folders_that_differ():
    names = [
        "..",
        ".",
        "a/b",
        "a_b",
        "a b",
        "../../etc",
        ".hidden",
        "hidden",
        "ü",
        "日本",
        "a\\b",
        "a:b",
        "-rf",
        "x" * 64,
    ]
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    for folder in folders:
        assert "/" not in folder
        assert not folder.startswith(".")
        assert len(folder.encode()) < 100


def test_a_pending_enrolment_is_kept_and_replaced(tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    assert folder.read_pending() is None
    assert folder.save_pending({**PENDING, "state.json": "first"}) == folder.pending_path
    assert folder.save_pending(PENDING) == folder.pending_path
    assert folder.read_pending() == PENDING
    assert there(tmp_path) == ["test+pending"]


def test_what_a_killed_run_had_moved_aside_is_put_back_by_a_look(tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_issued(OLD)
    folder.save_pending(PENDING)
    for name in ("test", "test+pending"):
        os.mkdir(tmp_path / "wifi" / f".{name}~half")
        os.rename(tmp_path / "wifi" / name, tmp_path / "wifi" / f".{name}~half.old")
    assert folder.read_pending() == PENDING
    assert content(folder.path) == OLD
    assert there(tmp_path) == ["test", "test+pending"]


def test_what_was_aside_does_not_come_back_when_the_certificate_is_issued(tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_pending(PENDING)
    os.rename(folder.pending_path, tmp_path / "wifi" / ".test+pending~half.old")
    folder.save_issued(NEW)
    assert folder.read_pending() is None
    assert there(tmp_path) == ["test"]


def test_an_issued_certificate_ends_what_was_pending(tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_pending(PENDING)
    folder.save_issued(NEW)
    assert folder.read_pending() is None
    assert there(tmp_path) == ["test"]


def test_a_certificate_name_like_that_of_a_pending_folder_is_another_certificate(tmp_path):
    odd = TestFolder(str(tmp_path), "wifi", "test.pending")
    odd.save_issued(OLD)
    TestFolder(str(tmp_path), "wifi", "test").save_issued(NEW)
    assert content(odd.path) == OLD


@pytest.mark.parametrize("missing", PENDING)
def test_an_incomplete_pending_enrolment_is_none(missing, tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_pending(PENDING)
    os.unlink(os.path.join(folder.pending_path, missing))
    assert folder.read_pending() is None


@pytest.mark.parametrize("damage", ["x" * (files.MAX_PENDING_FILE_SIZE + 1), "\udcff", "ü"])
def test_a_pending_file_that_we_cannot_have_written_is_none(damage, tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    folder.save_pending(PENDING)
    with open(os.path.join(folder.pending_path, "private_key.pem"), "w", errors="surrogateescape") as file:
        file.write(damage)
    assert folder.read_pending() is None


def test_a_pending_file_that_cannot_be_read_is_an_error(tmp_path):
    folder = TestFolder(str(tmp_path), "wifi", "test")
    os.makedirs(os.path.join(folder.pending_path, "private_key.pem"))
    with pytest.raises(OSError):
        folder.read_pending()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="Not a directory"):
        TestFolder(str(tmp_path / "file" / "tests"), "wifi", "test").read_pending()
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path))
    with pytest.raises(OSError, match="is not writable"):
        TestFolder(str(tmp_path / "deep" / "down"), "wifi", "test").read_pending()
    assert os.listdir(tmp_path) == ["file"], "nothing is made by looking"


@pytest.mark.parametrize("kind", ["file", "link to a folder", "link to nothing"])
def test_what_is_in_the_place_of_a_folder_is_replaced_and_links_are_not_followed(kind, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("stays")
    folder = TestFolder(str(tmp_path), "wifi", "test")
    os.mkdir(tmp_path / "wifi")
    for path in (folder.path, folder.pending_path):
        if kind == "file":
            with open(path, "w") as file:
                file.write("not a folder")
        else:
            os.symlink(elsewhere if kind == "link to a folder" else tmp_path / "nothing", path)
    folder.save_issued(NEW)
    assert content(folder.path) == NEW
    assert not os.path.islink(folder.path)
    assert there(tmp_path) == ["test"]
    assert content(elsewhere) == {"precious": "stays"}


def test_a_file_in_the_place_of_the_output_folder_is_an_error(tmp_path):
    (tmp_path / "output").write_text("a file")
    with pytest.raises(OSError) as caught:
        TestFolder(str(tmp_path / "output"), "wifi", "test").save_issued(NEW)
    assert str(tmp_path / "output") in in_words(caught.value)
