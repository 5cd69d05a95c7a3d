# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import check_variables


class ActionModule(ControllerAction):
    """The check of a host's variables that the playbooks begin with. It asks the host for nothing."""

    _requires_connection = False

    def argument_spec(self):
        return {}

    def perform(self, arguments):
        self.warn(check_variables(self._task_vars, self._task.get_play().hosts))
        return {"changed": False}
