# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate of one of many identities costs, next to the least that an enrolment can cost; and runs that die.

usage: tests/bench/identities.py [--count 1000] [--kills 20]

P-256, 200 identities in a call of the host as the action makes them, each over one connection, with the lab's server on
this machine. CPU is that of the client's side alone. Then a run is killed at random moments until it has finished: how
many requests that took, and whether each certificate has its key.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(ROOT / "tests")]

from est_client_floor import Floor  # noqa: E402
from support.lab import LabProcess  # noqa: E402
from support.production import given, posts, template_for  # noqa: E402

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import wave  # noqa: E402
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import (  # noqa: E402
    load_pem_certificates,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (  # noqa: E402
    load_private_key,
    same_public_key,
)

CALL = 200


def orders(options: dict[str, Any], folder: str, count: int) -> list[dict[str, Any]]:
    """What the action sends to the host."""
    people = [
        {"name": f"u{number}", "user": f"u{number}", "domain": "example.com", "email": "u@example.com", "variables": {}}
        for number in range(count)
    ]
    return [wave.order(options, folder, people[first : first + CALL], 20) for first in range(0, count, CALL)]


def measured(work: Callable[[], object], count: int) -> str:
    """Do it, and say what each cost."""
    cpu, wall = time.process_time(), time.monotonic()
    work()
    cpu, wall = (time.process_time() - cpu) * 1000 / count, time.monotonic() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{cpu:.2f} ms CPU each, {wall:.1f} s in all, {memory} MiB at most"


def keep_all(asked: list[dict[str, Any]], status: str) -> None:
    """Make all calls, of which each has to end so."""
    for each in asked:
        found = wave.keep(each, check_mode=False)
        assert {one["status"] for one in found["identities"]} == {status}, found


def kill(lab: LabProcess, asked: list[dict[str, Any]], folder: Path, count: int, times: int) -> None:
    """Kill runs at random moments, and let one finish."""
    file = folder / "orders.json"
    file.write_text(json.dumps(asked))
    before, choice = posts(lab), random.Random(1)
    for _time in range(times):
        enough = len(list(folder.glob("*.pem"))) + choice.randint(1, max(1, count // times - 1))
        with subprocess.Popen([sys.executable, __file__, "--orders", str(file)]) as run:
            while len(list(folder.glob("*.pem"))) < enough and run.poll() is None:
                time.sleep(0.01)
            time.sleep(choice.random() / 10)
            run.kill()
    subprocess.run([sys.executable, __file__, "--orders", str(file)], check=True)
    print(f"killed {times} times: {posts(lab) - before} requests for {count} certificates")
    for number in range(count):
        certificate = load_pem_certificates((folder / f"u{number}.pem").read_text())[0]
        assert same_public_key(load_private_key((folder / f"u{number}.key").read_bytes()), certificate)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--orders")
    arguments = parser.parse_args()
    if arguments.orders:
        for each in json.loads(Path(arguments.orders).read_text()):
            wave.keep(each, check_mode=False)
        return
    count = arguments.count
    with LabProcess() as lab, tempfile.TemporaryDirectory() as folder:
        template = template_for(lab)
        paths = {"certificate_path": "/x/a.pem", "private_key_path": "/x/a.key"}
        options = given(inline={**template.as_fields(), **template.secrets()}, **paths)
        floor = Floor(lab.url, lab.ca_path, lab.username, lab.password)
        floor.enrol()
        keep_all(orders(options, os.path.join(folder, "warm"), 20), "issued")
        print("floor:         ", measured(lambda: [floor.enrol() for _number in range(count)], count))
        asked = orders(options, os.path.join(folder, "all"), count)
        print("first run:     ", measured(lambda: keep_all(asked, "issued"), count))
        print("nothing to do: ", measured(lambda: keep_all(asked, "unchanged"), count))
        if arguments.kills:
            killed = Path(folder, "killed")
            killed.mkdir()
            kill(lab, orders(options, str(killed), count), killed, count, arguments.kills)


if __name__ == "__main__":
    main()
