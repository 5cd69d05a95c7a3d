# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is collected on a POSIX host, in one go. Needs the standard library only.

What comes back is plain data, of a shape that does not depend on the platform. It can hold secrets: on the controller
``report.py`` takes them out, and ``findings.py`` judges what is left. The twin for Windows is
``module_utils/_windows_diagnostics.psm1``.
"""

from __future__ import annotations

import functools
import getpass
import os
import platform
import queue
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .._exchange.relay import run
from .._value import Value
from ..est.base.libraries import versions
from .log_files import Logs, collect_logs
from .stored import read_tests

# ----------------------------------------------------------------------------------------------------------------------
# Unrelated things are collected side by side: one that fails or hangs spoils no other.

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


def failed(reason: str, hint: str = "", *, code: str = "not_collected") -> Section:
    """The section for what cannot be collected."""
    return {"ok": False, "error_code": code, "reason": reason, "hint": hint}


def _run(name: str, collector: Callable[[], Any], answers: queue.SimpleQueue[Tuple[str, Section]]) -> None:
    started = time.monotonic()
    try:
        section = {"ok": True, "data": collector()}
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        hint = "Use become: true." if isinstance(error, PermissionError) else ""
        section = failed(f"{where}{error.strerror or error}", hint)
    except Exception as error:  # the archive is for finding out what goes wrong, and a defect of ours is part of that
        section = failed(f"{type(error).__name__}: {error}", "This is a defect of the collection: please report it.")
    answers.put((name, {**section, "seconds": round(time.monotonic() - started, 3)}))


def _too_slow(seconds: float) -> Section:
    return failed(f"had not ended after {seconds:.0f} seconds", "Raise time_limit where the host is only slow.")


# ----------------------------------------------------------------------------------------------------------------------
# What a POSIX host is: system, Python, libraries, name servers, space on its disks.

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_LIMIT = 64 * 1024


def describe_system(paths: Sequence[str]) -> Dict[str, Any]:
    """Describe this host.

    :param paths: folders or files; told is the space on the file system of each, or of the nearest folder above.
    """
    return {
        "host_name": platform.node(),
        "operating_system": _operating_system(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": _user(),
        "python_path": sys.executable,
        "versions": versions(),
        "name_servers": _name_servers(),
        "disk_space": [_space(path) for path in paths],
    }


def _operating_system() -> str:
    for path in _OS_RELEASE:
        for line in _lines(path):
            name, _equals, value = line.partition("=")
            if name == "PRETTY_NAME":
                return value.strip("\"'")
    return platform.platform()


def _name_servers() -> List[str]:
    lines = [line.split() for line in _lines("/etc/resolv.conf")]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT).splitlines()
    except OSError:
        return []


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.geteuid())


def _space(path: str) -> Dict[str, Any]:
    found = os.path.abspath(path)
    while not os.path.exists(found) and found != os.path.dirname(found):
        found = os.path.dirname(found)
    try:
        space = os.statvfs(found)
    except OSError as error:
        return {"path": path, "problem": error.strerror}
    return {
        "path": path,
        "free_bytes": space.f_bavail * space.f_frsize,
        "free_files": space.f_favail if space.f_files else None,
    }


# ----------------------------------------------------------------------------------------------------------------------

# What is left out of the time, so that it is a log or a server that is told, and not the section.
_SHARE = 0.9
_PROXY = re.compile(r"(?:[a-z]+_proxy|no_proxy)", re.IGNORECASE)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_LARGEST_ANCHORS = 1024 * 1024


class Order(Value):
    """What to collect.

    :param relays: what to carry to EST servers: options of ``est_relay`` each, all of them, and ``anchors_path``, the
        path of a PEM file of this host with the anchors, or None.
    :param log_paths: folders, files and globs.
    :param max_log_size: octets of logs in all.
    :param time_limit: seconds for all of it.
    """

    relays: Tuple[Mapping[str, Any], ...]
    store_path: str
    output_path: str
    log_paths: Tuple[str, ...]
    max_log_size: int
    time_limit: int


def collect(order: Order) -> Dict[str, Any]:
    """Collect everything.

    :returns: ``started`` and ``ended`` (seconds since the epoch by the clock of this host); ``sections`` (see
        ``Section``) with the names ``system``, ``proxy``, ``tests`` and ``logs``; and ``relays``, sections in the order
        of ``relays``.
    """
    started = time.time()
    logs = Logs()
    never = (order.store_path, order.output_path)
    seconds = order.time_limit * _SHARE
    collectors: Dict[str, Callable[[], Any]] = {
        "system": functools.partial(describe_system, [order.store_path, *order.log_paths]),
        "proxy": lambda: {name: value for name, value in os.environ.items() if _PROXY.fullmatch(name)},
        "tests": functools.partial(read_tests, order.output_path),
        "logs": lambda: collect_logs(logs, order.log_paths, order.max_log_size, seconds, never=never),
    }
    for number, options in enumerate(order.relays):
        collectors[str(number)] = functools.partial(_carry, options)
    sections = run_sections(collectors, order.time_limit)
    relays = [sections.pop(str(number)) for number in range(len(order.relays))]
    # As far as they could be read in time.
    skipped_files = [list(entry) for entry in list(logs.skipped_files)]
    sections["logs"]["data"] = {"files": list(logs.found), "skipped_files": skipped_files}
    return {"started": started, "ended": time.time(), "sections": sections, "relays": relays}


def _carry(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The result of ``est_relay``, with the time by the clock of this host before and after."""
    started = time.time()
    path, anchors = options["anchors_path"], list(options["anchors"])
    try:
        anchors = _anchors_of(path) if path else anchors
        result = run({**options, "anchors": anchors})
    except OSError:
        failure = {"stage": "input", "kind": "unreadable_file", "detail": "", "alert": ""}
        result = {"answers": [], "connections": [], "failure": failure}
    return {"started": started, **result, "anchors": anchors, "ended": time.time()}


def _anchors_of(path: str) -> List[str]:
    with open(path, encoding="ascii", errors="replace") as file:
        return ["".join(found.split()) for found in _CERTIFICATE.findall(file.read(_LARGEST_ANCHORS))]
