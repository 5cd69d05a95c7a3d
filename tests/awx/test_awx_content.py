# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of extensions/awx against what loads it: roles of infra.aap_configuration, modules of awx.awx.

The roles give each key of an entry to a module as the option of the same name (seen in their tasks/main.yml, such as
``roles/controller_job_templates`` at commit 11e5f8e10fe2 of redhat-cop/infra.aap_configuration); what they take beside
that is named here. The options of the modules are recorded by record_awx_modules.py.
"""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import jinja2.sandbox
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from awx import content
from awx.awx_job import ROOT, Credential, inject
from awx.content import SECRETS, VERSION, load, playbooks_in_project
from dateutil.rrule import rrulestr

from ansible_collections.estfleet.cloud_extender.plugins.lookup.est_verdict import CAUSES, NO_HOSTS, PREFIX
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import KNOWN

RECORDED = json.loads((Path(__file__).parent / "awx_modules.json").read_text(encoding="utf-8"))["modules"]
# The variable that a role loads, the module it calls, and the keys it has for itself.
LOADED = {
    "controller_credential_types": ("credential_type", ()),
    "controller_credentials": ("credential", ()),
    "controller_execution_environments": ("execution_environment", ()),
    "controller_projects": ("project", ()),
    "controller_inventories": ("inventory", ()),
    "controller_templates": ("job_template", ()),
    "controller_workflows": ("workflow_job_template", ("simplified_workflow_nodes",)),
    "controller_schedules": ("schedule", ()),
    "controller_notifications": ("notification_template", ()),
}
# https://docs.ansible.com/automation-controller: the keys of a survey's question, and its types.
QUESTION = {"question_name", "question_description", "variable", "type", "choices", "min", "max", "default", "required"}
FIELD = {"id", "type", "label", "help_text", "secret", "multiline"}


def validate(module: str, entry: dict[str, Any]) -> list[str]:
    """Return what a module would refuse of its options."""
    return ArgumentSpecValidator(RECORDED[module]).validate(entry).error_messages


def by_name(variables: dict[str, Any], variable: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in variables[variable]}


@pytest.mark.parametrize("variable", LOADED)
def test_every_key_is_an_option_of_the_module(variables: dict[str, Any], variable: str) -> None:
    module, own = LOADED[variable]
    assert variables[variable]
    for entry in variables[variable]:
        assert validate(module, {key: value for key, value in entry.items() if key not in own}) == []


def test_nothing_else_is_loaded(variables: dict[str, Any]) -> None:
    assert set(variables) == set(LOADED)


def test_a_wrong_key_or_choice_is_noticed() -> None:
    assert validate("job_template", {"name": "x", "job_type": "scan"})
    assert validate("job_template", {"name": "x", "playbok": "site.yml"})
    assert validate("job_template", {"name": "x", "forks": "many"})


def test_what_entries_name_is_there(variables: dict[str, Any]) -> None:
    types = {"Machine", *by_name(variables, "controller_credential_types")}
    credentials = by_name(variables, "controller_credentials")
    assert {entry["credential_type"] for entry in credentials.values()} <= types
    for entry in variables["controller_templates"]:
        assert (ROOT / entry["playbook"]).is_file()
        assert entry["project"] in by_name(variables, "controller_projects")
        assert entry["inventory"] in by_name(variables, "controller_inventories")
        assert entry["execution_environment"] in by_name(variables, "controller_execution_environments")
        assert set(entry.get("credentials", ())) <= set(credentials)
        for key in ("notification_templates_success", "notification_templates_error"):
            assert set(entry.get(key, ())) <= set(by_name(variables, "controller_notifications"))
    launched = {*by_name(variables, "controller_templates"), *by_name(variables, "controller_workflows")}
    assert {entry["unified_job_template"] for entry in variables["controller_schedules"]} <= launched


def test_the_nodes_of_workflows_hang_together(variables: dict[str, Any]) -> None:
    for workflow in variables["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        linked: set[str] = set()
        for node in nodes.values():
            assert validate("workflow_job_template_node", {**node, "workflow_job_template": workflow["name"]}) == []
            assert ("approval_node" in node) != ("unified_job_template" in node)
            if "unified_job_template" in node:
                assert node["unified_job_template"] in by_name(variables, "controller_templates")
            for key in ("success_nodes", "failure_nodes", "always_nodes"):
                linked.update(node.get(key, ()))
        assert set(nodes) - linked == {"drift"}, "one node is the first, all others follow one"
        assert linked < set(nodes)


def surveyed(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the job templates and workflows that have a survey, by name."""
    every = [*variables["controller_templates"], *variables["controller_workflows"]]
    return {entry["name"]: entry for entry in every if entry.get("survey_enabled")}


def test_surveys_ask_for_variables_that_are_known(variables: dict[str, Any]) -> None:
    for entry in surveyed(variables).values():
        for question in entry["survey_spec"]["spec"]:
            assert set(question) <= QUESTION
            assert question["variable"] in KNOWN
            assert question["required"]
            if question["type"] == "multiplechoice":
                assert question["default"] in question["choices"]
            else:
                assert question["type"] == "text"
                assert question["min"] <= len(question["default"]) <= question["max"]


def test_every_survey_asks_on_which_hosts(variables: dict[str, Any]) -> None:
    every = [*variables["controller_templates"], *variables["controller_workflows"]]
    assert set(surveyed(variables)) == {entry["name"] for entry in every}
    asked = [entry["survey_spec"]["spec"][0] for entry in every]
    assert all(question == asked[0] for question in asked)
    assert (asked[0]["variable"], asked[0]["default"], asked[0]["required"]) == (
        "est_integration_hosts",
        "cloud_extenders",
        True,
    )


def test_nobody_who_may_launch_a_job_can_set_other_variables(variables: dict[str, Any]) -> None:
    for entry in (*variables["controller_templates"], *variables["controller_workflows"]):
        assert not entry.get("ask_variables_on_launch")


def test_schedules_answer_what_surveys_require(variables: dict[str, Any]) -> None:
    # AWX refuses a schedule without: its serializer does not leave out the check for what is required.
    for entry in variables["controller_schedules"]:
        survey = surveyed(variables)[entry["unified_job_template"]]["survey_spec"]["spec"]
        assert entry["extra_data"] == {question["variable"]: question["default"] for question in survey}


def test_awx_offers_the_playbooks_and_nothing_else() -> None:
    # One more is mended by "hosts" in quotes, where the file must keep its folder and ending.
    found = set(playbooks_in_project())
    patterns = {name for name in found if name.startswith("extensions/patterns/")}
    assert found - patterns == {
        *(f"playbooks/{name}.yml" for name in ("configure", "diagnostics", "drift", "renew", "test_enroll")),
        *(f"extensions/awx/playbooks/{name}.yml" for name in ("import_bundle", "verdict")),
    }


def test_what_is_no_playbook_for_awx_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = {
        "site.yml": "- hosts: all\n",
        "all.yaml": "---\n-   name: x\n    hosts:\n      - all\n",
        "two.yml": "- ansible.builtin.import_playbook: site.yml\n",
        "vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n",
        "quoted.yml": '- "hosts": all\n',
        "note.txt": "hosts: all\n",
        "tasks/x.yml": "- hosts: all\n",
        ".ci/x.yml": "- hosts: all\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(content, "ROOT", tmp_path)
    monkeypatch.setattr(content, "project_files", lambda: list(texts))
    assert list(playbooks_in_project()) == ["site.yml", "all.yaml", "two.yml", "vault.yml"]


def test_a_playbook_asks_for_its_hosts_by_the_lookup_that_refuses_none() -> None:
    for path in (*ROOT.glob("playbooks/*.yml"), *ROOT.glob("extensions/awx/playbooks/*.yml")):
        hosts = re.findall(r"^  hosts: (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(hosts) == 1, path
        assert "lookup('estfleet.cloud_extender.est_fleet_hosts', " in hosts[0], path


def test_the_inventory_has_variables_and_more_can_be_given(variables: dict[str, Any], tmp_path: Path) -> None:
    (entry,) = variables["controller_inventories"]
    # The role of infra.aap_configuration makes a text of them, of which the module makes variables again. Of none it
    # makes a text that the module refuses with ansible-core 2.19.
    assert validate("inventory", {**entry, "variables": str(entry["variables"])}) == []
    assert entry["variables"] == {"est_awx_reports": "/var/lib/awx/est_reports"}
    given = {"est_awx_reports": "/srv/reports", "est_awx_inventory_variables": {"est_awx_accept_lost": True}}
    assert load(tmp_path, {**SECRETS, **given}).returncode == 0
    loaded = json.loads((tmp_path / "loaded.json").read_text(encoding="utf-8"))
    (entry,) = loaded["controller_inventories"]
    assert entry["variables"] == {"est_awx_reports": "/srv/reports", "est_awx_accept_lost": True}
    assert validate("inventory", {"variables": ""})


def test_waiting_for_the_project_is_bounded_and_can_be_left_out(variables: dict[str, Any], tmp_path: Path) -> None:
    (project,) = variables["controller_projects"]
    assert (project["wait"], project["timeout"]) == (True, 300)
    assert load(tmp_path, {**SECRETS, "est_awx_project_wait": False}).returncode == 0
    loaded = json.loads((tmp_path / "loaded.json").read_text(encoding="utf-8"))
    assert loaded["controller_projects"][0]["wait"] is False


def test_every_version_in_the_content_is_that_of_galaxy_yml(variables: dict[str, Any]) -> None:
    pages = [*(ROOT / "extensions").rglob("*.*"), ROOT / "docs" / "awx.md"]
    texts = {path: path.read_text(encoding="utf-8") for path in pages if path.is_file()}
    named = {
        (path.name, version)
        for path, text in texts.items()
        for version in re.findall(r"(?:est-ee:|cloud_extender[-:]|cloud_extender[,=]+)v?([0-9][0-9.]*[0-9])", text)
    }
    assert {version for _name, version in named} == {VERSION}
    assert {"awx.md", "execution-environment.yml", "execution_environments.yml"} <= {name for name, _version in named}
    # A tag is only there once the version is released; before that, AWX could not get the playbooks by it.
    released = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    assert variables["controller_projects"][0]["scm_branch"] == (VERSION if VERSION in released else "main")


def test_credential_types_inject_what_they_ask_for(credential_types: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    for entry in credential_types.values():
        fields = entry["inputs"]["fields"]
        assert all(set(field) <= FIELD for field in fields)
        assert set(entry["inputs"]["required"]) <= {field["id"] for field in fields}
        assert all(field.get("secret") for field in fields if field["id"] in ("password", "passphrase", "bundle"))
        every = {field["id"]: f"the {field['id']}" for field in fields}
        injected = inject([Credential(entry, every)], tmp_path)
        texts = [*injected.environment.values(), *(path.read_text() for path in (tmp_path / "env").iterdir())]
        assert set(every.values()) <= set(texts)
    account = {"username": "u", "password": "p"}  # what is not required may be left out
    injected = inject([Credential(credential_types["EST account"], account)], tmp_path)
    assert injected.environment == {"EST_USERNAME": "u", "EST_PASSWORD": "p", "EST_CA_CERTIFICATE": ""}


def test_hosts_are_reached_with_a_key_or_a_password(variables: dict[str, Any], tmp_path: Path) -> None:
    key = by_name(variables, "controller_credentials")["EST hosts"]["inputs"]
    assert key == {"username": "ansible", "password": "", "ssh_key_data": SECRETS["est_awx_ssh_key"]}

    neither = {name: value for name, value in SECRETS.items() if name != "est_awx_ssh_key"}
    refused = load(tmp_path, neither)
    assert refused.returncode != 0
    assert "est_awx_ssh_key" in refused.stdout + refused.stderr

    assert load(tmp_path, {**neither, "est_awx_ssh_password": "of a Windows host"}).returncode == 0
    loaded = json.loads((tmp_path / "loaded.json").read_text(encoding="utf-8"))
    inputs = by_name(loaded, "controller_credentials")["EST hosts"]["inputs"]
    assert inputs == {"username": "ansible", "password": "of a Windows host", "ssh_key_data": ""}


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("EST - watch, every hour", 1),
        ("EST - renew certificates, every day", 24),
        ("EST - test enrolment, every week", 168),
    ],
)
def test_schedules_recur(variables: dict[str, Any], name: str, hours: int) -> None:
    rule = rrulestr(by_name(variables, "controller_schedules")[name]["rrule"].replace(" RRULE", "\nRRULE"))
    first, second = rule[0], rule[1]
    assert first.utcoffset() == datetime.timedelta(0)
    assert second - first == datetime.timedelta(hours=hours)
    assert first.minute not in (0, 30)


def message(variables: dict[str, Any], job: dict[str, Any], when: str = "error") -> Any:
    """Return the body of the notification as AWX makes it of a job."""
    body = by_name(variables, "controller_notifications")["EST - verdict"]["messages"][when]["body"]
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    return json.loads(environment.from_string(body).render(job=job))


def test_the_notification_tells_the_numbers_of_the_fleet(variables: dict[str, Any]) -> None:
    job = {
        "id": 7,
        "status": "failed",
        "artifacts": {"est_fleet": {"templates_differing": 2, "json_path": "/a/b\"c'd"}},
    }
    told = message(variables, job)
    assert told == {"type": "est_verdict", "job": 7, "status": "failed", "est_fleet": job["artifacts"]["est_fleet"]}
    # AWX tries a message on a job without artifacts before it stores it.
    assert message(variables, {**job, "artifacts": {}}, "success")["est_fleet"] == {}


def test_every_variable_of_the_content_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
    used = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "extensions").rglob("*.yml"))
    names = set(re.findall(r"\best_(?:awx|eda)_\w+", used)) - {"est_awx_bundle", f"{PREFIX}CAUSE"}
    names |= {f"{PREFIX}{cause}" for cause in (*(cause for cause, _number, _words in CAUSES), NO_HOSTS)}
    assert {name for name in names if name not in guide} == set()
    assert set(re.findall(r"\best_(?:awx|eda)_\w+", guide)) <= names


def test_no_secret_is_in_the_content() -> None:
    for path in (ROOT / "extensions").rglob("*.yml"):
        if "molecule" in path.parts:  # its password is that of the lab server of the scenario
            continue
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            name, _colon, value = line.strip().partition(": ")
            if name in ("password", "ssh_key_data", "token", "passphrase"):
                assert value.startswith('"{{ est_'), f"{path.name}: {line}"
