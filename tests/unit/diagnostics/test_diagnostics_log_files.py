# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import time

import pytest
from support.effort import ends

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics import log_files, logs
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_files import Logs, collect_logs
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.logs import take_logs

MUCH = 1024 * 1024


class Collected:
    """What comes of logs on a host and then on the controller."""

    def __init__(self, patterns, max_bytes, secrets, seconds, options):
        sent = Logs()
        collect_logs(sent, [str(pattern) for pattern in patterns], max_bytes, seconds, **options)
        found, left_out = take_logs(json.loads(json.dumps(sent.found)), max_bytes, secrets)
        assert all(log.name.startswith("logs/") for log in found)
        self.found = [log.replace(name=log.name[len("logs/") :]) for log in found]
        self.skipped_files = [*sent.skipped_files, *left_out]


def collect(*patterns, max_bytes=MUCH, secrets=(), seconds=10.0, **options):
    return Collected(patterns, max_bytes, secrets, seconds, options)


def texts(found):
    return {log.name: log.data for log in found.found}


def write(path, data, age=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_a_file_that_shows_a_size_of_0_is_read_all_the_same():
    assert os.stat("/proc/self/status").st_size == 0
    (log,) = collect("/proc/self/status").found
    assert log.size == 0 and log.data.startswith(b"Name:") and len(log.data) > 500


def test_only_the_end_of_a_file_that_shows_a_size_of_0_is_kept_where_it_is_long():
    (log,) = collect("/proc/self/status", max_bytes=100).found
    assert 0 < len(log.data) <= 100
    assert log.data.startswith(b"voluntary_ctxt_switches") or b"nonvoluntary" in log.data


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path):
    path = write(tmp_path / "a.log", b"")

    def grow(name, flags):
        descriptor = os.open(name, flags)
        path.write_bytes(b"written after it was looked at\n")
        return descriptor

    found = collect(path, opener=grow)
    assert texts(found) == {"a.log": b"written after it was looked at\n"}
    assert found.found[0].size == 0


def test_the_newest_log_comes_first_and_the_limit_cuts_the_heads_of_older_ones(tmp_path):
    write(tmp_path / "old.log", b"".join(b"old %d\n" % number for number in range(20)), age=100)
    write(tmp_path / "new.log", b"new\n" * 10)
    write(tmp_path / "oldest.log", b"oldest\n", age=200)
    found = collect(tmp_path, max_bytes=60)
    assert [log.name for log in found.found] == ["new.log", "old.log"]
    assert found.found[0].data == b"new\n" * 10
    assert found.found[1].data == b"old 18\nold 19\n"
    assert sum(len(log.data) for log in found.found) <= 60
    reasons = dict(found.skipped_files)
    assert reasons[str(tmp_path / "old.log")] == "only its end is in the archive, 14 octets"
    assert reasons[str(tmp_path / "oldest.log")] == "the limit of 60 octets is reached (max_log_size)"


def test_what_is_beyond_the_limit_is_told(tmp_path):
    write(tmp_path / "new.log", b"12345678\n" * 10)
    write(tmp_path / "old.log", b"old\n", age=100)
    found = collect(tmp_path, max_bytes=90)
    assert dict(found.skipped_files) == {str(tmp_path / "old.log"): "the limit of 90 octets is reached (max_log_size)"}


def test_a_large_file_is_not_read_from_its_beginning(tmp_path):
    path = tmp_path / "large.log"
    with path.open("wb") as file:
        file.truncate(3 * 1024 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(b"the end\n" * 4000)
    with ends():
        (log,) = collect(path, max_bytes=4096).found
    assert log.data == b"the end\n" * 512


def test_old_logs_are_decompressed(tmp_path):
    write(tmp_path / "app.log.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0" * 512)
    assert texts(collect(tmp_path)) == {"app.log": b"one\ntwo\n"}


def test_the_name_says_nothing_of_the_content(tmp_path):
    write(tmp_path / "plain.gz", b"plain\n")
    write(tmp_path / "packed.log", gzip.compress(b"packed\n"))
    assert texts(collect(tmp_path)) == {"plain.gz": b"plain\n", "packed.log": b"packed\n"}


@pytest.mark.parametrize(("damage", "words"), [("cut", "cut short"), ("flip", "damaged")])
def test_what_can_be_decompressed_of_a_damaged_log_is_kept(tmp_path, damage, words):
    packed = bytearray(gzip.compress(b"".join(b"line %d\n" % (number * 7919) for number in range(50000))))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50
    path = write(tmp_path / "a.log.gz", bytes(packed))
    found = collect(tmp_path)
    assert found.found[0].data.startswith(b"line 0\nline 7919\n")
    assert words in dict(found.skipped_files)[str(path)]


def test_a_gzip_bomb_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MAX_SCAN", 4 * 1024 * 1024)
    path = write(tmp_path / "bomb.gz", gzip.compress(b"x\n" * (8 * 1024 * 1024)))
    with ends():
        found = collect(tmp_path, max_bytes=100_000)
    assert len(found.found[0].data) <= 100_000
    assert (str(path), "has no end that could be reached: it was read for 4194304 octets") in found.skipped_files


def test_a_file_without_end_is_left_after_its_time(tmp_path, monkeypatch):
    path = write(tmp_path / "a.log", b"")
    monkeypatch.setattr(log_files, "_read", lambda _descriptor: b"for ever and ever\n" * 100)
    with ends():
        found = collect(path, max_bytes=2048, seconds=0.2)
    assert found.found[0].data.endswith(b"for ever and ever\n")
    assert any("has no end that could be reached" in reason for _path, reason in found.skipped_files)


def test_pipes_sockets_devices_and_links_are_told_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.log"))
        with ends():
            found = collect(tmp_path, "/dev/zero", "/dev/tty")
    assert found.found == []
    reasons = {os.path.basename(path): reason for path, reason in found.skipped_files}
    assert reasons == {
        "pipe.log": "is a pipe",
        "link.log": "is a symbolic link, and those are not followed",
        "loop": "is a symbolic link, and those are not followed",
        "socket.log": "is a socket",
        "zero": "is a device",
        "tty": "is a device",
    }


def test_a_file_that_is_exchanged_for_a_pipe_is_not_waited_for(tmp_path):
    path = write(tmp_path / "a.log", b"text\n")

    def exchange(name, flags):
        path.unlink()
        os.mkfifo(path)
        return os.open(name, flags)

    with ends():
        found = collect(path, opener=exchange)
    assert found.found == [] and found.skipped_files == [(str(path), "is a pipe")]


def test_a_folder_that_is_a_link_is_entered_where_it_was_named(tmp_path):
    write(tmp_path / "real" / "a.log", b"a\n")
    (tmp_path / "logs").symlink_to(tmp_path / "real")
    assert texts(collect(tmp_path / "logs")) == {"a.log": b"a\n"}


def test_globs_folders_and_files_are_collected_once(tmp_path):
    write(tmp_path / "a.log", b"a\n")
    write(tmp_path / "b.txt", b"b\n", age=5)
    write(tmp_path / "sub" / "a.log", b"c\n", age=9)
    found = collect(tmp_path / "*.log", tmp_path, tmp_path / "a.log")
    assert texts(found) == {"a.log": b"a\n", "b.txt": b"b\n", "sub/a.log": b"c\n"}


def test_a_file_whose_name_has_signs_of_a_glob_is_found_by_its_name(tmp_path):
    write(tmp_path / "a[1].log", b"a\n")
    assert len(collect(tmp_path / "a[1].log").found) == 1


def test_what_is_not_there_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    found = collect(tmp_path / "missing", tmp_path / "*.log", tmp_path / "empty")
    assert [reason for _path, reason in found.skipped_files] == [
        "does not exist",
        "there is nothing that matches",
        "is an empty folder",
    ]


def test_folders_are_entered_four_deep_and_what_is_deeper_is_told(tmp_path):
    write(tmp_path / "1" / "2" / "3" / "a.log", b"a\n")
    write(tmp_path / "1" / "2" / "3" / "4" / "b.log", b"b\n")
    found = collect(tmp_path)
    assert texts(found) == {"1/2/3/a.log": b"a\n"}
    assert found.skipped_files == [
        (str(tmp_path / "1/2/3/4"), "is a folder that was not entered: not permitted, or too deep")
    ]


def test_names_are_safe_and_different(tmp_path):
    write(tmp_path / "a b\n.log", b"1\n")
    write(tmp_path / "-rf", b"2\n", age=1)
    write(tmp_path / ".hidden", b"3\n", age=2)
    names = [log.name for log in collect(tmp_path).found]
    assert len(set(names)) == 3
    assert all(name[0] not in ".-/" and "\n" not in name and " " not in name for name in names)


def test_secrets_are_taken_out_also_where_the_limit_cuts_through_one(tmp_path):
    secret = "C4nary-in-the-log"
    for separator in ("\n", "|"):
        write(tmp_path / "a.log", (f"{secret}{separator}" * 3000).encode())
        for limit in (*range(1024, 1024 + len(secret) + 2), 20000, 20001, 20007):
            (log,) = collect(tmp_path, max_bytes=limit, secrets=[secret]).found
            assert len(log.data) > 400
            assert set(log.data.decode().strip(separator).split(separator)[1:]) == {"********"}, limit
            assert b"nary" not in log.data and b"log" not in log.data


def test_the_rest_of_a_private_key_is_not_kept_where_the_limit_cuts_through_it(tmp_path):
    key = "-----BEGIN PRIVATE KEY-----\n" + "K3y/\n" * 600 + "-----END PRIVATE KEY-----\n"
    write(tmp_path / "a.log", ("x\n" * 1000 + key + "y\n" * 6000).encode())
    for limit in range(4000, 13000, 500):
        (log,) = collect(tmp_path, max_bytes=limit).found
        assert b"K3y" not in log.data and b"y\n" in log.data


def test_a_binary_file_is_not_collected(tmp_path):
    path = write(tmp_path / "events.evtx", bytes(range(256)) * 10)
    assert collect(tmp_path).skipped_files == [(str(path), "is not text, and nobody could look for secrets in it")]


def test_after_its_time_the_rest_is_told(tmp_path):
    path = write(tmp_path / "a.log", b"a\n")
    assert collect(tmp_path, seconds=-1).skipped_files == [(str(path), "the time for logs is over (time_limit)")]


def test_nothing_of_the_store_is_a_log(tmp_path):
    write(tmp_path / "store" / "sealing.key", b"C4nary\n")
    write(tmp_path / "stored.log", b"a log\n")
    (tmp_path / "logs").symlink_to(tmp_path / "store")
    for pattern in (
        tmp_path,
        tmp_path / "store",
        tmp_path / "store" / "sealing.key",
        tmp_path / "logs",
        f"{tmp_path}/logs/*",
    ):
        found = collect(f"{tmp_path}{pattern}", never=[str(tmp_path / "store")])
        assert not any(b"C4nary" in log.data for log in found.found), pattern
    assert texts(collect(tmp_path, never=[str(tmp_path / "store")])) == {"stored.log": b"a log\n"}


def test_of_many_logs_the_newest_count_wherever_they_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(log_files, "MAX_FILES", 2)
    for age, name in enumerate(("c.log", "b.log", "a.log")):
        write(tmp_path / name, b"x\n", age=age * 10)
    found = collect(tmp_path)
    assert list(texts(found)) == ["c.log", "b.log"]
    reason = "this and what is older: there are more than 2 files"
    assert found.skipped_files == [(str(tmp_path / "a.log"), reason)]


def sent(data, name="a.log", **more):
    content = base64.b64encode(gzip.compress(data)).decode()
    log = {"path": f"/{name}", "name": name, "size": 1, "modified": 1, "cut": False, "head": "", "content": content}
    return {**log, **more}


def test_of_compressed_logs_the_end_is_kept_and_then_no_more():
    text = b"a line\n" * 100_000
    found, left_out = take_logs([sent(gzip.compress(text), "a.log.gz"), sent(b"older\n")], 1000, [])
    assert [log.name for log in found] == ["logs/a.log"]
    assert text.endswith(found[0].data) and 900 < len(found[0].data) <= 1000
    assert [path for path, _reason in left_out] == ["/a.log.gz", "/a.log"]


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (sent(b"x\n" * 6000), "is more than was asked for, and the host sent it all the same"),
        (sent(b"", content="!"), "was damaged on its way"),
        (sent(b"", content="AAAA"), "was damaged on its way"),
        (sent(b"", content=base64.b64encode(gzip.compress(b"x" * 99)[:-9]).decode()), "was damaged on its way"),
        (sent(b"a\0b\n"), "is not text, and nobody could look for secrets in it"),
    ],
)
def test_what_a_host_should_not_have_sent_is_left_out(log, reason):
    assert take_logs([log, sent(b"kept\n", "b.log")], 1024, [])[1] == [("/a.log", reason)]


def test_a_name_that_leads_elsewhere_stays_in_the_folder_of_logs():
    found, _left_out = take_logs([sent(b"a\n", "../../x"), sent(b"b\n", "..\\x"), sent(b"c\n", "X")], 1024, [])
    assert [log.name for log in found] == ["logs/x", "logs/x~2", "logs/X~3"]


@pytest.mark.parametrize("log", [{}, {"path": "/a"}, sent(b"x\n", size=None), sent(b"x\n", content=None)])
def test_what_is_no_log_is_an_error(log):
    with pytest.raises((KeyError, TypeError, ValueError)):
        take_logs([log], 1024, [])
