# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double itself: it takes what the real modules take, returns what they return, and is as Windows is."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from windows.machine import ADMINISTRATORS, SYSTEM, USERS, Fail, Machine
from windows.manifest import read_order
from windows.real_modules import real_module
from windows.windows_modules import NAMES, run_module

FOLDER = "C:\\ProgramData\\x"


@pytest.mark.parametrize("name", NAMES)
def test_every_module_is_one_of_the_real_collection(real_collection: Path, name: str) -> None:
    real = real_module(real_collection, name)
    assert real.source.startswith(b"#!powershell")
    assert real.options


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("slurp", {"file": "x"}, "Unsupported parameters for (slurp) module: file"),
        ("slurp", {}, "missing required arguments: src"),
        (
            "win_file",
            {"path": FOLDER, "state": "link"},
            "value of state must be one of: absent, directory, file, touch",
        ),
        ("win_file", {"path": FOLDER, "mode": "0700"}, "Unsupported parameters for (win_file) module: mode"),
        ("win_find", {"paths": FOLDER}, "argument paths is of type str, not list"),
        (
            "win_acl",
            {"path": "C:\\Users", "user": "SYSTEM", "rights": "FullControl"},
            "missing required arguments: type",
        ),
        ("win_owner", {"path": "C:\\Users", "user": "nobody"}, "nobody is not a valid user or group"),
        ("win_copy", {"src": "C:\\no", "dest": FOLDER, "remote_src": True, "_copy_mode": "remote"}, "does not exist"),
        ("slurp", {"src": "C:\\Users"}, "Path C:\\Users is a directory"),
        ("slurp", {"src": "C:\\aux.txt\\x"}, "syntax is incorrect"),
    ],
)
def test_what_the_real_module_refuses(machine, real_collection, module: str, arguments: dict, words: str) -> None:
    result = run_module(machine, real_collection, module, arguments)
    assert result["failed"]
    assert words in result["msg"]


def test_a_result_that_windows_would_not_give_is_found(real_collection: Path) -> None:
    real = real_module(real_collection, "win_stat")
    real.check_result({"stat": {"exists": True, "size": 1}})
    with pytest.raises(AssertionError, match="returns no mode"):
        real.check_result({"stat": {"exists": True, "mode": "0600"}})
    with pytest.raises(AssertionError, match="is of type bool"):
        real.check_result({"stat": {"exists": "yes"}})


def test_win_acl_is_skipped_in_check_mode_as_the_real_one_is(machine, real_collection) -> None:
    entry = {"path": "C:\\Users", "user": SYSTEM, "rights": "FullControl", "type": "allow", "_ansible_check_mode": True}
    assert run_module(machine, real_collection, "win_acl", entry)["skipped"]
    assert machine.acl("C:\\Users")["entries"] == []


def test_inheritance_ends_where_it_is_switched_off(machine: Machine) -> None:
    machine.make_folder(FOLDER)
    machine.write(f"{FOLDER}\\file", b"")
    assert machine.who_may(f"{FOLDER}\\file") == {SYSTEM, ADMINISTRATORS, USERS}
    machine.change_acl(FOLDER, protected=True)
    assert machine.who_may(f"{FOLDER}\\file") == set()


def test_names_are_as_on_windows(machine: Machine) -> None:
    machine.make_folder("c:/PROGRAMDATA/Mixed")
    machine.write("C:\\programdata\\mixed\\a.TXT.", b"1")
    assert machine.read("C:\\ProgramData\\MIXED\\A.txt") == b"1"
    assert machine.full("c:\\programdata\\mixed\\A.txt") == "C:\\ProgramData\\Mixed\\a.TXT"
    for path in ("D:\\x", "C:\\a|b", "C:\\con"):
        with pytest.raises(Fail):
            machine.write(path, b"")


def test_variables_are_put_in_for_paths_only(machine, real_collection) -> None:
    path = "%ProgramData%\\x"
    assert run_module(machine, real_collection, "win_file", {"path": path, "state": "directory"})["changed"]
    entry = {"path": path, "user": SYSTEM, "rights": "FullControl", "type": "allow"}
    assert run_module(machine, real_collection, "win_acl", entry)["failed"]  # its path is a text
    assert run_module(machine, real_collection, "win_find", {"paths": [path]})["failed"]  # and those are too


def test_both_kinds_of_manifest_are_read() -> None:
    source = base64.b64encode(b"#!powershell").decode()
    older = {"module_entry": source, "module_args": {"src": "x"}}
    assert read_order(b"wrapper\0\0\0\0" + json.dumps(older).encode()).arguments == {"src": "x"}
    script = "ansible_collections.ansible.windows.plugins.modules.slurp.ps1"
    params = {"Script": script, "Variables": [{"Name": "complex_args", "Value": {"src": "y"}}]}
    newer = {"scripts": {script: {"script": source}}, "actions": [{"name": "module_wrapper.ps1", "params": params}]}
    order = read_order(json.dumps({"name": "exec_wrapper"}).encode() + b"\n\0\0\0\0\n" + json.dumps(newer).encode())
    assert (order.name, order.source, order.arguments) == ("slurp", b"#!powershell", {"src": "y"})
    with pytest.raises(ValueError, match="not an order"):
        read_order(b"Remove-Item")
