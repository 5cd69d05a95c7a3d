# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import server_info
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction


class ActionModule(ExchangeAction):
    """A look at an EST server. Decides where it is from."""

    def argument_spec(self):
        return self.unchecked(server_info.argument_spec(), server_info.CHECKED)

    def perform(self, arguments):
        exchange = self.exchange_of(arguments["exchange"])
        if arguments["server"] is not None and arguments["template"] is None:
            arguments = self.with_environment(arguments)
        asked = server_info.read_options(arguments, self.check_folder)
        if exchange == "host":
            given = {option: value for option, value in arguments.items() if value is not None}
            return self.execute("estfleet.cloud_extender.est_server_info", {**given, "exchange": "host"})
        look = self.controller_exchange(
            exchange, lambda: asked.given or self.stored_template(asked.store_path, asked.template_name)
        )
        return self.with_warnings(look.look(asked.exchange_options))
