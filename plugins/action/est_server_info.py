# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.server_info import options
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.exchange_action import ExchangeAction
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.host_store import refuse_windows


class ActionModule(ExchangeAction):
    """A look at an EST server. Decides where it is from."""

    def argument_spec(self):
        # What Template checks it tells better: it knows what was meant.
        spec = options.argument_spec()
        for name in options.CHECKED:
            spec[name]["type"] = "raw"
        return spec

    def perform(self, arguments):
        if arguments["exchange"] != "controller":
            refuse_windows(
                self,
                f"est_server_info with exchange: {arguments['exchange']}",
                "exchange: controller looks at the server from the controller",
            )
        if arguments["server"] is not None and arguments["template"] is None:
            arguments = self.with_environment(arguments)
        asked = options.read_options(arguments)
        if arguments["exchange"] in ("auto", "host"):
            given = {option: value for option, value in arguments.items() if value is not None}
            return self.execute("maas360.cloud_extender.est_server_info", {**given, "exchange": "host"})
        # Loads requests and cryptography, which the controller does not need when the exchange leaves from the host.
        from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.controller_exchange import (
            ControllerExchange,
        )

        exchange = ControllerExchange(
            arguments["exchange"],
            find_template=lambda: asked.given or self.stored_template(asked.store_path, asked.template_name),
            execute=self.execute_anyway,
            write_file=self.write_temporary_file,
        )
        return self.with_warnings(exchange.look(asked.exchange_options))
