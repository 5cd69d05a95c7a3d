# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.report.merging import merge_files
from ansible_collections.maas360.cloud_extender.plugins.module_utils.report.states import ReportError
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.action_base import ControllerAction, OptionError
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.fleet_run import report_if_over, write


class ActionModule(ControllerAction):
    """The report of a fleet: of this run, or merged from those of others. All of it is done on the controller."""

    _requires_connection = False

    def argument_spec(self):
        return {
            "path": {"type": "str", "default": ""},
            "merge": {"type": "list", "elements": "str", "default": []},
            "hosts": {"type": "list", "elements": "str"},
        }

    def perform(self, arguments):
        try:
            if arguments["hosts"] is not None and not arguments["merge"]:
                raise ReportError("hosts is given, and merge is not: a run reports on the hosts of its play")
            if arguments["merge"]:
                made = write(arguments["path"], merge_files(arguments["merge"], arguments["hosts"]))
            else:
                percentage = self._task.get_play().max_fail_percentage
                made = report_if_over(arguments["path"], self._task_vars, percentage)
        except ReportError as error:
            raise OptionError(str(error)) from None
        except OSError as error:
            raise OptionError(f"what the hosts left for the report cannot be read: {error}") from None
        if made is None:
            return {"changed": False, "complete": False, "text": []}
        summary = made.document["summary"]
        result = {"changed": False, "complete": True, "text": made.lines, "summary": summary}
        if made.error:
            return {**result, "failed": True, "msg": f"{made.error}. What the run found: {'; '.join(made.lines)}"}
        stats = dict(summary)
        if made.files:
            result["json_path"], result["html_path"] = made.files
            stats["report"] = made.files[0]
        # As ansible.builtin.set_stats does it. A later batch tells the numbers of all, so nothing is added up.
        result["ansible_stats"] = {"data": {"est_fleet": stats}, "per_host": False, "aggregate": False}
        return result
