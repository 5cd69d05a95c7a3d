# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnostics of a host, as far as they depend on its platform; and its answer, as far as it may be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.parameters import PathRules
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show

from ..base.host_answer import check_shape
from .paths import check_windows_folder, check_windows_path

#: The private module; see ``ControllerAction.private_module()``.
NAME = "est_diagnostics_host"
#: Where the product keeps its logs.
PRODUCT_LOGS = r"%ProgramData%\MaaS360\Cloud Extender\logs"

_ANSWER = {"started": (int, float), "ended": (int, float), "sections": dict, "relays": [dict]}
_COLLECTED = {"ok": bool, "seconds": (int, float), "data": dict}
_FAILED = {"ok": bool, "error_code": str, "reason": str, "hint": str}
_LOG = {"path": str, "name": str, "size": int, "modified": int, "cut": bool, "head": str, "content": str}
_TEST = {"name": str, "modified": int, "has_private_key": bool, "files": dict}
_RELAY = {"started": (int, float), "ended": (int, float), "answers": [dict], "connections": [dict]}


def check_log_path(option: str, path: str) -> str:
    r"""Return the path of a folder or file, or a glob such as ``C:\logs\*.log``, with backslashes.

    :raises TemplateError: it is none.
    """
    folder, _separator, name = path.replace("/", "\\").rpartition("\\")
    if "*" not in name and "?" not in name:
        return check_windows_path(path, option)
    if re.search(r'[<>:"|%]', name):
        raise TemplateError(option, f"has the part {show(name)}, which is not a glob on Windows", value=show(path))
    return f"{check_windows_path(folder, option)}\\{name}"


WINDOWS_PATHS = PathRules(check_windows_folder, check_log_path, "\\", (PRODUCT_LOGS,))


def check_answer(answer: Mapping[str, Any]) -> None:
    """Refuse what the private module never answers.

    :raises UnusableAnswer: naming the first that is wrong.
    """
    check_shape(answer, _ANSWER, NAME)
    sections = answer["sections"]
    check_shape(sections, dict.fromkeys(("system", "proxy", "tests", "logs"), dict), NAME)
    for section in (*sections.values(), *answer["relays"]):
        check_shape(section, _COLLECTED if section.get("ok") is True else _FAILED, NAME)
    check_shape(sections["logs"], {"data": dict}, NAME)
    for entries, shape in (("logs", {"files": [dict]}), ("tests", {"output_path": str, "tests": [dict]})):
        data = sections[entries].get("data")
        if data is not None:
            check_shape(data, {**shape, "skipped_files": [list]}, NAME)
            for entry in data[next(iter(set(shape) - {"output_path"}))]:
                check_shape(entry, _LOG if entries == "logs" else _TEST, NAME)
            for entry in data["skipped_files"]:
                check_shape({"skipped_files": [*entry, *[""] * (2 - len(entry))]}, {"skipped_files": [str]}, NAME)
    for relay in answer["relays"]:
        if relay["ok"]:
            check_shape(relay["data"], _RELAY, NAME)
