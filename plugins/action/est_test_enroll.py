# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.reading import find_template, open_secrets
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll import options
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.action_base import ControllerAction, ModuleFailed
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.posix_store import PosixStore


class ActionModule(ControllerAction):
    """The test of a template. Decides where the EST exchange leaves from."""

    def argument_spec(self):
        # What Template and TestIdentity check they tell better: they know what was meant.
        spec = options.argument_spec()
        for name in ("template", "inline", *options.IDENTITY_OPTIONS):
            spec[name]["type"] = "raw"
        del spec["inline"]["options"]
        return spec

    def perform(self, arguments):
        asked = options.read_options(arguments, check_mode=self._task.check_mode)
        if arguments["exchange"] in ("auto", "host"):
            given = {option: value for option, value in arguments.items() if value is not None}
            if asked.inline is None:
                given["template"] = asked.template_name
            else:
                given["inline"] = {**asked.inline.as_fields(), **asked.inline.secrets()}
            return self.execute("maas360.cloud_extender.est_test_enroll", {**given, "exchange": "host"})
        # Loads requests and cryptography, which the controller does not need when the exchange leaves from the host.
        from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.controller_test import test_from_controller

        outcome = test_from_controller(
            arguments["exchange"],
            asked,
            find_template=lambda: asked.inline or self._stored_template(asked),
            execute=self._execute_anyway,
            write_file=self._write_temporary_file,
        )
        warnings = [*self._passed_on.get("warnings", ()), *outcome.pop("warnings", ())]
        if warnings:
            self._passed_on["warnings"] = warnings
        return outcome

    def _execute_anyway(self, name, arguments):
        """Run a module whatever it ends with, and in check mode too: for reading, which check mode is to do as well."""
        check_mode, self._task.check_mode = self._task.check_mode, False
        try:
            return self.execute(name, arguments)
        except ModuleFailed as failure:
            if failure.result.get("unreachable"):
                raise
            return dict(failure.result)
        finally:
            self._task.check_mode = check_mode

    def _execute_or_fail(self, name, arguments):
        result = self._execute_anyway(name, arguments)
        if result.get("failed"):
            raise StoreError(result.get("msg", f"{name} failed"))
        return result

    def _stored_template(self, asked):
        found = PosixStore(self._execute_or_fail, asked.store_path).read(want_key=True)
        stored = find_template(
            asked.store_path, asked.template_name, content=found.content, exists=found.exists, damage=found.damage
        )
        if not stored.secrets:
            return Template.from_fields(stored.fields, {})
        if found.key is None:
            raise StoreError(
                f"the sealing key of the store {asked.store_path} {found.key_damage or 'does not exist'}; apply the "
                "templates again"
            )
        return Template.from_fields(stored.fields, open_secrets(stored, found.key))

    def _write_temporary_file(self, text):
        """Put a text into a file of the task's temporary folder on the host, which core removes after the task."""
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        path = shell.join_path(shell.tmpdir, "anchors.pem")
        self._transfer_data(path, text)
        self._fixup_perms2((shell.tmpdir, path))
        return path
