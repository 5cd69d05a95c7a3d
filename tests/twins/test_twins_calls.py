# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that a host gets for each task: the actions of this collection, with all private modules by each twin."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.actions import Host, marked, run_action
from support.enrolment import template_for
from support.lab import LabServer
from twins.twin import PLUGINS, Twin, Twins

MODULE = PLUGINS / "modules" / "est_store_file.py"
IDENTITY = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
LINUX = "a store has a path of Windows"
KEYS = "a POSIX host makes its certificates itself"

READ, GET, POST, SAVE = "est_test_files read", "est_relay 2", "est_relay 1", "est_test_files save_issued"


class TwinHost(Host):
    """A host whose private modules are twins, and which remembers its calls in words."""

    made_up = False

    def __init__(self, twins: Twins, twin: Twin) -> None:
        super().__init__()
        self._twins = twins
        self.twin = twin
        self.variables = {"inventory_hostname": "ce1", "ansible_python_interpreter": sys.executable}
        self.store = twin.path(twin.folder / "est")

    def connection(self) -> SimpleNamespace:
        shell = SimpleNamespace(tmpdir=None, _IS_WINDOWS=self.twin.windows, env_prefix=lambda **_more: "")
        return SimpleNamespace(
            _shell=shell, transport="ssh", become=None, has_pipelining=True, allow_executable=not self.twin.windows
        )

    def execute_module(self, *, module_name: str, module_args: Any, task_vars: Any) -> Any:
        name = module_name.rpartition(".")[2].removeprefix("win_")
        arguments = json.loads(json.dumps(module_args))
        words = arguments.get("operation") or len(arguments.get("requests", ()))
        self.calls.append(f"{name} {words}" if words else name)
        twin = self._twins.in_folder(self.twin.kind, PLUGINS / "modules" / f"{name}.py", self.twin.folder)
        return marked(twin.run(arguments))

    def execute_command(self, command: str, in_data: bytes) -> dict[str, Any]:
        self.calls.append("look")
        if not self.twin.windows:
            done = subprocess.run(["/bin/sh", "-c", command], input=in_data, capture_output=True, check=False)
            return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": ""}
        found = re.search(r"-EncodedCommand (\S+)", command)
        assert found is not None, command
        script = base64.b64decode(found.group(1)).decode("utf-16-le")
        return {"rc": 0, "stdout": self.twin.command(script, in_data.decode("ascii").splitlines()), "stderr": ""}

    def run(self, action: str, **arguments: Any) -> tuple[dict[str, Any], list[str]]:
        """Run an action; return its result and what this host was called for."""
        self.calls.clear()
        result = run_action(action, {"store_path": self.store, **arguments}, self)
        assert not result.get("failed"), result
        return result, list(self.calls)

    def apply(self, lab: LabServer, **options: Any) -> tuple[dict[str, Any], list[str]]:
        """Apply a template of the lab server."""
        given = template_for(lab, **options)
        every = {**given.as_fields(), **given.secrets()}.items()
        return self.run("est_templates", templates=[{name: value for name, value in every if value is not None}])

    def test(self, **options: Any) -> tuple[str, list[str]]:
        """Test the stored template with the host as a relay; return the status, and the calls."""
        result, calls = self.run("est_test_enroll", template="wifi", identity=IDENTITY, exchange="relay", **options)
        return result["status"], calls


@pytest.fixture
def host(twins: Twins, twin: Twin) -> TwinHost:
    return TwinHost(twins, twin)


@pytest.mark.cannot_show(pwsh=LINUX)
def test_templates(host: TwinHost) -> None:
    with LabServer() as lab:
        assert host.apply(lab)[1] == ["look", "est_store_file make_key", "est_store_file write"]
        assert host.apply(lab)[1] == ["look"]
        # What is not sealed needs no key; the quick look of Windows does not tell it.
        sealed = ["est_store_file read"] if host.twin.windows else []
        assert host.apply(lab, password="other")[1] == ["look", *sealed, "est_store_file write"]
        assert host.run("est_template_info")[1] == ["look"]


@pytest.mark.cannot_show(pwsh=LINUX)
def test_a_test_of_a_stored_template(host: TwinHost) -> None:
    with LabServer() as lab:
        host.apply(lab)
        assert host.test() == ("issued", [READ, GET, POST, SAVE])
        ca = host.twin.folder / "ca.pem"
        ca.write_text(lab.ca_pem, encoding="ascii")
        host.apply(lab, ca_certificate=None, ca_path=host.twin.path(ca))
        assert host.test() == ("issued", [READ, "est_read_file", GET, POST, SAVE])
    with LabServer("--authentication", "digest-sha256") as lab:
        host.apply(lab)
        assert host.test() == ("issued", [READ, GET, POST, POST, SAVE])
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        host.apply(lab)
        pending = "est_test_files save_pending"
        assert host.test() == ("pending", [READ, GET, POST, pending])
        assert host.test(wait_timeout=60) == ("issued", [READ, GET, POST, SAVE])


@pytest.mark.cannot_show(pwsh=LINUX, python=KEYS)
def test_a_certificate_of_a_windows_host(host: TwinHost) -> None:
    with LabServer() as lab:
        host.apply(lab, key_type="rsa")
        asked = {"template": "wifi", "identity": IDENTITY, "key_provider": "csp"}
        asked["certificate_name"] = f"calls-{Path(host.twin.folder).name}"
        issued, calls = host.run("est_certificate", **asked)
        made = [f"est_key {operation}" for operation in ("look", "make", "sign", "join")]
        assert (issued["status"], calls) == ("issued", [made[0], GET, made[1], made[2], POST, made[3]])
        again, calls = host.run("est_certificate", **asked)
        assert (again["status"], calls) == ("unchanged", ["est_key look"])


@pytest.mark.cannot_show(pwsh=LINUX, python=KEYS)
def test_certificates_of_a_windows_host(host: TwinHost) -> None:
    with LabServer() as lab:
        host.apply(lab, key_type="rsa")
        names = [f"calls-{Path(host.twin.folder).name}-{number}" for number in (1, 2, 3)]
        asked = {
            "defaults": {"template": "wifi", "identity": IDENTITY, "key_provider": "csp", "reload": ["Spooler"]},
            "certificates": [{"certificate_name": name} for name in names],
        }
        issued, calls = host.run("est_certificates", **asked)
        assert [one["status"] for one in issued["certificates"]] == ["issued"] * 3
        look, make, sign, join = (f"est_key {operation}" for operation in ("look", "make", "sign", "join"))
        # What the server offers is asked once.
        assert calls == [look, GET, *[make, sign, POST, join] * 3, "est_services"]
        again, calls = host.run("est_certificates", **asked, purge=True)
        assert [one["status"] for one in again["certificates"]] == ["unchanged"] * 3
        assert (again["purged"], calls) == ([], [look])
        asked["certificates"].pop()
        fewer, calls = host.run("est_certificates", **asked, purge=True)
        assert [(one["certificate_name"], one["action"]) for one in fewer["purged"]] == [(names[2], "removed")]
        assert calls == [look, "est_key purge"]
        assert host.run("est_certificates", **asked, purge=True)[1] == [look]


@pytest.mark.cannot_show(pwsh=LINUX)
def test_the_server_and_the_diagnostics(host: TwinHost, tmp_path: Path) -> None:
    with LabServer() as lab:
        host.apply(lab)
        told, calls = host.run("est_server_info", template="wifi", exchange="relay")
        read = "est_store_file read" if host.twin.windows else "look"
        assert (told["trusted"], calls) == (True, [read, GET, POST])
        found, calls = host.run("est_diagnostics", dest=str(tmp_path / "archives"))
        assert calls == [read, "est_diagnostics_host"]
        assert Path(found["archive"]).exists()
