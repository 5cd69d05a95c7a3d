# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import templates_from_options
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of, store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import (
    STORE_SPEC,
    check_days,
    check_purge,
    desired,
    failed_tests,
    names_to_keep,
    results_of,
)


class ActionModule(ControllerAction):
    """The whole set of templates of a host."""

    def argument_spec(self):
        # The options of a template are checked by templates_from_options(), which says where a wrong one is.
        return {
            **STORE_SPEC,
            "templates": {"type": "list", "elements": "raw", "required": True},
            "purge": {"type": "bool", "default": False},
            "purge_all": {"type": "bool", "default": False},
            "purge_keep": {"type": "list", "elements": "raw", "default": []},
            "rotate_key": {"type": "bool", "default": False, "no_log": False},
            "rotate_key_after_days": {"type": "int", "no_log": False},
        }

    def perform(self, arguments):
        store_path = store_path_of(self, arguments["store_path"])
        check_days("rotate_key_after_days", arguments["rotate_key_after_days"])
        options = [self.with_environment(entry) for entry in arguments["templates"]]
        templates = templates_from_options(options)
        check_purge("templates", len(templates), purge=arguments["purge"], purge_all=arguments["purge_all"])
        request = Request(
            present=tuple(desired(template, given) for template, given in zip(templates, options)),
            purge=arguments["purge"],
            purge_keep=names_to_keep(arguments["purge_keep"]),
            rotate_key=arguments["rotate_key"],
            rotate_key_after_days=arguments["rotate_key_after_days"],
        )
        outcome = apply_request(store_of(self, store_path), request, check_mode=self._task.check_mode)
        result = {**results_of(outcome, store_path), "undeclared": list(outcome.plan.undeclared)}
        result["switched_off"] = [template.name for template in templates if not template.device_identity_certificates]
        result["failed_tests"] = failed_tests(outcome)
        result["unproved"] = outcome.plan.unproved
        self.warn(outcome.plan.warnings)
        if request.rotate_key or request.rotate_key_after_days is not None:
            result["key_rotated"] = outcome.plan.rotate
        return result
