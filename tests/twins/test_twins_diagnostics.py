# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells for its diagnostics: the contract of the twins ``est_diagnostics_host``, case by case."""

from __future__ import annotations

import base64
import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lab import LabServer
from support.tls_peer import closed_port
from twins.interference import held
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_files import OVERLAP
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.probe import Sights
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.diagnostics import check_answer

MODULE = PLUGINS / "modules" / "est_diagnostics_host.py"

MUCH = 1024 * 1024
NO_LINKS = "Wine makes no links or junctions that its programs see as such"
CASE = "Linux tells names apart by case"
NOT_WINDOWS = "there is no registry"


class Diagnosed:
    """A host with logs in a folder of the test's own."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.logs = twin.folder / "logs"
        self.logs.mkdir()

    def put(self, name: str, content: bytes, *, age: float = 0) -> Path:
        path = self.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        then = int(time.time() - age)
        os.utime(path, (then, then))
        return path

    def run(self, **options: Any) -> dict[str, Any]:
        arguments = {
            "store_path": self.twin.path(self.twin.folder / "est"),
            "output_path": self.twin.path(self.twin.folder / "est" / "tests"),
            "log_paths": [self.twin.path(self.logs)],
            "max_log_size": MUCH,
            "time_limit": 60,
            **options,
        }
        if "relays" in arguments:
            arguments["relays"] = json.dumps(arguments["relays"])
        answer = self.twin.run(arguments)
        check_answer(answer)
        assert answer.pop("changed") is False
        return answer

    def read(self, **options: Any) -> tuple[dict[str, bytes], dict[str, str]]:
        """The logs by name, newest first, and why others are not there by the end of their path."""
        data = self.run(**options)["sections"]["logs"]["data"]
        found = {log["name"]: gzip.decompress(base64.b64decode(log["content"])) for log in data["files"]}
        top = self.twin.path(self.logs)
        return found, {path.replace(top, "").replace("\\", "/"): reason for path, reason in data["skipped_files"]}


@pytest.fixture
def host(twin: Twin) -> Diagnosed:
    return Diagnosed(twin)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


# ----------------------------------------------------------------------------------------------------------------------
# The host


def test_every_section_is_there_with_the_time_of_the_host(host: Diagnosed) -> None:
    before = time.time()
    answer = host.run()
    assert before - 1 <= answer["started"] <= answer["ended"] <= time.time() + 1
    sections = answer["sections"]
    common = {"system", "proxy", "tests", "logs"}
    assert set(sections) == (common if host.twin.kind == "python" else common | {"services", "windows_proxy"})
    assert [section for section in sections.items() if not section[1]["ok"]] == []
    assert all(0 <= section["seconds"] < 60 for section in sections.values())
    system = sections["system"]["data"]
    assert system["user"] and system["operating_system"] and system["versions"]
    assert system["disk_space"][0]["path"] == host.twin.path(host.twin.folder / "est")
    assert isinstance(system["disk_space"][0]["free_bytes"], int)
    assert answer["relays"] == []


@pytest.mark.cannot_show(python="tests/unit/diagnostics/test_diagnostics_sections.py has it")
def test_a_section_that_hangs_or_fails_spoils_no_other(host: Diagnosed) -> None:
    script = """
& (Get-Module _windows_diagnostics) {
    function Get-EstSystem { [Threading.Thread]::Sleep(600000) }
    function Get-EstTests { throw (New-Object IO.IOException 'no such drive') }
    function Get-EstLogs { Get-EstNothingOfThatName }
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $tasks = foreach ($name in 'Get-EstSystem', 'Get-EstTests', 'Get-EstLogs') { Start-EstSection $name @{} }
    foreach ($task in $tasks) { (Complete-EstSection $task 3 $watch).reason }
    (Complete-EstSection (Start-EstSection 'Get-EstProxyVariables' @{}) 30 $watch).ok
}
[Environment]::Exit(0)
"""
    said = host.twin.script(script)
    hangs, fails, defect, works = said.strip().splitlines()
    assert hangs == "had not ended after 3 seconds"
    assert fails.startswith("no such drive")
    assert "Get-EstNothingOfThatName" in defect
    assert works == "True"


@pytest.mark.cannot_show(python="it is of Windows", pwsh=NOT_WINDOWS)
def test_the_product_is_found_in_the_registry(host: Diagnosed) -> None:
    told = host.twin.script(
        r"""
$services = [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('SYSTEM\CurrentControlSet\Services\EMSAgent')
$services.SetValue('DisplayName', 'Cloud Extender'); $services.SetValue('ObjectName', 'LocalSystem')
$services.SetValue('Start', 2); $services.SetValue('DelayedAutostart', 1)
$services.SetValue('ImagePath', 'C:\Program Files\x.exe --password x1y2')
$path = 'SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{0}'
$product = [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey(($path -f 'MaaS360 Cloud Extender'))
$product.SetValue('DisplayName', 'MaaS360 Cloud Extender'); $product.SetValue('DisplayVersion', '3.001.300')
$null = [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey(($path -f 'Other'))
$path = 'S-1-5-18\Software\Microsoft\Windows\CurrentVersion\Internet Settings'
$settings = [Microsoft.Win32.Registry]::Users.CreateSubKey($path)
$settings.SetValue('ProxyEnable', 1); $settings.SetValue('ProxyServer', 'proxy.example:3128')
foreach ($key in $services, $product, $settings) { $key.Dispose() }
'made'
"""
    )
    assert "made" in told, told
    sections = host.run()["sections"]
    (service,) = sections["services"]["data"]["services"]
    state = service.pop("state")
    assert state in ("unknown", "stopped")
    assert service == {
        "name": "EMSAgent",
        "display_name": "Cloud Extender",
        "start_mode": "delayed",
        "username": "LocalSystem",
        "path": "C:\\Program Files\\x.exe --password x1y2",
    }
    assert sections["services"]["data"]["products"] == [{"name": "MaaS360 Cloud Extender", "version": "3.001.300"}]
    proxies = sections["windows_proxy"]["data"]
    assert proxies["Internet settings of SYSTEM"] == {"proxy": "proxy.example:3128", "bypass": "", "script": ""}
    assert set(proxies["WinHTTP"]) == {"proxy", "bypass"}


# ----------------------------------------------------------------------------------------------------------------------
# Tests


def test_what_tests_left_is_read_and_no_private_key(host: Diagnosed) -> None:
    tests = host.twin.folder / "est" / "tests"
    for name, files in {
        "wifi/a": {"certificate.pem": b"a\n", "private_key.pem": b"canary"},
        "wifi/b+pending": {"request.pem": b"b\xff\n", "state.json": b"{}", "other.txt": b"canary"},
        "wifi/c": {"chain.pem": b"-----BEGIN PRIVATE KEY-----canary"},
        "wifi/.d": {"certificate.pem": b"canary"},
        "wifi/e": {"certificate.pem": b"x" * 300_000},
        "wifi/f": {},
    }.items():
        folder = tests / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        os.utime(folder, (1_700_000_000 + ord(name[5]), 1_700_000_000 + ord(name[5])))
    found = host.run()["sections"]["tests"]["data"]
    assert "canary" not in host.twin.said and base64.b64encode(b"canary").decode() not in host.twin.said
    assert found["output_path"] == host.twin.path(tests)
    told = {test["name"].replace("\\", "/"): test for test in found["tests"]}
    assert list(told) == ["wifi/b+pending", "wifi/a"]
    assert told["wifi/a"] == {
        "name": found["tests"][1]["name"],
        "modified": 1_700_000_000 + ord("a"),
        "has_private_key": True,
        "files": {"certificate.pem": base64.b64encode(b"a\n").decode()},
    }
    assert base64.b64decode(told["wifi/b+pending"]["files"]["request.pem"]) == b"b\xff\n"
    reasons = {path.replace("\\", "/").rsplit("/tests/", 1)[1]: reason for path, reason in found["skipped_files"]}
    assert set(reasons) == {"wifi/c/chain.pem", "wifi/e/certificate.pem"}
    assert reasons["wifi/c/chain.pem"] == "holds a private key"
    assert "is larger than" in reasons["wifi/e/certificate.pem"]


# ----------------------------------------------------------------------------------------------------------------------
# Logs


def test_the_newest_log_comes_first_as_it_is(host: Diagnosed) -> None:
    host.put("EMSAgent.log", "of now: Grüße\r\n".encode("utf-16"))
    host.put("EMSAgent.1.log.gz", gzip.compress(b"of yesterday\r\n"), age=86400)
    host.put("ansi.log", b"Gr\xfc\xdfe\r\n", age=3600)
    path = host.put("sub/deep.log", b"deep\n", age=90000)
    data = host.run()["sections"]["logs"]["data"]
    assert data["skipped_files"] == []
    names = [log["name"] for log in data["files"]]
    assert names == ["EMSAgent.log", "ansi.log", "EMSAgent.1.log.gz", "sub/deep.log"]
    deep = data["files"][3]
    assert deep == {
        "path": host.twin.path(path),
        "name": "sub/deep.log",
        "size": 5,
        "modified": int(path.stat().st_mtime),
        "cut": False,
        "head": "",
        "content": deep["content"],
    }
    found, _reasons = host.read()
    assert found["EMSAgent.log"] == "of now: Grüße\r\n".encode("utf-16")
    assert gzip.decompress(found["EMSAgent.1.log.gz"]) == b"of yesterday\r\n"
    assert found["ansi.log"] == b"Gr\xfc\xdfe\r\n"


@pytest.mark.parametrize("size", [100, 300_000, 900_000])
def test_no_more_than_the_limit_leaves_the_host(host: Diagnosed, size: int) -> None:
    text = b"".join(b"line %07d\n" % number for number in range(80_000))
    host.put("large.log", text)
    host.put("older.log", b"older\n", age=100)
    data = host.run(max_log_size=size)["sections"]["logs"]["data"]
    (log,) = data["files"]
    assert gzip.decompress(base64.b64decode(log["content"])) == text[-size - OVERLAP :]
    assert log["cut"] and base64.b64decode(log["head"]) == text[:4096]
    _found, reasons = host.read(max_log_size=size)
    assert reasons == {"/older.log": f"the limit of {size} octets is reached (max_log_size)"}


def test_a_compressed_log_is_whole_or_not_there(host: Diagnosed) -> None:
    packed = gzip.compress(os.urandom(50_000))
    host.put("old.log.gz", packed)
    assert host.read(max_log_size=51_000)[0] == {"old.log.gz": packed}
    found, reasons = host.read(max_log_size=20_000)
    assert found == {}
    assert reasons["/old.log.gz"] == "is compressed, and larger than the 20000 octets that are left of max_log_size"


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (bytes(range(256)) * 10, False),
        (b"MZ\x90\x00\x03\x00\x00\x00\x04\x00", False),
        (b"", True),
        (b"a crash left\0\0\0\0\0\0\0\0\0 a hole\n", True),
        ("of UTF-16 without a mark\r\n".encode("utf-16-le"), True),
        (b"\xef\xbb\xbfwith a mark\r\n", True),
        ("東京\r\n".encode("utf-16"), True),
    ],
)
def test_what_is_no_text_takes_no_room(host: Diagnosed, content: bytes, taken: bool) -> None:
    host.put("a.log", content)
    found, reasons = host.read()
    assert found == ({"a.log": content} if taken else {})
    assert reasons == ({} if taken else {"/a.log": "is not text, and nobody could look for secrets in it"})


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.log", ["a[1].log", "b.log"]),
        ("a[1].log", ["a[1].log"]),
        ("?.log", ["b.log"]),
        ("ol?", ["c.txt"]),
        ("old", ["c.txt"]),
        pytest.param("B.LOG", ["b.log"], marks=pytest.mark.cannot_show(python=CASE, pwsh=CASE)),
        pytest.param("*.LOG", ["a[1].log", "b.log"], marks=pytest.mark.cannot_show(python=CASE, pwsh=CASE)),
    ],
)
def test_a_path_is_a_folder_a_file_or_a_glob(host: Diagnosed, pattern: str, names: list[str]) -> None:
    for age, name in enumerate(("a[1].log", "b.log", "old/c.txt")):
        host.put(name, b"x\n", age=age * 10)
    path = host.twin.path(host.logs / "x")[:-1] + pattern
    found, reasons = host.read(log_paths=[path])
    assert [name.lower() for name in found] == names and reasons == {}
    assert list(host.read(log_paths=[path, path, host.twin.path(host.logs)])[0])[: len(names)]


def test_a_path_that_leads_to_nothing_is_told(host: Diagnosed) -> None:
    (host.logs / "empty").mkdir()
    paths = [host.twin.path(host.logs / name) for name in ("missing", "*.log", "empty")]
    found, reasons = host.read(log_paths=paths)
    assert found == {}
    assert reasons == {
        "/missing": "does not exist",
        "/*.log": "there is nothing that matches",
        "/empty": "is an empty folder",
    }


@pytest.mark.cannot_show(python="a path of a POSIX host has no variables")
def test_a_variable_that_the_host_has_not_is_told(host: Diagnosed) -> None:
    _found, reasons = host.read(log_paths=["%EST_NOPE%\\logs"])
    assert reasons == {"%EST_NOPE%/logs": "the environment of the host has no variable EST_NOPE, or does not tell it"}


@pytest.mark.cannot_show(python="the product has no build for it", pwsh="it has no such folder")
def test_the_folder_of_the_product_is_found(host: Diagnosed) -> None:
    folder = next(parent for parent in host.logs.parents if parent.name == "drive_c") / "ProgramData"
    product = folder / "MaaS360" / "Cloud Extender" / "logs"
    product.mkdir(parents=True, exist_ok=True)
    (product / "EMSAgent.log").write_bytes(b"of the product\n")
    found, reasons = host.read(log_paths=["%ProgramData%\\MaaS360\\Cloud Extender\\logs"])
    assert found == {"EMSAgent.log": b"of the product\n"} and reasons == {}


def test_folders_are_entered_four_deep(host: Diagnosed) -> None:
    host.put("1/2/3/a.log", b"a\n")
    host.put("1/2/3/4/b.log", b"b\n")
    found, reasons = host.read()
    assert found == {"1/2/3/a.log": b"a\n"}
    assert reasons == {"/1/2/3/4": "is a folder that was not entered: not permitted, or too deep"}


@pytest.mark.cannot_show(wine=NO_LINKS)
def test_a_link_is_followed_only_where_it_is_given(host: Diagnosed) -> None:
    outside = host.twin.folder / "outside"
    outside.mkdir()
    (outside / "a.log").write_bytes(b"a\n")
    (host.logs / "folder").symlink_to(outside)
    (host.logs / "file.log").symlink_to(outside / "a.log")
    found, reasons = host.read()
    assert found == {}
    assert set(reasons.values()) == {"is a symbolic link, and those are not followed"} and len(reasons) == 2
    assert host.read(log_paths=[host.twin.path(host.logs / "folder")])[0] == {"a.log": b"a\n"}


def test_nothing_of_the_store_is_a_log(host: Diagnosed) -> None:
    store = host.twin.folder / "est"
    (store / "tests" / "wifi").mkdir(parents=True)
    for path in (store / "sealing.key", store / "tests" / "wifi" / "private_key.pem"):
        path.write_bytes(b"canary\n")
    host.put("a.log", b"a\n")
    for path in (host.twin.folder, store, store / "sealing.key", store / "tests" / "wifi"):
        found, reasons = host.read(log_paths=[host.twin.path(path)])
        assert b"canary\n" not in found.values(), path
        assert "is not a log: it is of the template store or a test" in reasons.values()
    assert host.read(log_paths=[host.twin.path(host.twin.folder)])[0]["logs/a.log"] == b"a\n"


@pytest.mark.cannot_show(wine=NO_LINKS)
def test_nothing_of_the_store_is_a_log_by_way_of_a_link(host: Diagnosed) -> None:
    store = host.twin.folder / "est"
    store.mkdir()
    (store / "sealing.key").write_bytes(b"canary\n")
    link = host.twin.folder / "link"
    link.symlink_to(store)
    assert host.read(log_paths=[host.twin.path(link)])[0] == {}


@pytest.mark.cannot_show(python="POSIX has no such sharing", pwsh="Linux has no such sharing")
@pytest.mark.parametrize("share", ["Read", "ReadWrite", "ReadWrite, Delete"])
def test_a_log_that_another_program_writes_to_is_read(host: Diagnosed, share: str) -> None:
    path = host.put("EMSAgent.log", b"open\n")
    with held(host.twin, path, share):
        assert host.read()[0] == {"EMSAgent.log": b"open\n"}


def test_after_its_time_the_rest_is_told(host: Diagnosed) -> None:
    host.put("a.log", b"a\n")
    found, reasons = host.read(time_limit=0)
    assert found == {} and len(reasons) <= 1


# ----------------------------------------------------------------------------------------------------------------------
# EST servers


def test_servers_are_seen_side_by_side(host: Diagnosed, lab: LabServer) -> None:
    anchors = host.twin.folder / "ca.pem"
    anchors.write_text(f"a comment\n{lab.ca_pem}", encoding="ascii")
    common = {"server": "localhost", "port": lab.port}
    templates = [
        {"name": "text", **common, "ca_certificate": lab.ca_pem},
        {"name": "file", **common, "ca_path": host.twin.path(anchors)},
        {"name": "missing", **common, "ca_path": host.twin.path(host.twin.folder / "none.pem")},
        {"name": "closed", **common, "port": closed_port(), "use_system_trust": True},
        {"name": "unknown", **common, "server": "no-such-host.invalid", "use_system_trust": True},
    ]
    sights = Sights(templates, 10, 60)
    sections = sights.sections(host.run(relays=sights.orders)["relays"])
    assert all(section["ok"] for section in sections), sections
    text, file, missing, closed, unknown = (section["data"]["steps"] for section in sections)
    for steps in (text, file):
        assert list(steps) == ["resolve", "connect", "tls", "trust", "clock", "est"]
        assert [name for name, step in steps.items() if not step["ok"]] == []
        assert steps["resolve"]["detail"].startswith("localhost is ")
        assert steps["connect"]["detail"].startswith("127.0.0.1 port ")
        assert steps["tls"]["certificate"]["subject"] == "/CN=EST Lab Server"
        assert steps["trust"]["kind"] == "explicit"
        assert abs(steps["clock"]["host_ahead_seconds"]) < 20 and steps["clock"]["verified"]
        assert steps["est"]["found"]["authentication"]["schemes"][0]["scheme"] == "basic"
    assert (missing["trust"]["ok"], missing["trust"]["error_code"]) == (False, "unreadable_file")
    assert missing["clock"]["verified"] is False and missing["est"]["found"]["trusted"] is False
    assert list(closed) == ["resolve", "connect"] and closed["connect"]["error_code"] == "connection_refused"
    assert list(unknown) == ["resolve"] and unknown["resolve"]["error_code"] == "name_not_resolved"
