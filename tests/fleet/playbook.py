# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of ``ansible-playbook`` on a fleet, and what came out of it for each host."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import returned

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache" / "collections"
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"

_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$", re.MULTILINE)
_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """What a run gave.

    :param status: the exit status: 0, 2 where a host failed, 4 where one was unreachable.
    :param output: everything that was printed.
    :param recap: the numbers of the recap by host: ``ok``, ``changed``, ``unreachable``, ``failed`` ...
    :param seconds: how long it took.
    """

    status: int
    output: str
    recap: Mapping[str, Mapping[str, int]]
    seconds: float

    def hosts(self, number: str) -> list[str]:
        """Return the hosts of which a number of the recap is not 0."""
        return sorted(host for host, numbers in self.recap.items() if numbers[number])

    @property
    def warnings(self) -> list[str]:
        """The warnings of Ansible's."""
        return re.findall(r"^\[(?:DEPRECATION )?WARNING\]:.*$", self.output, re.MULTILINE)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a run: none of the user's settings for Ansible, and nothing kept in the home folder."""
    settings = folder / "ansible.cfg"
    settings.write_text("[defaults]\n", encoding="ascii")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        **returned.watching(),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_FORKS": "10",
        "PYTHONWARNINGS": "ignore",
    }


def run_playbook(
    playbook: str,
    inventory: Path,
    *options: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    limit: float = _LIMIT_SECONDS,
    program: str = str(PLAYBOOK),
) -> Run:
    """Run a playbook, by its fully qualified name or its path.

    :param folder: the working folder.
    :param settings: further environment variables.
    :param limit: seconds after which a run that has not ended is an error.
    :param program: the ``ansible-playbook`` to run.
    """
    started = time.monotonic()
    with subprocess.Popen(
        [program, playbook, "-i", str(inventory), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**environment(folder), **(settings or {})},
        start_new_session=True,
    ) as process:
        try:
            output, _errors = process.communicate(timeout=limit)
        finally:
            with contextlib.suppress(ProcessLookupError):  # forks of a run that was interrupted
                os.killpg(process.pid, signal.SIGKILL)
    recap = {
        host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", numbers)}
        for host, numbers in _RECAP.findall(output)
    }
    return Run(process.returncode, output, recap, time.monotonic() - started)


def write_playbook(folder: Path, plays: Sequence[Mapping[str, Any]]) -> str:
    """Write a playbook as JSON, which is YAML, and return its path."""
    path = folder / "playbook.json"
    path.write_text(json.dumps(plays, indent=1), encoding="utf-8")
    return str(path)
