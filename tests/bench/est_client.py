# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolment with the EST client costs, next to the least it can cost and to curl with openssl.

usage: tests/bench/est_client.py [warm] [packets] [cold] [curl]      (default: all four)

Everything is compared in one run, in turns, with the lab's server on this machine: a busy machine slows both sides.
Printed are medians over the rounds, the median of the rounds' ratios, and the smallest and largest of them. CPU is that
of the client's side alone, user and system. Run it with a Python that has requests and cryptography, such as

    venv=$(python3 tests/tools/suite/venvs.py unit tests/requirements/unit.txt)
    $venv/bin/python tests/bench/est_client.py
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import platform
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLLECTIONS = os.path.join(ROOT, ".cache", "collections")
BENCH = os.path.join(ROOT, "tests", "bench")
sys.path[:0] = [COLLECTIONS, os.path.join(ROOT, "tests")]

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7  # noqa: E402
from est_client_enrol import Client  # noqa: E402
from est_client_floor import Floor  # noqa: E402
from support.lab import LabProcess  # noqa: E402
from support.tls_certificates import authority  # noqa: E402
from support.tls_peer import Peer, read_request, response, server_context  # noqa: E402

# What a program imports that enrols, as est_client_enrol.py does.
_EST = "ansible_collections.estfleet.cloud_extender.plugins.module_utils.est"
CLIENT_IMPORTS = "; ".join(
    f"import {_EST}.{name}"
    for name in (
        "client",
        "request.csr",
        "http.https",
        "x509.keys",
        "http.tls",
        "http.transport",
        "http.url",
        "x509.certificate",
    )
)
FLOOR_IMPORTS = "import requests; from cryptography import x509"
# What the first key that is made or read loads beside; cryptography brings its formats for SSH along.
KEY_IMPORTS = f"{CLIENT_IMPORTS}; import cryptography.hazmat.primitives.serialization"
HEADING = f"{'':<46}{'floor':>10}{'client':>10}{'ratio':>8}   smallest-largest"


def measured(action: Callable[[], Any], who: int = resource.RUSAGE_SELF) -> Tuple[float, float]:
    """Seconds of CPU and of wall time."""
    before, started = resource.getrusage(who), time.perf_counter()
    action()
    wall, after = time.perf_counter() - started, resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def environment(folder: str) -> Dict[str, str]:
    """For Python processes: the collection on the path, and bytecode in a folder of its own, whatever the user set."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": COLLECTIONS, "PYTHONPYCACHEPREFIX": folder}


def row(words: str, floor: Sequence[float], client: Sequence[float]) -> None:
    """One line of the table; the values are seconds, one of each side for each round."""
    ratios = [mine / other for mine, other in zip(client, floor)]
    print(
        f"{words:<46}{1000 * statistics.median(floor):>8.2f}ms{1000 * statistics.median(client):>8.2f}ms"
        f"{statistics.median(ratios):>8.2f}   {min(ratios):.2f}-{max(ratios):.2f}",
        flush=True,
    )


def warm(rounds: int = 10, enrolments: int = 10) -> None:
    """Enrolments over one connection each, a new P-256 key for every one: CPU of one enrolment."""
    print(f"\nwarm: one connection, P-256, {rounds} rounds of {enrolments}; floor: est_client_floor.py\n{HEADING}")
    with LabProcess() as lab:
        floor = Floor(lab.url, lab.ca_path, lab.username, lab.password)
        client = Client(lab.url, lab.ca_path, lab.username, lab.password)
        sides: Dict[str, Callable[[], Any]] = {
            "floor": floor.enrol,
            "client": client.enrol,
            "unverified": lambda: client.enrol(verify=False),
        }
        seconds: Dict[str, List[Tuple[float, float]]] = {name: [] for name in sides}
        for enrol in sides.values():
            enrol()  # opens the connection, fills caches
        for _round in range(rounds):
            for name, enrol in sides.items():
                cpu, wall = measured(lambda enrol=enrol: [enrol() for _unused in range(enrolments)])
                seconds[name].append((cpu / enrolments, wall / enrolments))
        for place, words in ((0, "CPU"), (1, "wall")):
            base = [pair[place] for pair in seconds["floor"]]
            row(f"{words}: everything checked", base, [pair[place] for pair in seconds["client"]])
            row(f"{words}: without client.verify()", base, [pair[place] for pair in seconds["unverified"]])
        floor.close()
        client.close()


def packets(rounds: int = 5, enrolments: int = 5) -> None:
    """A server that writes head and body of an answer apart, with Nagle's algorithm on, as many do."""
    print(
        f"\npackets: wall time of one enrolment, P-256, {rounds} rounds of {enrolments}; floor: answers in one packet"
    )
    print(HEADING.replace("floor", "  one").replace("client", "   two"))
    ca = authority()
    context = server_context(ca.issue("server", dns=["localhost"]))
    # Any certificate will do as an answer: here it is not verified.
    body = base64.encodebytes(pkcs7.serialize_certificates([ca.certificate], Encoding.DER))

    def answer(writes: int) -> Callable[[Any, Peer], None]:
        def step(connection: Any, peer: Peer) -> None:
            read_request(connection, peer)
            head, end, rest = response(body, headers="Content-Type: application/pkcs7-mime\r\n").partition(b"\r\n\r\n")
            for piece in (head + end, rest) if writes == 2 else (head + end + rest,):
                connection.sendall(piece)

        return step

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="est-bench-"))
        ca_path = os.path.join(folder, "ca.pem")
        with open(ca_path, "w", encoding="ascii") as file:
            file.write(ca.pem)
        for words, make in (("client", Client), ("requests", Floor)):
            sides: List[Callable[[], Any]] = []
            for writes in (1, 2):
                script = [[answer(writes)] * (rounds * enrolments + 2)]
                peer = stack.enter_context(Peer(script, context=context))
                side: Any = make(f"https://localhost:{peer.port}", ca_path, "user", "password")
                stack.callback(side.close)
                sides.append(side.enrol if make is Floor else lambda side=side: side.enrol(verify=False))
                sides[-1]()
            seconds: List[List[float]] = [[], []]
            for _round in range(rounds):
                for enrol, taken in zip(sides, seconds):
                    _cpu, wall = measured(lambda enrol=enrol: [enrol() for _unused in range(enrolments)])
                    taken.append(wall / enrolments)
            row(f"{words}, answers in two packets", *seconds)


def cold(rounds: int = 15) -> None:
    """Imports of a new process."""
    print(f"\ncold: imports in a new process, {rounds} rounds; floor: {FLOOR_IMPORTS}\n{HEADING}")
    clock = (
        "import time; cpu, wall = time.process_time(), time.perf_counter(); {}; "
        "print(time.process_time() - cpu, time.perf_counter() - wall)"
    )
    seconds: Dict[str, List[Tuple[float, float]]] = {FLOOR_IMPORTS: [], CLIENT_IMPORTS: [], KEY_IMPORTS: []}
    with tempfile.TemporaryDirectory(prefix="est-bench-") as folder:
        for number in range(rounds + 1):
            for imports, taken in seconds.items():
                command = [sys.executable, "-c", clock.format(imports)]
                said = subprocess.check_output(command, env=environment(folder), text=True).split()
                if number:  # the first one writes bytecode and fills the cache of the file system
                    taken.append((float(said[0]), float(said[1])))
    for place, words in ((0, "CPU"), (1, "wall")):
        floor, client, with_key = ([pair[place] for pair in taken] for taken in seconds.values())
        row(f"{words} of the imports", floor, client)
        row(f"{words} of the imports, and of the first key", floor, with_key)


def curl(rounds: int = 7) -> None:
    """The same exchange by a shell script and by one Python process, and in a Python process that already runs."""
    print(f"\ncurl: cacerts, key, enrolment, checks; {rounds} rounds; floor: est_client_vs_curl.sh\n{HEADING}")
    with LabProcess() as lab, tempfile.TemporaryDirectory(prefix="est-bench-") as folder:
        password = os.path.join(folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write(lab.password)
        script = ["bash", os.path.join(BENCH, "est_client_vs_curl.sh")]
        program = [sys.executable, os.path.join(BENCH, "est_client_enrol.py")]

        def process(command: List[str], key_type: str) -> Tuple[float, float]:
            arguments = [lab.url, lab.ca_path, lab.username, password, key_type, folder]
            variables = environment(os.path.join(folder, "bytecode"))
            return measured(
                lambda: subprocess.run([*command, *arguments], env=variables, check=True, timeout=120),
                resource.RUSAGE_CHILDREN,
            )

        def in_process(key_type: str) -> None:
            client = Client(lab.url, lab.ca_path, lab.username, lab.password)
            client.enrol(key_type)
            client.close()

        for key_type, name in (("ec", "P-256"), ("rsa", "RSA-2048")):
            seconds: List[List[Tuple[float, float]]] = [[], [], []]
            for number in range(rounds + 1):
                taken = (
                    process(script, key_type),
                    process(program, key_type),
                    measured(lambda key_type=key_type: in_process(key_type)),
                )
                for values, value in zip(seconds, taken):
                    values.extend([value] if number else [])
            for place, words in ((0, "CPU"), (1, "wall")):
                base, started, running = ([pair[place] for pair in values] for values in seconds)
                row(f"{name}, {words}: a new Python process", base, started)
                row(f"{name}, {words}: Python that runs already", base, running)


def machine() -> str:
    """What it all ran on."""

    def said(*command: str) -> str:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.split("\n")[0]

    import cryptography
    import requests
    import urllib3

    changed = " with changes" if said("git", "status", "--porcelain", "plugins/module_utils") else ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    return (
        f"commit {said('git', 'rev-parse', '--short', 'HEAD')}{changed}, {time.strftime('%Y-%m-%d')}\n"
        f"{platform.platform()}, {os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f}\n"
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, cryptography {cryptography.__version__}, "
        f"requests {requests.__version__}, urllib3 {urllib3.__version__}\n"
        f"{said('curl', '--version').split(' (')[0]}, {said('openssl', 'version')}"
    )


def main() -> None:
    parts = {"warm": warm, "packets": packets, "cold": cold, "curl": curl}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", metavar="part", help=f"{', '.join(parts)}; default: all")
    chosen = parser.parse_args().part or list(parts)
    for name in chosen:
        if name not in parts:
            parser.error(f"unknown part {name}; parts are {', '.join(parts)}")
    print(machine())
    for name in chosen:
        parts[name]()


if __name__ == "__main__":
    main()
