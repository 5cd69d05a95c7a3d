# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll import options
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.exchange_action import ExchangeAction
from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.host_store import refuse_windows


class ActionModule(ExchangeAction):
    """The test of a template. Decides where the EST exchange leaves from."""

    def argument_spec(self):
        # What read_options() checks it tells better: with the value, what is allowed, and what was meant.
        spec = options.argument_spec()
        for name in options.CHECKED:
            spec[name]["type"] = "raw"
        del spec["inline"]["options"]
        return spec

    def perform(self, arguments):
        refuse_windows(
            self,
            "est_test_enroll",
            "run the test on a POSIX host of the same network, with the template in inline",
        )
        arguments = {**arguments, "inline": self.with_environment(arguments["inline"])}
        asked = options.read_options(arguments, check_mode=self._task.check_mode)
        if arguments["exchange"] in ("auto", "host"):
            given = {option: value for option, value in arguments.items() if value is not None}
            if asked.inline is None:
                given["template"] = asked.template_name
            else:
                given["inline"] = {**asked.inline.as_fields(), **asked.inline.secrets()}
            return self.execute("maas360.cloud_extender.est_test_enroll", {**given, "exchange": "host"})
        # Loads requests and cryptography, which the controller does not need when the exchange leaves from the host.
        from ansible_collections.maas360.cloud_extender.plugins.plugin_utils.controller_exchange import (
            ControllerExchange,
        )

        exchange = ControllerExchange(
            arguments["exchange"],
            find_template=lambda: asked.inline or self.stored_template(asked.store_path, asked.template_name),
            execute=self.execute_anyway,
            write_file=self.write_temporary_file,
        )
        return self.with_warnings(exchange.test(asked))
