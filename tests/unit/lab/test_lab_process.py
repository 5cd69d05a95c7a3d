# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab server as a process: flags, signals, files, the state folder."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
from support.lab import PROGRAM
from support.lab import LabProcess as AnyLabProcess
from support.lab_server import ROLE_FILES

# It is not a package of Ansible's, and found by its own name only where it lies.
sys.path.append(str(ROLE_FILES))
cli = importlib.import_module("est_lab_server.command.cli")


class LabProcess(AnyLabProcess):
    """The program that users get, not that of the tests."""

    def __init__(self, *arguments: str, **options) -> None:
        super().__init__(*arguments, program=PROGRAM, **options)


def run(*flags: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, PROGRAM, *flags],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        **options,
    )


def test_help_says_that_it_is_for_labs():
    told = run("--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "FOR LABS ONLY" in told.stdout
    assert "anyone who knows the lab password" in " ".join(told.stdout.split())


def test_banner_says_that_it_is_for_labs():
    with LabProcess() as lab:
        assert "FOR LABS ONLY. It issues certificates to anyone who knows the lab password." in lab.stderr
        assert lab.ca_path in lab.stderr


def test_it_listens_on_loopback_unless_told_otherwise(plain_lab):
    with open("/proc/net/tcp", encoding="ascii") as stream:
        listening = [line.split()[1] for line in stream if line.split()[3] == "0A"]
    assert f"0100007F:{plain_lab.port:04X}" in listening
    assert f"00000000:{plain_lab.port:04X}" not in listening


def test_another_address_by_flag():
    with LabProcess("--bind", "127.0.0.2") as lab, socket.create_connection(("127.0.0.2", lab.port), 5):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_even_with_open_connections(number, tmp_path):
    files = [str(tmp_path / "pid"), str(tmp_path / "ready")]
    with LabProcess("--pid-file", files[0], "--ready-file", files[1]) as lab:
        with open(files[0], encoding="ascii") as stream:
            assert int(stream.read()) == lab.process.pid
        with open(files[1], encoding="ascii") as stream:
            assert stream.read() == f"https://127.0.0.1:{lab.port}\n"
        with socket.create_connection(("127.0.0.1", lab.port), 5):
            lab.process.send_signal(number)
            assert lab.process.wait(60) == 0
        assert os.listdir(tmp_path) == []
        assert "Traceback" not in lab.stderr


def test_state_is_kept_and_private(tmp_path):
    state = str(tmp_path / "state")
    anchors = []
    for _unused in range(2):
        with LabProcess("--intermediate", state=state) as lab:
            anchors.append(lab.ca_pem)
            kept = {name: os.stat(os.path.join(state, name)).st_ino for name in os.listdir(state)}
    assert anchors[0] == anchors[1]
    assert kept == {name: os.stat(os.path.join(state, name)).st_ino for name in os.listdir(state)}
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o700
    for name in kept:
        with open(os.path.join(state, name), encoding="ascii") as stream:
            secret = "PRIVATE KEY" in stream.read()
        assert stat.S_IMODE(os.stat(os.path.join(state, name)).st_mode) == (
            0o600 if secret or name == ".lock" else 0o644
        )


def test_without_a_state_folder_it_leaves_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, PROGRAM, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout.readline().startswith(b"ready https://127.0.0.1:")
        (folder,) = os.listdir(tmp_path)
        assert stat.S_IMODE(os.stat(tmp_path / folder).st_mode) == 0o700
        assert "ca.pem" in os.listdir(tmp_path / folder)
        process.terminate()
        assert process.wait(60) == 0
    assert os.listdir(tmp_path) == []


def test_an_authority_of_another_key_type_is_refused(tmp_path):
    LabProcess(state=str(tmp_path)).start().stop()
    told = run("--port", "0", "--state", str(tmp_path), "--key-type", "rsa")
    assert (told.returncode, told.stdout) == (1, "")
    assert "has a key of type ec, not rsa; use --key-type ec or another --state folder" in told.stderr


def test_a_damaged_state_is_told_in_words(tmp_path):
    LabProcess(state=str(tmp_path)).start().stop()
    (tmp_path / "root.key").write_text("nothing")
    told = run("--port", "0", "--state", str(tmp_path))
    assert (told.returncode, told.stdout) == (1, "")
    assert "is damaged; remove the folder" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "65536"], "not a port"),
        (["--port", "x"], "invalid"),
        (["--status", "99"], "not an HTTP status"),
        (["--manual-approval", "-1"], "negative"),
        (["--profile", "other"], "invalid choice"),
        (["--csrattrs", "nothing"], "neither such a preset nor such a file"),
        (["--csrattrs", "file:/nonexistent"], "neither such a preset nor such a file"),
        (["--tls-min", "1.3", "--tls-max", "1.2"], "above"),
        (["--retry-after", "date:soon"], "soon"),
        (["--password-file", "/nonexistent"], "/nonexistent"),
        (["--daemon"], "--daemon needs a --state folder"),
        (["--stop"], "--stop needs a --state folder"),
        (["--stat", "x"], "unrecognized arguments"),
        (["--fault", "simpleenroll:http-500"], "unrecognized arguments"),
        (["--server-certificate", "expired"], "unrecognized arguments"),
    ],
)
def test_wrong_flags(flags, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(flags)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert words in told.err


def test_a_port_that_is_taken(plain_lab):
    told = run("--port", str(plain_lab.port))
    assert (told.returncode, told.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1 port {plain_lab.port}: Address already in use" in told.stderr


def test_a_state_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    told = run("--port", "0", "--state", str(tmp_path / "file"))
    assert told.returncode == 1
    assert "cannot use the state folder" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    tmp_path.chmod(0o755)
    told = run("--port", "0", "--state", str(tmp_path))
    assert told.returncode == 1
    assert "is not a state folder: it holds other files" in told.stderr
    assert (stat.S_IMODE(tmp_path.stat().st_mode), os.listdir(tmp_path)) == (0o755, ["thesis.txt"])


@pytest.mark.parametrize("way", ["file", "environment", "argument", "arguments-file"])
def test_ways_to_give_the_password(client_of, way, tmp_path):
    (tmp_path / "password").write_text("canary-2291\n")
    (tmp_path / "arguments").write_text(f"--password-file\n{tmp_path}/password\n")
    flags = {
        "file": ["--password-file", str(tmp_path / "password")],
        "argument": ["--password", "canary-2291"],
        "arguments-file": [f"@{tmp_path}/arguments"],
    }.get(way, [])
    environment = {"EST_LAB_PASSWORD": "canary-2291"} if way == "environment" else {}
    with LabProcess(*flags, environment=environment) as lab:
        client = client_of(lab)
        assert client.enroll().status_code == 401
        assert client.enroll(auth=("estuser", "canary-2291")).status_code == 200
        assert "canary" not in lab.stderr + json.dumps(lab.log)


class TestBackground:
    """`--daemon` and `--stop`."""

    @pytest.fixture
    def daemon(self, tmp_path):
        state = str(tmp_path / "state")

        def do(*flags: str) -> str:
            told = run("--port", "0", "--state", state, *flags)
            assert (told.returncode, told.stderr) == (0, "")
            return told.stdout.strip()

        yield do
        do("--stop")

    def test_life(self, daemon, tmp_path):
        assert daemon("--stop") == "not running"
        assert daemon("--daemon", "--check") == "started"
        assert not (tmp_path / "state").exists()
        word, url = daemon("--daemon").split()
        assert word == "started"
        assert daemon("--daemon") == daemon("--daemon", "--check") == f"unchanged {url}"
        assert daemon("--daemon", "--check", "--profile", "cisco") == "restarted"
        assert daemon("--daemon") == f"unchanged {url}"
        assert daemon("--daemon", "--profile", "cisco").startswith("restarted https://")
        process = int((tmp_path / "state" / "daemon.pid").read_text())
        assert daemon("--stop", "--check") == "stopped"
        os.kill(process, 0)
        assert daemon("--stop") == "stopped"
        assert not (tmp_path / "state" / "daemon.pid").exists()
        with pytest.raises(ProcessLookupError):
            wait_until_gone(process)
        assert daemon("--stop") == "not running"

    def test_a_changed_password_restarts_it(self, daemon, tmp_path):
        (tmp_path / "password").write_text("one")
        flags = ("--daemon", "--password-file", str(tmp_path / "password"))
        assert daemon(*flags).startswith("started")
        (tmp_path / "password").write_text("two")
        assert daemon(*flags).startswith("restarted")

    def test_a_process_id_left_by_a_killed_server_is_not_trusted(self, daemon, tmp_path):
        daemon("--daemon")
        process = int((tmp_path / "state" / "daemon.pid").read_text())
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ProcessLookupError):
            wait_until_gone(process)
        (tmp_path / "state" / "daemon.pid").write_text(str(os.getpid()))
        assert daemon("--stop") == "not running"
        assert daemon("--daemon").startswith("started")

    def test_a_server_that_does_not_start_says_why(self, plain_lab, tmp_path):
        told = run("--port", str(plain_lab.port), "--state", str(tmp_path), "--daemon")
        assert (told.returncode, told.stdout) == (1, "")
        assert "the server did not start: est-lab-server: cannot listen on" in told.stderr

    def test_the_folder_is_private(self, daemon, tmp_path):
        daemon("--daemon")
        for name in ("daemon.json", "daemon.log"):
            assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600


def wait_until_gone(process: int) -> None:
    for _unused in range(200):
        os.kill(process, 0)
        with open(f"/proc/{process}/stat", encoding="ascii") as stream:
            if stream.read().rsplit(")", 1)[1].split()[0] == "Z":
                raise ProcessLookupError
        time.sleep(0.02)
