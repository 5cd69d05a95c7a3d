# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.information import describe_store
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of, store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import STORE_SPEC, names_of


class ActionModule(ControllerAction):
    """What is in the store of a host."""

    def argument_spec(self):
        return {**STORE_SPEC, "names": {"type": "list", "elements": "str"}}

    def perform(self, arguments):
        store_path = store_path_of(self, arguments["store_path"])
        names = names_of(arguments)
        observed = store_of(self, store_path).read(want_key=False)
        return {"changed": False, "store_path": store_path, **describe_store(observed, names)}
