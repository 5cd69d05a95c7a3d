# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates of extensions/awx, run as AWX runs them: on real hosts, with injected credentials, in slices."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from awx.awx_job import Finished
from awx.launching import Launch, damage
from fleet.ssh_fleet import Fleet
from support.bundles import PASSPHRASE, QUICK
from support.lab import PASSWORD, USERNAME, LabServer
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import write_bundle


def survey_defaults(entry: dict[str, Any]) -> dict[str, str]:
    return {question["variable"]: question["default"] for question in entry["survey_spec"]["spec"]}


def production_certificate(lab: LabServer) -> dict[str, Any]:
    """Return an entry of ``est_integration_certificates``, which has neither account nor trust anchor of its own."""
    return {
        "inline": {"name": "portal", "server": lab.url, "key_type": "ec"},
        "identity": {"user": "{{ inventory_hostname }}", "domain": "example.com", "email": "portal@example.com"},
        "certificate_path": "{{ fleet_output_path }}/portal.pem",
        "private_key_path": "{{ fleet_output_path }}/portal.key",
    }


def assert_no_secret(job: Finished, *secrets: str) -> None:
    """No secret may be in what AWX stores of a job: events, output, facts.

    What the runner itself notes when it starts, the environment of the job, is another matter: AWX masks it by the
    names of the variables and by what the credential type calls secret, and the worker's folder is gone with the job.
    """
    for secret in secrets:
        assert secret not in json.dumps(job.events)
        assert secret not in job.output
        assert [name for name in job.files_with(secret) if not re.fullmatch(r"artifacts/\d+/command", name)] == []
        lines = [line for line in job.stream.splitlines() if secret.encode() in line]
        assert [line for line in lines if json.loads(line).get("status") != "starting"] == []


def test_configure_and_drift_on_a_machine_credential(
    launch: Launch, fleet: Fleet, job_templates: dict[str, dict[str, Any]]
) -> None:
    survey = {**survey_defaults(job_templates["configure"]), "est_integration_test_policy": "never"}
    checked = launch("configure", survey=survey, job_type="check")
    assert checked.status == "successful", checked.output
    assert checked.hosts("changed") == sorted(fleet.hosts)
    assert not any(host.store.exists() for host in fleet.hosts.values())

    first = launch("configure", survey=survey)
    assert first.status == "successful", first.output
    assert first.hosts("changed") == sorted(fleet.hosts)
    assert first.artifacts["est_fleet"]["hosts"] == 4
    assert all(host.template_names() == {"wifi", "mail"} for host in fleet.hosts.values())

    again = launch("configure", survey=survey)
    assert again.status == "successful", again.output
    assert again.hosts("changed") == []

    damage(fleet, "ce3")
    drift = launch("drift")
    assert drift.status == "successful", drift.output
    assert drift.hosts("changed") == []  # it tells, and changes nothing
    assert drift.artifacts["est_fleet"]["drifted"] == 1
    for job in (checked, first, again, drift):
        assert_no_secret(job, PASSWORD)


def test_slices_make_one_report_and_a_verdict(launch: Launch, fleet: Fleet, lab: LabServer, reports: Path) -> None:
    before = len(lab.enrolments)
    for number in (1, 2):
        job = launch("configure", part=(number, 2), survey={"est_integration_test_policy": "changed"})
        assert job.status == "successful", job.output
        assert job.artifacts["est_fleet"]["hosts"] == 2
        assert job.hosts("changed") == [["ce1", "ce3"], ["ce2", "ce4"]][number - 1]
        assert_no_secret(job, PASSWORD)
    assert len(lab.enrolments) - before == 8
    assert len(list((reports / "slices").glob("*.json"))) == 2

    outputs = {"slices/7.json": True, "slices/7.html": True, "diagnostics/7/ce1.tar.gz": True}
    outputs |= {"diagnostics/8/ce1.tar.gz": False, "diagnostics/of-somebody/ce1.tar.gz": True}
    for name, old in outputs.items():
        path = reports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for each in (path, path.parent) if path.parent.name != "slices" else (path,):
            os.utime(each, (0, 0) if old else None)
    in_order = launch("verdict")
    assert in_order.status == "successful", in_order.output
    # What a job has left is kept as long as the others, and what no job has made is let be.
    kept = {name for name in outputs if (reports / name).exists()}
    assert kept == {"diagnostics/8/ce1.tar.gz", "diagnostics/of-somebody/ce1.tar.gz"}
    assert not (reports / "diagnostics" / "7").exists()
    assert in_order.artifacts["est_fleet"]["hosts"] == 4
    merged = json.loads((reports / "fleet.json").read_text(encoding="utf-8"))
    assert sorted(host["name"] for host in merged["hosts"]) == sorted(fleet.hosts)

    damage(fleet, "ce2")
    for number in (1, 2):
        launch("drift", part=(number, 2))
    differs = launch("verdict")
    assert differs.status == "failed"
    assert differs.artifacts["est_fleet"]["templates_differing"] == 2  # both templates of the host
    assert differs.artifacts["est_fleet"]["hosts_to_correct"] == ["ce2"]
    assert differs.artifacts["est_fleet"]["hosts_to_diagnose"] == []
    assert "ce2" in differs.output


def test_every_host_enrols_and_a_wrong_password_is_told_not_shown(launch: Launch, fleet: Fleet, lab: LabServer) -> None:
    wrong = {"username": USERNAME, "password": "canary-0a1b2c3d", "ca_certificate": lab.ca_pem}
    job = launch("configure", survey={"est_integration_test_policy": "always"}, credentials={"EST account": wrong})
    assert job.status == "failed"
    told = job.artifacts["est_fleet"]
    assert told["tests_failed"] + told["tests_not_tried"] == 8
    assert 1 <= told["tests_failed"] <= 4, "a host asked again with an account that was refused"
    assert "HTTP 401" in job.output
    assert_no_secret(job, "canary-0a1b2c3d")

    assert launch("configure").status == "successful"
    before = len(lab.enrolments)
    tested = launch("test enrolment")
    assert tested.status == "successful", tested.output
    assert len(lab.enrolments) - before == 8
    assert_no_secret(tested, PASSWORD)


def test_production_certificates_are_enrolled_once_and_then_left(launch: Launch, fleet: Fleet, lab: LabServer) -> None:
    for host in fleet.hosts.values():
        host.certificates.mkdir()
    wanted = {"est_integration_certificates": [production_certificate(lab)]}
    before = len(lab.enrolments)
    checked = launch("renew certificates", group_variables=wanted, job_type="check")
    assert checked.status == "successful", checked.output
    assert checked.hosts("changed") == sorted(fleet.hosts)
    assert len(lab.enrolments) == before

    first = launch("renew certificates", group_variables=wanted)
    assert first.status == "successful", first.output
    assert first.hosts("changed") == sorted(fleet.hosts)
    assert len(lab.enrolments) - before == 4
    found = {(host.certificates / "portal.pem").read_text(encoding="ascii") for host in fleet.hosts.values()}
    assert len(found) == 4

    again = launch("renew certificates", group_variables=wanted)
    assert again.status == "successful", again.output
    assert again.hosts("changed") == []
    assert "4 hosts, 4 production certificates: all in order" in again.output
    assert again.artifacts["est_fleet"]["certificates_in_order"] == 4
    for job in (checked, first, again):
        assert_no_secret(job, PASSWORD)


CLUSTER = {"cloud_extenders": ["ce1", "ce2", "ce3", "ce4"], "ce_cluster": ["ce1", "ce2", "ce3", "ce4"]}


@pytest.mark.parametrize("parts", [[(1, 2), (2, 2)], [(1, 1)]], ids=["slices", "one job"])
def test_a_cluster_without_a_named_writer_is_an_error_in_every_job(
    launch: Launch, fleet: Fleet, parts: list[tuple[int, int]]
) -> None:
    for part in parts:
        job = launch("configure", part=part, groups=CLUSTER, group_variables={"est_integration_cluster": "ce_cluster"})
        assert job.status == "failed"
        assert "est_integration_cluster_writer" in job.output
    assert not any(host.store.exists() for host in fleet.hosts.values())


def test_the_named_writer_of_a_cluster_is_written_and_no_other_whatever_the_slice(launch: Launch, fleet: Fleet) -> None:
    wanted = {"est_integration_cluster": "ce_cluster", "est_integration_cluster_writer": "ce2"}
    for part in ((1, 2), (2, 2)):
        job = launch("configure", part=part, groups=CLUSTER, group_variables=wanted)
        assert job.status == "successful", job.output
    assert [host.name for host in fleet.hosts.values() if host.document.exists()] == ["ce2"]


def test_a_verdict_without_reports_says_what_to_look_at(launch: Launch) -> None:
    job = launch("verdict")
    assert job.status == "failed"
    assert "Paths to expose to isolated jobs" in job.output


def test_diagnostics_leave_an_archive_for_every_host(launch: Launch, fleet: Fleet, reports: Path) -> None:
    job = launch("diagnostics")
    assert job.status == "successful", job.output
    archives = [path.name for path in (reports / "diagnostics").rglob("*") if path.is_file()]
    assert all(any(host in name for name in archives) for host in fleet.hosts), archives
    assert_no_secret(job, PASSWORD)


def test_a_bundle_and_its_passphrase_come_as_a_credential(launch: Launch, fleet: Fleet) -> None:
    content = Content.of([template(name="guest", username="guest", password="canary-77aa88bb")], secrets=True)
    bundle = {"bundle": write_bundle(content, PASSPHRASE, QUICK).decode(), "passphrase": PASSPHRASE}
    job = launch("import a bundle", credentials={"EST bundle": bundle})
    assert job.status == "successful", job.output
    assert all(host.template_names() == {"guest"} for host in fleet.hosts.values())
    assert_no_secret(job, PASSPHRASE, "canary-77aa88bb")
