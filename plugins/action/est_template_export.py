# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.file import write_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import (
    RULE,
    check_new_passphrase,
    write_bundle,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.transfer import (
    collect,
    compare,
    read_existing,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import check_text
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.bundle import (
    BUNDLE_SPEC,
    BundleAction,
    describe_bundle,
    template_results,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of, store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import names_of, to_yaml


class ActionModule(BundleAction):
    """The templates of a host as a bundle on the controller."""

    def argument_spec(self):
        return {
            **BUNDLE_SPEC,
            "dest": {"type": "path", "required": True},
            "include_secrets": {"type": "bool", "default": True},
            "skip_damaged": {"type": "bool", "default": False},
        }

    def work(self, arguments):
        store_path = store_path_of(self, arguments["store_path"])
        names = names_of(arguments)
        passphrase = self.passphrase(arguments)
        include_secrets = arguments["include_secrets"]
        if passphrase is not None:
            passphrase = check_new_passphrase(passphrase)
        elif include_secrets:
            raise TemplateError("passphrase", "is missing", allowed=f"{RULE}; or include_secrets: false")
        check_text("dest", arguments["dest"])
        dest = self.on_controller(arguments["dest"])
        if dest.endswith("/"):
            raise TemplateError("dest", "is a folder", value=show(dest), allowed="the path of a file")
        try:
            old = read_existing(dest, passphrase)
            observed = store_of(self, store_path).read(want_key=include_secrets)
            found = collect(observed, names, include_secrets=include_secrets, skip_damaged=arguments["skip_damaged"])
            self.hide(found.content)
            comparison = compare(old, found.content, sealed=passphrase is not None)
            if comparison.changed and not self._task.check_mode:
                write_file(dest, write_bundle(found.content, passphrase))
        except BundleError as error:
            raise error.at(dest) from None
        return {
            "changed": comparison.changed,
            "store_path": store_path,
            "bundle": describe_bundle(dest, found.content, sealed=passphrase is not None),
            "templates": template_results(comparison.results),
            "skipped_templates": [
                {"name": entry.name, "error_code": entry.code, "reason": entry.reason} for entry in found.skipped
            ],
            "diff": {
                "before": to_yaml(comparison.before),
                "after": to_yaml(comparison.after),
                "before_header": dest,
                "after_header": dest,
            },
        }
