# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a Windows host that are to read their certificates anew, through the module ``win_est_services``."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.host_answer import UnusableAnswer, check_shape, failure_words
from .windows_certificate import WindowsHolder
from .windows_keys import Execute

MODULE = "win_est_services"


def restart(execute: Execute, module: str, holders: Sequence[WindowsHolder]) -> dict[str, str]:
    """Have all services restarted that are owed it, each once, and what is owed forgotten where that was done.

    :param execute: runs a module on the host and returns its result, a failed one as well.
    :param module: the full name of the module.
    :param holders: certificates of one host that owe something.
    :returns: by the name of each service in small letters, why it was not restarted, or an empty text.
    """
    services = {name.lower(): name for holder in holders for name in holder.owed()}
    arguments = {
        "store_path": holders[0].keys.store_path,
        "services": list(services.values()),
        "certificates": [holder.keys.noted_by for holder in holders],
    }
    result = execute(module, arguments)
    if result.get("failed"):
        words = (failure_words(result) or f"{MODULE} failed on the host").rstrip(".")
        return {name: f"{shown}: {words}" for name, shown in services.items()}
    check_shape(result, {"problems": dict}, MODULE)
    problems = {name.lower(): problem for name, problem in result["problems"].items()}
    if set(problems) != set(services) or not all(isinstance(problem, str) for problem in problems.values()):
        raise UnusableAnswer(f"{MODULE} on the host answered for other services than it was asked for")
    return problems
