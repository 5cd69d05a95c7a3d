# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many certificates of a host cost in one task, next to one; and ten next to a playbook without this collection.

    venv=$(python3 tests/tools/suite/venvs.py bench tests/requirements/bench.txt)
    $venv/bin/python tests/bench/certificates.py             both parts
    $venv/bin/python tests/bench/certificates.py many        50 certificates with nothing to do, next to one
    $venv/bin/python tests/bench/certificates.py ten         ten certificates, first and second run, and lines

The host is a real sshd process on this machine (tests/fleet) with a warm connection, and a run is a whole one of
ansible-playbook. CPU is that of the controller, its forks, ssh, sshd, and the Python that runs on the host.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)
sys.path.insert(0, str(ROOT / "tests"))

from fleet.measure import in_turns, of_existing, play, table  # noqa: E402 (found on the path only now)
from fleet.playbook import write_playbook  # noqa: E402
from fleet.ssh_fleet import GROUP, Fleet  # noqa: E402
from support.lab import LabProcess  # noqa: E402

BENCH = ROOT / "tests" / "bench"
#: The playbooks for ten certificates, each with the files that it is made of.
TEN = {
    "existing": ("existing_collections_ten.yml", "existing_certificate.yml"),
    "est_certificates": ("ten_certificates.yml",),
}


def task(folder: str, count: int) -> dict[str, Any]:
    """The task for so many certificates, with a file of the chain each.

    :param folder: of the host, as text or as a template, which ansible-core renders for each path anew.
    """
    entries = [
        {
            "identity": {"user": f"host{number}"},
            "certificate_path": f"{folder}/host{number}.pem",
            "private_key_path": f"{folder}/host{number}.key",
            "fullchain_path": f"{folder}/host{number}-full.pem",
        }
        for number in range(count)
    ]
    shared = {"inline": "{{ est_template }}", "identity": {"email": "alex@example.com"}}
    return {"estfleet.cloud_extender.est_certificates": {"defaults": shared, "certificates": entries}}


def empty(fleet: Fleet) -> None:
    """Leave no certificate on the host."""
    for host in fleet.hosts.values():
        shutil.rmtree(host.certificates, ignore_errors=True)
        host.certificates.mkdir()


def many(fleet: Fleet, inventory: Path, lab: LabProcess, counts: Iterable[int], rounds: int) -> None:
    """Nothing to do, for one certificate and for many."""
    contenders = {}
    empty(fleet)
    (host,) = fleet.hosts.values()
    ways = [(str(count), str(host.certificates), count) for count in counts]
    ways.append((f"{ways[-1][0]}, paths with variables", "{{ fleet_output_path }}", ways[-1][2]))
    for name, path, count in ways:
        folder = fleet.folder / f"many-{len(contenders)}"
        folder.mkdir()
        playbook = write_playbook(folder, [{"hosts": GROUP, "gather_facts": False, "tasks": [task(path, count)]}])
        contenders[name] = functools.partial(play, fleet, inventory, playbook, {})
        contenders[name]()
    before = len(lab.enrolments)
    print(f"\nest_certificates by the number of certificates, nothing to do, {rounds} rounds", flush=True)
    table(in_turns(contenders, rounds), next(iter(contenders)), 1)
    if len(lab.enrolments) != before:
        sys.exit("certificates were asked for where nothing is to be done")


def ten(fleet: Fleet, inventory: Path, lab: LabProcess, rounds: int) -> None:
    """Ten certificates by each of the two playbooks."""

    def afresh(_name: str) -> None:
        empty(fleet)

    contenders = {
        name: functools.partial(play, fleet, inventory, str(BENCH / files[0]), {}) for name, files in TEN.items()
    }
    for what, before in (("first run", afresh), ("the same again, nothing to do", None)):
        if before is None:
            for contender in contenders.values():
                contender()
        asked = len(lab.enrolments)
        print(f"\nten certificates, {what}, {rounds} rounds", flush=True)
        table(in_turns(contenders, rounds, *([before] if before else [])), "existing", 1)
        print(f"certificates asked for: {len(lab.enrolments) - asked}")
    print("\nlines without comments: " + ", ".join(f"{name} {_lines(files)}" for name, files in TEN.items()))


def _lines(files: Iterable[str]) -> int:
    texts = [(BENCH / name).read_text(encoding="utf-8") for name in files]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return sum(bool(line) and line != "---" and not line.startswith("#") for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=("many", "ten", []), help="none: both")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    parts = options.part or ("many", "ten")
    with Fleet(1) as fleet, LabProcess("--profile", "full", state=str(fleet.folder / "lab")) as lab:
        inventory = fleet.inventory(of_existing(lab), name="certificates.json", size=1)
        if "many" in parts:
            many(fleet, inventory, lab, (1, 50), options.rounds)
        if "ten" in parts:
            ten(fleet, inventory, lab, options.rounds)


if __name__ == "__main__":
    main()
