# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a fleet report, the file of a run that it is made of, its summary, and the command that merges."""

from __future__ import annotations

import json
import os
import stat

import pytest
from support.fleet_reports import NOW, RUN, entry, record, refused, small_fleet

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report import writing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import ReportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import make_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.merging import Spool
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.summary import summary_lines
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import fleet_report as cli


@pytest.mark.parametrize("given", ["r/fleet", "r/fleet.json", "r/fleet.html", "r/fleet.HTML"])
def test_a_path_is_that_of_both_files(given, tmp_path):
    assert writing.report_files(f"{tmp_path}/{given}") == (f"{tmp_path}/r/fleet.json", f"{tmp_path}/r/fleet.html")


def test_a_dot_in_the_name_is_no_ending(tmp_path):
    assert writing.report_files(f"{tmp_path}/fleet-1.2")[0] == f"{tmp_path}/fleet-1.2.json"


def test_a_folder_gets_files_of_a_fixed_name(tmp_path):
    for given in (str(tmp_path), f"{tmp_path}/new/"):
        json_file, html_file = writing.report_files(given)
        assert json_file == os.path.join(given, "est-fleet-report.json")
        assert html_file == os.path.join(given, "est-fleet-report.html")


def test_a_relative_path_is_one_from_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert writing.report_files("fleet")[0] == str(tmp_path / "fleet.json")


def test_both_files_are_written_private_and_nothing_else(tmp_path):
    files = writing.write_report(f"{tmp_path}/a/b/fleet", small_fleet())
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["fleet.html", "fleet.json"]
    assert [stat.S_IMODE(os.stat(file).st_mode) for file in files] == [0o600, 0o600]


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    for _again in range(2):
        files = writing.write_report(f"{tmp_path}/fleet", small_fleet())
        os.chmod(files[1], 0o644)
    assert [stat.S_IMODE(os.stat(file).st_mode) for file in files] == [0o600, 0o644]


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    json_file, _html_file = writing.write_report(f"{tmp_path}/fleet", small_fleet())
    with open(json_file, encoding="utf-8") as file:
        before = file.read()

    def full(*_arguments):
        raise OSError(28, "No space left on device", json_file)

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(ReportError, match=r"fleet\.json: No space left on device"):
        writing.write_report(f"{tmp_path}/fleet", make_document([], [], now=NOW))
    with open(json_file, encoding="utf-8") as file:
        assert file.read() == before
    assert sorted(os.listdir(tmp_path)) == ["fleet.html", "fleet.json"]


def test_a_path_that_cannot_be_is_told_beforehand(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "fleet.json").mkdir()
    with pytest.raises(ReportError, match="is a folder"):
        writing.check_writable(f"{tmp_path}/fleet")
    with pytest.raises(ReportError, match="Not a directory"):
        writing.check_writable(f"{tmp_path}/file/x/fleet")
    with pytest.raises(ReportError, match="may write into"):
        writing.check_writable("/proc/nowhere/fleet")
    writing.check_writable(f"{tmp_path}/new/folder/fleet")
    assert os.listdir(tmp_path / "new" / "folder") == []


# -- the file of a run ---------------------------------------------------------------------------------------------


def test_a_spool_gives_back_the_last_entry_of_each_host(tmp_path):
    spool = Spool(str(tmp_path), "r")
    assert spool.records() == {}
    assert spool.news() == {}
    spool.add(host_record("a\tb\n", state="unreachable"))
    spool.add(host_record("c", state="ok"))
    assert spool.news() == {"a\tb\n": "unreachable", "c": "ok"}
    spool.add(host_record("a\tb\n", state="failed"))
    assert spool.news() == {"a\tb\n": "failed"}
    assert spool.news() == {}
    assert {name: found["state"] for name, found in spool.records().items()} == {"a\tb\n": "failed", "c": "ok"}
    assert stat.S_IMODE(os.stat(spool.path).st_mode) == 0o600


def test_the_last_host_of_a_batch_is_told_that_all_of_it_are_down(tmp_path):
    spool = Spool(str(tmp_path), "r")

    def down(name, batch, state="unreachable"):
        return spool.add(host_record(name, state=state), batch)

    first, second = ["a", "b\n", "c"], ["d", "e"]
    assert [down(name, first) for name in first] == [False, False, True]
    assert [down(name, first) for name in first] == [False, False, True], "a second role of the play"
    assert [down("d", second, "ok"), down("e", second)] == [False, False]
    assert [down("d", second), down("e", second)] == [True, False], "the last entry of a host counts"
    assert [
        down(name, ["f", "g", "h"], state) for name, state in zip("fgh", ["unreachable", "failed", "unreachable"])
    ] == [
        False,
        False,
        False,
    ]
    assert [down(name, first) for name in first] == [True, False, False], "all of it were down before"
    assert not down("i", [])


def test_a_fleet_that_is_down_costs_as_much_as_it_has_hosts(tmp_path, monkeypatch):
    """As many lines are looked at as there are hosts, and not the square of that."""
    looked = []
    lines = Spool._lines
    monkeypatch.setattr(Spool, "_lines", lambda *given: looked.append(lines(*given)) or looked[-1])
    spool, batch = Spool(str(tmp_path), "r"), [f"ce{number}" for number in range(300)]
    told = [spool.add(host_record(name, state="unreachable"), batch) for name in batch]
    assert told == [*[False] * 299, True]
    one_up = [spool.add(host_record(name, state="ok" if name == "ce7" else "unreachable"), batch) for name in batch]
    assert not any(one_up[7:])
    assert sum(map(len, looked)) < 10 * len(batch)


def test_another_report_has_another_file(tmp_path):
    Spool(str(tmp_path), "r").add(host_record("a", state="ok"))
    assert Spool(str(tmp_path), "s").records() == {}


# -- the summary ---------------------------------------------------------------------------------------------------


def test_the_summary_says_what_somebody_must_look_at():
    assert summary_lines(small_fleet()) == [
        "9 hosts, 3 templates: 2 changed, 2 drifted, 2 failed, 1 unreachable, 1 not run",
        "templates on hosts: 1 corrected, 1 not as declared, 1 whose last test failed, "
        "1 whose last test waits for approval, 2 whose test certificate is not what was asked for",
        "tests of this run: 5 issued, 1 waiting for approval, 1 failed",
        "test certificates: 1 expired, 2 end within 30 days",
        "template 'wifi' on ce-10 (1 failed): stage enroll: the server refused the user name or the password (HTTP 401)"
        ". Check username and password of the template.",
        "ce-4: could not be reached",
        "ce-5: cannot write the template store: no space",
        "ce-7: ce-6 writes for the cluster cluster_a; this host differs until the product has synchronised them",
        "ce-2: templates.json has mode 0644, not 0600",
        "ce-2: template 'vpn' updated: port is 443, not 8443",
        "ce-7: templates missing: 'mail'",
        "ce-1, ce-10: the test certificate of template 'mail' is not what was asked for: "
        "subject_alternative_name UPN:jdoe@example.com",
        "ce-8: not run: its turn had not come",
    ]


def test_nothing_to_tell_is_one_line():
    assert summary_lines(make_document([record("h", entry("t"))], [RUN], now=NOW)) == [
        "1 host, 1 template: all as declared"
    ]


def test_many_hosts_with_the_same_trouble_share_a_line():
    down = [host_record(f"h{number}", state="unreachable", message=str(number)) for number in range(100)]
    assert summary_lines(make_document(down, [RUN], now=NOW))[1:] == [
        "h0, h1, h2, h3 and 96 more hosts: could not be reached"
    ]


def test_much_trouble_stays_a_few_lines_and_one_line_each():
    hosts = [
        record(
            f"h{n}", entry("t"), tests=({**refused("t"), "http_status": 500, "reason": f"{n}\n\x1b[31m{'x' * 999}"},)
        )
        for n in range(100)
    ]
    lines = summary_lines(make_document(hosts, [RUN], now=NOW))
    assert len(lines) == 16
    assert lines[-1] == "... and 88 more: see the report"
    assert all("\n" not in line and "\x1b" not in line and len(line) < 600 for line in lines)


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command_merges(tmp_path, capsys):
    writing.write_report(f"{tmp_path}/s1", make_document([record("a", entry("t"))], [RUN], now=NOW))
    writing.write_report(f"{tmp_path}/s2", make_document([record("b", entry("t"))], [RUN], now=NOW))
    assert cli.main([f"{tmp_path}/all", f"{tmp_path}/s*.json"]) == 0
    with open(tmp_path / "all.json", encoding="utf-8") as file:
        assert [host["name"] for host in json.load(file)["hosts"]] == ["a", "b"]
    assert (
        capsys.readouterr().out == f"2 hosts, 1 template: all as declared\n{tmp_path}/all.json\n{tmp_path}/all.html\n"
    )


def test_the_command_tells_what_is_wrong(tmp_path, capsys):
    assert cli.main([f"{tmp_path}/all", f"{tmp_path}/none.json"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/none.json cannot be read: No such file or directory\n"
