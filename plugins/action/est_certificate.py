# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import parameters
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ServerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.certificate import Look


class ActionModule(ServerAction):
    """A production certificate. A POSIX host is looked at, and does what is to be done in one call of the module; for a
    Windows host it is done here.
    """

    def argument_spec(self):
        return self.unchecked(parameters.argument_spec(), parameters.CHECKED)

    def perform(self, arguments):
        exchange = self.certificate_exchange(arguments["exchange"])
        arguments = {**arguments, "inline": self.with_environment(arguments["inline"])}
        asked = parameters.read_options(arguments, check_mode=self._task.check_mode, windows=self.on_windows)
        if self.on_windows:
            return self._on_windows(asked, exchange)
        (unchanged,) = Look(self, [asked]).unchanged()
        if unchanged is not None:
            return self.documented_outcome("est_certificate", unchanged)
        return self.run_on_host("est_certificate", arguments, asked)

    def _on_windows(self, asked, exchange):
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.certificate import (
            keep_certificates,
        )

        asked = asked.replace(store_path=store_path_of(self, asked.store_path))
        (outcome,) = keep_certificates(self, [asked], exchange)
        return self.with_warnings(outcome)
