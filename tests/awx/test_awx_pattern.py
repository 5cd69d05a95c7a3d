# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pattern for Ansible Automation Platform: what ansible-lint does not look at, and a job of it.

What the platform makes of pattern.json was looked up in ansible/pattern-service: a project of the collection's archive,
and of each job template one whose playbook is ``extensions/patterns/NAME/playbooks/`` and the name that is given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx.awx_job import ROOT
from awx.content import playbooks_in_project
from awx.launching import Launch
from fleet.ssh_fleet import Fleet

PATTERN = ROOT / "extensions" / "patterns" / "keep_est_templates"
PLAYBOOKS = PATTERN / "playbooks"
JOB_TEMPLATES = json.loads((PATTERN / "meta" / "pattern.json").read_text(encoding="utf-8"))["aap_resources"][
    "controller_job_templates"
]
# The job template of extensions/awx that each is the counterpart of.
COUNTERPART = {
    "configure.yml": "configure",
    "drift.yml": "drift",
    "test_enroll.yml": "test enrolment",
    "renew.yml": "renew certificates",
}
SPECIFICATION = ROOT / "roles" / "est_integration" / "meta" / "argument_specs.yml"
ROLE = yaml.safe_load(SPECIFICATION.read_text(encoding="utf-8"))["argument_specs"]["configure"]["options"]
FORM = ("type", "elements", "choices", "default", "required")


def options(playbook: str) -> dict[str, dict[str, Any]]:
    """Return the variables that the argument specification beside a playbook describes."""
    beside = (PLAYBOOKS / playbook).with_suffix(".meta.yml")
    specifications = yaml.safe_load(beside.read_text(encoding="utf-8"))["argument_specs"]
    return specifications[Path(playbook).stem]["options"]


def test_it_has_a_playbook_for_each_job_template_and_awx_finds_it() -> None:
    assert [entry["playbook"] for entry in JOB_TEMPLATES] == list(COUNTERPART)
    assert [entry["primary"] for entry in JOB_TEMPLATES].count(True) == 1
    found = {Path(name).name for name in playbooks_in_project() if name.startswith("extensions/patterns/")}
    assert found == set(COUNTERPART)
    assert {path.name for path in PLAYBOOKS.glob("*.meta.yml")} == {f"{Path(name).stem}.meta.yml" for name in found}


def test_its_surveys_ask_what_those_for_awx_ask(job_templates: dict[str, dict[str, Any]]) -> None:
    for entry in JOB_TEMPLATES:
        counterpart = job_templates[COUNTERPART[entry["playbook"]]]
        assert entry["survey"]["spec"] == counterpart["survey_spec"]["spec"]
        assert entry["description"].startswith(counterpart["description"].split(". It is the verdict")[0])
        assert {question["variable"] for question in entry["survey"]["spec"]} <= set(options(entry["playbook"]))


def test_its_argument_specifications_are_those_of_the_role() -> None:
    own = {"est_integration_hosts", "est_integration_serial"}
    without = {"drift.yml": {"est_integration_mode", "est_integration_test_policy"}}  # which the playbook sets
    for playbook in ("configure.yml", "drift.yml", "test_enroll.yml"):
        found = options(playbook)
        assert set(found) == own | set(ROLE) - without.get(playbook, set())
        for name in set(found) - own:
            assert {key: found[name].get(key) for key in FORM} == {key: ROLE[name].get(key) for key in FORM}
    seen_to = ("certificates", "certificate_defaults", "certificates_max_failures")
    of_run = ("store_path", "report_dest", "host_timeout")
    assert set(options("renew.yml")) == {*own, *(f"est_integration_{name}" for name in (*seen_to, *of_run))}


@pytest.mark.parametrize("entry", JOB_TEMPLATES[:2], ids=lambda entry: entry["playbook"])
def test_its_jobs_run(launch: Launch, fleet: Fleet, entry: dict[str, Any]) -> None:
    job = launch(
        COUNTERPART[entry["playbook"]],
        playbook=f"extensions/patterns/{PATTERN.name}/playbooks/{entry['playbook']}",
        survey_spec=entry["survey"],
    )
    assert job.status == "successful", job.output
    assert job.hosts("changed") == (sorted(fleet.hosts) if entry["primary"] else [])
    assert job.artifacts["est_fleet"]["hosts"] == 4
