# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the quick look as a host runs it, the command line that it is sent with, and when it is not sent."""

from __future__ import annotations

import json
import os
import pty
import pwd
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.imports import PLUGINS, imports
from support.looking import Action, in_base64

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from ansible import constants as C

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import read_store, write_store
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.program import Sender, read_answer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.quick_look import (
    CERTIFICATES,
    STORE,
    QuickLook,
    reading_in,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.store import HostStore

KEY, PAD, MARK = bytes(range(32)), bytes(range(100, 132)), "0123456789abcdef01234567"
PYTHON = (sys.executable, "-I", "-S", "-")


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "störe's $HOME"
    write_store(str(path), '{"ä": "\N{SNOWMAN}"}\n', expected_sha256="")
    (path / "sealing.key").write_text(f"{KEY.hex()}\n")
    (path / "sealing.key").chmod(0o600)
    return path


def run(text, command=PYTHON, **options):
    return subprocess.run(command, input=text.encode("ascii"), capture_output=True, timeout=60, check=False, **options)


def look(path, pad=PAD):
    done = run(STORE.text((str(path), pad), MARK))
    assert (done.returncode, done.stderr) == (0, b"")
    return reading_in(read_answer(done.stdout.decode("ascii"), MARK))


# --- what it finds


def gone(store):
    for file in store.iterdir():
        file.unlink()
    store.rmdir()


PLAIN = {
    "as written": lambda store: None,
    "no store": gone,
    "an empty folder": lambda store: [file.unlink() for file in store.iterdir()],
    "no key": lambda store: (store / "sealing.key").unlink(),
    "an empty key": lambda store: (store / "sealing.key").write_text(""),
    "a damaged key": lambda store: (store / "sealing.key").write_text("xyz"),
    "open modes": lambda store: [(store / "templates.json").chmod(0o644), (store / "sealing.key").chmod(0o640)],
    "a folder with another mode": lambda store: store.chmod(0o755),
    "a hand edit": lambda store: (store / "templates.json").write_text("mine\r\n\0"),
    "not UTF-8": lambda store: (store / "templates.json").write_bytes(b"a\xff"),
    "an empty document": lambda store: (store / "templates.json").write_text(""),
    "a folder in its place": lambda store: [(store / "templates.json").unlink(), (store / "templates.json").mkdir()],
    "a link in its place": lambda store: [
        (store / "templates.json").unlink(),
        (store / "templates.json").symlink_to("/etc/passwd"),
    ],
    "a link for a key": lambda store: [(store / "sealing.key").unlink(), (store / "sealing.key").symlink_to("x")],
    "documents that were kept": lambda store: [(store / f"templates.json.damaged-{n}").write_text("") for n in (2, 1)],
    "last tests": lambda store: (store / "last_tests.json").write_bytes(b"t\xc3\xa4\xff"),
    "a large document": lambda store: (store / "templates.json").write_text("x" * 3_000_000),
}


@pytest.mark.parametrize("change", PLAIN.values(), ids=PLAIN)
def test_it_finds_what_the_module_finds(store, change):
    change(store)
    for pad in (PAD, None):
        assert look(store, pad) == read_store(str(store), pad)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["templates.json", "sealing.key"])
def test_it_sees_another_owner(store, name):
    os.chown(store / name, 4242, 4242)
    found = look(store)
    assert found == read_store(str(store), PAD)
    assert found["drift"] == [f"{name} belongs to 4242, not {pwd.getpwuid(0).pw_name}"]


UNUSUAL = {
    "a lock": lambda store: (store / ".est.lock").touch(0o600),
    "a file half written": lambda store: (store / ".templates.json.new").touch(),
    "a key that waits": lambda store: (store / "sealing.key.next").write_text(f"{KEY.hex()}\n"),
    "a link to the store": lambda store: [store.rename(f"{store}-2"), store.symlink_to(f"{store}-2")],
    "a file for a store": lambda store: [gone(store), store.write_text("")],
    "a folder of all": lambda store: store.chmod(0o777),
    "more than it tells": lambda store: (store / "templates.json").write_text("x" * 7_000_000),
}


@pytest.mark.parametrize("change", UNUSUAL.values(), ids=UNUSUAL)
def test_it_leaves_to_the_module_what_is_out_of_the_ordinary(store, change):
    change(store)
    assert look(store) is None


def test_the_key_is_seen_by_nobody_who_does_not_know_the_pad(store):
    done = run(STORE.text((str(store), PAD), MARK))
    assert KEY.hex().encode() not in done.stdout
    found = read_answer(done.stdout.decode(), MARK)
    assert mask(bytes.fromhex(found["masked_key"]), PAD) == KEY
    assert look(store, None)["masked_key"] == ""


def test_it_changes_nothing_on_the_host(store):
    before = {path: (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in (store, *store.iterdir())}
    look(store)
    assert {path: (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in (store, *store.iterdir())} == before


# --- what it costs


def test_it_is_small_and_ascii():
    assert len(STORE.text(("/var/lib/cloud_extender/est", PAD), MARK).encode("ascii")) < 16 * 1024
    place = ("/etc/ssl/certs/web.pem", "/etc/ssl/private/web.key", (), False)
    assert len(CERTIFICATES.text(("/var/lib/cloud_extender/est", PAD, (place,)), MARK).encode("ascii")) < 20 * 1024


@pytest.mark.parametrize("program", [STORE, CERTIFICATES])
def test_it_has_all_files_that_reading_needs_and_no_other(program):
    here = {name: PLUGINS / "module_utils" / f"{name}.py" for name in program.files}
    needed, done = [program.files[-1]], {"_answer"}
    while needed:
        name = needed.pop()
        if name not in done:
            done.add(name)
            source = here[name].read_text(encoding="utf-8")
            for imported, _line in imports(here[name], source):
                parts = imported.removeprefix("module_utils.").split(".")
                needed.append(next(one for one in ("/".join(parts), "/".join(parts[:-1])) if one in here))
                assert program.files.index(needed[-1]) < program.files.index(name)
    assert done == set(program.files)


# All that a path on which nothing is done loads of Python, beyond what Python has at its start.
LIGHT = {"__future__", "binascii", "zlib", "errno", "grp", "pwd", "stat", "_stat", "_collections_abc"}
LIGHT |= {"os", "os.path", "posixpath", "genericpath", "hashlib", "_hashlib", "_blake2", "_sha2", "_sha256", "_sha512"}
LIGHT |= {"_md5", "_sha1", "_sha3"}


@pytest.mark.parametrize("program", [STORE, CERTIFICATES])
def test_it_loads_little(store, program):
    place = (str(store / "host.pem"), str(store / "host.key"), (), True)
    arguments = (str(store), PAD) if program is STORE else (str(store), PAD, (place,))
    shown = program.text(arguments, MARK) + "\nprint(*sys.modules)\n"
    loaded = set(run(shown).stdout.decode().splitlines()[-1].split())
    bare = set(run("import sys; print(*sys.modules)").stdout.decode().split())
    ours = {name for name in loaded if name.partition(".")[0] == "program"}
    assert loaded - bare - ours <= LIGHT
    assert {f"program.{name.replace('/', '.')}" for name in program.files} <= ours


def test_an_older_python_says_nothing(store):
    older = 'import sys; sys.version_info = (3, 8, 20); exec(compile(sys.stdin.read(), "x", "exec"))'
    done = run(STORE.text((str(store), PAD), MARK), [sys.executable, "-I", "-S", "-c", older])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# --- its answer


def answer(**other):
    found = {**read_store("/nowhere/at/all"), "content": "ä\n", "drift": ["x"], **other}
    return json.dumps({name: in_base64(value) for name, value in found.items()})


@pytest.mark.parametrize(
    "output",
    [
        "{}",
        "Welcome to ce1!\n\n{}\n",
        "Last login: today\r\n{}\r\nConnection to ce1 closed.\r\n",
        "\x1b[0m\x00ü{}\x1b]0;title\x07",
        '{{"changed": false}}\n{}\n{{"changed": true}}',
    ],
)
def test_it_is_found_among_what_others_print(output):
    found = read_answer(output.format(f"{MARK}{answer()}{MARK}"), MARK)
    assert (found["content"], found["drift"], found["exists"]) == ("ä\n", ["x"], False)


@pytest.mark.parametrize(
    "output",
    [
        "",
        answer(),
        f"{MARK}{answer()}",
        f"{MARK}{answer()[:-5]}{MARK}",
        f"{MARK}{answer()}{MARK}{MARK}",
        f"{MARK}{answer()}{MARK}{MARK}{answer()}{MARK}",
        f"{MARK}{answer()[:40]}\r\n{answer()[40:]}{MARK}",
        f"{MARK}[]{MARK}",
        f"{MARK}null{MARK}",
        f"{MARK}{'[' * 100_000}{MARK}",
        f"{MARK}{answer(more='')}{MARK}",
        f"{MARK}{json.dumps({name: value for name, value in json.loads(answer()).items() if name != 'sha256'})}{MARK}",
        f"{MARK}{answer(exists='yes')}{MARK}",
        f"{MARK}{answer(drift='x')}{MARK}",
        f"{MARK}{answer(drift=[1])}{MARK}",
        f"{MARK}{answer(content=5)}{MARK}",
        f"{MARK}{answer(content=['x'])}{MARK}",
        f"{MARK}{answer(masked_key='ff')}{MARK}",
        f"{MARK}{answer(masked_key='no hex')}{MARK}",
        f"{MARK}{answer(sha256=None)}{MARK}",
        f"{MARK}{answer().replace(in_base64('x'), 'x')}{MARK}",
        f"{MARK}{answer().replace(in_base64('x'), '/w==')}{MARK}",
    ],
)
def test_anything_else_is_no_answer(output):
    assert reading_in(read_answer(output, MARK)) is None


# --- the command line


def unset(python, *known):
    facts = {"ansible_facts": {"discovered_interpreter_python": python}} if python else {}
    return {"ansible_python_interpreter": "auto", "ansible_interpreter_python_fallback": list(known), **facts}


@pytest.mark.parametrize(
    ("variables", "environment"),
    [
        ({}, ""),
        ({}, "LANG=C A='it'\"'\"'s $HOME %s'"),
        ({}, "env PYTHONHOME=/nowhere PYTHONPATH=/nowhere"),
        ({"ansible_python_interpreter": f"/usr/bin/env {sys.executable}"}, ""),
        (unset(sys.executable, "/nowhere"), ""),
        (unset("", "python9.9", "/nowhere/a b", sys.executable, "python8"), "A=b"),
    ],
)
def test_the_shell_of_the_host_runs_it(store, variables, environment):
    action = Action(variables=variables, environment=environment)
    assert QuickLook(action).look(str(store), PAD) == read_store(str(store), PAD)
    ((command, sent),) = action.sent
    assert "\n" not in command
    assert "!" not in command
    assert str(store) not in command
    assert PAD.hex() not in command + sent.decode()


def test_another_host_may_do_the_work(store):
    action = Action(variables={"ansible_python_interpreter": "/nowhere"})
    action._task.delegate_to = "other"
    action._task_vars["ansible_delegated_vars"] = {"other": {"ansible_python_interpreter": sys.executable}}
    assert QuickLook(action).look(str(store), PAD)["exists"]


@pytest.mark.parametrize("variables", [{}, unset("", sys.executable)])
def test_on_a_terminal_it_ends_at_once(store, variables):
    action = Action(variables=variables)
    main, terminal = pty.openpty()
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", Sender(action)._command()],
            stdin=terminal,
            capture_output=True,
            timeout=20,
            check=False,
        )
    finally:
        os.close(main)
        os.close(terminal)
    assert (done.stdout, done.stderr) == (b"", b"")


# --- when the module is run instead

SUDO, SU, DOAS = (SimpleNamespace(name=name) for name in ("sudo", "su", "doas"))


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        ({}, True),
        ({"pipelining": False}, True),
        ({"pipelining": False, "become": SUDO}, True),
        ({"pipelining": False, "become": DOAS}, False),
        ({"become": DOAS}, True),
        ({"become": SU}, False),
        ({"become": SimpleNamespace(name="other", pipelining=False)}, False),
        ({"transport": "containers.podman.podman"}, True),
        ({"transport": "containers.podman.podman", "pipelining": False}, False),
        ({"transport": "ansible.netcommon.network_cli", "_remote_is_local": True}, False),
        ({"transport": "paramiko", "has_pipelining": False}, False),
        ({"transport": "winrm", "allow_executable": False}, False),
        ({"executable": ""}, False),
        ({"executable": None}, False),
        ({"executable": "/usr/bin/fish"}, False),
        ({"executable": "/bin/tcsh"}, False),
        ({"executable": "/usr/bin/env bash"}, True),
    ],
)
def test_it_is_sent_only_where_that_is_known_to_work(store, options, tried):
    action = Action(**options)
    found = QuickLook(action).look(str(store), PAD)
    assert (found is not None, len(action.sent)) == (tried, int(tried))


def test_it_is_not_sent_where_files_are_to_be_kept(store, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_KEEP_REMOTE_FILES", True)
    action = Action()
    assert QuickLook(action).look(str(store), PAD) is None
    assert action.sent == []


@pytest.mark.parametrize(
    "result",
    [
        {"rc": 0, "stdout": "", "stderr": ""},
        {"rc": 1, "stdout": "", "stderr": "sudo: sorry, you must have a tty to run sudo"},
        {"rc": 127, "stdout": "", "stderr": "python3: not found"},
        {"rc": 0, "stdout": '{"exists": true}', "stderr": ""},
    ],
)
def test_without_an_answer_the_module_reads_and_its_errors_are_told(store, result):
    action, calls = Action(), []
    action.result = result

    def execute(name, arguments):
        calls.append((name, arguments["operation"]))
        return read_store(arguments["store_path"], bytes.fromhex(arguments["key_pad"]))

    observed = HostStore("module", execute, str(store), QuickLook(action).look).read(want_key=True)
    assert (observed.key, observed.exists) == (KEY, True)
    assert calls == [("module", "read")]
    with pytest.raises(StoreError, match="not a folder"):
        HostStore("module", execute, str(store / "templates.json"), QuickLook(action).look).read(want_key=True)


def test_an_answer_needs_no_module(store):
    observed = HostStore("module", None, str(store), QuickLook(Action()).look).read(want_key=True)
    assert (observed.key, observed.exists, observed.last_tests) == (KEY, True, "")
    assert HostStore("module", None, str(store), QuickLook(Action()).look).read(want_key=False).key is None
