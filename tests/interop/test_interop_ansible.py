# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module est_test_enroll against the real GlobalSign EST server, from each place an exchange can leave from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from interop.go_programs import missing_toolchain
from interop.openssl import MISSING, verify
from support import returned

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
EXCHANGES = ("host", "relay", "controller")
SECONDS = 180

for missing in (missing_toolchain(), MISSING):
    if missing:
        pytest.skip(missing, allow_module_level=True)
if not PLAYBOOK.exists():
    pytest.skip("no ansible-core beside this Python", allow_module_level=True)


def run(folder: Path, tasks: list[object]) -> str:
    """Run the tasks on this machine as on a managed host; return what Ansible says."""
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        returned.watching(),
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache" / "collections"),
        ANSIBLE_HOME=str(folder / "ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
    )
    command = [sys.executable, PLAYBOOK, "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(
        [*command, folder / "play.json"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def task(server, exchange, folder, **inline):
    """One test of a template, and what came out of it as a file."""
    template = {
        "name": "globalsign",
        "server": server.host,
        "port": server.port,
        "username": "estuser",
        "password": "estpwd",
        "ca_certificate": server.ca_pem,
        "subject_alternative_name": "upn_and_email",
        **inline,
    }
    options = {"inline": template, "exchange": exchange, "output_path": str(folder / exchange)}
    options["identity"] = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
    return [
        {"estfleet.cloud_extender.est_test_enroll": options, "register": exchange, "ignore_errors": True},
        {
            "ansible.builtin.copy": {
                "content": f"{{{{ {exchange} | to_json }}}}",
                "dest": str(folder / exchange) + ".json",
            }
        },
    ]


def test_est_test_enroll_from_host_relay_and_controller(globalsign, tmp_path):
    said = run(tmp_path, [each for exchange in EXCHANGES for each in task(globalsign, exchange, tmp_path)])
    assert "WARNING" not in said
    serials = set()
    for exchange in EXCHANGES:
        result = json.loads((tmp_path / f"{exchange}.json").read_text(encoding="utf-8"))
        assert (result.get("status"), result["exchange"]) == ("issued", exchange), result
        assert result["lost"] == []
        assert "UPN:jdoe@example.com" in result["certificate"]["subject_alternative_names"]
        assert result["server"]["trust"] == "explicit"
        serials.add(result["certificate"]["serial_number"])
        chain = Path(result["chain_path"]).read_text(encoding="ascii")
        assert "OK" in verify(tmp_path, result["certificate"]["pem"], chain, globalsign.ca_path)
    assert len(serials) == len(EXCHANGES)


def test_est_test_enroll_tells_what_the_server_refuses(globalsign, tmp_path):
    forbidden = {"label": "triggererrors", "subject": "/CN=Trigger Error Forbidden"}
    run(tmp_path, [each for exchange in EXCHANGES for each in task(globalsign, exchange, tmp_path, **forbidden)])
    for exchange in EXCHANGES:
        result = json.loads((tmp_path / f"{exchange}.json").read_text(encoding="utf-8"))
        assert result["failed"], result
        # The whole label is out of order on purpose, so it is the CA certificates that fail first.
        assert (result["stage"], result["http_status"]) == ("cacerts", 500)
        assert "internal server error" in result["server_message"]
