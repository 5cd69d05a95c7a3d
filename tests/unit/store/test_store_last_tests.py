# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import json
import os
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.looking import read_store

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import found as store_found
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import (
    NOT_STARTED,
    last_test_entry,
    parse_last_tests,
    record_test,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import STAGES, EstError


@pytest.fixture
def path(tmp_path):
    (tmp_path / "store").mkdir(mode=0o700)
    return tmp_path / "store"


def record(path, template, status, stage=None, **more):
    record_test(path, template, {"status": status, "stage": stage, **more})


def known(path):
    return {
        name: (test.status, test.stage) for name, test in parse_last_tests(read_store(str(path))["last_tests"]).items()
    }


def test_the_last_test_of_each_template_is_kept(path):
    assert known(path) == {}
    record(str(path), "Wi-Fi Büro", "failed", "enroll")
    record(str(path), "VPN", "issued")
    assert known(path) == {"Wi-Fi Büro": ("failed", "enroll"), "VPN": ("issued", None)}
    record(str(path), "Wi-Fi Büro", "pending")
    assert known(path) == {"Wi-Fi Büro": ("pending", None), "VPN": ("issued", None)}
    place = path / "last_tests.json"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    data = json.loads(place.read_text())
    assert (data["format"], data["format_version"]) == ("estfleet.cloud_extender.last_tests", 1)
    assert sorted(data["tests"]["VPN"]) == [
        "at",
        "content",
        "differs",
        "error_code",
        "exchange",
        "http_status",
        "lost",
        "made_up",
        "not_after",
        "stage",
        "status",
    ]
    assert sorted(entry.name for entry in path.iterdir()) == ["last_tests.json"]


def test_the_end_of_the_certificate_belongs_to_the_test_that_issued_it(path):
    def ends():
        return {name: test.not_after for name, test in parse_last_tests(read_store(str(path))["last_tests"]).items()}

    record(str(path), "VPN", "issued", not_after="2027-11-22T12:00:00Z")
    record(str(path), "Wi-Fi", "failed", "enroll")
    assert ends() == {"VPN": "2027-11-22T12:00:00Z", "Wi-Fi": None}
    record(str(path), "VPN", "failed", "tls")
    assert ends() == {"VPN": None, "Wi-Fi": None}


def test_files_of_before_and_of_later_are_read():
    entry = {"status": "issued", "stage": None, "at": "2026-11-22T12:00:00Z"}
    later = {**entry, "not_after": "2027-11-22T12:00:00Z", "subject": "/CN=jdoe"}
    data = {
        "format": "estfleet.cloud_extender.last_tests",
        "format_version": 1,
        "tests": {"before": entry, "later": later},
    }
    found = parse_last_tests(json.dumps(data))
    assert {name: test.as_result() for name, test in found.items()} == {
        "before": {**entry, "not_after": None},
        "later": {**entry, "not_after": "2027-11-22T12:00:00Z"},
    }
    assert not found["before"].proves("0" * 64)


def test_an_issued_certificate_is_a_proof_for_the_content_that_was_tested_and_for_no_other(path):
    remarks = {"lost": ["subject_alternative_name UPN:jdoe@example.com"], "differs": ["x"], "made_up": ["imei"]}
    record(str(path), "VPN", "issued", content="a" * 64, exchange="host", **remarks)
    record(str(path), "Wi-Fi", "failed", "enroll", content="a" * 64, http_status=401)
    tests = parse_last_tests(read_store(str(path))["last_tests"])
    assert [tests["VPN"].proves(content * 64) for content in "ab"] == [True, False]
    assert not tests["Wi-Fi"].proves("a" * 64)
    told = tests["VPN"].as_result()
    assert {name: told[name] for name in ("exchange", *remarks)} == {"exchange": "host", **remarks}
    assert "content" not in told, "the digest is of no use to a user"
    assert tests["Wi-Fi"].as_result()["http_status"] == 401


def test_remarks_are_bounded_and_what_cannot_be_is_left_out(path):
    record(str(path), "VPN", "issued", content="secret", exchange="<b>", lost=["x" * 9999] * 999, made_up=[1, "imei"])
    test = parse_last_tests(read_store(str(path))["last_tests"])["VPN"]
    assert (test.content, test.exchange, test.made_up) == (None, None, ("imei",))
    assert (len(test.lost), len(test.lost[0])) == (32, 300)


def test_it_is_no_drift_whatever_is_in_its_place(path):
    for content in (b"", b"nonsense", b"\xff", b"[]", b'{"format": 1}', b"[" * 100000):
        (path / "last_tests.json").write_bytes(content)
        (path / "last_tests.json").chmod(0o644)
        found = read_store(str(path))
        assert found["drift"] == []
        assert parse_last_tests(found["last_tests"]) == {}
    record(str(path), "VPN", "issued")
    assert known(path) == {"VPN": ("issued", None)}


def test_a_link_in_its_place_is_neither_followed_nor_written_through(path, tmp_path):
    (tmp_path / "elsewhere").write_text("elsewhere")
    (path / "last_tests.json").symlink_to(tmp_path / "elsewhere")
    assert known(path) == {}
    record(str(path), "VPN", "issued")
    assert (tmp_path / "elsewhere").read_text() == "elsewhere"
    assert known(path) == {"VPN": ("issued", None)}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "perhaps"},
        {"status": None},
        {"stage": "<script>"},
        {"stage": 1},
        {"at": "yesterday"},
        {"at": None},
        {"not_after": "tomorrow"},
        {"not_after": 1},
        {"not_after": ""},
        {"status": "failed", "stage": "tls"},
        {"status": "pending"},
    ],
)
def test_an_entry_that_nobody_can_have_written_is_left_out(change):
    entry = {"status": "issued", "stage": None, "at": "2026-11-22T12:00:00Z", "not_after": "2027-11-22T12:00:00Z"}
    data = {
        "format": "estfleet.cloud_extender.last_tests",
        "format_version": 1,
        "tests": {"good": entry, "bad": {**entry, **change}, "worse": None},
    }
    assert list(parse_last_tests(json.dumps(data))) == ["good"]


@given(st.text())
def test_any_text_is_read(text):
    assert parse_last_tests(text) == {}


def test_tests_at_once_lose_nothing(path):
    names = [f"template {number}" for number in range(12)]
    threads = [threading.Thread(target=record, args=(str(path), name, "issued")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(known(path)) == sorted(names)


def test_an_error_says_which_file_and_leaves_the_old_one(path, monkeypatch):
    record(str(path), "VPN", "issued")

    def fail(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(store_found.os, "write", fail)
        with pytest.raises(StoreError, match=r"cannot write .*last_tests.json: No space left on device; free some"):
            record(str(path), "VPN", "failed", "tls")
    assert known(path) == {"VPN": ("issued", None)}
    with pytest.raises(StoreError, match="No such file or directory"):
        record(str(path / "nowhere"), "VPN", "issued")


NOTHING_FOUND = {"content": "c", "exchange": "host"}


@pytest.mark.parametrize(
    ("result", "came"),
    [
        (
            {
                "status": "issued",
                "changed": True,
                "certificate": {"not_after": "2027-11-22T12:00:00Z"},
                "lost": ["subject emailAddress=jdoe@example.com"],
                "substitutions": {"imei": "Test", "model": ""},
            },
            {
                "status": "issued",
                "not_after": "2027-11-22T12:00:00Z",
                "lost": ["subject emailAddress=jdoe@example.com"],
                "differs": [],
                "made_up": ["imei"],
            },
        ),
        ({"status": "pending", "changed": True}, {"status": "pending"}),
        ({"status": "pending", "changed": False}, None),
        ({"status": "not_asked", "changed": True}, None),
        (
            {"failed": True, "changed": False, "stage": "enroll", "http_status": 401, "error_code": "forbidden"},
            {"status": "failed", "stage": "enroll", "http_status": 401, "error_code": "forbidden"},
        ),
        ({"failed": True, "changed": False, "stage": "input"}, None),
    ],
)
def test_what_is_noted_of_a_result(result, came):
    # A blank that the user asked for is not made up.
    noted = last_test_entry({"exchange": "host", **result}, "c", {"model": ""})
    assert noted == (None if came is None else {**NOTHING_FOUND, **came})


def test_every_stage_can_be_noted(path):
    for stage in STAGES:
        record(str(path), stage, "failed", stage)
    assert known(path) == {stage: ("failed", stage) for stage in STAGES}
    assert EstError("reason").stage == NOT_STARTED, "where an error of the EST client says no stage, nothing was begun"
