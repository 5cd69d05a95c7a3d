# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that somebody else has taken over answers whatever he likes: it stays data, and the controller goes on."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.runs import COLLECTION, Running, play, task
from support.looking import NO_STORE as READING

FACTS = {
    "est_integration_templates": [],
    "est_integration_purge": True,
    "est_integration_purge_all": True,
    "ansible_connection": "local",
    "evil": "yes",
}
# Whatever ansible-core does something with, in any of its versions.
COMMANDS: dict[str, Any] = {
    "ansible_facts": FACTS,
    "ansible_stats": {"data": {"evil": "yes"}, "per_host": False, "aggregate": False},
    "add_host": {"host_name": "evil", "groups": ["hosts"], "host_vars": {"evil": "yes"}},
    "add_group": "evil",
    "skipped": True,
    "results": [{"item": "evil"}],
    "warnings": ["a warning \x1b[2J\x1b]0;title\x07 of the host"],
    "deprecations": [{"msg": "deprecated \x1b[31m", "version": "9.9"}],
}
LOOK = {"name": "look", "ansible.builtin.debug": {"msg": "{{ evil | default('') }}{{ groups.keys() | list }}"}}


def interpreter(folder: Path, answer: Any) -> str:
    """Make an interpreter that answers the same, whatever it is to run."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    program.write_text(
        f"#!{sys.executable}\nprint({json.dumps(answer) if not isinstance(answer, str) else answer!r})\n"
    )
    if not isinstance(answer, str):
        program.write_text(f"#!{sys.executable}\nprint({json.dumps(answer)!r})\n")
    program.chmod(0o755)
    return str(program)


def run(folder: Path, answer: Any, *tasks: dict[str, Any], **settings: str) -> Running:
    host = {"store": str(folder / "store"), "ansible_python_interpreter": interpreter(folder, answer)}
    return Running(folder / "run", [play("all", *tasks)], {"taken": host}, settings=settings).wait()


def test_nothing_that_ansible_acts_on_is_passed_on(tmp_path: Path) -> None:
    read = {**task("read", "est_template_info"), "register": "found"}
    # "show_custom_stats" prints what set_stats would hand to the next job of a workflow.
    show = {"name": "show", "ansible.builtin.debug": {"msg": "{{ found.store.owner }}"}}
    answer = {**READING, **COMMANDS, "owner": "{{ 7 * 191 }}"}
    done = run(tmp_path, answer, read, LOOK, show, ANSIBLE_SHOW_CUSTOM_STATS="1")
    told = {entry.task: entry for entry in done.told()}
    assert told["read"].ended == "ok", done.output
    assert not {"ansible_stats", "add_host", "add_group", "skipped", "results"} & set(told["read"].result)
    assert set(told["read"].result.get("ansible_facts", {})) <= {"discovered_interpreter_python"}
    assert told["look"].result["msg"].startswith("['all'"), "neither a variable nor a group has come of it"
    assert told["show"].result["msg"] == "{{ 7 * 191 }}", "what looks like Jinja stays text"
    assert "CUSTOM STATS" not in done.output
    assert re.search("a warning .*of the host", done.output)
    assert "\x1b[2J" not in done.output and "\x1b]0;" not in done.output


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**READING, "drift": "none"}, "answered with str for drift"),
        ({**READING, "exists": 1}, "answered with int for exists"),
        ({"changed": False}, "answered without exists"),
        ({**READING, "masked_key": "not hex"}, "answered"),
        ({**READING, "kept_documents": [1]}, "answered"),
        ({"failed": True, "msg": "\x1b[2Jno\x07 way\u202e"}, "no way"),
        ({"failed": True, "msg": ["a", "list"]}, ""),
    ],
)
def test_an_answer_of_another_shape_gets_a_sentence(tmp_path: Path, answer: dict[str, Any], words: str) -> None:
    done = run(tmp_path, answer, task("read", "est_template_info"))
    (told,) = done.told()
    assert told.ended == "failed", done.output
    assert words in str(told.result["msg"])
    assert "Traceback" not in done.output and "Error:" not in str(told.result["msg"])
    assert not {"\x07", "\u202e"} & set(done.output) and "\x1b[2J" not in done.output


DEEP = '{"exists": ' + "[" * 100000 + "]" * 100000 + "}"


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (json.dumps(READING) + "\n\x1b[2Jjunk \x1b]0;title\x07 \u202eafter }", ""),
        ("\x1b[2Jjunk \x1b]0;title\x07 before {\n" + json.dumps(READING), ""),
        ("\x1b[2J{no \x1b]0;title\x07 answer", "a module of Ansible failed on the host: {no  answer"),
        (DEEP, "est_store_file on the host answered with data in too many levels"),
        ('{"exists": ' + "[" * 900 + "]" * 900 + "}", "est_store_file on the host answered with "),
        ('{"failed": true, "msg": "a\\ud800b"}', ""),
    ],
)
@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_what_a_host_prints_steers_no_terminal(tmp_path: Path, printed: str, words: str, verbosity: str) -> None:
    host = {"store": str(tmp_path / "store"), "ansible_python_interpreter": interpreter(tmp_path, printed)}
    work = play("all", task("read", "est_template_info"))
    done = Running(tmp_path / "run", [work], {"taken": host}, verbosity).wait()
    assert not {"\x07", "\u202e"} & set(done.output) and "\x1b[2J" not in done.output and "\x1b]" not in done.output
    assert "RecursionError" not in done.output and "codec can't" not in done.output
    (told,) = done.told()
    assert words in str(told.result.get("msg", ""))


@pytest.mark.parametrize(("off", "words"), [(-4000, "46 days behind"), (0, ""), (9e6, "104 days ahead of")])
def test_a_host_with_another_time_is_told(tmp_path: Path, off: float, words: str) -> None:
    # The host is honest but for its time: what comes after its answer is of a program that runs it.
    off = off * 1000 if off < 0 else off
    program = (
        f"import json, os, runpy, sys, time; real = time.time; time.time = lambda: real() + {off!r}\n"
        "runpy.run_path(sys.argv[1], run_name='__main__') if len(sys.argv) > 1 else exec(sys.stdin.read())"
    )
    wrapper = tmp_path / "python"
    wrapper.write_text(f"#!{sys.executable}\n{program}\n")
    wrapper.chmod(0o755)
    paths = {"certificate_path": str(tmp_path / "a.pem"), "private_key_path": str(tmp_path / "a.key")}
    inline = {"name": "a", "server": "https://127.0.0.1:9", "use_system_trust": True, "subject": "/CN=a"}
    work = {"name": "keep", f"{COLLECTION}.est_certificate": {"inline": inline, **paths}, "ignore_errors": True}
    host = {"ansible_python_interpreter": str(wrapper)}
    done = Running(tmp_path / "run", [play("all", work)], {"host": host}).wait()
    assert (words in " ".join(done.output.split())) if words else "the clock of the host is" not in done.output


def test_facts_of_a_host_decide_nothing_of_the_role(tmp_path: Path) -> None:
    gather = {"name": "gather", "ansible.builtin.setup": {}}
    role = {"name": "apply", "ansible.builtin.import_role": {"name": f"{COLLECTION}.est_integration"}}
    facts = {**FACTS, "est_integration_report_dest": str(tmp_path / "elsewhere" / "report")}
    done = run(tmp_path, {"ansible_facts": facts, "changed": False}, gather, role)
    assert "est_integration_purge, est_integration_purge_all" in done.output
    assert "facts come from the host" in done.output
    assert not (tmp_path / "elsewhere").exists()
    assert not [entry for entry in done.told() if entry.task.startswith("Keep the") and entry.ended == "ok"]
