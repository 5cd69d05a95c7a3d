# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One job as AWX runs it: the private data folder, the injected credentials, and ansible-runner in its three steps.

AWX never runs a playbook itself. It streams the job to a worker (``transmit``), which may be on another node, and takes
the events back (``process``); in between is receptor, which carries octets. Here a pipe does. What AWX does was looked
up in its sources: ``Inventory.get_script_data`` (slices), ``inject_credential`` (injectors), ``awx_meta_vars``
(awx_job_id), ``_update_unified_job_kwargs`` (answers of surveys), ``safe_dump`` (variables that no user may have
evaluated), ``AWX_RUNNER_OMIT_ENV_FILES`` and ``AWX_RUNNER_SUPPRESS_OUTPUT_FILE`` (both true).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import jinja2.sandbox
from support import returned

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache" / "collections"
_PROJECT = ("playbooks", "extensions/awx/playbooks", "extensions/patterns")
_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Credential:
    """A credential: its type, as in ``controller_credential_types``, and what a user has typed in."""

    type: Mapping[str, Any]
    inputs: Mapping[str, str]


@dataclass
class Injected:
    """What credentials add to a job."""

    environment: dict[str, str] = field(default_factory=dict)
    extra_vars: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """What came of a job.

    :param stream: the octets that the worker sent back.
    :param folder: the private data folder on AWX's side, where the artifacts are.
    """

    status: str
    events: Sequence[Mapping[str, Any]]
    stream: bytes
    folder: Path

    @property
    def output(self) -> str:
        """Everything that the job printed."""
        return "\n".join(str(event.get("stdout") or "") for event in self.events)

    @property
    def artifacts(self) -> dict[str, Any]:
        """The artifacts of the job, which the next node of a workflow gets as variables."""
        stats = self._stats()
        return dict(stats.get("artifact_data") or {})

    def hosts(self, number: str) -> list[str]:
        """Return the hosts with a number of the recap that is not 0: ``changed``, ``failures``, ``dark`` ..."""
        return sorted(self._stats().get(number) or {})

    def _stats(self) -> Mapping[str, Any]:
        """Return the numbers of the recap; there are none of a run that ended before its first play."""
        return next((event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"), {})

    def files_with(self, text: str) -> list[str]:
        """Return the files that were kept of the job and have a text in them."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes())
        return sorted(str(path.relative_to(self.folder)) for path in found)


def slice_of(hosts: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Return the hosts of one slice of an inventory: every ``count``-th in the order of their names."""
    return {name: hosts[name] for name in sorted(hosts)[number - 1 :: count]}


def inventory_of(hosts: Iterable[str], groups: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Return the inventory of a job, or of one slice: its groups are cut to the hosts that it has.

    As AWX makes it: a host of a group is not among those of ``all``, and a group that the cut has left empty is only
    named there.

    :param groups: all hosts of each group, whatever the slice.
    """
    there = sorted(hosts)
    cut = {name: [host for host in members if host in there] for name, members in groups.items()}
    grouped = {host for members in cut.values() for host in members}
    ungrouped = {"hosts": [host for host in there if host not in grouped], **({"children": list(cut)} if cut else {})}
    return {"all": ungrouped, **{name: {"hosts": members} for name, members in cut.items() if members}}


def inject(credentials: Sequence[Credential], folder: Path) -> Injected:
    """Do what the injectors of credential types say, and write their files into a job's folder."""
    added = Injected()
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for number, credential in enumerate(credentials):
        names: dict[str, Any] = dict(credential.inputs)
        injectors = credential.type["injectors"]
        paths = {}
        for name, text in injectors.get("file", {}).items():
            path = folder / "env" / f"credential{number}-{name.partition('.')[2]}"
            path.write_text(environment.from_string(text).render(names), encoding="utf-8")
            path.chmod(0o600)
            paths[name.partition(".")[2]] = str(path)
        names["tower"] = {"filename": paths}
        for name, text in injectors.get("env", {}).items():
            added.environment[name] = environment.from_string(text).render(names)
        for name, text in injectors.get("extra_vars", {}).items():
            added.extra_vars[name] = environment.from_string(text).render(names)
    return added


def run_job(
    template: Mapping[str, Any],
    hosts: Mapping[str, Any],
    *,
    folder: Path,
    job_id: int,
    credentials: Sequence[Credential] = (),
    variables: Mapping[str, Any] | None = None,
    group_variables: Mapping[str, Any] | None = None,
    inventory_variables: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    limit: str | None = None,
    ssh_key: str | None = None,
) -> Finished:
    """Run a job of a job template.

    :param template: an entry of ``controller_templates``.
    :param hosts: the inventory's hosts with their variables; those of one slice, where there are slices.
    :param folder: an empty folder.
    :param variables: what a user or a rulebook answers to the survey; where there is no answer its default counts.
    :param group_variables: those of the hosts.
    :param inventory_variables: those of the whole inventory.
    :param groups: the inventory's groups and their hosts, as far as these are in ``hosts``; by default all are in
        ``cloud_extenders``.
    :param limit: as the user who launches it gives it.
    :param ssh_key: the private key of the machine credential.
    """
    sent, received = folder / "sent", folder / "received"
    for name in ("env", "inventory", "project"):
        (sent / name).mkdir(parents=True)
    for name in _PROJECT:
        shutil.copytree(ROOT / name, sent / "project" / name)
    inventory = inventory_of(hosts, {"cloud_extenders": sorted(hosts)} if groups is None else groups)
    inventory["all"]["vars"] = dict(inventory_variables or {})
    inventory["_meta"] = {"hostvars": {name: {**(group_variables or {}), **own} for name, own in hosts.items()}}
    script = sent / "inventory" / "hosts"
    script.write_text(
        f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(inventory)!r})\n", encoding="utf-8"
    )
    script.chmod(0o700)
    worker = folder / "worker"
    worker.mkdir()
    (worker / "env").mkdir()
    injected = inject(credentials, worker)  # the path is one of the worker's, as "/runner/env" is in a container
    for path in (worker / "env").iterdir():
        shutil.move(path, sent / "env" / path.name)
    survey = template.get("survey_spec", {"spec": ()})["spec"] if template.get("survey_enabled") else ()
    answers = {question["variable"]: question["default"] for question in survey}
    of_user = {**answers, **(variables or {}), **injected.extra_vars}
    (sent / "env" / "extravars").write_text(
        _extra_vars({**template.get("extra_vars", {}), "awx_job_id": job_id}, of_user), encoding="utf-8"
    )
    arguments = ["--check"] if template["job_type"] == "check" else []
    arguments += ["--diff"] if template.get("diff_mode") else []
    key = {} if ssh_key is None else {"ssh_key": ssh_key}
    stream = folder / "stream"
    with stream.open("wb") as output:
        ansible_runner.interface.run(
            streamer="transmit",
            _output=output,
            private_data_dir=str(sent),
            ident=str(job_id),
            playbook=template["playbook"],
            forks=int(template.get("forks") or 5),
            cmdline=" ".join(arguments),
            envvars={**_environment(folder), **injected.environment},
            limit=limit,
            settings={"suppress_ansible_output": True},
            suppress_env_files=True,
            suppress_output_file=True,
            **key,
        )
    programs = Path(sys.executable).parent
    with stream.open("rb") as carried:
        done = subprocess.run(
            [str(programs / "ansible-runner"), "worker", "--private-data-dir", str(worker), "--delete"],
            stdin=carried,
            stdout=subprocess.PIPE,
            timeout=_LIMIT_SECONDS,
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            check=False,  # its status is that of the job
        )
    events: list[Mapping[str, Any]] = []
    statuses: list[str] = []
    ansible_runner.interface.run(
        streamer="process",
        _input=io.BytesIO(done.stdout),
        private_data_dir=str(received),
        ident=str(job_id),
        event_handler=lambda event: events.append(event) or True,
        status_handler=lambda status, runner_config: statuses.append(status["status"]),
        quiet=True,
    )
    assert not worker.exists(), "the worker left something behind"
    return Finished(statuses[-1], events, done.stdout, received)


def _extra_vars(trusted: Mapping[str, Any], of_user: Mapping[str, Any]) -> str:
    """Return extra variables as YAML. No text of a user is evaluated in the job, that of the job template is."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in trusted.items() if name not in of_user]
    lines += [f"{name}: {'!unsafe ' * isinstance(value, str)}{json.dumps(value)}" for name, value in of_user.items()]
    return "\n".join(lines) + "\n"


def _environment(folder: Path) -> dict[str, str]:
    """Return what the execution environment sets: where the collection is, and nothing of this machine's user."""
    settings = folder / "ansible.cfg"
    settings.write_text("[defaults]\n", encoding="ascii")
    return {
        **returned.watching(),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "PYTHONWARNINGS": "ignore",
    }
