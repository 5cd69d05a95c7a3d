# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run does into a file, a line of JSON for each beginning and end of a task: RECORD_PATH names it."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Write what a run does into a file
description: For the tests of this collection.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _note(self, **entry):
        with open(os.environ["RECORD_PATH"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._note(begins=task.get_name())

    def _ended(self, result, how):
        # Its public names came with ansible-core 2.19.
        task, host = getattr(result, "task", None) or result._task, getattr(result, "host", None) or result._host
        data = getattr(result, "result", None) or result._result
        self._note(ended=how, host=host.get_name(), task=task.get_name(), result=data, arguments=task.args)

    def v2_runner_on_ok(self, result):
        self._ended(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._ended(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._ended(result, "unreachable")
