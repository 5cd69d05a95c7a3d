# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks whether each result of our modules is as documented; see ``support/returned.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: returned
type: notification
short_description: Hold results against their documentation
description: For the tests of this collection. A result that is not as its module documents is told in one line each.
options:
  file:
    description: Where to write it. Without, a warning tells it.
    type: path
    env: [{name: RETURNED_FILE}]
    ini: [{section: callback_returned, key: file}]
"""

# Of a result that is hidden, of a module that ended without one, of a task that was given up by ansible-core.
_NOT_OURS = {"censored", "module_stdout", "timedout"}


def _load():
    # The folder of the tests must not be on the path of a program that is tested.
    place = Path(__file__).resolve().parents[1] / "returned.py"
    spec = importlib.util.spec_from_file_location("estfleet_returned", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "returned"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._returned = _load()
        self._told = set()

    def _look(self, result, failed):
        # Their public names came with ansible-core 2.19.
        task = getattr(result, "task", None) or result._task
        data = getattr(result, "result", None) or result._result
        action = task.resolved_action or task.action
        if not self._returned.is_public(action) or _NOT_OURS.intersection(data):
            return
        if not set(data) - self._returned.CORES:
            return  # it did not come to our module: an argument that cannot be templated
        if "failed_when_result" in data:
            failed = None
        ignored = frozenset(data.get(name) for name in ("ansible_loop_var", "ansible_index_var"))
        host = getattr(result, "host", None) or result._host
        for words in self._returned.wrong_result(action, data, failed, ignored):
            if words not in self._told:
                self._told.add(words)
                mode = ", check mode" if task.check_mode else ""
                self._tell(f"{words} (task {task.get_name()!r} on {host.get_name()}{mode})")

    def _tell(self, line):
        file = self.get_option("file")
        if not file:
            self._display.warning(f"not as documented: {line}")
            return
        with open(file, "a", encoding="utf-8") as opened:
            opened.write(f"{line}\n")

    def v2_runner_on_ok(self, result):
        if not self._is_loop(result):
            self._look(result, failed=False)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not self._is_loop(result):
            self._look(result, failed=True)

    def v2_runner_item_on_ok(self, result):
        self._look(result, failed=False)

    def v2_runner_item_on_failed(self, result):
        self._look(result, failed=True)

    @staticmethod
    def _is_loop(result):
        # Each item of a loop is told by itself.
        return (getattr(result, "task", None) or result._task).loop is not None
