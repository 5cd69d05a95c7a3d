# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook of Event-Driven Ansible: against its schema, and run with a controller that only takes notes."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from awx.awx_job import ROOT

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import named_hosts

RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "est_fleet.yml"
TOKEN = "token-of-the-vault"
NAMED = ("hosts_to_correct", "hosts_to_renew", "hosts_to_diagnose")
IN_ORDER: dict[str, list[str]] = {name: [] for name in NAMED}
_SECONDS = 60


class Controller(http.server.ThreadingHTTPServer):
    """As much of the controller's API as launching a job template needs. Every job is over at once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.launched: list[tuple[str, dict[str, Any]]] = []
        self.templates = ("EST - configure", "EST - renew certificates", "EST - diagnostics")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Controller

    def do_GET(self) -> None:
        if "/unified_job_templates/" in self.path:
            asked = {"limit": True, **dict.fromkeys(("labels", "inventory", "variables"), False)}
            found = [
                {
                    "id": number,
                    "type": "job_template",
                    "name": name,
                    "summary_fields": {"organization": {"name": "Default"}},
                    "related": {"launch": f"/api/v2/job_templates/{number}/launch/"},
                    **{f"ask_{what}_on_launch": value for what, value in asked.items()},
                }
                for number, name in enumerate(self.server.templates)
            ]
            self._answer({"results": found, "next": None})
        elif "/jobs/" in self.path:
            job = {"id": 1, "url": "/api/v2/jobs/1/", "status": "successful", "artifacts": {}}
            self._answer({**job, "results": [job], "next": None})
        else:
            self._answer({"version": "24.6.1"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.server.templates[int(self.path.split("/")[-3])]
        self.server.launched.append((name, body))
        self._answer({"id": 1, "url": "/api/v2/jobs/1/", "job": 1}, 201)

    def _answer(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def controller() -> Iterator[Controller]:
    with Controller() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def running(controller: Controller, folder: Path) -> Iterator[int]:
    """Run the rulebook; gives the port it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        "est_eda_host": "127.0.0.1",
        "est_eda_port": port,
        "est_eda_token": TOKEN,
        "est_eda_target_hosts": "site_a",
    }
    (folder / "variables.yml").write_text(json.dumps(variables), encoding="utf-8")
    (folder / "inventory.yml").write_text("all: {hosts: {localhost: {}}}\n", encoding="ascii")
    programs = Path(sys.executable).parent
    # The engine has the source as a plugin of its own; the collection ansible.eda cannot be had from the package index.
    text = RULEBOOK.read_text(encoding="utf-8")
    assert "ansible.eda.webhook:" in text
    (folder / "rulebook.yml").write_text(text.replace("ansible.eda.webhook:", "eda.builtin.webhook:"), encoding="utf-8")
    words = ["--rulebook", "rulebook.yml", "--inventory", "inventory.yml", "--vars", "variables.yml"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "ansible-rulebook", *words, "--controller-url", controller.url, "--controller-token", "x"],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.1",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.2)
        else:
            raise AssertionError((folder / "log").read_text(encoding="utf-8", errors="replace"))
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def post(port: int, named: dict[str, list[str]] | None, token: str = TOKEN) -> int:
    """Send a verdict as the notification of AWX does, None as one without artifacts; returns the status."""
    fleet = {} if named is None else {"hosts": 9, **IN_ORDER, **named}
    event = {"type": "est_verdict", "job": 7, "status": "failed", "est_fleet": fleet}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/est",
        data=json.dumps(event).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_rulebook_follows_the_published_schema() -> None:
    schema = json.loads(resources.files("ansible_rulebook").joinpath("schema/ruleset_schema.json").read_text())
    rulebook = yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(rulebook)] == []
    rulebook[0]["rules"][0]["action"]["run_job_template"].pop("organization")
    assert list(validator.iter_errors(rulebook))


def test_it_launches_job_templates_that_are_there_with_answers_of_the_survey(
    job_templates: dict[str, dict[str, Any]],
) -> None:
    for rule in yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))[0]["rules"]:
        launch = rule["action"]["run_job_template"]
        entry = job_templates[launch["name"].removeprefix("EST - ")]
        questions = {question["variable"]: question for question in entry.get("survey_spec", {"spec": []})["spec"]}
        answers = launch["job_args"].get("extra_vars", {})
        assert set(answers) == set(questions), "the controller refuses a launch without, and drops what it does not ask"
        for name, question in questions.items():
            if question["type"] == "multiplechoice":
                assert answers[name] in question["choices"]
        assert answers["est_integration_hosts"] == "{{ est_eda_target_hosts | default('cloud_extenders') }}"


def test_its_conditions_and_limits_are_names_that_the_report_gives(job_templates: dict[str, dict[str, Any]]) -> None:
    assert set(re.findall(r"est_fleet\.(\w+)", RULEBOOK.read_text(encoding="utf-8"))) == set(NAMED)
    assert set(named_hosts([])) == set(NAMED)
    for rule in yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))[0]["rules"]:
        launch = rule["action"]["run_job_template"]
        (names,) = re.findall(r"est_fleet\.(\w+)", rule["condition"])
        assert launch["job_args"]["limit"] == f"{{{{ event.payload.est_fleet.{names} }}}}"
        # Without this, the controller drops the limit, and the job runs on the whole fleet.
        assert job_templates[launch["name"].removeprefix("EST - ")]["ask_limit_on_launch"]


@pytest.mark.skipif(shutil.which("java") is None, reason="ansible-rulebook needs Java 17, and there is none")
def test_a_verdict_launches_what_its_hosts_need_on_these_and_only_once(controller: Controller, tmp_path: Path) -> None:
    with running(controller, tmp_path) as port:
        assert post(port, {"hosts_to_correct": ["ce1"]}, token="wrong") == 401
        assert post(port, {}) == 200
        assert post(port, None) == 200  # a verdict that ended before it had read a report
        assert post(port, {"hosts_to_correct": ["ce1", "10.0.0.7"]}) == 200
        assert post(port, {"hosts_to_correct": ["ce2"]}) == 200  # soon after the one before: no second correction
        assert post(port, {"hosts_to_diagnose": ["ce9"]}) == 200  # one host that is down
        assert post(port, {"hosts_to_renew": ["ce3"]}) == 200  # one whose certificate could not be renewed
        deadline = time.monotonic() + _SECONDS
        while len(controller.launched) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)  # a launch too many would come now
    log = (tmp_path / "log").read_text(encoding="utf-8", errors="replace")
    survey = {
        "est_integration_hosts": "site_a",
        "est_integration_mode": "enforce",
        "est_integration_purge": "false",
        "est_integration_test_policy": "changed",
    }
    assert [(name, body["limit"], body["extra_vars"]) for name, body in controller.launched] == [
        ("EST - configure", "ce1,10.0.0.7", survey),
        ("EST - diagnostics", "ce9", {"est_integration_hosts": "site_a"}),
        ("EST - renew certificates", "ce3", {"est_integration_hosts": "site_a"}),
    ], log
    assert TOKEN not in log
