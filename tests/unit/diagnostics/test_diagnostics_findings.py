# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.findings import clock_offset, judge
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_text import (
    clean_section,
    without_password,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.report import problems, summarise

OK = {"ok": True, "milliseconds": 1.0}


def judged(**parts):
    return [(finding.section, finding.ok, finding.text) for finding in judge(parts)]


def server(*templates, **steps):
    section = {"ok": True, "data": {"server": "est:443", "steps": steps}}
    return {"templates": list(templates), "section": section}


@pytest.mark.parametrize("ahead", [-86400.0, -40.0, 0.0, 40.0, 86400.0])
@pytest.mark.parametrize("travel", [0.0, 0.5, 5.0])
def test_the_bounds_of_the_clock_hold_the_truth(ahead, travel):
    sent = 1_000_000.0
    low, high = clock_offset(sent, sent + travel + ahead, sent + travel + 3 + ahead, sent + 2 * travel + 3)
    assert low <= ahead <= high
    ((_section, ok, text),) = judged(clock=[low, high])
    assert ok is (abs(ahead) < 30 or (abs(ahead) == 40 and travel > 10))
    if ahead:
        assert ("ahead of" in text) is (ahead > 0) and ("behind" in text) is (ahead < 0)


@pytest.mark.parametrize(
    ("seconds", "words"), [(59.4, "59 seconds"), (600, "10 minutes"), (7200, "2 hours"), (864000, "10 days")]
)
def test_the_difference_of_clocks_is_told_in_words(seconds, words):
    assert words in judged(clock=[seconds, seconds + 0.1])[0][2]


@pytest.mark.parametrize(
    ("left", "words"), [(-1, "expired on 2026-01-01"), (0, "expires in 0 days"), (29, "expires in 29 days"), (30, "")]
)
def test_a_certificate_that_ends_soon_is_a_problem(left, words):
    certificate = {"subject": "/CN=est", "issuer": "/CN=ca", "not_after": "2026-01-01", "days_left": left}
    tls = {**OK, "version": "TLSv1.3", "cipher": "x", "certificate": certificate}
    found = [text for _section, ok, text in judged(servers=[server("wifi", tls=tls)]) if not ok]
    assert (words in found[0]) if words else not found


def test_the_same_look_at_a_server_is_told_once_and_trust_for_each_template():
    resolve = {**OK, "detail": "est is 192.0.2.1"}
    trusted = {**OK, "kind": "explicit"}
    refused = {
        "ok": False,
        "error_code": "untrusted_certificate",
        "reason": "not trusted",
        "hint": "Do.",
        "milliseconds": 2.0,
    }
    found = judged(
        servers=[
            server("a", "b", resolve=resolve, trust=trusted),
            server("c", resolve={**resolve, "milliseconds": 9.0}, trust=refused, est=refused),
        ]
    )
    assert found == [
        ("resolve", True, "est:443: est is 192.0.2.1"),
        ("trust", True, "est:443 (templates a, b): is trusted by the trust anchors of the template"),
        ("trust", False, "est:443 (template c): not trusted"),
    ]


def test_one_reason_is_told_once():
    refused = {"ok": False, "error_code": "no_common_cipher", "reason": "no cipher", "hint": "", "milliseconds": 1.0}
    other = {**refused, "reason": "not trusted"}
    assert judged(servers=[server("a", tls=refused, trust=refused, est=refused)]) == [
        ("tls", False, "est:443: no cipher")
    ]
    assert len(judged(servers=[server("a", tls=refused, trust=other, est=refused)])) == 2
    missing = {**refused, "reason": "the Python library requests is not usable"}
    assert len(judged(servers=[server("a", est=missing)])) == 1


def test_a_last_test_that_failed_is_a_problem():
    store = {
        "store_path": "/s",
        "store": {"exists": True, "damaged": False},
        "store_problems": [],
        "templates": [
            {"name": "wifi", "last_test": {"status": "failed", "stage": "tls", "at": "2026-11-22T12:00:00Z"}},
            {"name": "vpn", "last_test": {"status": "issued", "stage": None, "at": "2026-11-22T12:00:00Z"}},
            {"name": "new", "last_test": None},
        ],
    }
    found = judged(store={"ok": True, "data": store})
    assert [text for section, ok, text in found if section == "tests" and not ok] == [
        "the last test of template wifi: failed at the stage tls, 2026-11-22T12:00:00Z"
    ]
    assert ("tests", True, "the last test of template vpn: issued, 2026-11-22T12:00:00Z") in found


def test_a_last_test_says_what_it_did_not_prove():
    issued = {"status": "issued", "stage": None, "at": "2026-11-22T12:00:00Z"}
    lost = {"lost": ["UPN:a@b.example"], "differs": ["the key is EC P-256"], "made_up": ["imei"]}
    store = {
        "store_path": "/s",
        "store": {"exists": True, "damaged": False},
        "store_problems": [],
        "templates": [
            {"name": "wifi", "last_test": {**issued, **lost}, "proved": True},
            {"name": "vpn", "last_test": issued, "proved": False},
        ],
    }
    told = [(ok, text) for section, ok, text in judged(store={"ok": True, "data": store}) if section == "tests"]
    assert told == [
        (
            False,
            "the last test of template wifi: issued, 2026-11-22T12:00:00Z; without UPN:a@b.example; the key is EC"
            " P-256; no value was given for imei",
        ),
        (True, "the last test of template vpn: issued, 2026-11-22T12:00:00Z; the template has changed since"),
    ]


def test_it_is_told_in_which_folder_nothing_was_found():
    tests = {"ok": True, "data": {"output_path": "/srv/tests", "tests": []}}
    assert judged(tests=tests) == [
        ("tests", True, "no test has left anything in /srv/tests, the only folder looked at")
    ]


def test_only_what_has_a_certificate_is_issued():
    def left(name, *files):
        return {"name": name, "files": list(files), "modified_at": "2026-11-22T12:00:00Z"}

    found = [left("a/b", "certificate.pem"), left("a/c", "request.pem", "state.json"), left("a/d")]
    assert [text for _section, _ok, text in judged(tests={"ok": True, "data": {"tests": found}})] == [
        "a/b: issued, 2026-11-22T12:00:00Z",
        "a/c: waits for approval, 2026-11-22T12:00:00Z",
        "a/d: no certificate is there, 2026-11-22T12:00:00Z",
    ]


def test_files_that_are_intact_are_all_that_is_claimed_of_a_store():
    data = {"store_path": "/s", "store": {"exists": True, "damaged": False}, "store_problems": [], "templates": []}
    assert judged(store={"ok": True, "data": data}) == [
        ("store", True, "/s can be read; templates: none; its files are intact")
    ]


def test_the_summary_says_first_what_does_not_work():
    report = {
        "host": "ce\x1b[31m1",
        "collected_at": "2026-11-22T12:00:00Z",
        "controller": {"collection": "0.1.0", "ansible_core": "2.19", "python": "3.11"},
        "clock": [100.0, 101.0],
        "proxy": {"ok": True, "data": {}},
        "logs": {
            "ok": False,
            "error_code": "not_collected",
            "reason": "had not ended after 20 seconds",
            "hint": "Raise time_limit.",
        },
    }
    findings = judge(report)
    lines = summarise(report, findings, [{"path": f"/{number}", "reason": "is a pipe"} for number in range(30)])
    assert "\x1b" not in "".join(lines) and max(map(len, lines)) <= 110
    text = "\n".join(lines)
    order = [
        "WHAT DOES NOT WORK: 2 problems",
        "had not ended",
        "-> Raise time_limit.",
        "WHAT ELSE WAS FOUND",
        "none in the env",
    ]
    positions = [text.index(words) for words in (*order, "NOT IN THIS ARCHIVE", "and 10 more")]
    assert positions == sorted(positions)
    told = [(problem["section"], problem["error_code"]) for problem in problems(findings)]
    assert told == [("logs", "not_collected"), ("clock", "wrong_clock")]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://joe:hidden@proxy:3128/", "http://joe:********@proxy:3128/"),
        ("http://joe:hid@den@proxy:3128", "http://joe:********@proxy:3128"),
        ("joe:hidden@proxy:3128", "joe:********@proxy:3128"),
        ("http://joe@proxy", "http://joe@proxy"),
    ],
)
def test_passwords_of_proxies_are_masked(url, shown):
    assert without_password(url) == shown
    proxy = {"ok": True, "data": {"no_proxy": "localhost", "HTTPS_PROXY": url}}
    cleaned = clean_section("proxy", proxy)
    assert list(cleaned["data"].items()) == [("HTTPS_PROXY", shown), ("no_proxy", "localhost")] and cleaned["ok"]
    windows = {"ok": True, "data": {"WinHTTP": {"proxy": url, "bypass": "<local>"}, "other": {"problem": "not told"}}}
    assert clean_section("windows_proxy", windows)["data"] == {
        "WinHTTP": {"proxy": shown, "bypass": "<local>"},
        "other": {"problem": "not told"},
    }


def test_a_command_line_of_a_service_is_told_without_its_password():
    service = {"name": "EMSAgent", "path": "C:\\x.exe --password x1y2", "state": "started"}
    section = {"ok": True, "data": {"services": [service], "products": []}}
    assert clean_section("services", section)["data"] == {
        "services": [{**service, "path": "C:\\x.exe --password ********"}],
        "products": [],
    }


def test_a_section_that_failed_has_nothing_to_clean():
    failed = {"ok": False, "error_code": "not_collected", "reason": "why", "hint": ""}
    assert clean_section("services", failed) == failed


@pytest.mark.parametrize(
    ("state", "mode", "ok"),
    [
        ("started", "auto", True),
        ("stopped", "auto", False),
        ("stopped", "delayed", False),
        ("stopped", "manual", True),
        ("unknown", "auto", True),
    ],
)
def test_a_service_that_should_run_and_does_not_is_a_problem(state, mode, ok):
    service = {"name": "EMSAgent", "display_name": "MaaS360", "state": state, "start_mode": mode, "username": "x"}
    data = {"services": [service], "products": [{"name": "MaaS360 Cloud Extender", "version": ""}]}
    found = judged(services={"ok": True, "data": data})
    assert found == [
        ("services", ok, f"MaaS360 (EMSAgent): {state}, start mode {mode}, account x"),
        ("services", True, "installed: MaaS360 Cloud Extender, version not told"),
    ]


def test_a_windows_host_is_told_in_its_own_words():
    data = {
        "operating_system": "Windows Server 2022 Standard 10.0.20348.1",
        "user": "CE1\\admin",
        "time_zone": "UTC",
        "versions": {"powershell": "5.1.20348.1", "dotnet": ".NET Framework 4.8.04161"},
        "disk_space": [{"path": "C:\\x", "free_bytes": 1000}],
    }
    assert judged(system={"ok": True, "data": data}) == [
        (
            "system",
            True,
            "Windows Server 2022 Standard 10.0.20348.1, PowerShell 5.1.20348.1 on .NET Framework 4.8.04161, user "
            "CE1\\admin, time zone UTC",
        ),
        ("system", False, "the disk of C:\\x is full, or nearly so"),
    ]
