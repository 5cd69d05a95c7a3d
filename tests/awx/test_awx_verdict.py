# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on the fleet and the workflows that end with it: what nobody looked at, or proved, is not in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from awx.awx_job import ROOT, Finished, inventory_of, slice_of
from awx.awx_workflow import run_workflow
from awx.launching import Launch, damage
from fleet.ssh_fleet import Fleet
from support.lab import PASSWORD, USERNAME, LabServer


@pytest.fixture
def workflows(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The workflows by name, without the "EST - " that all begin with."""
    return {entry["name"].removeprefix("EST - "): entry for entry in variables["controller_workflows"]}


def without_spaces(text: str) -> str:
    """Return a text as one line, without colours: long messages are wrapped."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


@pytest.mark.usefixtures("tested")
def test_hosts_that_could_not_be_reached_are_not_in_order(launch: Launch) -> None:
    assert launch("verdict").status == "successful"
    drift = launch("drift", down=["ce1", "ce2", "ce3"])
    assert drift.status == "failed"
    verdict = launch("verdict")
    assert verdict.status == "failed"
    assert "Not in order: hosts that could not be reached: 3" in verdict.output
    assert verdict.artifacts["est_fleet"]["unreachable"] == 3

    accepted = launch("verdict", inventory_variables={"est_awx_accept_unreachable": True})
    assert accepted.status == "successful", accepted.output
    assert "Accepted: hosts that could not be reached: 3" in accepted.output


@pytest.mark.usefixtures("tested")
def test_hosts_that_no_report_tells_of_are_not_in_order(launch: Launch, reports: Any) -> None:
    for report in (reports / "slices").iterdir():
        report.unlink()
    assert launch("drift", part=(1, 2)).status == "successful"
    verdict = launch("verdict")
    assert verdict.status == "failed"
    assert "Not in order: hosts that did not run, or that no report tells of: 2" in verdict.output
    assert "ce2" in verdict.output
    accepted = launch("verdict", inventory_variables={"est_awx_accept_not_run": True})
    assert accepted.status == "successful", accepted.output
    # The verdict is about the hosts that are asked for, and only about these.
    asked = launch("verdict", survey={"est_integration_hosts": "ce1,ce3"})
    assert asked.status == "successful", asked.output
    assert asked.artifacts["est_fleet"]["hosts"] == 2


def test_a_fleet_without_proof_is_not_in_order_before_it_was_tested(launch: Launch) -> None:
    assert launch("configure", survey={"est_integration_test_policy": "never"}).status == "successful"
    verdict = launch("verdict")
    assert verdict.status == "failed"
    assert "Not in order: templates on hosts without a proof of their present content: 8" in verdict.output
    accepted = launch("verdict", inventory_variables={"est_awx_accept_unproved": True})
    assert accepted.status == "successful", accepted.output
    assert launch("test enrolment").status == "successful"
    assert launch("drift").status == "successful"
    assert launch("verdict").status == "successful"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("est_hosts", "the pattern of hosts 'est_hosts' reaches no host"),
        ("cloud_extenders:!all", "the pattern of hosts 'cloud_extenders,!all' reaches no host"),
        ("", "est_integration_hosts is empty"),
        (" ", "est_integration_hosts is empty"),
    ],
)
def test_a_job_and_a_verdict_on_no_host_are_red(launch: Launch, fleet: Fleet, answer: str, words: str) -> None:
    for name in ("configure", "verdict"):
        job = launch(name, survey={"est_integration_hosts": answer})
        assert job.status == "failed"
        assert words in without_spaces(job.output)
        assert "est_fleet" not in job.artifacts
    assert not any(host.store.exists() for host in fleet.hosts.values())


@pytest.mark.parametrize(
    "name", ["configure", "drift", "test enrolment", "renew certificates", "diagnostics", "import a bundle", "verdict"]
)
def test_every_job_on_an_inventory_without_groups_is_red(launch: Launch, name: str) -> None:
    bundle = {"EST bundle": {"bundle": "x", "passphrase": "x"}} if name == "import a bundle" else None
    job = launch(name, groups={}, credentials=bundle)
    assert job.status == "failed"
    told = without_spaces(job.output)
    assert "the pattern of hosts 'cloud_extenders' reaches no host" in told
    assert "The inventory has 4 hosts and no group, as a smart inventory of AWX" in told


def test_an_inventory_without_groups_works_where_the_survey_says_all(launch: Launch, fleet: Fleet) -> None:
    survey = {"est_integration_hosts": "all"}
    job = launch("configure", survey={**survey, "est_integration_test_policy": "always"}, groups={})
    assert job.status == "successful", job.output
    assert job.hosts("changed") == sorted(fleet.hosts)
    verdict = launch("verdict", survey=survey, groups={})
    assert verdict.status == "successful", verdict.output
    assert verdict.artifacts["est_fleet"]["hosts"] == 4


def test_a_limit_that_leaves_no_host_is_red(launch: Launch) -> None:
    job = launch("drift", limit="ce4", groups={"cloud_extenders": ["ce1", "ce2", "ce3"]})
    assert job.status == "failed"
    assert "'cloud_extenders' with the limit 'ce4' reaches no host" in without_spaces(job.output)


def test_a_pattern_of_a_user_is_never_evaluated(launch: Launch) -> None:
    job = launch("drift", survey={"est_integration_hosts": "{{'cloud_extenders'}}"})
    assert job.status == "failed"
    assert "reaches no host" in without_spaces(job.output)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"est_awx_accept_unreacheable": True}, "did you mean est_awx_accept_unreachable?"),
        ({"est_awx_acept_unreachable": True}, "did you mean est_awx_accept_unreachable?"),
        ({"est_awx_accept_everything": True}, "there is no variable est_awx_accept_everything. There are"),
        ({"est_awx_accept_unreachable": "perhaps"}, "est_awx_accept_unreachable has to be true or false"),
    ],
)
@pytest.mark.parametrize("level", ["inventory_variables", "extra_vars"])
def test_what_accepts_nothing_is_an_error(launch: Launch, given: dict[str, Any], words: str, level: str) -> None:
    verdict = launch("verdict", **{level: given})
    assert verdict.status == "failed"
    assert words in without_spaces(verdict.output)
    assert "Find the reports" not in verdict.output


def outcome(statuses: Mapping[str, str]) -> Any:
    """Return what runs a node with a status by its identifier."""
    return lambda node: statuses[node["identifier"]]


def test_the_watch_is_red_when_its_verdict_is(workflows: dict[str, dict[str, Any]]) -> None:
    for drift, verdict in itertools.product(("successful", "failed"), repeat=2):
        ended = run_workflow(workflows["watch"], outcome({"drift": drift, "verdict": verdict}))
        assert ended == (verdict, [("drift", drift), ("verdict", verdict)])


def test_putting_in_order_is_red_unless_a_verdict_at_the_end_is_not(workflows: dict[str, dict[str, Any]]) -> None:
    workflow = workflows["put in order"]
    in_order = run_workflow(workflow, outcome({"drift": "failed", "verdict": "successful"}))
    assert in_order == ("successful", [("drift", "failed"), ("verdict", "successful")])

    denied = run_workflow(workflow, outcome({"drift": "successful", "verdict": "failed", "approval": "failed"}))
    assert denied == ("failed", [("drift", "successful"), ("verdict", "failed"), ("approval", "failed")])

    approved = {"drift": "successful", "verdict": "failed", "approval": "successful"}
    for configure, test, result in itertools.product(("successful", "failed"), repeat=3):
        status, ended = run_workflow(
            workflow, outcome({**approved, "configure": configure, "test": test, "result": result})
        )
        assert status == result
        assert [name for name, _status in ended] == ["drift", "verdict", "approval", "configure", "test", "result"]


def documented_outcomes() -> dict[str, tuple[str, ...]]:
    """Return the table of docs/awx.md: what drift, verdict and watch come to, by what the fleet is like."""
    guide = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
    table = guide[guide.index("| the fleet | EST - drift |") :].split("\n\n")[0]
    head, _rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    assert head[1:] == ["EST - drift", "EST - verdict", "EST - watch"]
    return {row[0]: tuple(cell.split(":")[0] for cell in row[1:]) for row in rows}


@dataclass(frozen=True)
class Situation:
    """What a fleet is like when the watch begins.

    :param tested: whether it was configured and tested before; where no host is reached, that makes no difference.
    :param lab: how an EST server of its own is started; None: that of all tests, with which the fleet was tested.
    :param differs: whether a host was edited by hand.
    :param given: what is otherwise in the jobs of the watch.
    :param told: what the verdict says.
    """

    told: str
    tested: bool = True
    lab: Sequence[str] | None = None
    differs: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)


NO_HOST = "reaches no host"
SITUATIONS = {
    "is in order": Situation("4 hosts, 2 templates: all as declared"),
    "differs on a host": Situation("templates on hosts that are not as declared: 2", differs=True),
    "is down": Situation(
        "hosts that could not be reached: 4", tested=False, given={"down": ["ce1", "ce2", "ce3", "ce4"]}
    ),
    "has no host in the group": Situation(
        NO_HOST, tested=False, given={"groups": {"cloud_extenders": [], "others": ["ce1"]}}
    ),
    "is an empty inventory": Situation(NO_HOST, tested=False, given={"empty": True, "groups": {}}),
    'is in order, and the job has no "EST account"': Situation("all as declared", given={"credentials": {}}),
    'is in order, and the job has no "EST hosts"': Situation(
        "hosts that could not be reached: 4", tested=False, given={"machine_credential": False}
    ),
    "has test certificates that lost a name": Situation(
        "test certificates that are not what was asked for: 8", lab=("--profile", "cisco")
    ),
    "has tests that wait for approval": Situation(
        "templates on hosts whose last test waits for approval: 8", lab=("--profile", "full", "--manual-approval", "9")
    ),
}


def test_the_table_of_the_guide_has_every_situation() -> None:
    assert list(documented_outcomes()) == list(SITUATIONS)


@pytest.mark.parametrize("name", SITUATIONS)
def test_drift_verdict_and_watch_come_to_what_the_guide_says(
    request: pytest.FixtureRequest, launch: Launch, fleet: Fleet, workflows: dict[str, dict[str, Any]], name: str
) -> None:
    situation = SITUATIONS[name]
    common: dict[str, Any] = {}
    if situation.lab is not None:
        with LabServer(*situation.lab) as lab:
            server = {"server": lab.url, "key_type": "ec", "subject_alternative_name": "upn"}
            account = {"username": USERNAME, "password": PASSWORD, "ca_certificate": lab.ca_pem}
            group = {"est_integration_templates": [{"name": "wifi", **server}, {"name": "mail", **server}]}
            common = {"group_variables": group, "credentials": {"EST account": account}}
            launch("configure", survey={"est_integration_test_policy": "always"}, **common)
    elif situation.tested:
        request.getfixturevalue("tested")
    if situation.differs:
        damage(fleet, "ce3")
    jobs: dict[str, Finished] = {}

    def run(node: Mapping[str, Any]) -> str:
        jobs[node["identifier"]] = launch(
            node["unified_job_template"].removeprefix("EST - "), **{**common, **situation.given}
        )
        return jobs[node["identifier"]].status

    watch, _ended = run_workflow(workflows["watch"], run)
    assert (jobs["drift"].status, jobs["verdict"].status, watch) == documented_outcomes()[name]
    assert situation.told in without_spaces(jobs["verdict"].output)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_slices_have_every_host_once_and_groups_cut_to_them(count: int) -> None:
    hosts = {f"ce{number}": {} for number in range(1, 5)}
    groups = {"cloud_extenders": ["ce1", "ce2", "ce3"], "ce_cluster": ["ce1", "ce3"], "none": []}
    slices = [inventory_of(slice_of(hosts, number, count), groups) for number in range(1, count + 1)]
    for name, members in groups.items():
        assert sorted(host for each in slices for host in each.get(name, {"hosts": []})["hosts"]) == members
        assert all(name in each["all"]["children"] for each in slices)
    assert [host for each in slices for host in each["all"]["hosts"]] == ["ce4"]


def test_putting_in_order_puts_in_order(launch: Launch, fleet: Fleet, workflows: dict[str, dict[str, Any]]) -> None:
    assert launch("configure").status == "successful"
    damage(fleet, "ce3")
    jobs: list[Finished] = []

    def run(node: Mapping[str, Any]) -> str:
        if "approval_node" in node:
            return "successful"
        jobs.append(launch(node["unified_job_template"].removeprefix("EST - ")))
        return jobs[-1].status

    status, ended = run_workflow(workflows["put in order"], run)
    assert (status, dict(ended)["verdict"]) == ("successful", "failed"), jobs[-1].output
    assert jobs[-1].artifacts["est_fleet"]["templates_differing"] == 0
