# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import io
import json
import os
import re
import stat
import tarfile

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from ansible.utils.display import Display
from support.actions import Host, marked, run_action
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect

CANARY = "C4nary-pass/wörd"
COLLECTOR = "estfleet.cloud_extender.est_diagnostics_host"


class DiagnosedHost(Host):
    """A host that can be diagnosed in this process, and that keeps what it was asked and what it said."""

    def __init__(self, trouble=None):
        super().__init__()
        self.orders = []
        self.trouble = trouble

    def execute_module(self, *, module_name, module_args, task_vars):
        if module_name != COLLECTOR:
            return super().execute_module(module_name=module_name, module_args=module_args, task_vars=task_vars)
        order = json.loads(json.dumps(module_args))
        self.orders.append(order)
        if self.trouble:
            return self.trouble
        order["relays"], order["log_paths"] = tuple(json.loads(order["relays"])), tuple(order["log_paths"])
        answer = collect(Order(**order))
        self.answers.append(json.loads(json.dumps(answer)))
        return marked(answer)


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def host():
    return DiagnosedHost()


@pytest.fixture
def store(tmp_path, host, lab):
    path = tmp_path / "est"
    template = {"name": "wifi", "server": lab.url, "username": "joe", "password": CANARY, "ca_path": lab.ca_path}
    assert run_action("est_templates", {"store_path": str(path), "templates": [template]}, host)["changed"]
    host.answers.clear()
    return path


def diagnose(tmp_path, store, host, check=False, **options):
    arguments = {"dest": str(tmp_path / "out"), "store_path": str(store), "time_limit": 20, **options}
    return run_action("est_diagnostics", arguments, host, check=check)


def unpacked(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def sections(result):
    return [problem["section"] for problem in result["problems"]]


def test_the_archive_holds_everything_and_the_summary_comes_first(tmp_path, store, host):
    test = store / "tests" / "wifi" / "test"
    test.mkdir(parents=True)
    (test / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (test / "private_key.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n")
    (tmp_path / "app.log").write_text(f"a line\nlogged in with {CANARY}\n", encoding="utf-8")
    result = diagnose(tmp_path, store, host, log_paths=[str(tmp_path / "app.log"), "/proc/self/status"])
    assert result["changed"] and result["problems"] == [] and result["skipped_files"] == []
    assert stat.S_IMODE(os.stat(result["archive"]).st_mode) == 0o600
    assert re.fullmatch(r"host-\d{8}T\d{6}Z\.tar\.gz", os.path.basename(result["archive"]))
    members = unpacked(result["archive"])
    assert list(members)[:2] == ["host/SUMMARY.txt", "host/diagnostics.json"]
    assert sorted(list(members)[2:]) == [
        "host/logs/app.log",
        "host/logs/status",
        "host/tests/wifi/test/certificate.pem",
    ]
    assert members["host/SUMMARY.txt"].decode().splitlines() == result["summary"]
    assert members["host/logs/app.log"] == b"a line\nlogged in with ********\n"
    data = json.loads(members["host/diagnostics.json"])
    assert data["store"]["data"]["templates"][0]["password_set"] is True
    assert data["tests"]["data"]["tests"][0]["has_private_key"] is True
    assert data["servers"][0]["section"]["data"]["steps"]["est"]["found"]["trusted"] is True


def test_no_secret_is_anywhere(tmp_path, store, host):
    (tmp_path / "app.log").write_text(f"{CANARY}\n", encoding="utf-8")
    result = diagnose(tmp_path, store, host, log_paths=[str(tmp_path)], redact=["other-C4nary"])
    key = (store / "sealing.key").read_text().strip()
    sealed = json.loads((store / "templates.json").read_text())["templates"][0]["secrets"]["password"]
    collected = b"\n".join([*unpacked(result["archive"]).values(), json.dumps(result).encode()])
    for secret in (CANARY, "C4nary", key, bytes.fromhex(key), sealed["sealed"], sealed["verifier"]):
        assert (secret if isinstance(secret, bytes) else secret.encode()) not in collected
    assert "C4nary" not in json.dumps(host.orders, ensure_ascii=False)


def test_check_mode_writes_nothing_and_says_the_same(tmp_path, store, host):
    before = sorted(os.listdir(tmp_path))
    result = diagnose(tmp_path, store, host, check=True)
    assert result["changed"] and result["archive"].startswith(f"{tmp_path}/out/host-")
    assert result["summary"][3] == "WHAT DOES NOT WORK: nothing found"
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("check", [False, True])
def test_a_folder_that_cannot_be_written_to_is_told_before_the_host_is_asked(tmp_path, store, host, check):
    (tmp_path / "file").write_text("")
    host.calls.clear()
    result = diagnose(tmp_path, store, host, check=check, dest=str(tmp_path / "file" / "x"))
    assert result["failed"] and result["msg"].startswith("dest: no archive can be written into")
    assert host.calls == host.orders == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dest": " "}, "dest: "),
        ({"max_log_size": 10}, "max_log_size: 10 is out of range"),
        ({"time_limit": 1}, "time_limit: 1 is out of range"),
        ({"connect_timeout": 0}, "connect_timeout: 0 is out of range"),
        ({"log_paths": ["relative"]}, "log_paths[0]"),
        ({"log_paths": ["/a\0b"]}, "log_paths[0]"),
        ({"store_path": "est"}, "store_path"),
        ({"output_path": "/"}, "output_path"),
        ({"tmeout": 10}, "Unsupported parameters"),
    ],
)
def test_a_wrong_option_is_told_before_the_host_is_asked(tmp_path, store, host, options, words):
    host.calls.clear()
    result = diagnose(tmp_path, store, host, **options)
    assert result["failed"] and words in result["msg"]
    assert host.calls == host.orders == [] and not (tmp_path / "out").exists()


def test_logs_are_left_out_where_a_password_cannot_be_opened(tmp_path, store, host):
    (store / "sealing.key").unlink()
    (tmp_path / "app.log").write_text(f"{CANARY}\n", encoding="utf-8")
    result = diagnose(tmp_path, store, host, log_paths=[str(tmp_path)])
    assert sections(result) == ["store", "logs"]
    assert not any("/logs/" in name for name in unpacked(result["archive"]))
    result = diagnose(tmp_path, store, host, log_paths=[str(tmp_path / "app.log")], redact=[CANARY])
    assert unpacked(result["archive"])["host/logs/app.log"] == b"********\n"


def test_a_damaged_store_is_told_and_the_rest_is_collected(tmp_path, store, host):
    (store / "templates.json").write_text('{"format": ')
    result = diagnose(tmp_path, store, host, log_paths=["/proc/self/status"])
    assert sections(result) == ["store", "logs"]
    assert any(line.startswith("  system ") for line in result["summary"])


def test_a_host_without_a_store_is_told(tmp_path, host):
    result = diagnose(tmp_path, tmp_path / "none", host, log_paths=["/proc/self/status"])
    assert sections(result) == ["store"]
    assert "host/logs/status" in unpacked(result["archive"])


def test_a_host_that_runs_no_module_still_gives_an_archive(tmp_path, store):
    host = DiagnosedHost({"failed": True, "msg": "there is no Python"})
    result = diagnose(tmp_path, store, host)
    assert sections(result) == ["system"]
    assert "there is no Python" in result["problems"][0]["reason"]
    assert list(unpacked(result["archive"])) == ["host/SUMMARY.txt", "host/diagnostics.json"]


def test_a_host_that_cannot_be_reached_ends_the_task_and_leaves_nothing(tmp_path, store):
    host = DiagnosedHost({"unreachable": True, "msg": "no route"})
    result = diagnose(tmp_path, store, host)
    assert result["failed"] and result["unreachable"]
    assert os.listdir(tmp_path / "out") == []


def test_a_damaged_answer_becomes_a_line_and_not_an_error(tmp_path, store, host):
    original = host.execute_module

    def damaged(**arguments):
        answer = original(**arguments)
        for log in answer.get("sections", {}).get("logs", {}).get("data", {}).get("files", []):
            log["content"] = log["content"][:20]
        return answer

    host.execute_module = damaged
    result = diagnose(tmp_path, store, host, log_paths=["/proc/self/status"])
    assert result["skipped_files"] == [{"path": "/proc/self/status", "reason": "was damaged on its way"}]


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.pop("relays"),
        lambda answer: answer.update(started="soon"),
        lambda answer: answer.update(ended=float("nan")),
        lambda answer: answer["sections"].pop("proxy"),
        lambda answer: answer["sections"]["proxy"].update(data={"HTTP_PROXY": {"a": 1}}),
        lambda answer: answer["sections"]["system"].update(ok="yes"),
        lambda answer: answer["sections"]["tests"]["data"].update(skipped_files=[[{}]]),
        lambda answer: answer["sections"]["tests"]["data"].update(tests=[{"name": "a"}]),
        lambda answer: answer["sections"]["tests"]["data"].update(
            tests=[{"name": "a/b", "modified": "new", "has_private_key": False, "files": {}}]
        ),
        lambda answer: answer["sections"]["logs"]["data"]["files"][0].update(size="large"),
        lambda answer: answer["relays"][0]["data"].update(connections=[{}]),
        lambda answer: answer["relays"][0]["data"]["connections"][0].update(seconds={"resolve": "x"}),
        lambda answer: answer["relays"][1]["data"].update(answers=[{"octets": "!"}]),
        lambda answer: answer["relays"][0].update(data={}),
        lambda answer: answer["relays"].clear(),
    ],
)
def test_whatever_a_host_answers_there_is_an_archive(tmp_path, store, host, change):
    original = host.execute_module

    def changed(**arguments):
        answer = original(**arguments)
        if "sections" in answer:
            change(answer)
        return answer

    host.execute_module = changed
    result = diagnose(tmp_path, store, host, log_paths=["/proc/self/status"])
    assert "system" in sections(result), result
    assert list(unpacked(result["archive"]))[:2] == ["host/SUMMARY.txt", "host/diagnostics.json"]


def test_an_enrolment_code_is_not_taken_along(tmp_path, store, host, lab):
    template = {"name": "code", "server": lab.url, "challenge_password": CANARY, "ca_path": lab.ca_path}
    assert run_action("est_template", {"store_path": str(store), **template}, host)["changed"]
    folder = store / "tests" / "code" / "test+pending"
    folder.mkdir(parents=True)
    body = base64.encodebytes(b"\x30\x80" * 20 + CANARY.encode() + b"\x00" * 40).decode()
    (folder / "request.pem").write_text(
        f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    )
    (folder / "state.json").write_text("{}\n")
    result = diagnose(tmp_path, store, host)
    assert [name for name in unpacked(result["archive"]) if "/tests/" in name] == [
        next(name for name in unpacked(result["archive"]) if name.endswith("state.json"))
    ]
    assert "holds a secret of a template, such as an enrolment code" in json.dumps(result["skipped_files"])


def test_nothing_is_printed_of_what_the_host_answers(tmp_path, store, host):
    seen = []
    original = host.execute_module

    def watching(**arguments):
        if arguments["module_name"] == COLLECTOR:
            seen.append(Display().verbosity)
        return original(**arguments)

    host.execute_module = watching
    Display().verbosity = 5
    try:
        diagnose(tmp_path, store, host)
        assert seen == [0] and Display().verbosity == 5
    finally:
        Display().verbosity = 0


def test_a_short_password_spoils_no_archive(tmp_path, store, host, lab):
    template = {"name": "vpn", "server": lab.url, "username": "joe", "password": "e", "ca_path": lab.ca_path}
    run_action("est_template", {"store_path": str(store), **template}, host)
    result = diagnose(tmp_path, store, host, log_paths=["/proc/self/status"])
    members = unpacked(result["archive"])
    assert b"e" not in members["host/logs/status"] and b"********" in members["host/logs/status"]
    assert json.loads(members["host/diagnostics.json"])["servers"]


def test_the_archive_can_be_unpacked_anywhere(tmp_path, store, host):
    for name in ("..\\evil.log", "a\nb.log", "ü.log"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / name).write_text("x\n")
    result = diagnose(tmp_path, store, host, log_paths=[str(tmp_path / "logs")])
    with open(result["archive"], "rb") as file, tarfile.open(fileobj=io.BytesIO(file.read())) as archive:
        names = archive.getnames()
    assert len(names) == 5
    assert all(re.fullmatch(r"host/[A-Za-z0-9._/~-]+", name) and ".." not in name.split("/") for name in names)
