# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another program sees of key and certificate while they are replaced, and while runs that do so are killed.

``--rounds N`` makes more of it. The summary tells how many looks there were, and how many found the two apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from faults.injection import ERRORS, KILLED, every_fault
from support.enrolment import enrol
from support.lab import LabServer
from support.production import asked_for, holder_of, keep, template_for
from support.tls_certificates import authority

CA = authority()
#: How a service gets to its files: by a path for each, or in a folder that it opens once.
PATHS, FOLDER = "each by its path", "in a folder opened once"
LAYOUTS = {"two files": PATHS, "versions": FOLDER, "versions, by paths": PATHS}
#: Reads without a pause until its input ends, and then tells what it saw: how often, and which texts.
READER = """
import collections, json, os, sys, threading
folder, way, names = sys.argv[1], sys.argv[2], sys.argv[3:]
done = []
threading.Thread(target=lambda: done.append(sys.stdin.read()), daemon=True).start()
seen = collections.Counter()

def read(name, **where):
    file = os.open(name, os.O_RDONLY, **where)
    try:
        return os.read(file, 1 << 16).decode()
    finally:
        os.close(file)

def look():
    if way != "in a folder opened once":
        return [read(os.path.join(folder, name)) for name in names]
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        found = []
        for name in names:
            try:
                found.append(read(name, dir_fd=descriptor))
            except FileNotFoundError:
                found.append("")
        return found
    finally:
        os.close(descriptor)

print("ready", flush=True)
while not done:
    try:
        seen[tuple(look())] += 1
    except FileNotFoundError:
        seen[()] += 1
print(json.dumps(list(seen.items())))
"""


@contextlib.contextmanager
def reading(folder: Path, way: str, *names: str) -> Iterator[Counter[str]]:
    """Have another process read key and certificate all the time; the counter is filled at the end."""
    command = [sys.executable, "-c", READER, str(folder), way, *(names or ("host.key", "host.pem"))]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    seen: Counter[str] = Counter()
    try:
        yield seen
    finally:
        told, _errors = reader.communicate(input="", timeout=60)
    for texts, number in json.loads(told):
        seen["looks"] += number
        seen[_kind(texts)] += number


def _kind(texts: list[str]) -> str:
    if not texts:
        return "absent"
    if not all(texts):
        return "one of them absent"
    key = load_pem_private_key(texts[0].encode(), None)
    certificate = x509.load_pem_x509_certificate(texts[1].encode())
    return "together" if key.public_key() == certificate.public_key() else "apart"


def pair(folder: Path) -> str:
    """How the two are to somebody who looks now, and puts nothing right."""
    try:
        return _kind([(folder / name).read_text() for name in ("host.key", "host.pem")])
    except FileNotFoundError:
        return "absent"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_reader_while_a_pair_is_replaced(
    layout: str, rounds: int, lab: LabServer, tmp_path: Path, looks: Callable[[str, Counter[str]], None]
) -> None:
    """As often as a machine can, with all that a renewal writes; a real one comes once in weeks."""
    folder, template = tmp_path / "tls", template_for(lab)
    versioned = layout != "two files"
    if not versioned:
        folder.mkdir()
    holder = holder_of(asked_for(folder, template, versioned_folder=versioned))
    identities = [CA.issue(name) for name in ("one", "two")]
    holder.read()
    holder.save(identities[1].certificate, (), identities[1].key, "01" * 32)
    with reading(folder, LAYOUTS[layout]) as seen:
        for number in range(20 * rounds):
            one = identities[number % 2]
            holder.read()
            holder.save(one.certificate, (), one.key, "01" * 32)
            time.sleep(0.01)
    looks(f"replaced {20 * rounds} times, {layout}, {LAYOUTS[layout]}", seen)
    assert seen["together"] > 100
    assert set(seen) <= {"looks", "together", "apart"}, "a file is always there"
    if LAYOUTS[layout] == FOLDER:
        assert seen["apart"] == 0


#: Does on a host what a task does there, when it has loaded what it needs.
WORK = """
import json, sys, types
options = json.loads(sys.argv[1])
from support.enrolment import enrol, template_for
from support.production import keep
template = template_for(types.SimpleNamespace(**options.pop("lab")))
folder = options.pop("folder")
work = {"test": enrol, "certificate": keep}[options.pop("work")]
print("ready", flush=True)
work(folder, template, **options)
"""


class Killed:
    """Runs that are killed with SIGKILL, at growing delays from the beginning of their work.

    :param options: of ``keep()``, or where ``work`` is ``test`` of ``enrol()``.
    """

    def __init__(self, lab: LabServer, folder: Path, work: str, **options: Any) -> None:
        server = {"host": lab.host, "port": lab.port, "ca_pem": lab.ca_pem}
        self._options = json.dumps({"lab": server, "folder": str(folder), "work": work, **options})

    def runs(self, number: int, prepare: Callable[[], None]) -> Iterator[str]:
        """Do so many; each time, things are made as they are before. It tells when a run was killed, and how."""
        prepare()
        seconds = self._run(None)[0]  # how long one takes that is not
        for each in range(number):
            prepare()
            _seconds, status = self._run(1.1 * seconds * (each + 0.5) / number)
            assert status in (0, -signal.SIGKILL)
            yield "killed" if status else "ended before it was killed"

    def _run(self, delay: float | None) -> tuple[float, int]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", WORK, self._options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            began = time.monotonic()
            try:
                process.wait(60 if delay is None else delay)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            seconds = time.monotonic() - began
        assert delay is not None or process.returncode == 0
        return seconds, process.returncode


@pytest.mark.parametrize("layout", ["two files", "versions"])
@pytest.mark.parametrize("kind", ["enrol", "renew", "rekey"])
def test_a_reader_while_runs_are_killed(
    kind: str,
    layout: str,
    rounds: int,
    lab: LabServer,
    tmp_path: Path,
    looks: Callable[[str, Counter[str]], None],
    count: Callable[[str, str], None],
) -> None:
    """What is there after a kill is looked at as others see it; then the next run puts right what there is to do."""
    folder, template, versioned = tmp_path / "tls", template_for(lab), layout == "versions"
    options = {"versioned_folder": versioned}
    allowed = {"recovered", "unchanged", *(["issued"] if kind == "enrol" else [])}

    def prepare() -> None:
        if kind == "enrol":
            for path in tmp_path.glob("*tls*"):
                path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)
        if not versioned:
            folder.mkdir(exist_ok=True)
        if kind != "enrol":
            keep(folder, template, **options)

    method = {} if kind == "enrol" else {"force": True, "renewal_method": kind}
    killed = Killed(lab, folder, "certificate", **options, **method)
    prepare()
    with reading(folder, LAYOUTS[layout]) as seen:
        for how in killed.runs(3 * rounds, prepare):
            found = pair(folder)
            count(f"{kind}, {layout}", f"{how}, then the pair is {found}")
            if versioned or kind == "renew":
                assert found in ("together", "absent" if kind == "enrol" else "together")
            assert keep(folder, template, **options)["status"] in allowed
            assert pair(folder) == "together"
            assert keep(folder, template, **options)["status"] == "unchanged"
    looks(f"killed runs, {kind}, {layout}, {LAYOUTS[layout]}", seen)
    if versioned:
        assert seen["apart"] == 0
        # Before each enrolment all is removed, also from under the reader.
        assert kind == "enrol" or set(seen) == {"looks", "together"}
    left = {path.name for path in tmp_path.glob(".tls*")} - {path.name for path in tmp_path.glob(".tls.est-version-?*")}
    # Room that a killed run kept may be that of one that is at work: the next certificate gives it back.
    assert left - {".tls.est-room"} == ({".tls.est-note"} if versioned else set())


def test_a_reader_while_tests_are_killed(
    rounds: int,
    lab: LabServer,
    tmp_path: Path,
    looks: Callable[[str, Counter[str]], None],
    count: Callable[[str, str], None],
) -> None:
    """The files of ``est_test_enroll`` are a folder, which is away for a moment; who reads the old one can lose it."""
    template, output = template_for(lab), tmp_path / "tests"
    folder = Path(enrol(output, template)["certificate"]["path"]).parent
    with reading(folder, FOLDER, "private_key.pem", "certificate.pem") as seen:
        for how in Killed(lab, output, "test").runs(3 * rounds, lambda: None):
            count("est_test_enroll", how)
            assert enrol(output, template)["status"] == "issued"
            assert os.listdir(folder.parent) == [folder.name]
    looks("killed runs, est_test_enroll, " + FOLDER, seen)
    assert seen["apart"] == 0


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_version_is_the_old_or_the_new_one(
    kind: str, lab: LabServer, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    """The n-th call of a replacement goes wrong, for each n: what is there is whole, without a run that mends it."""
    base, parent, template = tmp_path / "base", tmp_path / "ssl", template_for(lab)
    base.mkdir()
    keep(base / "tls", template, versioned_folder=True)
    parent.mkdir()
    new = CA.issue("new")

    def prepare() -> None:
        shutil.rmtree(parent)
        shutil.copytree(base, parent, symlinks=True)

    def holder() -> Any:
        return holder_of(asked_for(parent / "tls", template, versioned_folder=True))

    def work() -> None:
        one = holder()
        one.read()
        one.save(new.certificate, (), new.key, "01" * 32)

    seen = []
    for ended in every_fault(kind, prepare, work):
        count("a folder of versions", kind)
        assert pair(parent / "tls") == "together", ended
        if kind in ERRORS and ended.error[0]:
            assert ended.error[0] in ("EstError", "InputError"), ended
        found = holder().read()
        assert found.defect == "", ended
        seen.append("new" if found.certificate == new.certificate else "old")
        assert pair(parent / "tls") == "together", ended
        assert holder().read().recovered == (), ended
        # Where the note could not be read, the key counts as somebody else's, and is kept.
        names = {path.name for path in parent.iterdir() if ".est-kept-" not in path.name}
        assert names <= {".tls.est-note", ".tls.est-version-1", ".tls.est-version-2", "tls"}, ended
    assert seen[-1] == "new"
    if kind in KILLED:
        assert seen == sorted(seen, reverse=True)
        assert seen[0] == "old"
