# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import server_info
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ServerAction


class ActionModule(ServerAction):
    """A look at an EST server. Decides where it is from."""

    def argument_spec(self):
        return self.unchecked(server_info.argument_spec(), server_info.CHECKED)

    def perform(self, arguments):
        exchange = self.exchange_of(arguments["exchange"])
        arguments = {**arguments, "inline": self.with_environment(arguments["inline"])}
        asked = server_info.read_options(arguments, self.check_folder)

        def on_controller(way):
            look = self.controller_exchange(
                way, lambda: asked.inline or self.stored_template(asked.store_path, asked.template_name)
            )
            return self.with_warnings(look.look(asked.template_name, asked.exchange_options))

        if exchange == "host":
            return self.run_where_it_can("est_server_info", arguments, asked, by_relay=lambda: on_controller("relay"))
        return on_controller(exchange)
