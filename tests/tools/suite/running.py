# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the suite: each leads a process group of its own, is heard as it writes, and is ended when it hangs.

What hangs is told by silence, not by the time that a command takes: on a busy machine everything is slow, and a slow
command still writes.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvs import CACHE, locked

# A command may be silent for this many times its usual longest silence.
PATIENCE = 10

_LOOK_SECONDS = 0.5
_RUNNING: set[subprocess.Popen[bytes]] = set()
_INTERRUPTED = threading.Event()


class CannotStart(Exception):
    """A command could not be started; the message says which one and why."""


@dataclass
class Ended:
    """How a command ended.

    status: its exit status, negative for a signal.
    output: everything that it wrote.
    silence: the longest time in seconds in which it wrote nothing.
    hung: whether it was ended for its silence.
    """

    status: int
    output: str
    silence: float
    hung: bool = False


def run_command(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit: float,
    on_text: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Ended:
    """Run a command to its end, or until it has written nothing for ``limit`` seconds.

    ``on_text`` is given what the command writes, as it comes, whole lines or not. Raises CannotStart.
    """
    if _INTERRUPTED.is_set():
        raise CannotStart("interrupted")
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStart(f"cannot start {words[0]}: {error}") from error
    _RUNNING.add(process)
    assert process.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    texts: list[str] = []
    heard, longest, hung = clock(), 0.0, False
    try:
        while True:
            ready = select.select([process.stdout], [], [], _LOOK_SECONDS)[0]
            now = clock()
            longest = max(longest, now - heard)
            if ready:
                heard = now
                data = os.read(process.stdout.fileno(), 65536)
                text = decoder.decode(data, final=not data)
                texts.append(text)
                on_text(text)
                if not data:
                    break
            elif process.poll() is not None:
                # It has ended, and what it left behind keeps its output open.
                break
            elif now - heard > limit:
                hung = True
                _end(process)
        status = process.wait()
    finally:
        if process.poll() is None:
            _end(process)
            process.wait()
        process.stdout.close()
        _RUNNING.discard(process)
    return Ended(status, "".join(texts), longest, hung)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_all() -> None:
    """End every command that still runs and let no further one start, for an interrupted suite."""
    _INTERRUPTED.set()
    for process in tuple(_RUNNING):
        _end(process)


class Silences:
    """The longest silence that each part has shown on this machine, kept in a file.

    A part that has not run here yet, or that was faster here than is usual, is given the usual one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def limit(self, part: str, usual: float) -> float:
        """Return after how many seconds of silence a command of this part hangs."""
        return PATIENCE * max(usual, self._read().get(part, 0.0))

    def learn(self, part: str, longest: float) -> None:
        """Keep the longest silence of a run of this part that came to its end."""
        with locked(CACHE / "locks" / "silences.lock"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            known = {**self._read(), part: round(longest, 1)}
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            new.replace(self._path)

    def _read(self) -> dict[str, float]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(part): float(longest) for part, longest in known.items()} if isinstance(known, dict) else {}
