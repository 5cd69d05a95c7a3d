# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction, ModuleFailed
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import documented

_MODULE = "est_certificate_info"
_PATHS = "paths"
_STORES = "certificate_store_names"


class ActionModule(ControllerAction):
    """The certificates that are on a host. On a POSIX host its module looks, on a Windows host that for keys."""

    def argument_spec(self):
        return {name: {"type": "list", "elements": "str"} for name in (_PATHS, _STORES)}

    def perform(self, arguments):
        here, there = (_STORES, _PATHS) if self.on_windows else (_PATHS, _STORES)
        if arguments[there] is not None:
            kind = "Windows" if self.on_windows else "POSIX"
            raise TemplateError(there, f"has no effect on a {kind} host", allowed=f"here: {here}")
        if self.on_windows:
            return {**self._in_stores(arguments[_STORES] or ["My"]), "changed": False}
        paths = arguments[_PATHS]
        if not paths:
            raise TemplateError(_PATHS, "is missing", allowed="files and folders such as /etc/ssl/certs/web.pem")
        for path in paths:
            if not path.startswith("/"):
                raise TemplateError(
                    _PATHS, "is no absolute path", value=show(path), allowed="a path such as /etc/ssl/certs/web.pem"
                )
        answer = self.execute(f"estfleet.cloud_extender.{_MODULE}", {_PATHS: paths})
        return {**documented(answer, _MODULE), "changed": False}

    def _in_stores(self, stores):
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host import windows_information

        module, store_path = self.private_module("est_key"), store_path_of(self, None)
        try:
            return windows_information.certificates_in(self.execute_anyway, module, store_path, stores)
        except EstError as error:
            raise ModuleFailed(failure_of(error)) from None
