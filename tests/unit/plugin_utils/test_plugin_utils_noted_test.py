# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a test is noted on the host in the same way, wherever the exchange left from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from support.fleet_reports import issued, refused

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import parse_last_tests
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import read_store
from ansible_collections.estfleet.cloud_extender.plugins.modules import est_test_enroll
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action import controller as controller_exchange
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.test_files import RemoteFiles

TEST_FILES = "estfleet.cloud_extender.est_test_files"

CONTENT = "c" * 64
PENDING = {"status": "pending", "template": "wifi", "changed": True, "retry_at": "2026-11-22T13:00:00Z"}


def execute(name, arguments):
    """Run a module of the collection as Ansible does, in a process of its own."""
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            f"ansible_collections.{name.replace('cloud_extender.', 'cloud_extender.plugins.modules.')}",
        ],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    return json.loads(process.stdout)


def test_a_host_keeps_what_was_issued_and_cannot_be_used(tmp_path):
    files = {"private_key.pem": "a key", "certificate.pem": "a certificate"}
    path = RemoteFiles(TEST_FILES, execute, str(tmp_path), "wifi", "test").save_unusable(files)
    assert path == f"{tmp_path}/wifi/test+unusable"
    for name, text in files.items():
        with open(os.path.join(path, name), encoding="ascii") as file:
            assert file.read() == text
        assert os.stat(file.name).st_mode & 0o777 == 0o600


def by_the_host(store, result):
    warnings = []
    params = {"store_path": store, "template": "wifi", "identity": None}
    module = SimpleNamespace(params=params, warn=warnings.append)
    est_test_enroll.note(module, result, CONTENT)
    return warnings


def by_the_controller(store, result, monkeypatch):
    monkeypatch.setattr(controller_exchange, "run_test", lambda *_arguments, **_options: result)
    connector = controller_exchange.connector_of("controller", execute, str)
    files = RemoteFiles(TEST_FILES, execute, os.path.join(store, "tests"), "wifi", "test")
    exchange = controller_exchange.ControllerExchange(connector, find_template=lambda: None)
    asked = SimpleNamespace(
        template_name="wifi",
        store_path=store,
        identity=SimpleNamespace(variables={}),
        test_options=SimpleNamespace(check=False),
        inline=None,
    )
    return exchange.test(asked, files, lambda: CONTENT).get("warnings", [])


@pytest.mark.parametrize(
    ("result", "noted"),
    [
        (issued("wifi", days=30, minutes=0), ("issued", None, "2026-12-22T12:00:00Z")),
        (PENDING, ("pending", None, None)),
        (refused("wifi"), ("failed", "enroll", None)),
    ],
    ids=["issued", "pending", "failed"],
)
def test_both_exchanges_note_the_same(result, noted, tmp_path, monkeypatch):
    for name in ("host", "controller"):
        store = str(tmp_path / name)
        os.mkdir(store, 0o700)
        warnings = by_the_host(store, result) if name == "host" else by_the_controller(store, result, monkeypatch)
        assert warnings == []
        last = parse_last_tests(read_store(store)["last_tests"])["wifi"]
        assert (last.status, last.stage, last.not_after) == noted, name
        assert last.proves(CONTENT) == (noted[0] == "issued")


def test_both_exchanges_warn_where_it_cannot_be_noted(tmp_path, monkeypatch):
    nowhere = str(tmp_path / "nowhere")
    for warnings in (by_the_host(nowhere, PENDING), by_the_controller(nowhere, dict(PENDING), monkeypatch)):
        (words,) = warnings
        assert words.startswith("what came of the test could not be noted: cannot write ")
