# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import ReportError, named_hosts
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.merging import merge_files
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction, OptionError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.run import report_if_over, write
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import check_facts

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def oldest(age):
    """Return the moment that is so long ago; None for no bound.

    :param age: a whole number and its unit, as ``age`` of ansible.builtin.find has it.
    :raises ReportError: it is something else.
    """
    if age is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smhdw]?)", age.strip())
    if match is None:
        raise ReportError(
            f"max_age is {age!r}, and has to be a number with its unit, such as 12h (s, m, h, d, w)",
            code="invalid_option",
        )
    return datetime.now(timezone.utc) - timedelta(**{_UNITS[match[2] or "s"]: int(match[1])})


class ActionModule(ControllerAction):
    """The report of a fleet: of this run, or merged from those of others. All of it is done on the controller."""

    _requires_connection = False

    def argument_spec(self):
        return {
            "dest": {"type": "path", "default": ""},
            "merge_from": {"type": "list", "elements": "str", "default": []},
            "hosts": {"type": "list", "elements": "str"},
            "max_age": {"type": "str"},
        }

    def perform(self, arguments):
        check_facts(self._task_vars)
        try:
            dest, files = self.on_controller(arguments["dest"]), [*map(self.on_controller, arguments["merge_from"])]
            if arguments["hosts"] is not None and not files:
                raise ReportError(
                    "hosts is given, and merge_from is not: a run reports on the hosts of its play",
                    code="invalid_option",
                )
            if files:
                made = write(dest, merge_files(files, arguments["hosts"], oldest(arguments["max_age"])))
            else:
                made = report_if_over(dest, self._task_vars, self._task.get_play().max_fail_percentage)
        except ReportError as error:
            raise OptionError(str(error), code=error.code) from None
        except OSError as error:
            raise OptionError(
                f"what the hosts left for the report cannot be read: {error}", code="unusable_file"
            ) from None
        if made is None:
            return {"changed": False, "complete": False, "summary": []}
        counts = made.document["counts"]
        result = {"changed": False, "complete": True, "summary": made.lines, "counts": counts}
        stats = {**counts, **named_hosts(made.document["hosts"])}
        if made.files:
            result["json_path"], result["html_path"] = made.files
            stats["json_path"] = made.files[0]
        if made.error:
            msg = f"{made.error}. What the run found: {'; '.join(made.lines)}"
            return {**result, **failure(msg, made.error_code, made.error)}
        # As ansible.builtin.set_stats does it. A later batch tells the numbers of all, so nothing is added up.
        result["ansible_stats"] = {"data": {"est_fleet": stats}, "per_host": False, "aggregate": False}
        return result
