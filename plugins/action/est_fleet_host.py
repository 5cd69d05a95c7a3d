# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib

from ansible_collections.maas360.cloud_extender.plugins.module_utils.report.states import ReportError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.report.writing import check_writable
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.action_base import ControllerAction, OptionError
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.fleet_host import (
    OPTIONS,
    add_authorities,
    cluster_of,
    combine,
    to_test,
)
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.fleet_run import HostWatch
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.host_store import (
    LAST_TESTS,
    is_windows,
    store_path_of,
)
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.windows_certificate_authorities import (
    keep_authorities,
)
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.windows_host import WindowsHost

_TEMPLATES = "maas360.cloud_extender.est_templates"
_TEST = "maas360.cloud_extender.est_test_enroll"

# With this file, before the forks: otherwise every host's fork would load it, and all that it needs, by itself.
importlib.import_module("ansible_collections.maas360.cloud_extender.plugins.action.est_templates")


class ActionModule(ControllerAction):
    """One host of a fleet: its templates, their tests, and a note of both for the fleet report."""

    def argument_spec(self):
        return OPTIONS

    def run(self, tmp=None, task_vars=None):
        watch = HostWatch(self._task.args, task_vars or {}, self._play_context, self._connection.transport)
        try:
            result = super().run(tmp, task_vars)
        except BaseException as error:  # a host that is down, a timeout: none may be missing in the report
            watch.ended(error)
            raise
        watch.ended(result)
        return result

    def perform(self, arguments):
        variables = {name.replace("est_integration_", ""): value for name, value in arguments.items()}
        try:
            if variables["report_path"]:
                check_writable(variables["report_path"])
        except ReportError as error:
            raise OptionError(f"est_integration_report_path: {error}") from None
        cluster = cluster_of(variables, self._task_vars)
        writes = variables["mode"] == "enforce" and not self._task.check_mode and (cluster is None or cluster["writes"])
        result = {"mode": "enforce" if writes else "report", "cluster": cluster, "tests": []}
        if not arguments["tests_only"]:
            options = ("templates", "store_path", "purge", "purge_keep", "rotate_key")
            if variables["test_policy"] == "changed" or variables["report_path"]:
                # It costs a Windows host one more round trip: only where something is made of it.
                self._task_vars = {LAST_TESTS: True, **self._task_vars}
            result.update(self._act(_TEMPLATES, {name: variables[name] for name in options}, check_mode=not writes))
            if result.get("failed"):
                return result
            if variables["install_ca"] and is_windows(self):
                try:
                    self._keep_authorities(variables, result)
                except StoreError as error:
                    result.update(failed=True, msg=str(error))
                    return result
        for name in to_test(variables, result, writes=writes, tests_only=arguments["tests_only"]):
            asked = {option: value for option, value in variables["test"].items() if value is not None}
            asked.update(template=name, store_path=variables["store_path"], exchange=variables["exchange"])
            result["tests"].append({"template": name, **self._act(_TEST, asked, check_mode=not writes)})
        return combine(result)

    def _keep_authorities(self, variables, result):
        """Keep the CA certificates in the stores of a Windows host; a cluster has none in common, so on each of it."""
        part = keep_authorities(
            WindowsHost(self),
            [self.with_environment(options) for options in variables["templates"]],
            store_path_of(self, variables["store_path"]),
            write=variables["mode"] == "enforce" and not self._task.check_mode,
        )
        add_authorities(result, part)

    def _act(self, name, arguments, *, check_mode):
        """Run another action of this collection on the host, and return its result; its warnings are passed on."""
        task = self._task.copy()
        task.action, task.args, task.check_mode = name, arguments, check_mode
        action = self._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result = action.run(task_vars=self._task_vars)
        for key in ("warnings", "deprecations"):
            if result.get(key):
                self._passed_on[key] = [*self._passed_on.get(key, ()), *result.pop(key)]
        return result
