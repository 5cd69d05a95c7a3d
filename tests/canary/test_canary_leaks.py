# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module of the collection, with secrets that can be recognised: they come out nowhere but where they belong."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canary.search import forms, pem_lines, places, search
from faults.runs import COLLECTION, Running, play
from fleet.host import SSHD
from fleet.ssh_fleet import Fleet
from support.actions import run_action
from support.bundles import QUICK
from support.lab import LabServer
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import write_bundle

USER = "estuser"
SECRETS = {
    "the password": 'cnry-password "a"/b+1',
    "a wrong password": "cnry-wrong-password/%2",
    "the passphrase of the client key": "cnry-key-passphrase&3",
    "the passphrase of the bundle": "cnry-bundle passphrase=4",
    "a wrong passphrase": "cnry-wrong-passphrase=5",
    "the password of the proxy": "cnry-proxy-password6",
    "EST_PASSWORD": "cnry-environment-password7",
    "a secret of the logs": "cnry-redacted-secret8",
    "the enrolment code": "cnry-enrolment-code=9",
}
PASSWORD, WRONG, KEY_PASSPHRASE, PASSPHRASE, WRONG_PASSPHRASE, PROXY_PASSWORD, ENVIRONMENT, LOGGED, CODE = (
    SECRETS.values()
)
PROXY = f"http://user:{PROXY_PASSWORD}@127.0.0.1:9"
IDENTITY = {"identity": {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}}
VERBOSE = {
    "ANSIBLE_DEBUG": "1",
    "ANSIBLE_DISPLAY_TRACEBACK": "always",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
}


def task(name: str, /, **options: Any) -> dict[str, Any]:
    """Return a task whose result is kept in the facts, and so in the cache of facts."""
    return {"name": name, f"{COLLECTION}.{name}": options, "register": "result", "ignore_errors": True}


def retried(work: dict[str, Any]) -> dict[str, Any]:
    """Return a task that is done again where it fails: its arguments are needed more than once."""
    return {**work, "until": "result is succeeded", "retries": 1, "delay": 0}


def keep(number: int) -> dict[str, Any]:
    fact = {f"kept_{number}": "{{ result }}", "cacheable": True}
    return {"name": "keep the result", "ansible.builtin.set_fact": fact}


class Scene:
    """Servers, a host, the folders of a run, and all that is looked at afterwards."""

    def __init__(self, folder: Path, host: dict[str, Any], host_folder: Path) -> None:
        self.folder = folder
        self.host = {**host, "store": str(host_folder / "store"), "out": str(host_folder / "out")}
        self.host_folder = host_folder
        self.runs: list[Running] = []
        self.command_lines: set[bytes] = set()
        self.environments: set[bytes] = set()

    def run(self, name: str, tasks: list[dict[str, Any]], *options: str, **settings: str) -> Running:
        """Run tasks as verbosely as can be; what the processes of the run show is sampled meanwhile."""
        folder = self.folder / name
        with_keeping = [entry for number, work in enumerate(tasks) for entry in (work, keep(number))]
        run = Running(
            folder,
            [play("all", *with_keeping)],
            {"host": self.host},
            "-vvvvv",
            *options,
            settings={
                **VERBOSE,
                "ANSIBLE_LOG_PATH": str(folder / "log"),
                "ANSIBLE_CACHE_PLUGIN": "jsonfile",
                "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
                **settings,
            },
        )
        done = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(done, str(folder).encode()))
        sampler.start()
        try:
            run.wait()
        finally:
            done.set()
            sampler.join()
        # Input of the run, and no place where something could come out.
        (folder / "playbook.yml").unlink()
        self.runs.append(run)
        return run

    def _sample(self, done: threading.Event, mark: bytes) -> None:
        """Sample until it is done.

        :param mark: is in the environment of every process of the run. What others show is none of its secrets.
        """
        while not done.wait(0.2):
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    with contextlib.suppress(OSError):
                        environment = Path(f"/proc/{entry}/environ").read_bytes()
                        if mark in environment:
                            self.environments.add(environment)
                            self.command_lines.add(Path(f"/proc/{entry}/cmdline").read_bytes())

    def places(self) -> Iterator[tuple[str, bytes]]:
        yield from places(self.folder)
        yield from ((f"host/{name}", content) for name, content in places(self.host_folder))
        yield "command lines", b"\n".join(self.command_lines)
        # A run gets EST_PASSWORD and the like from its environment, and so do its children.
        yield "environments", b"\n".join(line for entry in self.environments for line in _not_given(entry))


def _not_given(environment: bytes) -> list[bytes]:
    return [line for line in environment.split(b"\0") if not line.startswith((b"EST_PASSWORD=", b"EST_BUNDLE"))]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabServer]:
    password = tmp_path / "lab-password"
    password.write_text(PASSWORD)
    with LabServer("--password-file", str(password)) as server:
        yield server
    password.unlink()


@pytest.fixture
def digest_lab(tmp_path: Path) -> Iterator[LabServer]:
    password = tmp_path / "digest-password"
    password.write_text(PASSWORD)
    with LabServer("--password-file", str(password), "--authentication", "digest-sha256") as server:
        yield server


@pytest.fixture
def pending_lab(tmp_path: Path) -> Iterator[LabServer]:
    password = tmp_path / "pending-password"
    password.write_text(PASSWORD)
    with LabServer("--password-file", str(password), "--manual-approval", "99") as server:
        yield server


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A host that is reached by ssh; this machine itself where there is no sshd."""
    folder = tmp_path / "runs"
    folder.mkdir()
    if SSHD is None:
        (tmp_path / "host").mkdir()
        yield Scene(folder, {}, tmp_path / "host")
        return
    with Fleet(1) as fleet:
        host = fleet.hosts["ce1"]
        variables = {**fleet.connection_variables(), **fleet.host_variables(host), "ansible_pipelining": True}
        yield Scene(folder, variables, host.folder)


def success(lab: LabServer, digest_lab: LabServer, pending_lab: LabServer, scene: Scene) -> list[dict[str, Any]]:
    """Every module, as it is meant to be used."""
    server = {"ca_path": lab.ca_path, "key_type": "ec"}
    account = {"username": USER, "password": PASSWORD}
    wifi = {"name": "wifi", "server": lab.url, **account, **server}
    templates = [
        wifi,
        {"name": "digest", "server": digest_lab.url, **account, **server},
        {"name": "pending", "server": pending_lab.url, **account, **server},
        {
            "name": "certificate",
            "server": lab.url,
            **server,
            "client_certificate_path": "/nowhere/cert.pem",
            "client_key_path": "/nowhere/key.pem",
            "client_key_passphrase": KEY_PASSPHRASE,
        },
        {"name": "environment", "server": lab.url, **server},
        {"name": "code", "server": lab.url, "challenge_password": CODE, **account, **server},
        {"name": "pending code", "server": pending_lab.url, "challenge_password": CODE, **account, **server},
    ]
    store = {"store_path": "{{ store }}"}
    test = {**store, **IDENTITY, "output_path": "{{ out }}"}
    bundle = str(scene.folder / "bundle")
    exchanges = ("host", "controller", "relay")
    log = scene.host_folder / "product.log"
    log.write_text(f"the product says {PASSWORD} and {LOGGED}\n")
    return [
        task("est_templates", templates=templates, **store),
        task("est_template", **{**wifi, "renewal_period_days": 30}, **store),
        task("est_templates", templates=templates, rotate_key=True, **store),
        task("est_template_info", **store),
        *(task("est_test_enroll", template="wifi", certificate_name=way, exchange=way, **test) for way in exchanges),
        *(task("est_test_enroll", inline=wifi, certificate_name="in", exchange=way, **test) for way in exchanges),
        *(task("est_test_enroll", template="digest", exchange=way, **test) for way in exchanges[:2]),
        # Twice: the second one goes on with the key of the first.
        *(task("est_test_enroll", template="pending", exchange=way, **test) for way in ("host", "relay", "controller")),
        *(task("est_test_enroll", template="code", exchange=way, **test) for way in exchanges[:2]),
        *(task("est_test_enroll", template="pending code", exchange=way, **test) for way in exchanges[:2]),
        task("est_certificate", template="wifi", **IDENTITY, **_files(scene), **store),
        task("est_certificate", inline=wifi, force=True, **IDENTITY, **_files(scene), **store),
        task("est_certificate", inline=wifi, **IDENTITY, **_files(scene), **_sealed(scene), **store),
        task("est_certificate", inline=wifi, force=True, **IDENTITY, **_files(scene), **_sealed(scene), **store),
        task(
            "est_certificates", defaults={"inline": wifi, "force": True}, certificates=[{**IDENTITY, **_files(scene)}]
        ),
        task("est_certificate_info", paths=[str(scene.host_folder)]),
        task("est_certificates", certificates=[_many(scene.host_folder, template="wifi")], **store),
        task(
            "est_certificates",
            certificates=[
                _many(
                    scene.host_folder,
                    template="wifi",
                    output_path=str(scene.host_folder / "handout"),
                    pkcs12_only=True,
                    backup=True,
                    force=True,
                )
            ],
            **store,
        ),
        task("est_server_info", inline={"name": "look", "server": lab.url, "ca_path": lab.ca_path, **account}, **store),
        task("est_server_info", template="wifi", exchange="controller", **store),
        retried(task("est_test_enroll", inline=wifi, certificate_name="again", **test)),
        retried(task("est_template_export", dest=bundle, passphrase=PASSPHRASE, **store)),
        task("est_template_export", dest=f"{bundle}-clear", include_secrets=False, **store),
        task("est_template_import", src=bundle, passphrase=PASSPHRASE, store_path="{{ store }}-2"),
        task("est_diagnostics", dest=str(scene.folder / "diagnostics"), log_paths=[str(log)], redact=[LOGGED], **store),
        {
            "name": "the role",
            "ansible.builtin.include_role": {"name": f"{COLLECTION}.est_integration"},
            "vars": {
                "est_integration_templates": [wifi],
                "est_integration_store_path": "{{ store }}",
                "est_integration_test": {**IDENTITY, "output_path": "{{ out }}"},
                "est_integration_test_policy": "always",
                "est_integration_report_dest": str(scene.folder / "report"),
            },
        },
    ]


def _many(folder: Path, **options: Any) -> dict[str, Any]:
    """An entry for many identities."""
    people = [{"user": "jdoe"}, {"user": "msmith"}]
    return {
        **IDENTITY,
        "identities": people,
        "pkcs12_passphrase": PASSPHRASE,
        "output_path": str(folder / "identities"),
        **options,
    }


def _files(scene: Scene, folder: str = "") -> dict[str, str]:
    """Where the host keeps a production certificate."""
    names = {"certificate_path": "certificate.pem", "private_key_path": "private_key.pem"}
    return {option: os.path.join(folder or scene.host_folder, name) for option, name in names.items()}


def _sealed(scene: Scene) -> dict[str, str]:
    """The same with passphrases."""
    return {
        "private_key_passphrase": KEY_PASSPHRASE,
        "pkcs12_path": os.path.join(scene.host_folder, "certificate.p12"),
        "pkcs12_passphrase": PASSPHRASE,
    }


def failures(lab: LabServer, scene: Scene) -> list[dict[str, Any]]:
    """Every module with a secret, with something wrong about the very options that hold one, or about others."""
    store = {"store_path": "{{ store }}"}
    server = {"name": "wifi", "server": lab.url, "ca_path": lab.ca_path, "key_type": "ec", "username": USER}
    wifi = {**server, "password": PASSWORD}
    test = {**store, **IDENTITY, "output_path": "{{ out }}"}
    down = {**wifi, "server": "https://127.0.0.1:9"}
    bundle = str(scene.folder / "bundle")
    return [
        task("est_templates", templates=[{**wifi, "pasword": WRONG}], **store),
        task("est_templates", templates=[{**wifi, "password": [WRONG]}], **store),
        task("est_templates", templates=[{**wifi, "password": {"value": WRONG}}], **store),
        task("est_templates", templates={"wifi": wifi}, **store),
        task("est_templates", templates=[{**wifi, "port": PASSWORD}], **store),
        task("est_templates", templates=[{**wifi, "proxy": PROXY}], **store),
        task(
            "est_templates", templates=[{**wifi, "server": f"https://user:{PROXY_PASSWORD}@est.example.com"}], **store
        ),
        task("est_template", **{**wifi, "port": "no number"}, **store),
        task("est_template", **wifi, client_key_passphrase=KEY_PASSPHRASE, **store),
        task("est_template", **wifi, challenge_password=CODE * 20, **store),
        *(
            task(
                "est_test_enroll",
                inline={**server, "password": WRONG, "challenge_password": CODE},
                exchange=way,
                **test,
            )
            for way in ("host", "relay")
        ),
        task("est_test_enroll", inline={**wifi, "challenge_password": CODE, "proof_of_possession": "always"}, **test),
        task("est_templates", templates=[wifi], store_path="/proc/nowhere"),
        *(
            task("est_test_enroll", inline=inline, exchange=way, timeout=5, connect_timeout=2, **test)
            for inline in ({**server, "password": WRONG}, down, {**wifi, "proxy": PROXY}, {**wifi, "passwort": WRONG})
            for way in ("host", "controller", "relay")
        ),
        task("est_certificate", inline={**server, "password": WRONG}, **IDENTITY, **_files(scene), **store),
        task("est_certificate", inline={**wifi, "passwort": WRONG}, **IDENTITY, **_files(scene), **store),
        task("est_certificate", inline=wifi, **IDENTITY, **_files(scene, "/proc/nowhere"), **store),
        task("est_certificate", inline=wifi, **IDENTITY, **_files(scene), **_sealed(scene), mode="0666", **store),
        task("est_certificate", inline=wifi, **IDENTITY, **_files(scene), pkcs12_passphrase=PASSPHRASE, **store),
        task("est_certificates", certificates=[{"inline": {**server, "password": WRONG}, **IDENTITY, **_files(scene)}]),
        task("est_certificates", defaults={"inline": {**wifi, "passwort": WRONG}}, certificates=[_files(scene)]),
        task("est_certificates", certificates=[_many(scene.folder, inline={**server, "password": WRONG})]),
        task("est_server_info", inline={**server, "password": WRONG, "proxy": PROXY}, **store),
        task("est_server_info", inline={**wifi, "server": "https://127.0.0.1:9"}, **store),
        task("est_template_export", dest="/proc/nowhere/bundle", passphrase=PASSPHRASE, **store),
        task("est_template_export", dest=bundle, passphrase=[PASSPHRASE], **store),
        retried(task("est_template_import", src=bundle, passphrase=WRONG_PASSPHRASE, store_path="{{ store }}-3")),
        task("est_template_import", src="/nowhere", passphrase=PASSPHRASE, store_path="{{ store }}-3"),
        task("est_diagnostics", dest="/proc/nowhere", redact=[LOGGED], **store),
        task("est_diagnostics", dest="diagnostics", redact={"a": LOGGED}, **store),
    ]


def _secrets(scene: Scene) -> dict[str, list[bytes]]:
    secrets = {name: [text.encode()] for name, text in SECRETS.items()}
    for name, password in (("the password", PASSWORD), ("a wrong password", WRONG), ("EST_PASSWORD", ENVIRONMENT)):
        secrets[f"{name} for HTTP Basic"] = [base64.b64encode(f"{USER}:{password}".encode())]
    # A request has it among its octets, so it can stand in base64 at any of three places.
    secrets["the enrolment code in a request"] = [
        base64.b64encode(bytes(before) + CODE.encode())[4:-4] for before in range(3)
    ]
    secrets["a response of Digest"] = [b'response="', b"Authorization: "]
    keys = [path.read_text() for path in scene.host_folder.rglob("private_key.pem")]
    keys += [path.read_text() for path in scene.host_folder.rglob("identities/*.key")]
    secrets["a private key"] = [line for key in keys for line in pem_lines(key)]
    assert bool(secrets["a private key"]) == bool(keys)
    keys = [path.read_text().strip() for path in scene.host_folder.rglob("sealing.key")]
    assert keys
    secrets["the sealing key"] = [part for key in keys for part in (key.encode(), bytes.fromhex(key))]
    return secrets


def _belongs(place: str, secret: str) -> bool:
    """Say where a secret may be: these places, and no other."""
    name = place.rpartition("/")[2]
    if secret == "a private key":
        of_an_identity = place.startswith("host/identities/") and name in ("jdoe.key", "msmith.key")
        return of_an_identity or (place.startswith("host/") and name == "private_key.pem")
    if secret.startswith("the enrolment code"):
        # What is repeated while it waits for approval.
        return place.startswith("host/") and name == "request.pem"
    if secret == "the sealing key":
        return place.startswith("host/") and name == "sealing.key"
    return place == "host/product.log"  # a log of another program, as the test made it


VARIABLES = {"EST_USERNAME": USER, "EST_PASSWORD": ENVIRONMENT, "EST_BUNDLE_PASSPHRASE": PASSPHRASE}


@pytest.fixture
def tasks(lab: LabServer, digest_lab: LabServer, pending_lab: LabServer, scene: Scene) -> list[dict[str, Any]]:
    """The tasks of ``success()``, and what is there before them: a store, and a bundle."""
    tasks = success(lab, digest_lab, pending_lab, scene)
    templates = tasks[0][f"{COLLECTION}.est_templates"]["templates"]
    assert run_action("est_templates", {"templates": templates, "store_path": scene.host["store"]})["changed"]
    content = Content.of([template(name="imported", username=USER, password=PASSWORD)], secrets=True)
    (scene.folder / "bundle").write_bytes(write_bundle(content, PASSPHRASE, QUICK))
    return tasks


def test_a_success_shows_no_secret(scene: Scene, tasks: list[dict[str, Any]], capsys: Any) -> None:
    done = scene.run("success", tasks, "--diff", **VARIABLES)
    assert [entry.task for entry in done.told() if entry.ended != "ok"] == [], done.output[-4000:]
    assert list(scene.host_folder.rglob("private_key.pem"))
    _look(scene, capsys)


def test_check_mode_shows_no_secret(scene: Scene, tasks: list[dict[str, Any]], capsys: Any) -> None:
    # What needs another server or another way to it is no other in check mode.
    names = ("digest", "pending", "pending code")
    chosen = [entry for entry in tasks if entry.get(f"{COLLECTION}.est_test_enroll", {}).get("template") not in names]
    done = scene.run("check", chosen, "--check", "--diff", ANSIBLE_CALLBACK_RESULT_FORMAT="json", **VARIABLES)
    assert [entry.task for entry in done.told() if entry.ended != "ok"] == [], done.output[-4000:]
    _look(scene, capsys)


def test_a_failure_shows_no_secret(scene: Scene, tasks: list[dict[str, Any]], lab: LabServer, capsys: Any) -> None:
    assert tasks
    failing = failures(lab, scene)
    failed = scene.run("failure", failing, "--diff", **VARIABLES)
    told = [entry for entry in failed.told() if entry.task != "keep the result"]
    assert [(entry.task, entry.result) for entry in told if entry.ended != "failed"] == []
    assert len(told) == len(failing)
    _look(scene, capsys)


def _look(scene: Scene, capsys: Any) -> None:
    """Search all there is for all secrets."""
    secrets = _secrets(scene)
    printed = "".join(run.output for run in scene.runs)
    assert scene.command_lines, "the processes of the runs were seen"
    assert "masked_key" in printed, "a key that is masked may be printed"
    assert not re.search(r"""pad["']?: ["']?[A-Za-z0-9+/]{40}""", printed), "and what it is masked with may not"
    looked_at = list(scene.places())
    leaks = search(secrets, looked_at)
    wrong = {place: sorted(name for name in names if not _belongs(place, name)) for place, names in leaks.items()}
    with capsys.disabled():
        looks = sum(len(forms(part)) for parts in secrets.values() for part in parts)
        octets = sum(len(content) for _place, content in looked_at)
        print(f"\n{len(secrets)} secrets in {looks} forms, {len(looked_at)} places, {octets} octets", end=" ")
    assert {place: names for place, names in wrong.items() if names} == {}
