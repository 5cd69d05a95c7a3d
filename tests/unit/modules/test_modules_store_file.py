# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it: a process of its own, arguments as JSON in, the result as JSON out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint

TESTS = Path(__file__).resolve().parents[2]
PAD = "ab" * 32

RUN = """
import json, sys
from ansible.module_utils import basic
try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:
    patch_module_args = None
from ansible_collections.estfleet.cloud_extender.plugins.modules import est_store_file
arguments = json.loads(sys.stdin.read())
if patch_module_args:
    with patch_module_args(arguments):
        est_store_file.main()
else:
    basic._ANSIBLE_ARGS = json.dumps(dict(ANSIBLE_MODULE_ARGS=arguments)).encode()
    est_store_file.main()
"""


def run(path, *, check=False, **arguments):
    arguments.update(store_path=str(path), _ansible_check_mode=check)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        input=json.dumps(arguments),
        env={"PYTHONPATH": f"{TESTS.parent}/.cache/collections"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout), done


def test_write_then_read(tmp_path):
    made, done = run(tmp_path / "est", operation="make_key", key_pad=PAD)
    key = mask(bytes.fromhex(made["masked_key"]), bytes.fromhex(PAD))
    assert made["changed"] is True
    assert key.hex() not in done.stdout
    arguments = {"use_new_key": True, "expected_key": key_fingerprint(key)}
    result, done = run(tmp_path / "est", operation="write", content="document\n", **arguments)
    assert (result["changed"], result["conflict"], result["kept"]) == (True, False, "")
    assert "document" not in done.stdout
    assert (tmp_path / "est" / "sealing.key").read_text() == f"{key.hex()}\n"
    result, done = run(tmp_path / "est", operation="read", key_pad="ff" * 32)
    assert (result["changed"], result["content"]) == (False, "document\n")
    assert mask(bytes.fromhex(result["masked_key"]), b"\xff" * 32) == key
    assert key.hex() not in done.stdout


def test_a_conflict_is_no_change(tmp_path):
    run(tmp_path / "est", operation="write", content="document\n")
    result, _done = run(tmp_path / "est", operation="write", content="other\n")
    assert (result["changed"], result["conflict"]) == (False, True)


def test_check_mode_writes_nothing(tmp_path):
    result, _done = run(tmp_path / "est", check=True, operation="write", content="document\n")
    assert result["changed"] is True
    result, _done = run(tmp_path / "est", check=True, operation="make_key", key_pad=PAD)
    assert result["changed"] is True
    assert not (tmp_path / "est").exists()
    result, _done = run(tmp_path / "est", check=True, operation="read")
    assert result["exists"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"operation": "write"}, "operation is write but all of the following are missing: content"),
        ({"operation": "make_key"}, "operation is make_key but all of the following are missing: key_pad"),
        ({"operation": "erase"}, "value of operation must be one of: read, write, make_key, got: erase"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, words):
    result, _done = run(tmp_path / "est", **arguments)
    assert result["failed"] is True
    assert words in result["msg"]


def test_an_error_is_one_message_without_traceback(tmp_path):
    (tmp_path / "est").write_text("")
    result, _done = run(tmp_path / "est", operation="read")
    assert result["msg"].startswith(f"store_path {tmp_path}/est is not a folder")
    assert "exception" not in result
