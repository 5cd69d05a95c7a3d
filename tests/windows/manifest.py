# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core sends to a Windows host: which module, with which arguments.

Up to ansible-core 2.18 it is PowerShell, a delimiter, and one JSON object with everything. From 2.19 on it is the JSON
of a bootstrap script, a delimiter, and the JSON of scripts and actions, of which the last runs the module.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

_DELIMITER = b"\0\0\0\0"


@dataclass(frozen=True)
class Order:
    """A module to be run.

    :param name: its name without the collection, or an empty string where that is not told.
    :param source: its code.
    :param arguments: its arguments, with those of ansible-core's own.
    """

    name: str
    source: bytes
    arguments: dict[str, Any]


def read_order(data: bytes) -> Order:
    """Read what was sent.

    :raises ValueError: when it is nothing that this double knows.
    """
    first, delimiter, rest = data.partition(_DELIMITER)
    if not delimiter:
        raise ValueError("this is not an order of ansible-core's")
    manifest = json.loads(rest)
    if "module_entry" in manifest:
        return Order("", base64.b64decode(manifest["module_entry"]), manifest["module_args"])
    if json.loads(first)["name"] != "exec_wrapper" or manifest["actions"][-1]["name"] != "module_wrapper.ps1":
        raise ValueError(f"the double cannot run {manifest['actions'][-1]['name']}")
    params = manifest["actions"][-1]["params"]
    arguments = next(entry["Value"] for entry in params["Variables"] if entry["Name"] == "complex_args")
    name = params["Script"].removesuffix(".ps1").rpartition(".")[2]
    return Order(name, base64.b64decode(manifest["scripts"][params["Script"]]["script"]), arguments)
