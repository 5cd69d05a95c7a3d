# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib

from ansible import constants as C

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import absolute_folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import ReportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.writing import check_writable
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import templates_from_options
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import (
    ControllerAction,
    OptionError,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import check_days
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.account_gate import AccountGate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.certificates import (
    HostCertificates,
    drift_of_certificates,
    read_certificates,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.host import (
    OPTIONS,
    cluster_of,
    combine,
    find_drift,
    read_templates,
    read_test,
    shown,
    to_test,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.run import (
    HostWatch,
    TimeIsUp,
    alarm,
    seconds_for,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.tests import (
    HostTests,
    accept_earlier,
    doubt_other_ways,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import (
    check_variables,
    read_variables,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.paths import check_windows_folder

_TEMPLATES = "estfleet.cloud_extender.est_templates"
_TEST = "estfleet.cloud_extender.est_test_enroll"
_CERTIFICATES = "estfleet.cloud_extender.est_certificates"

# With this file, before the forks: otherwise every host's fork would load it, and all that it needs, by itself.
importlib.import_module("ansible_collections.estfleet.cloud_extender.plugins.action.est_templates")


class ActionModule(ControllerAction):
    """One host of a fleet: its templates, their tests, and a note of both for the fleet report."""

    #: Nobody has written a task of this action: what is wrong is a variable.
    called = "the role est_integration"

    def argument_spec(self):
        return OPTIONS

    def run(self, tmp=None, task_vars=None):
        variables, self._problem = read_variables(OPTIONS, task_vars or {}, self._templar.template)
        self._given = {**variables, **super().given_arguments()}
        watch = HostWatch(
            self.given_arguments(),
            task_vars or {},
            self._play_context,
            self._connection.transport,
            self.on_controller,
        )
        self._may_write = True
        try:
            result = super().run(tmp, task_vars)
        except BaseException as error:  # a host that is down, a timeout: none may be missing in the report
            watch.ended(error)
            raise
        return shown(result, watch.ended(result), writes=self._may_write)

    def given_arguments(self):
        """See ``ControllerAction``: the variables of the role; arguments of the task win over them."""
        return self._given

    def perform(self, arguments):
        limit = seconds_for(arguments, self._task.timeout)
        try:
            with alarm(limit):
                return self._perform(arguments)
        except TimeIsUp:
            raise OptionError(
                f"the host was given up after {limit} seconds",
                code="host_timed_out",
                hint="See what it waits for; est_integration_host_timeout sets the bound.",
            ) from None

    def _perform(self, arguments):
        self.warn(check_variables(self._task_vars, self._task.get_play().hosts))
        if self._problem:
            raise OptionError(self._problem)
        variables = {name.removeprefix("__").removeprefix("est_integration_"): arguments[name] for name in arguments}
        check_days("est_integration_rotate_key_after_days", variables["rotate_key_after_days"])
        certificates = None if variables["tests_only"] else read_certificates(variables["certificates"])
        templates = read_templates(variables)
        test = read_test(variables["test"], check_folder=check_windows_folder if self.on_windows else absolute_folder)
        refuse_unwritable(self.on_controller(variables["report_dest"]))
        cluster = cluster_of(variables, self._task_vars)
        self._may_write = variables["mode"] == "enforce" and (cluster is None or cluster["writes"])
        writes = self._may_write and not self._task.check_mode
        result = {"mode": "enforce" if writes else "report", "cluster": cluster, "tests": []}
        if templates is None:
            result.update(changed=False, declared=False, templates=[])
        elif not variables["certificates_only"]:
            self._see_to_templates(templates, test, variables, result, writes=writes)
        if certificates and not result.get("failed"):
            self._keep(certificates, templates or [], variables, result)
        return combine(result)

    def _see_to_templates(self, templates, test, variables, result, *, writes):
        """Apply and test templates, as far as the run does so, and add what came of it to the result."""
        names = None
        if not variables["tests_only"]:
            self._apply(templates, test, variables, result, writes=writes)
            if result.get("failed"):
                return
            names = to_test(variables["test_policy"], result, result["switched_off"], writes=writes)
        if names is None or names:
            self._test(templates, names, test, variables, result, writes=writes)

    def _apply(self, templates, test, variables, result, *, writes):
        """Apply templates on the host, or compare them, and add what came of it to the result."""
        options = ("store_path", "purge", "purge_all", "purge_keep", "rotate_key", "rotate_key_after_days")
        asked = {"templates": templates, **{name: variables[name] for name in options}}
        result.update(self._act(_TEMPLATES, asked, check_mode=not writes))
        if result.get("failed"):
            return
        result["drift"] = find_drift(result, writes=self._may_write)
        if not self._may_write:
            result["changed"] = False
        accept_earlier(result["templates"], test)
        if test.get("exchange") != "controller":
            doubt_other_ways(result)

    def _test(self, declared, names, test, variables, result, *, writes):
        """Test templates on the host, and add what came of it to the result.

        :param names: which; None for all that are declared and not switched off.
        """
        templates = self._templates(declared)
        if names is None:
            result["switched_off"] = [entry.name for entry in templates if not entry.device_identity_certificates]
            names = [entry.name for entry in templates if entry.device_identity_certificates]
        shared = {**test, "store_path": variables["store_path"]}
        tests = HostTests(
            self._gate(),
            templates,
            test,
            lambda name: self._act(_TEST, {**shared, "template": name}, check_mode=not writes),
        )
        result["tests"] = [tests.test(name) for name in names]

    def _keep(self, entries, declared, variables, result):
        """See to the production certificates of the host, and add what came of it to the result.

        They are its own: of a cluster, each host has to have them, whichever is written.
        """
        writes = variables["mode"] == "enforce" and not self._task.check_mode
        shared = {"store_path": variables["store_path"], "defaults": variables["certificate_defaults"]}
        certificates = HostCertificates(
            self._gate(),
            lambda: self._templates(declared),
            variables["certificate_defaults"],
            variables["certificates_max_failures"],
            lambda some, check: self._act(_CERTIFICATES, {**shared, "certificates": some}, check_mode=check),
        )
        # In check mode, what is told as created is not there either.
        told = () if writes else result.get("drift", ())
        missing = [drift["template"] for drift in told if drift["action"] in ("missing", "created")]
        kept = certificates.keep(entries, writes=writes, missing=missing)
        if "certificates" not in kept:  # an option is wrong
            result.update({**kept, "changed": bool(result.get("changed"))})
            return
        result["certificates"] = kept["certificates"]
        result["certificates_mode"] = "enforce" if writes else "report"
        result["drift"] = [*result.get("drift", ()), *drift_of_certificates(kept["certificates"])]
        if variables["mode"] == "enforce":
            result["changed"] = bool(result.get("changed")) or bool(kept.get("changed"))

    def _templates(self, declared):
        return templates_from_options([self.with_environment(options) for options in declared])

    def _gate(self):
        return AccountGate(str(C.DEFAULT_LOCAL_TMP), str(self._task_vars.get("inventory_hostname")))

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


def refuse_unwritable(report_dest):
    """Refuse a place for the report where it could not be written."""
    try:
        if report_dest:
            check_writable(report_dest)
    except ReportError as error:
        raise OptionError(f"est_integration_report_dest: {error}", code=error.code) from None
