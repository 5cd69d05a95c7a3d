# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import documented

_MODULE = "est_certificate_info"


class ActionModule(ControllerAction):
    """The certificates that are on a host; its module looks."""

    def argument_spec(self):
        return {"paths": {"type": "list", "elements": "str", "required": True}}

    def perform(self, arguments):
        for path in arguments["paths"]:
            if self.on_windows or not path.startswith("/"):
                problem = "is looked at on POSIX hosts only" if self.on_windows else "has what is no absolute path"
                raise TemplateError(
                    "paths", problem, value=show(path), allowed="files and folders such as /etc/ssl/certs/web.pem"
                )
        answer = self.execute(f"estfleet.cloud_extender.{_MODULE}", arguments)
        return {**documented(answer, _MODULE), "changed": False}
