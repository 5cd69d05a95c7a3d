# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of identities on the way: nobody else gets to read it, and a full disk or half a line loses nothing."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from support.identity_files import keep, names_in, pairs, statuses
from support.lab import LabServer
from support.production import posts

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import folder as folders

ANOTHER = 12345
WAVE = ".est-wave"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")


class Killed(BaseException):
    """Ends a run as nothing catches it."""


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def run_that_dies(monkeypatch, lab, folder, part, **options):
    """A run that is killed after it has added something to the journal of its wave."""
    real = folders.Folder.append

    def append(self, name, content, **more):
        real(self, name, content, **more)
        if name == WAVE and part in content:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(folders.Folder, "append", append)
        with pytest.raises(Killed):
            keep(lab, folder, **options)


def test_what_follows_half_a_line_is_not_lost_with_it(lab, tmp_path, monkeypatch):
    (tmp_path / WAVE).write_bytes(b'["a", {"key": "-----BEG')
    (tmp_path / WAVE).chmod(0o600)
    run_that_dies(monkeypatch, lab, tmp_path, b"CERTIFICATE")
    before = posts(lab)
    assert statuses(keep(lab, tmp_path)) == ["recovered", "issued", "issued"]
    assert posts(lab) == before + 2
    assert names_in(tmp_path).count(WAVE) == 0


def for_root_alone(path):
    status = path.stat()
    return (status.st_uid, stat.S_IMODE(status.st_mode), status.st_nlink) == (os.geteuid(), 0o600, 1)


def given_away(path):
    os.chown(path, ANOTHER, ANOTHER)


def readable(path):
    path.chmod(0o644)


def linked(path):
    os.link(path, path.with_name("another-name"))


@pytest.mark.parametrize(
    "change", [pytest.param(given_away, marks=AS_ROOT), readable, linked], ids=["given away", "readable", "linked"]
)
@pytest.mark.parametrize("content", ["", "a key"])
def test_nobody_else_reads_the_keys_of_a_wave(lab, tmp_path, monkeypatch, change, content):
    if content:
        run_that_dies(monkeypatch, lab, tmp_path, b"CERTIFICATE")
    else:
        (tmp_path / WAVE).write_bytes(b"")
    change(tmp_path / WAVE)
    run_that_dies(monkeypatch, lab, tmp_path, b"CERTIFICATE")
    assert for_root_alone(tmp_path / WAVE)
    assert statuses(keep(lab, tmp_path))[0] == ("unchanged" if content else "recovered")
    assert WAVE not in names_in(tmp_path)


def test_a_journal_that_is_exchanged_during_a_run_gets_no_key(lab, tmp_path, monkeypatch):
    real = folders.Folder.append

    def append(self, name, content, **more):
        (tmp_path / WAVE).write_bytes(b"")
        (tmp_path / WAVE).chmod(0o644)
        real(self, name, content, **more)

    monkeypatch.setattr(folders.Folder, "append", append)
    before = posts(lab)
    result = keep(lab, tmp_path, ("a",))
    assert (statuses(result), posts(lab)) == (["failed"], before)
    assert "not a file of this user alone" in result["identities"][0]["reason"]
    assert (tmp_path / WAVE).read_bytes() == b""


def test_a_pipe_in_place_of_the_journal_holds_nobody_up(lab, tmp_path):
    os.mkfifo(tmp_path / WAVE)
    assert statuses(keep(lab, tmp_path)) == ["issued"] * 3
    assert WAVE not in names_in(tmp_path)


def test_the_key_of_a_pending_request_is_not_for_whoever_had_a_file_of_its_name(tmp_path):
    with LabServer("--manual-approval", "1") as server:
        pending = tmp_path / ".a.est-pending"
        pending.write_bytes(b"")
        readable(pending)
        assert statuses(keep(server, tmp_path, ("a",))) == ["pending"]
        assert for_root_alone(pending)


class Disk:
    """A disk with so much room for the files of identities; each file and each line takes a block."""

    def __init__(self, monkeypatch, octets):
        self.free, self.kept = octets, 0
        real = {name: getattr(folders.Folder, name) for name in ("append", "write", "unlink", "reserve")}

        def append(folder, name, content, **more):
            self.take(len(content))
            real["append"](folder, name, content, **more)

        def write(folder, name, content, **more):
            self.take(len(content))
            real["write"](folder, name, content, **more)

        def reserve(folder, name, octets):
            unlink(folder, name)
            self.take(octets)
            self.kept = octets
            real["reserve"](folder, name, octets)

        def unlink(folder, name):
            if name == ".est-room":
                self.free, self.kept = self.free + self.kept, 0
            real["unlink"](folder, name)

        for name, method in (("append", append), ("write", write), ("unlink", unlink), ("reserve", reserve)):
            monkeypatch.setattr(folders.Folder, name, method)

    def take(self, octets):
        blocks = -(-octets // 4096) * 4096
        if blocks > self.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free -= blocks


@pytest.mark.parametrize("octets", [256 * 1024, 290_000, 380_000])
def test_nobody_is_asked_where_the_disk_is_full_and_nothing_that_was_issued_is_lost(lab, tmp_path, monkeypatch, octets):
    names = tuple(f"n{number:02}" for number in range(60))
    disk, before = Disk(monkeypatch, octets), posts(lab)
    full = keep(lab, tmp_path, names, left=100)
    assert full.get("failed") or "failed" in statuses(full)
    assert full["changed"] is any(name.endswith(".pem") for name in names_in(tmp_path))
    assert posts(lab) < before + 60
    disk.free = 10**9
    assert set(statuses(keep(lab, tmp_path, names))) <= {"issued", "recovered", "unchanged"}
    assert posts(lab) == before + 60
    pairs(tmp_path, names)


def another_key(folder):
    (folder / "a.key").write_bytes((folder / "b.key").read_bytes())


def what_is_no_key(folder):
    (folder / "a.key").write_bytes(b"of a program of somebody's")


def a_pair_of_somebody_else(folder):
    (folder / ".est-identities").unlink()


@pytest.mark.parametrize("change", [another_key, what_is_no_key, a_pair_of_somebody_else])
def test_a_key_of_somebody_else_is_kept_where_the_pair_is_not_wanted_any_more(lab, tmp_path, change):
    keep(lab, tmp_path, ("a", "b"))
    change(tmp_path)
    if change is a_pair_of_somebody_else:
        keep(lab, tmp_path, ("a",), force=True, renewal_method="renew")  # so its certificate is noted
    key = (tmp_path / "a.key").read_bytes()
    result = keep(lab, tmp_path, ("a",), passphrase="p12 pass", pkcs12_only=True)
    assert statuses(result) == ["recovered" if change is a_pair_of_somebody_else else "issued"]
    assert {"a.key", "a.pem"}.isdisjoint(names_in(tmp_path))
    (kept,) = [name for name in names_in(tmp_path) if name.startswith(".a.key.est-kept-")]
    assert (tmp_path / kept).read_bytes() == key
