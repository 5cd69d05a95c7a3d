# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.errors import AnsibleError

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import choose
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError, FileError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.file import read_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import (
    check_passphrase,
    read_bundle,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.transfer import (
    request_for,
    without_password,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import check_text
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.bundle import (
    BUNDLE_SPEC,
    BundleAction,
    describe_bundle,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of, store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import (
    names_of,
    names_to_keep,
    results_of,
)


class ActionModule(BundleAction):
    """The templates of a bundle on the controller, on a host."""

    def argument_spec(self):
        return {
            **BUNDLE_SPEC,
            "src": {"type": "path", "required": True},
            "purge": {"type": "bool", "default": False},
            "purge_keep": {"type": "list", "elements": "raw", "default": []},
        }

    def work(self, arguments):
        store_path = store_path_of(self, arguments["store_path"])
        names = names_of(arguments)
        keep = names_to_keep(arguments["purge_keep"])
        passphrase = self.passphrase(arguments)
        if passphrase is not None:
            passphrase = check_passphrase(passphrase)
        check_text("src", arguments["src"])
        src = self._find(arguments["src"])
        try:
            content = read_bundle(read_file(src), passphrase)
            self.hide(content)
            chosen = choose(content, names)
        except BundleError as error:
            raise error.at(src) from None
        outcome = apply_request(
            store_of(self, store_path),
            request_for(chosen, purge=arguments["purge"], keep=keep),
            check_mode=self._task.check_mode,
        )
        return {
            **results_of(outcome, store_path),
            "bundle": describe_bundle(src, content, sealed=passphrase is not None),
            "undeclared": list(outcome.plan.undeclared),
            "without_password": without_password(outcome.plan),
        }

    def _find(self, src):
        """Return the path of the bundle, looked for where ansible.builtin.copy looks for its src."""
        try:
            return self._find_needle("files", src)
        except AnsibleError:
            raise FileError(f"the bundle {src} cannot be found on the controller") from None
