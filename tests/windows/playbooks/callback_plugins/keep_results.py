# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the result of each task to the file that KEEP_RESULTS names, a line each."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: keep_results
type: notification
short_description: Keeps results
description: Keeps the results of tasks for the tests.
author: estfleet.cloud_extender contributors
"""


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "keep_results"
    CALLBACK_NEEDS_ENABLED = True

    def _keep(self, result, failed=False):
        told = {**result._result, "failed": failed, "task": result._task.get_name()}
        kept = {"host": result._host.get_name(), "result": told}
        with open(os.environ["KEEP_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(kept, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self._keep(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        # The result itself does not say it where errors are ignored.
        self._keep(result, failed=True)

    def v2_runner_on_unreachable(self, result):
        self._keep(result)
