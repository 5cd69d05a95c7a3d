# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of a fleet stays behind, however its process ends."""

from __future__ import annotations

import functools
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fleet.host import SSHD
from fleet.ssh_fleet import Fleet

PROGRAM = str(Path(__file__).parent)

pytestmark = pytest.mark.skipif(SSHD is None, reason="there is no sshd; Debian has it in openssh-server")


def open_connection(folder: Path) -> None:
    """Connect to every host, and leave the connections open."""
    for path in folder.glob("hosts/*/sshd_config"):
        words = dict(line.split(maxsplit=1) for line in path.read_text(encoding="ascii").splitlines())
        options = ["ControlMaster=auto", "ControlPersist=60s", f"ControlPath={folder}/control/{path.parent.name}"]
        trust = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={folder}/known_hosts"]
        flags = [word for option in (*options, *trust) for word in ("-o", option)]
        target = ["-p", words["Port"], words["ListenAddress"], "true"]
        command = ["ssh", "-F", "none", "-i", str(folder / "user_key"), *flags, *target]
        subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def processes_of(folder: Path) -> list[str]:
    """Return the commands of the processes that name this folder, which every sshd and ssh of a fleet does."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while (folder.exists() or processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(folder) == []
    assert not folder.exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_behind_when_the_process_is_ended(signum: signal.Signals) -> None:
    command = [sys.executable, PROGRAM, "--hosts", "2"]
    # Where these tests run in the background of a shell, SIGINT is ignored, and what they start would ignore it too.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heard
    ) as process:
        try:
            assert process.stdout is not None
            told = re.search(r"inventory (/\S+)/inventory.json", process.stdout.readline())
            assert told is not None
            folder = Path(told.group(1))
            open_connection(folder)
            assert len(processes_of(folder)) >= 5  # two sshd, two connections, and the process that ends them
        finally:
            process.send_signal(signum)
            process.wait(timeout=60)
    wait_until_gone(folder)


def test_nothing_stays_behind_after_an_error_and_with_a_host_that_hangs() -> None:
    with pytest.raises(ZeroDivisionError), Fleet(2) as fleet:
        open_connection(fleet.folder)
        fleet.hosts["ce1"].suspend()
        raise ZeroDivisionError
    wait_until_gone(fleet.folder)
