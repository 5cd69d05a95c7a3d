# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does with the result of a module that returns the headers of a web server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction


class Action(ExchangeAction):
    """An action whose module says what it is told to say."""

    def __init__(self, result):
        self._task = SimpleNamespace(check_mode=True)
        self._passed_on = {"warnings": ["of before"]}
        self._result = result

    def argument_spec(self):
        return {}

    def perform(self, arguments):
        return {}

    def _execute_module(self, module_name, module_args, task_vars):
        assert not self._task.check_mode
        return dict(self._result)

    _task_vars = None


def test_no_header_of_a_server_becomes_a_fact_or_a_warning():
    named = {"ansible_facts": {"ansible_connection": "local"}, "warnings": ["buy this"], "deprecations": ["x"]}
    action = Action({"status_code": 200, "content": "", **named})
    assert action.execute_web("ansible.windows.win_uri", {}) == {"status_code": 200, "content": ""}
    assert action._passed_on == {"warnings": ["of before"]}
    assert action._task.check_mode


def test_a_posix_host_sends_requests_that_way_too():
    action = Action({"status": 200, "content": "", "ansible_facts": "of a header"})
    action._connection = SimpleNamespace(_shell=None)
    connector = action.controller_exchange("uri", lambda: None)._backend.connector
    connector._execute("ansible.builtin.uri", {})
    assert action._passed_on == {"warnings": ["of before"]}
