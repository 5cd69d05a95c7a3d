# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a fleet of which hosts are down or fail: the report has all, and the exit status is Ansible's own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from support import returned

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
NAMES = ("ce1", "ce2", "ce3", "ce4", "ce5")
DOWN = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_retries": 0}
BAD = {"est_integration_store_path": "/proc/nowhere/est"}
TEMPLATE = {"name": "wifi", "server": "est.example.com"}


@pytest.fixture
def run(ansible_playbook, tmp_path):
    """Run the role on five hosts that are this machine; return exit status, output, and the report or None."""

    def play(hosts, *options, play=(), tasks=(), **variables):
        inventory = {
            "all": {
                "hosts": {name: hosts.get(name, {}) for name in NAMES},
                "children": {"cluster_a": {"hosts": {"ce2": {}, "ce3": {}}}},
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "est_integration_store_path": f"{tmp_path}/{{{{ inventory_hostname }}}}",
                    "est_integration_report_dest": str(tmp_path / "report"),
                    "est_integration_templates": [TEMPLATE],
                    **variables,
                },
            }
        }
        role = {"ansible.builtin.import_role": {"name": "estfleet.cloud_extender.est_integration"}, "tags": ["est"]}
        plays = [{"hosts": "all", "gather_facts": False, "tasks": [role, *tasks], **dict(play)}]
        (tmp_path / "inventory.json").write_text(json.dumps(inventory))
        (tmp_path / "playbook.json").write_text(json.dumps(plays))
        done = subprocess.run(
            [ansible_playbook, "-i", "inventory.json", "playbook.json", *options],
            cwd=tmp_path,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
                **returned.watching(),
                "ANSIBLE_COLLECTIONS_PATH": os.path.join(ROOT, ".cache", "collections"),
                "ANSIBLE_HOME": str(tmp_path / "home"),
                "ANSIBLE_SHOW_CUSTOM_STATS": "true",
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        path = tmp_path / "report.json"
        report = json.loads(path.read_text()) if path.exists() else None
        assert (report is None) == (not (tmp_path / "report.html").exists())
        return done.returncode, done.stdout + done.stderr, report

    return play


def states(report):
    return {host["name"]: host["state"] for host in report["hosts"]}


def told(output):
    """How often a summary is told."""
    return output.count(" hosts, 1 template: ")


def test_some_hosts_fail_or_are_down_and_the_others_go_on(run):
    undefined = {"est_integration_templates": "{{ nowhere }}"}
    status, output, report = run({"ce1": DOWN, "ce3": BAD, "ce4": undefined})
    assert status == 4
    assert states(report) == {"ce1": "unreachable", "ce2": "ok", "ce3": "failed", "ce4": "failed", "ce5": "ok"}
    assert "5 hosts, 1 template: 2 changed, 2 drifted, 2 failed, 1 unreachable" in output
    messages = {host["name"]: host["message"] for host in report["hosts"]}
    assert "Connection refused" in messages["ce1"]
    assert "/proc/nowhere" in messages["ce3"]
    assert "nowhere" in messages["ce4"]
    assert '"unreachable": 1' in output[output.index("CUSTOM STATS") :], "set_stats for workflows"


def test_variables_are_read_as_arguments_of_a_task_are(run):
    """Templates in templates, what is left out or not set, and what is not defined or not valid, with its name."""
    hosts = {
        "ce1": {"est_integration_templates": [{**TEMPLATE, "port": "{{ 8000 + 443 }}", "username": "{{ omit }}"}]},
        "ce2": {
            "est_integration_templates": "{{ [one] }}",
            "one": {**TEMPLATE, "server": "{{ two }}"},
            "two": "b.example",
        },
        "ce3": {
            "est_integration_mode": "{{ omit }}",
            "est_integration_purge_keep": None,
            "est_integration_purge": "yes",
        },
        "ce4": {"est_integration_templates": [{**TEMPLATE, "password": "{{ nowhere }}"}]},
        "ce5": {"est_integration_mode": "{{ 'enfocre' }}"},
    }
    _status, output, report = run(hosts, "--diff")
    messages = {host["name"]: host["message"] for host in report["hosts"] if host["message"]}
    assert sorted(messages) == ["ce4", "ce5"], messages
    assert messages["ce4"].startswith("est_integration_templates: ")
    assert "'nowhere' is undefined" in messages["ce4"]
    assert messages["ce5"].startswith("value of est_integration_mode must be one of: enforce, report, got: enfocre")
    assert "8443" in output
    assert "b.example" in output
    assert "omit" not in output


def test_every_host_is_down(run):
    status, output, report = run(dict.fromkeys(NAMES, DOWN))
    assert status == 4
    assert set(states(report).values()) == {"unreachable"}
    assert len(states(report)) == 5
    assert told(output) == 1


def test_every_host_fails_or_is_down(run):
    status, output, report = run({**dict.fromkeys(NAMES, BAD), "ce2": DOWN}, tasks=[{"ansible.builtin.ping": {}}])
    assert status == 4
    assert states(report) == {**dict.fromkeys(NAMES, "failed"), "ce2": "unreachable"}
    assert told(output) == 1
    assert "ansible.builtin.ping" not in output, "a host that failed runs nothing more"


def test_a_failure_stays_one_where_all_could_be_reached(run):
    status, output, report = run({"ce5": BAD}, tasks=[{"ansible.builtin.ping": {}}])
    assert status == 2
    assert states(report)["ce5"] == "failed"
    assert output.count("ok: [ce4]") == 1, "the task after the role runs on the others"


def test_serial_makes_one_report_and_tells_once(run):
    status, output, report = run({}, play={"serial": 2})
    assert status == 0
    assert states(report) == dict.fromkeys(NAMES, "ok")
    assert told(output) == 1


def test_serial_with_a_batch_that_fails_ends_the_play_and_has_a_report(run):
    status, _output, report = run({"ce3": BAD, "ce4": DOWN}, play={"serial": 2})
    assert status != 0
    assert states(report) == {"ce1": "ok", "ce2": "ok", "ce3": "failed", "ce4": "unreachable", "ce5": "not_run"}
    assert report["hosts"][4]["message"] == "its turn had not come"


def test_serial_with_a_batch_that_is_down_ends_the_play_and_has_a_report(run):
    _status, output, report = run({"ce3": DOWN, "ce4": DOWN}, play={"serial": 2})
    assert states(report)["ce2"] == "ok"
    assert states(report)["ce3"] == states(report)["ce4"] == "unreachable"
    assert told(output) >= 1


def test_too_many_failures_end_the_play_and_have_a_report(run):
    status, _output, report = run({"ce1": BAD}, play={"serial": 2, "max_fail_percentage": 10})
    assert status == 2
    assert states(report) == {"ce1": "failed", "ce2": "ok", "ce3": "not_run", "ce4": "not_run", "ce5": "not_run"}


def test_any_error_is_fatal(run):
    status, _output, report = run({"ce1": BAD}, play={"any_errors_fatal": True})
    assert status == 2
    assert states(report) == {**dict.fromkeys(NAMES, "ok"), "ce1": "failed"}


def test_hosts_that_fail_before_the_role_are_told(run):
    fail = {"ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname == 'ce2'"}
    _status, _output, report = run({}, play={"pre_tasks": [fail]})
    assert states(report)["ce2"] == "not_run"
    assert "before the role began" in report["hosts"][1]["message"]


def test_the_strategy_free_works_with_a_warning_of_ansible(run):
    status, output, report = run({"ce3": BAD, "ce4": DOWN}, play={"strategy": "free"})
    assert status == 4
    assert states(report) == {"ce1": "ok", "ce2": "ok", "ce3": "failed", "ce4": "unreachable", "ce5": "ok"}
    assert "run_once with the free strategy" in output


def test_limit_and_check(run, tmp_path):
    status, output, report = run({}, "--limit", "ce1,ce4", "--check")
    assert status == 0
    assert states(report) == {"ce1": "ok", "ce4": "ok"}
    assert report["runs"][0]["limit"] == "ce1,ce4"
    assert report["runs"][0]["check_mode"]
    assert report["counts"]["templates_differing"] == 2
    assert report["counts"]["templates_corrected"] == 0
    assert "ce1, ce4: templates missing: 'wifi'" in output
    assert not (tmp_path / "ce1").exists()


def test_check_mode_makes_the_folder_of_the_report_and_nothing_on_a_host(run, tmp_path):
    status, output, _report = run({}, "--check", est_integration_report_dest="new/site/")
    assert status == 0, output
    site = tmp_path / "new" / "site"
    assert sorted(path.name for path in site.iterdir()) == ["est-fleet-report.html", "est-fleet-report.json"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (site.parent, site)] == [0o700, 0o700]
    assert f"report: {site}/est-fleet-report.html" in output
    assert [name for name in NAMES if (tmp_path / name).exists()] == []


def test_tags_that_leave_the_role_out_leave_the_report_out(run):
    assert run({}, "--skip-tags", "est")[2] is None
    assert states(run({}, "--tags", "est")[2]) == dict.fromkeys(NAMES, "ok")


def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(run, tmp_path):
    status, output, _report = run({}, est_integration_report_dest="/proc/nowhere/report")
    assert status == 2
    assert "est_integration_report_dest: the fleet report cannot be written to /proc/nowhere" in output
    assert not (tmp_path / "ce1").exists()


def cluster(report):
    return {host["name"]: (host["mode"], host["templates"][0]["action"]) for host in report["hosts"][1:3]}


def test_only_the_first_host_of_a_cluster_is_written(run, tmp_path):
    member = {"est_integration_cluster": "cluster_a"}
    status, _output, report = run({"ce2": member, "ce3": member}, play={"serial": 1, "order": "reverse_sorted"})
    assert status == 0
    assert cluster(report) == {"ce2": ("enforce", "created"), "ce3": ("report", "created")}
    assert (tmp_path / "ce2" / "templates.json").exists()
    assert not (tmp_path / "ce3").exists()
    assert report["hosts"][2]["templates"][0]["state"] == "differs"


def test_a_cluster_whose_first_host_is_not_there_is_not_written(run, tmp_path):
    member = {"est_integration_cluster": "cluster_a"}
    status, output, report = run({"ce2": {**member, **DOWN}, "ce3": member})
    assert status == 4
    assert not (tmp_path / "ce3").exists()
    words = "ce2 writes for the cluster cluster_a, and could not be reached: nothing was corrected"
    assert report["hosts"][2]["cluster"]["note"] == words
    assert f"ce3: {words}" in output
    _status, _output, report = run({"ce2": member, "ce3": member}, "--limit", "ce3")
    assert "not in this run" in report["hosts"][0]["cluster"]["note"]
    assert not (tmp_path / "ce3").exists()
    other = {**member, "est_integration_cluster_writer": "ce3"}
    status, output, _report = run({"ce2": member, "ce3": other})
    assert status == 2
    assert "give all hosts of a cluster the same" in output
    assert not (tmp_path / "ce3").exists()
    run({"ce2": other, "ce3": other}, "--limit", "ce3")
    assert (tmp_path / "ce3").exists()


def test_two_names_of_one_host_are_told(run, tmp_path):
    same = {"est_integration_store_path": f"{tmp_path}/same"}
    _status, output, report = run({"ce1": same, "ce4": same})
    assert "ce1 and ce4 have the same address" in report["notes"][0]
    assert "ce1 and ce4 have the same address" in output
