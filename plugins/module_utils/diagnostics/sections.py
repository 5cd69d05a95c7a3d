# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect things that have nothing to do with each other side by side: one that fails or hangs spoils no other."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable, Dict, Mapping, Tuple

from ..est.errors import EstError
from ..template.errors import TemplateError

#: What a section came to: ``{"ok": True, "seconds": ..., "data": ...}``, or ``ok`` false with ``reason`` and ``hint``.
Section = Dict[str, Any]


def run_sections(collectors: Mapping[str, Callable[[], Any]], seconds: float) -> Dict[str, Section]:
    """Run every collector in a thread of its own, and return what each came to, in the order given.

    :param collectors: return plain data.
    :param seconds: for all of them. What has not ended then is told as failed. Its thread is left alone: nothing can
        end a system call that hangs, and a thread that is a daemon does not keep the process alive.
    """
    deadline = time.monotonic() + seconds
    answers: queue.SimpleQueue[Tuple[str, Section]] = queue.SimpleQueue()
    for name, collector in collectors.items():
        threading.Thread(target=_run, args=(name, collector, answers), daemon=True).start()
    done: Dict[str, Section] = {}
    while len(done) < len(collectors):
        try:
            name, section = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        done[name] = section
    return {name: done.get(name) or _too_slow(seconds) for name in collectors}


def failed(reason: str, hint: str = "") -> Section:
    """The section for what cannot be collected."""
    return {"ok": False, "reason": reason, "hint": hint}


def _run(name: str, collector: Callable[[], Any], answers: queue.SimpleQueue[Tuple[str, Section]]) -> None:
    started = time.monotonic()
    try:
        section = {"ok": True, "data": collector()}
    except (EstError, TemplateError) as error:
        section = failed(str(error), getattr(error, "hint", ""))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        hint = "Use become: true." if isinstance(error, PermissionError) else ""
        section = failed(f"{where}{error.strerror or error}", hint)
    except Exception as error:  # the archive is for finding out what goes wrong, and a defect of ours is part of that
        section = failed(f"{type(error).__name__}: {error}", "This is a defect of the collection: please report it.")
    answers.put((name, {**section, "seconds": round(time.monotonic() - started, 3)}))


def _too_slow(seconds: float) -> Section:
    return failed(f"had not ended after {seconds:.0f} seconds", "Raise timeout where the host is only slow.")
