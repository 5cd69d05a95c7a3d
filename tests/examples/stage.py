# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the examples of the documentation on hosts that are this machine, all of them in one ansible-playbook."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples import world
from examples.documented import ROOT, Document, Entry
from support import returned
from support.lab import LabServer

#: The modes in which the examples run, in this order, each on what the one before has left.
MODES = ("--check on a fresh host", "really", "--check again")

_COLLECTION = "estfleet.cloud_extender"
_PLAY = re.compile(r"^PLAY \[", re.MULTILINE)
_RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)
_WARNING = re.compile(r"^\s*\[(?:DEPRECATION )?WARNING\].*?(?=^\S|^$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Came:
    """What came of the examples of a document in one mode.

    :param output: of its plays.
    :param counts: ``ok``, ``changed``, ``unreachable``, ``failed`` and ``skipped``; empty where it did not run.
    :param changed: the files of its host that it made, wrote or removed.
    """

    output: str
    counts: dict[str, int]
    changed: tuple[str, ...]

    @property
    def warnings(self) -> list[str]:
        """The warnings of Ansible, each on one line."""
        return warnings_in(self.output)


def warnings_in(output: str) -> list[str]:
    """Return the warnings of Ansible in an output, each on one line."""
    return [" ".join(text.split()) for text in _WARNING.findall(output)]


def run_ansible(program: str, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run ansible-playbook in a folder with its inventory.json, and return the status and all that it says.

    Settings of the user's own, and a home folder of theirs, count for nothing.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [program, "-i", "inventory.json", *arguments],
        cwd=folder,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "EST_"))},
            **world.ENVIRONMENT,
            **returned.watching(),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_NOCOWS": "1",
            "ANSIBLE_PIPELINING": "1",
            "HOME": str(home),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout


class Stage:
    """Hosts for a set of documents, and a lab server.

    :param playbook: the program ansible-playbook of the core to test with.
    """

    def __init__(self, folder: Path, playbook: str, documents: tuple[Document, ...]) -> None:
        self.folder = folder
        self._program = playbook
        self._documents = documents
        self._lab = LabServer("--profile", "full", state=str(folder / "lab"))
        self._values: dict[str, str] = {}
        #: The files beside the playbook that a mode made, wrote or removed.
        self.changed_beside: dict[str, tuple[str, ...]] = {}

    def start(self) -> None:
        """Start the server, and put in place what the examples presuppose."""
        self._lab.start()
        fingerprint = _fingerprint(self._lab.ca_pem)
        self._values = {
            "url": self._lab.url,
            "port": str(self._lab.port),
            "free_port": str(_free_port()),
            "ca": self._lab.ca_path,
            "ca_pem": self._lab.ca_pem,
            "fingerprint": fingerprint,
        }
        for name in world.BESIDE_THE_PLAYBOOK:
            if name.endswith(".pem"):
                (self.folder / name).write_text(self._lab.ca_pem, encoding="ascii")
            else:
                (self.folder / name).mkdir()
        for name, text in world.TEXTS_BESIDE_THE_PLAYBOOK.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        for document in self._documents:
            for name in world.FOLDERS.get(document.name, ()):
                (self._host(document) / name).mkdir(parents=True, exist_ok=True)
            for name, content in world.FILES.get(document.name, {}).items():
                path = self._host(document) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(world.filled_in(content, self._values), encoding="utf-8")
        (self.folder / "inventory.json").write_text(json.dumps(self._inventory()), encoding="utf-8")
        preparation = self._preparation()
        if preparation:
            status, output = self._ansible("prepare.yml", json.dumps(preparation))
            assert status == 0, output

    def stop(self) -> None:
        """Stop the server, and that of the role est_lab_server."""
        end = {
            "name": "End the lab server",
            "ansible.builtin.include_role": {"name": f"{_COLLECTION}.est_lab_server"},
            "vars": {"est_lab_server_state": "absent"},
        }
        hosts = [document.alias for document in self._documents if "est_lab_server" in document.name]
        try:
            if hosts:
                status, output = self._ansible("end.yml", json.dumps([{"hosts": hosts, "tasks": [end]}]))
                assert status == 0, output
        finally:
            self._lab.stop()

    def run(self, mode: str) -> dict[str, Came]:
        """Run the examples of all documents, and return what came of each by the name of its document.

        ansible-playbook ends where all hosts of a play fail, so it is started again behind an example that failed.
        """
        came: dict[str, Came] = {}
        beside = self._beside()
        left = self._documents
        while left:
            before = {document.name: self._files(document) for document in left}
            texts = [text for document in left for text in self._plays(document)]
            plays = [document for document in left for _text in self._plays(document)]
            options = ["--check"] if mode.startswith("--check") else []
            status, output = self._ansible("examples.yml", "\n".join(texts), *options)
            head, *sections = [output[start:end] for start, end in _spans(output)]
            recaps = {found[1]: _counts(found) for found in _RECAP.finditer(output)}
            for document in left[: len({plays[number].name for number in range(len(sections))})]:
                told = head if not came and document is left[0] else ""
                told += "".join(text for text, of in zip(sections, plays) if of is document)
                changed = _differing(before[document.name], self._files(document))
                came[document.name] = Came(told, recaps.get(document.alias, {}), changed)
            if len([name for name in came if name in before]) == 0:  # it did not even begin
                return {document.name: Came(output, {}, ()) for document in self._documents}
            assert status == 0 or any(_bad(one.counts) for one in came.values()), output
            left = tuple(document for document in left if document.name not in came)
        self.changed_beside[mode] = _differing(beside, self._beside())
        return came

    def _plays(self, document: Document) -> list[str]:
        """Return the plays of a document, one where it has tasks, as YAML."""
        entries = [entry for entry in document.entries if document.full_name(entry) not in world.NOT_RUN]
        if document.kind == "plays":
            return [self._play(document, entry) for entry in entries]
        lines = [f"- name: {json.dumps(document.name)}", "  hosts: shown", "  gather_facts: false", "  tasks:"]
        tasks = "".join(textwrap.indent(entry.text, "    ") for entry in entries)
        handlers = [{"name": name, "ansible.builtin.debug": {"msg": "notified"}} for name in world.HANDLERS]
        text = "\n".join(lines) + f"\n{tasks}\n  handlers: {json.dumps(handlers)}\n"
        return [self._play(document, Entry(document.name, text))]

    def _play(self, document: Document, entry: Entry) -> str:
        """Return a play with the host of the document, and with the store of that host where none is named."""
        text = world.in_the_lab(entry.text, str(self._host(document)), self._values)
        store = self._store(document)
        defaults = {
            f"group/{_COLLECTION}.store": {"store_path": store},
            f"{_COLLECTION}.est_fleet_host": {"est_integration_store_path": store},
        }
        hosts = re.search(r"^(?:- |  )hosts: (.*)$", text, re.MULTILINE)
        assert hosts is not None, text
        shown = hosts.group(1)
        pattern = shown if "lookup(" in shown else document.alias
        return f"{text[: hosts.start(1)]}{pattern}\n  module_defaults: {json.dumps(defaults)}{text[hosts.end(1) :]}"

    def _inventory(self) -> dict[str, Any]:
        hosts = {
            document.alias: {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "est_integration_store_path": self._store(document),
                "est_lab_server_path": str(self._host(document) / "lab"),
                "present": [world.template(name, self._values) for name in world.TEMPLATES.get(document.name, ())],
                "bundle": world.BUNDLES.get(document.name, ""),
            }
            for document in self._documents
        }
        groups = {name: {"hosts": {alias: {}}} for name, alias in world.GROUPS.items() if alias in hosts}
        return {"all": {"hosts": hosts, "children": groups, "vars": world.filled_in(world.VARIABLES, self._values)}}

    def _preparation(self) -> list[dict[str, Any]]:
        """Return a playbook that does on the hosts, for real, what the examples presuppose."""
        other_site = {"store_path": str(self.folder / "other_site")}
        cisco = {**other_site, "templates": [world.template("Cisco EST", self._values)]}
        export = {**other_site, "dest": "{{ bundle }}", "passphrase": "{{ est_bundle_passphrase }}"}
        report = {
            "est_integration_report_dest": f"{self.folder}/hosts/{{{{ inventory_hostname }}}}/srv/reports/slices/1",
            "est_integration_test_policy": "changed",
            "est_integration_test": {
                "identity": {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
            },
        }
        apply = {"store_path": "{{ est_integration_store_path }}", "templates": "{{ present }}"}
        plays = [
            (world.TEMPLATES, {"tasks": [{f"{_COLLECTION}.est_templates": apply}]}),
            (
                world.BUNDLES,
                {
                    "tasks": [
                        {f"{_COLLECTION}.est_templates": cisco, "run_once": True},
                        {f"{_COLLECTION}.est_template_export": export},
                    ]
                },
            ),
            # One after the other: the role writes one report for all hosts of a play.
            *(((name,), {"roles": [{"role": f"{_COLLECTION}.est_integration", **report}]}) for name in world.MERGES),
        ]
        found = []
        for names, play in plays:
            hosts = [document.alias for document in self._documents if document.name in names]
            if hosts:
                found.append({"hosts": hosts, "gather_facts": False, **play})
        return found

    def _ansible(self, name: str, playbook: str, *options: str) -> tuple[int, str]:
        (self.folder / name).write_text(playbook, encoding="utf-8")
        return run_ansible(self._program, self.folder, name, *options)

    def _host(self, document: Document) -> Path:
        return self.folder / "hosts" / document.alias

    def _store(self, document: Document) -> str:
        """The folder of the store: the documented default, below the folder of the host."""
        return str(self._host(document) / "var" / "lib" / "cloud_extender" / "est")

    def _files(self, document: Document) -> dict[str, int]:
        return _files_below(self._host(document))

    def _beside(self) -> dict[str, int]:
        """The files that are beside the playbook, without those of the stage itself."""
        ours = ("examples.yml", "home/", "hosts/", "lab/")
        return {name: time for name, time in _files_below(self.folder).items() if not name.startswith(ours)}


def _files_below(folder: Path) -> dict[str, int]:
    """Return the files below a folder with the time of their last change."""
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _differing(before: dict[str, int], after: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted({name for name, _time in set(before.items()) ^ set(after.items())}))


def _spans(output: str) -> list[tuple[int, int]]:
    """Return where the head of an output and each of its plays begin and end."""
    starts = [0, *(found.start() for found in _PLAY.finditer(output))]
    return list(zip(starts, [*starts[1:], len(output)]))


def _counts(found: re.Match[str]) -> dict[str, int]:
    return dict(zip(("ok", "changed", "unreachable", "failed", "skipped"), map(int, found.groups()[1:])))


def _bad(counts: dict[str, int]) -> bool:
    return not counts or bool(counts["failed"] or counts["unreachable"])


def _fingerprint(pem: str) -> str:
    import hashlib
    import ssl

    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25])).hexdigest()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
