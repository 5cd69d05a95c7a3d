# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ServerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.paths import check_windows_name


class ActionModule(ServerAction):
    """The test of a template. Decides where the EST exchange leaves from."""

    def argument_spec(self):
        return self.unchecked(options.argument_spec(), options.CHECKED)

    def perform(self, arguments):
        exchange = self.exchange_of(arguments["exchange"])
        arguments = {**arguments, "inline": self.with_environment(arguments["inline"])}
        asked = options.read_options(
            arguments,
            check_mode=self._task.check_mode,
            check_folder=self.check_folder,
            separator="\\" if self.on_windows else "/",
        )
        if self.on_windows:
            check_windows_name("certificate_name", asked.identity.certificate_name)

        def on_controller(way):
            files = self.test_files(asked)

            def find_template():
                look = files.look_at_store
                return asked.inline or self.stored_template(asked.store_path, asked.template_name, look=look)

            test = self.controller_exchange(way, find_template)
            return self.with_warnings(test.test(asked, files, lambda: self.stored_content))

        if exchange == "host":
            return self.run_where_it_can("est_test_enroll", arguments, asked, by_relay=lambda: on_controller("relay"))
        return on_controller(exchange)
