# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""est_diagnostics on a Windows host: the archive of a POSIX host, through few calls of Windows modules."""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.lab import LabServer
from windows.conftest import HERE, STORE, Play
from windows.machine import ADMINISTRATORS, SYSTEM

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import safe_path
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows import logs as windows_logs
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.host import Refused
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.logs import (
    MAX_DIFFICULT,
    MAX_READ,
    WindowsLogs,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.probe import WindowsProbe, leave_no_file
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.win_uri_connector import WinUriConnector

LOGS = "C:\\ProgramData\\MaaS360\\Cloud Extender\\logs"
PASSWORD = "canary-of-the-template"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


class Site:
    """A Windows host with Cloud Extender's logs and templates, behind ansible-playbook."""

    def __init__(self, play: Play, lab: LabServer) -> None:
        self.play, self.machine = play, play.windows
        self.dest = play.folder / "archives"
        self.anchors = Path(lab.ca_path).read_text(encoding="ascii")
        self.template = {
            "name": "wifi",
            "server": lab.url,
            "username": "joe",
            "password": PASSWORD,
            "ca_certificate": self.anchors,
        }
        self.machine.make_folder(LOGS)
        self.machine.has(
            services=[
                {"name": "WinRM", "display_name": "Windows Remote Management"},
                {
                    "name": "EMSAgent",
                    "display_name": "Cloud Extender",
                    "path": "C:\\Program Files\\x.exe --password x1y2",
                },
            ],
            registry={
                "HKLM:\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\MaaS360 Cloud Extender": {
                    "DisplayName": "MaaS360 Cloud Extender",
                    "DisplayVersion": "3.001.300",
                },
                "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{0000}": {"DisplayName": "x"},
                "HKU:\\S-1-5-18\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings": {
                    "ProxyEnable": 1,
                    "ProxyServer": "http://joe:canary-proxy@proxy.example:3128",
                },
            },
            winhttp={"proxy": "proxy.example:3128", "bypass": "<local>"},
            environment={"HTTPS_PROXY": "http://joe:canary-env@proxy.example:3128", "SECRET": "canary-variable"},
        )

    def trust(self) -> None:
        """Let the host trust the EST server."""
        certificate = x509.load_pem_x509_certificate(self.anchors.encode("ascii"))
        self.machine.add_certificate("LocalMachine\\Root", certificate.public_bytes(Encoding.DER))

    def store(self, *templates: Mapping[str, Any]) -> None:
        arguments = {"templates": [dict(one) for one in templates or (self.template,)], "store_path": STORE}
        found, _printed = self.play.run([{"estfleet.cloud_extender.est_templates": arguments}], hosts="windows")
        assert not found["windows"][0]["failed"], found

    def log(self, name: str, content: bytes) -> str:
        path = f"{LOGS}\\{name}"
        self.machine.write(path, content)
        return path

    def diagnose(self, *options: str, variables: Mapping[str, Any] | None = None, **arguments: Any) -> Diagnosis:
        task = {"estfleet.cloud_extender.est_diagnostics": {"dest": str(self.dest), "connect_timeout": 1, **arguments}}
        found, printed = self.play.run([task], *options, hosts="windows", variables=variables)
        return Diagnosis(found["windows"][0], printed, self.play.called)


class Diagnosis:
    """What came of it."""

    def __init__(self, result: Mapping[str, Any], printed: str, called: list[str]) -> None:
        assert not result["failed"], result
        self.result, self.printed, self.called = result, printed, called
        self.summary = " ".join(" ".join(result["summary"]).split())
        self.skipped_files = {entry["path"]: entry["reason"] for entry in result["skipped_files"]}
        self.members: dict[str, bytes] = {}
        if Path(result["archive"]).exists():
            with tarfile.open(result["archive"]) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    assert content is not None
                    self.members[member.name.removeprefix("windows/")] = content.read()

    @property
    def problems(self) -> list[str]:
        return [problem["section"] for problem in self.result["problems"]]

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.members["diagnostics.json"])


@pytest.fixture
def site(newest_play: Play, lab: LabServer) -> Site:
    return Site(newest_play, lab)


def test_the_archive_of_a_windows_host_is_that_of_a_posix_host(play: Play, lab: LabServer) -> None:
    site = Site(play, lab)
    site.trust()
    site.store()
    site.log("EMSAgent.log", f"of now: {PASSWORD}\r\n".encode("utf-16"))
    site.log("EMSAgent.1.log.gz", gzip.compress(b"of yesterday, password=abc\r\n"))
    site.machine.open_for_writing(f"{LOGS}\\EMSAgent.log")
    test = f"{STORE}\\tests\\wifi\\test"
    site.machine.make_folder(test)
    site.machine.write(f"{test}\\certificate.pem", b"-----BEGIN CERTIFICATE-----\n")
    site.machine.write(f"{test}\\private_key.pem", b"-----BEGIN PRIVATE KEY-----\ncanary-key\n")
    noted = {"status": "issued", "stage": None, "at": "2026-11-22T12:00:00Z", "not_after": "2027-11-22T12:00:00Z"}
    last_tests = {"format": "estfleet.cloud_extender.last_tests", "format_version": 1, "tests": {"wifi": noted}}
    site.machine.write(f"{STORE}\\last_tests.json", json.dumps(last_tests).encode())

    done = site.diagnose("-vvvvv")
    assert done.problems == [], done.result["summary"]
    assert list(done.members) == [
        "SUMMARY.txt",
        "diagnostics.json",
        "tests/wifi/test/certificate.pem",
        "logs/EMSAgent.log",
        "logs/EMSAgent.1.log",
    ]
    assert done.members["logs/EMSAgent.log"] == b"of now: ********\r\n"
    assert done.members["logs/EMSAgent.1.log"] == b"of yesterday, password=********\r\n"
    for words in (
        "Microsoft Windows Server 2022 Standard 10.0.20348.0, PowerShell 5, user Administrator",
        "can be read; templates: wifi; its files are intact",
        "the last test of template wifi: issued, 2026-11-22T12:00:00Z",
        "Cloud Extender (EMSAgent): started, start mode auto",
        "installed: MaaS360 Cloud Extender, version 3.001.300",
        "WinHTTP: proxy proxy.example:3128, bypass <local>",
        "Internet settings of SYSTEM: proxy http://joe:********@proxy.example:3128",
        "HTTPS_PROXY=http://joe:********@proxy.example:3128",
        "clock agrees with the controller's",
        "is trusted by the trust store of the host, which has the trust anchors of the template",
        "the clock agrees with this EST server's (within",
        "CA certificate",
        "NOT TOLD OF A WINDOWS HOST",
    ):
        assert words in done.summary, (words, done.summary)
    everything = done.printed + json.dumps(done.result) + "".join(map(str, done.members.values()))
    # Nothing secret comes out, and nothing of the logs, which only afterwards have no secrets: not in base64 either.
    assert "WINDOWS DOUBLE RESULT" in done.printed
    for secret in (PASSWORD, "canary", "x1y2", "BwAGEAcwBzA", "b2YgeWVzdGVyZGF5"):
        assert secret not in everything, secret
    assert site.machine.calls[-1]["path"] != STORE
    assert not list(site.machine.real(STORE).glob("log*"))


def test_the_calls_are_few(site: Site) -> None:
    site.trust()
    site.store()
    for number in range(3):
        site.log(f"EMSAgent.{number}.log", b"x\n")
    site.machine.open_for_writing(f"{LOGS}\\EMSAgent.0.log")
    done = site.diagnose()
    assert done.problems == []
    assert Counter(done.called) == {
        "slurp": 1 + 2,  # the document; two logs
        "win_find": 1 + 1,  # store, logs
        "win_acl_inheritance": 1,
        "win_stat": 1 + 1 + 1 + 1,  # the sealing key; the tests, which are not there; the logs; the one that is open
        "fetch_file": 1 + 1,  # the same
        "setup": 1,
        "win_service_info": 1,
        "win_reg_stat": 4,  # installed programs twice, one of them, internet settings
        "win_http_proxy": 1,
        "win_certificate_info": 1,
        "win_uri": 1,
    }


def test_check_mode_and_a_diagnosis_change_nothing_on_the_host(site: Site) -> None:
    site.store()
    site.machine.open_for_writing(site.log("EMSAgent.log", b"open\n"))
    before = sorted(str(path) for path in site.machine.folder.rglob("*"))
    checked = site.diagnose("--check")
    assert checked.result["changed"] and not site.dest.exists()
    site.diagnose("--check", variables={"windows_double_shares_with_writers": False})
    site.diagnose()
    assert sorted(str(path) for path in site.machine.folder.rglob("*")) == before


def test_a_log_that_is_open_is_copied_where_the_connection_does_not_read_it(site: Site) -> None:
    path = site.log("EMSAgent.log", b"open\n")
    site.machine.open_for_writing(path)
    psrp = {"windows_double_shares_with_writers": False}
    done = site.diagnose(variables=psrp)
    assert done.members["logs/EMSAgent.log"] == b"open\n"
    copying = done.called[done.called.index("win_tempfile") :]
    assert copying == [
        "win_tempfile",
        *("win_file", "win_acl", "win_acl", "win_owner", "win_acl_inheritance"),
        *("win_copy", "slurp", "win_file"),
    ]
    assert not list(site.machine.real("C:\\Windows\\Temp").iterdir())
    checked = site.diagnose("--check", variables=psrp)
    assert "check mode makes no copy of it" in checked.skipped_files[path]
    assert "Traceback" not in done.printed + checked.printed


@pytest.mark.parametrize("module", ["win_acl", "win_copy", "win_owner"])
def test_no_copy_stays_where_copying_fails(site: Site, module: str) -> None:
    paths = [site.log(f"EMSAgent.{number}.log", b"open\n") for number in range(2)]
    for path in paths:
        site.machine.open_for_writing(path)
    site.machine.has(broken={module: "does not work"})
    done = site.diagnose(variables={"windows_double_shares_with_writers": False})
    assert set(done.skipped_files) == set(paths)
    # And none is made where the folder could not be prepared for it.
    assert ("win_copy" in done.called) == (module == "win_copy")
    assert not list(site.machine.real("C:\\Windows\\Temp").iterdir())


def test_a_copy_lies_where_only_system_and_administrators_can_read_it(site: Site) -> None:
    site.machine.open_for_writing(site.log("EMSAgent.log", b"open\n"))
    site.machine.has(broken={"win_file absent": "in use"})
    done = site.diagnose(variables={"windows_double_shares_with_writers": False})
    assert done.called.index("win_copy") > done.called.index("win_owner")
    (folder,) = (path for path, reason in done.skipped_files.items() if "has a copy of a log in it" in reason)
    assert folder.startswith("C:\\Windows\\Temp\\cloud_extender.")
    assert site.machine.who_may(f"{folder}\\log") == {SYSTEM, ADMINISTRATORS}


def test_what_cannot_be_read_or_is_too_large_is_named_and_never_transferred(site: Site) -> None:
    large = site.log("large.log", b"x" * 5000)
    growing = site.log("growing.log", b"y" * 6000)
    site.machine.open_for_writing(growing)
    locked = site.log("locked.log", b"z\n")
    site.machine.open_by_another(locked)
    binary = site.log("binary.log", b"\x00\x01\x02")
    site.log("small.log", b"small\n")
    done = site.diagnose(max_log_size=1024)
    assert [name for name in done.members if name.startswith("logs/")] == ["logs/small.log"]
    assert "has 5000 octets, more than the" in done.skipped_files[large]
    assert "has 6000 octets, more than the" in done.skipped_files[growing]
    assert "being used by another process" in done.skipped_files[locked]
    assert "is not text" in done.skipped_files[binary]
    transferred = {call["path"] for call in site.machine.calls if call["call"] in ("slurp", "fetch_file")}
    assert not transferred & {large, growing}


def test_the_number_of_logs_is_bounded(site: Site) -> None:
    for number in range(MAX_READ + 3):
        path = site.log(f"{number:02}.log", b"x\n")
        if number < MAX_DIFFICULT + 2:
            site.machine.open_by_another(path)
    done = site.diagnose()
    assert sum("newest 20 files are read" in reason for reason in done.skipped_files.values()) == 3
    assert done.called.count("fetch_file") <= MAX_DIFFICULT + 1


def test_of_many_logs_the_newest_count_wherever_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_logs, "MAX_FILES", 2)
    host = ListedHost({"a.log": 1.0, "b.log": 2.0, "c.log": 3.0})
    logs = WindowsLogs(
        host,
        variables={},
        utc_offset=0,
        max_bytes=1000,
        secrets=(),
        deadline=time.monotonic() + 60,
        never=(),
        make_copies=False,
    )
    logs.collect(["C:\\logs"])
    assert [log.name for log in logs.logs.found] == ["c.log", "b.log"]
    assert logs.logs.skipped_files == [("C:\\logs\\a.log", "this and what is older: there are more than 2 files")]


class ListedHost:
    """A host with one folder of logs, listed by name.

    :param files: when each was written.
    """

    def __init__(self, files: Mapping[str, float]) -> None:
        self._files = files

    def ask(self, module: str, _arguments: Mapping[str, Any], **_how: bool) -> dict[str, Any]:
        if module == "win_stat":
            return {"stat": {"exists": True, "isdir": True}}
        if module == "slurp":
            return {"content": base64.b64encode(b"x\n").decode()}
        return {
            "files": [
                {"path": f"C:\\logs\\{name}", "size": 2, "lastwritetime": written}
                for name, written in self._files.items()
            ]
        }


@pytest.mark.parametrize(
    ("log_paths", "found"),
    [
        ([f"{LOGS}\\*.LOG"], ["a[1].log", "b.log"]),
        ([f"{LOGS}\\a[1].log"], ["a[1].log"]),
        ([f"{LOGS}\\?.log"], ["b.log"]),
        (["%ProgramData%/MaaS360/Cloud Extender/logs"], ["a[1].log", "b.log", "old\\c.txt"]),
        (None, ["a[1].log", "b.log", "old\\c.txt"]),
        ([], []),
    ],
)
def test_log_paths_are_a_folder_a_file_or_a_glob(site: Site, log_paths: list[str] | None, found: list[str]) -> None:
    site.machine.make_folder(f"{LOGS}\\old")
    for name in ("a[1].log", "b.log", "old\\c.txt"):
        site.log(name, b"x\n")
    done = site.diagnose(**({} if log_paths is None else {"log_paths": log_paths}))
    assert {name for name in done.members if name.startswith("logs/")} == {f"logs/{safe_path(name)}" for name in found}
    assert done.skipped_files == {}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("C:\\nothing", "does not exist, or is not accessible"),
        ("C:\\Users", "is an empty folder"),
        ("C:\\Users\\*.log", "there is nothing that matches"),
        ("%nope%\\logs", "the environment of the host has no variable nope, or does not tell it"),
    ],
)
def test_a_log_path_that_leads_to_nothing_is_a_problem(site: Site, path: str, reason: str) -> None:
    done = site.diagnose(log_paths=[path])
    assert done.skipped_files == {path: reason}
    assert "logs" in done.problems


def test_the_store_is_never_taken_for_a_log(site: Site) -> None:
    site.store()
    done = site.diagnose(log_paths=["C:\\ProgramData\\CloudExtenderEST"])
    assert not [name for name in done.members if name.startswith("logs/")]
    assert {"is not a log: it is of the template store or a test"} == {
        reason for path, reason in done.skipped_files.items() if "sealing" in path
    }


@pytest.mark.parametrize(
    ("module", "sections"),
    [
        ("setup", ["system", "proxy", "clock"]),
        ("win_service_info", ["services"]),
        ("win_reg_stat", ["services", "proxy"]),
        ("win_http_proxy", ["proxy"]),
        ("win_certificate_info", ["trust"]),
        ("win_uri", ["est"]),
        ("win_find", ["store", "logs"]),
        ("win_acl_inheritance", ["store", "logs"]),
        ("win_stat", ["store", "tests", "logs"]),
        ("slurp", ["store", "logs"]),
    ],
)
def test_each_module_that_fails_is_told_and_the_rest_is_there(site: Site, module: str, sections: list[str]) -> None:
    site.trust()
    site.store()
    site.log("EMSAgent.log", b"a line\n")
    site.machine.has(broken={module: f"{module} is broken"})
    done = site.diagnose()
    assert set(done.problems) == set(sections), done.result["problems"]
    assert f"{module} is broken" in json.dumps(done.result)
    assert "SUMMARY.txt" in done.members


def test_a_host_on_which_nothing_works_has_an_archive_that_says_so(site: Site) -> None:
    site.store()
    names = {call["call"] for call in site.machine.calls} | {"setup", "win_find", "win_service_info", "win_reg_stat"}
    site.machine.has(broken=dict.fromkeys(names | {"win_http_proxy", "win_uri", "win_stat"}, "broken"))
    done = site.diagnose()
    assert {"system", "services", "proxy", "tests", "store", "logs"} <= set(done.problems)
    assert done.data["servers"] == []


def test_why_a_server_is_not_reached_is_told(site: Site) -> None:
    trusting = {"use_system_trust": True, "username": "u", "password": "canary-2"}
    site.store(
        {"name": "untrusted", **{key: site.template[key] for key in ("server", "ca_certificate")}},
        {"name": "unknown", "server": "no-such-host.invalid", **trusting},
        {"name": "closed", "server": "localhost", "port": 1, **trusting},
        {"name": "wrong trust", "server": site.template["server"], **trusting},
        {"name": "pinned", "server": site.template["server"], "ca_fingerprint": "AB:" * 31 + "AB"},
    )
    done = site.diagnose(log_paths=[])
    told = Counter(problem["section"] for problem in done.result["problems"])
    assert told == {"resolve": 1, "connect": 1, "tls": 1, "trust": 2}
    reasons = {problem["section"]: problem["reason"] for problem in done.result["problems"]}
    assert "cannot resolve the name" in reasons["resolve"]
    assert "cannot connect" in reasons["connect"]
    assert "by ansible.windows.win_wait_for" in done.summary
    assert all(problem["hint"] for problem in done.result["problems"])


def test_words_that_nobody_understands_leave_the_connection_to_be_tried(site: Site) -> None:
    site.trust()
    site.store()
    site.machine.has(broken={"win_uri": "Der Vorgang hat das Zeitlimit erreicht."})
    done = site.diagnose(log_paths=[])
    assert done.problems == ["est"]
    assert "by ansible.windows.win_wait_for" in done.summary


def test_a_clock_that_is_wrong_is_told_against_both(site: Site) -> None:
    site.trust()
    site.store()
    site.machine.has(clock_ahead=10800, utc_offset=7200)
    done = site.diagnose(log_paths=[])
    assert done.problems == ["clock", "clock"]
    assert "the host is 3 hours ahead of the controller" in done.summary
    assert "the host is 3 hours ahead of this EST server" in done.summary


def test_logs_are_left_out_where_a_password_cannot_be_opened(site: Site) -> None:
    site.store()
    site.log("EMSAgent.log", b"a line\n")
    for key in site.machine.real(STORE).glob("sealing.key.*"):
        key.unlink()
    assert not [name for name in site.diagnose().members if name.startswith("logs/")]
    assert "logs/EMSAgent.log" in site.diagnose(redact=[PASSWORD]).members


def test_a_service_that_should_run_and_does_not_is_a_problem(site: Site) -> None:
    site.machine.has(services=[{"name": "EMSAgent", "display_name": "MaaS360", "state": "stopped"}])
    assert "services" in site.diagnose().problems


def test_wrong_paths_are_refused_before_the_host_is_asked(site: Site) -> None:
    wrong = {
        "store_path": {"store_path": "/srv/est"},
        "output_path": {"output_path": "tests"},
        "log_paths[0]": {"log_paths": ["/var/log"]},
        "is not a glob on Windows": {"log_paths": ["C:\\a|*.log"]},
    }
    tasks = [
        {"estfleet.cloud_extender.est_diagnostics": {"dest": str(site.dest), **arguments}, "ignore_errors": True}
        for arguments in wrong.values()
    ]
    found, _printed = site.play.run(tasks, hosts="windows")
    for words, result in zip(wrong, found["windows"], strict=True):
        assert result["failed"] and words in result["msg"], result
    assert site.play.called == []


def test_the_playbook_collects_windows_and_posix_hosts_together(site: Site) -> None:
    site.trust()
    site.store()
    site.machine.open_for_writing(site.log("EMSAgent.log", b"open\n"))
    variables = {
        "est_integration_hosts": "all",
        "est_diagnostics_dest": str(site.dest),
        "est_integration_store_path": "{{ est_store }}",
    }
    playbook = HERE.parents[1] / "playbooks" / "diagnostics.yml"
    found, printed = site.play.run_playbook(playbook, variables=variables)
    assert not any(result["failed"] for results in found.values() for result in results), printed
    assert sorted(path.name.partition("-")[0] for path in site.dest.iterdir()) == ["posix", "windows"]
    collected = next(result for result in found["windows"] if "archive" in result)
    assert Diagnosis(collected, printed, []).members["logs/EMSAgent.log"] == b"open\n"
    assert "WARNING" not in printed


def test_without_ansible_windows_the_archive_says_what_to_install(site: Site) -> None:
    task = {"estfleet.cloud_extender.est_diagnostics": {"dest": str(site.dest)}}
    found, printed = site.play.run([task], hosts="windows", collections=False)
    done = Diagnosis(found["windows"][0], printed, [])
    assert {"system", "store", "logs"} <= set(done.problems)
    assert "ansible-galaxy collection install ansible.windows" in done.summary


def test_a_host_that_is_down_is_unreachable(site: Site) -> None:
    task = {"estfleet.cloud_extender.est_diagnostics": {"dest": str(site.dest)}}
    found, _printed = site.play.run([task], hosts="windows", variables={"windows_double_down": True})
    assert found["windows"][0]["unreachable"] is True
    assert list(site.dest.iterdir()) == []


class AskedHost:
    """A host on which win_uri ends in one way, and whose connections are all refused."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def ask(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((module, arguments))
        raise Refused("timeout while waiting for it to start listening")

    def fetch(self, path: str) -> bytes:
        raise AssertionError(f"a diagnosis leaves no file such as {path}")

    def look(self, **fields: Any) -> dict[str, Any]:
        probe = WindowsProbe(
            self,
            lambda _name, _arguments: dict(self._answer),
            lambda execute: WinUriConnector(execute, self, leave_no_file),
            3,
        )
        template = {"name": "x", "server": "est.example.com", "use_system_trust": True, **fields}
        return dict(probe(template, 20.0, [0.0, 0.0])["steps"])


def test_the_answer_of_a_proxy_is_not_that_of_the_server() -> None:
    host = AskedHost({"status_code": 407, "method": "CONNECT", "content": "", "date": "Sun, 22 Nov 2026 12:00:00 GMT"})
    steps = host.look(proxy="http://proxy.example.com:3128")
    assert list(steps) == ["resolve", "connect"]
    assert steps["resolve"]["ok"] and not steps["connect"]["ok"]
    assert "the proxy refused" in steps["connect"]["reason"]


def test_a_connection_is_tried_once_to_the_next_hop() -> None:
    host = AskedHost({"failed": True, "msg": "Zeit"})
    steps = host.look(proxy="http://proxy.example.com:3128")
    assert host.asked == [
        ("win_wait_for", {"host": "proxy.example.com", "port": 3128, "connect_timeout": 3, "timeout": 1})
    ]
    assert {name: step["ok"] for name, step in steps.items()} == {"connect": False, "est": False}
    assert "the host gets no connection to proxy.example.com port 3128 in 3 seconds" in steps["connect"]["reason"]


def test_octets_that_are_no_text_are_left_to_est_server_info() -> None:
    host = AskedHost({"status_code": 200, "content": "\ufffd", "content_type": "application/pkcs7-mime"})
    steps = host.look()
    assert [name for name, step in steps.items() if not step["ok"]] == ["est"]
    assert steps["est"]["hint"] == "Run est_server_info, which does."
    assert steps["clock"]["server_time"] is None
