# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a playbook on a fleet costs: the time, and the CPU of the controller and of all hosts."""

from __future__ import annotations

import os
import resource
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet.ending import session_processes
from fleet.playbook import run_playbook
from fleet.ssh_fleet import Fleet
from support.lab import PASSWORD, USERNAME, LabProcess

_LIMIT_SECONDS = 900  # 100 hosts on a busy machine
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What one run took, in seconds.

    :param wall: from its start to its end.
    :param controller: user and system CPU of ansible-playbook, its forks, and every ssh that they started.
    :param hosts: user and system CPU of every sshd and all that runs below it, and of the connections kept open.
    """

    wall: float
    controller: float
    hosts: float

    @property
    def cpu(self) -> float:
        """All CPU of the run."""
        return self.controller + self.hosts


def measure(fleet: Fleet, work: Callable[[], float]) -> Cost:
    """Return what a piece of work costs; it returns its own wall time."""
    hosts, controller = _cpu_of_hosts(fleet), _cpu_of_children()
    wall = work()
    return Cost(wall, _cpu_of_children() - controller, _cpu_of_hosts(fleet) - hosts)


def play(fleet: Fleet, inventory: Path, playbook: str, settings: Mapping[str, str], *options: str) -> Cost:
    """Run a playbook and return its cost; a run that fails ends the benchmark."""

    def work() -> float:
        done = run_playbook(playbook, inventory, *options, folder=fleet.folder, settings=settings, limit=_LIMIT_SECONDS)
        if done.status:
            sys.exit(f"{playbook} failed:\n{done.output}")
        return done.seconds

    return measure(fleet, work)


def in_turns(
    contenders: Mapping[str, Callable[[], Cost]], rounds: int, before: Callable[[str], None] = lambda _name: None
) -> dict[str, list[Cost]]:
    """Run the contenders one after the other, in as many rounds: a busy machine slows all of them.

    :param before: called with the contender's name before each run; not measured.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name, contender in contenders.items():
            before(name)
            costs[name].append(contender())
    return costs


def median(costs: Sequence[Cost], what: str) -> float:
    """Return the median of one kind of cost."""
    return statistics.median(getattr(cost, what) for cost in costs)


def ratio(costs: Sequence[Cost], base: Sequence[Cost], what: str) -> tuple[float, float, float]:
    """Return the median, the smallest and the largest of the ratios within the rounds."""
    ratios = [getattr(cost, what) / getattr(other, what) for cost, other in zip(costs, base)]
    return statistics.median(ratios), min(ratios), max(ratios)


def table(costs: Mapping[str, Sequence[Cost]], base: str, hosts: int) -> None:
    """Print medians, and the ratios to the contender that is the measure."""
    print(
        f"{'':<22}{'wall s':>8}{'CPU s':>8}{'CPU ms/host':>13}{'of these controller':>21}   x {base}: wall, CPU (range)"
    )
    for name, runs in costs.items():
        wall, cpu = ratio(runs, costs[base], "wall"), ratio(runs, costs[base], "cpu")
        numbers = f"{median(runs, 'wall'):>8.2f}{median(runs, 'cpu'):>8.2f}{1000 * median(runs, 'cpu') / hosts:>13.0f}"
        controller = f"{1000 * median(runs, 'controller') / hosts:>21.0f}"
        print(
            f"{name:<22}{numbers}{controller}   {wall[0]:.2f}, {cpu[0]:.2f} ({cpu[1]:.2f} to {cpu[2]:.2f})", flush=True
        )


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu_of_hosts(fleet: Fleet) -> float:
    """Return the CPU of all hosts so far. Sessions stay open, so what has ended below them counts in them."""
    servers = [host.pid for host in fleet.hosts.values()]
    return sum(_cpu(pid) for pid in (*servers, *session_processes(*servers), *fleet.connections())) / _TICKS


def _cpu(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])  # of the process and of its children that have ended


def of_existing(lab: LabProcess) -> dict[str, Any]:
    """What the playbooks of collections that exist, and ours beside them, have to know of an EST server."""
    template = {
        "name": "wifi",
        "server": lab.url,
        "username": USERNAME,
        "password": PASSWORD,
        "ca_path": lab.ca_path,
        "key_type": "ec",
        "subject_alternative_name": "other",
        "subject_alternative_name_other": ["email:%email%"],
    }
    named = {"est_server": lab.url, "est_ca_path": lab.ca_path, "est_username": USERNAME, "est_password": PASSWORD}
    return {**named, "est_template": template}
