# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is collected on a POSIX host, in one go. Needs the standard library only.

What comes back is plain data without secrets, of a shape that does not depend on the platform: ``findings.py`` judges
it on the controller.
"""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .log_files import Logs, collect_logs
from .probe import RunCommand, probe
from .proxies import proxy_settings
from .sections import Section, run_sections
from .system import describe_system
from .test_folders import read_tests

#: What is left of the time for logs when all else takes as long as it may.
_SHARE_OF_LOGS = 0.4


@dataclass(frozen=True)
class Order:
    """What to collect.

    :param targets: the EST servers: ``{"fields": fields of a template without secrets}`` each.
    :param log_path: folders, files and globs.
    :param secrets: known ones, which are taken out of the logs.
    :param timeout: seconds for all of it.
    """

    targets: Tuple[Mapping[str, Any], ...]
    store_path: str
    output_path: str
    log_path: Tuple[str, ...]
    max_log_bytes: int
    connect_timeout: int
    timeout: int
    secrets: Tuple[str, ...] = field(repr=False)


def collect(order: Order, run_command: Optional[RunCommand] = None) -> Dict[str, Any]:
    """Collect everything.

    :param run_command: for the routes; see :func:`.probe.route`.
    :returns: ``started`` and ``ended`` (seconds since the epoch by the clock of this host), ``sections`` (see
        :mod:`.sections`) with the names ``system``, ``proxy`` and ``tests``, ``servers`` (sections in the order of
        ``targets``), and ``logs``.
    """
    started, begun = time.time(), time.monotonic()
    first = order.timeout * (1 - _SHARE_OF_LOGS)
    collectors: Dict[str, Callable[[], Any]] = {
        "system": functools.partial(describe_system, [order.store_path, *order.log_path]),
        "proxy": functools.partial(proxy_settings, dict(os.environ)),
        "tests": functools.partial(read_tests, order.output_path),
    }
    for number, target in enumerate(order.targets):
        # A little less than the section has, so that it is the step that is told and not the section.
        collectors[str(number)] = functools.partial(
            probe, target["fields"], order.connect_timeout, first * 0.9, run_command
        )
    sections = run_sections(collectors, first)
    servers = [sections.pop(str(number)) for number in range(len(order.targets))]
    logs = _logs(order, order.timeout - (time.monotonic() - begun))
    return {"started": started, "ended": time.time(), "sections": sections, "servers": servers, "logs": logs}


def _logs(order: Order, seconds: float) -> Section:
    """The logs, as far as they could be read in time. They come last: to search them keeps the processor busy."""
    logs = Logs()
    limits = (order.max_log_bytes, order.secrets, seconds * 0.9)
    never = (order.store_path, order.output_path)
    section = run_sections({"logs": lambda: collect_logs(logs, order.log_path, *limits, never=never)}, seconds)["logs"]
    files = [log.as_plain() for log in list(logs.found)]
    return {**section, "data": {"files": files, "left_out": [list(entry) for entry in list(logs.left_out)]}}
