# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import (
    argument_spec,
    read_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import template_name
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of, store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import (
    STORE_SPEC,
    desired,
    results_of,
)


class ActionModule(ControllerAction):
    """One template of a host."""

    def argument_spec(self):
        # The options of a template are checked by Template.from_options(), which suggests what was meant.
        return {
            **STORE_SPEC,
            **{name: {"type": "raw"} for name in argument_spec()},
            "name": {"type": "raw", "required": True},
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        }

    def perform(self, arguments):
        store_path = store_path_of(self, arguments["store_path"])
        options = {name: arguments[name] for name in argument_spec() if arguments.get(name) is not None}
        if arguments["state"] == "present":
            options = self.with_environment(options)
            request = Request(present=(desired(Template.from_options(options), options),))
        else:
            request = Request(absent=(template_name(read_options(options)["name"]),))
        outcome = apply_request(store_of(self, store_path), request, check_mode=self._task.check_mode)
        self.warn(outcome.plan.warnings)
        result = results_of(outcome, store_path)
        [entry] = result.pop("templates")
        return {**result, **entry}
