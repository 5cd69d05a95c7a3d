# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules on many cases in one process; ``twin.py`` starts it, and ``many_cases.ps1`` is its twin.

``python many_cases.py PORT TOKEN``
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import socket
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.testing import patch_module_args


def run_case(module: ModuleType, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"result": what the module said}``, or ``{"crash": why it said nothing}``."""
    said = io.StringIO()
    crash = ""
    with contextlib.redirect_stdout(said), patch_module_args(arguments):
        try:
            module.main()
        except SystemExit:
            pass
        except BaseException:
            crash = traceback.format_exc()
    text = said.getvalue().strip()
    return {"result": json.loads(text)} if text else {"crash": crash or "the module said nothing"}


@functools.cache
def load(file: str) -> ModuleType:
    """Load a module from its file."""
    name = f"ansible_collections.estfleet.cloud_extender.plugins.modules.{Path(file).stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Read the command line, and take cases until there are no more."""
    port, token = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port))) as connection, connection.makefile("rw") as lines:
        lines.write(f"{token}\n")
        lines.flush()
        for line in lines:
            case = json.loads(line)
            lines.write(json.dumps(run_case(load(case["module"]), case["arguments"])) + "\n")
            lines.flush()


if __name__ == "__main__":
    main()
