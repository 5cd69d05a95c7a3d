# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ControllerAction, OptionError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import check_variables

_TEMPLATES, _CERTIFICATES = "est_integration_templates", "est_integration_certificates"


class ActionModule(ControllerAction):
    """The check of a host's variables that the playbooks begin with. It asks the host for nothing."""

    _requires_connection = False

    def argument_spec(self):
        return {"certificates": {"type": "bool", "default": False}}

    def perform(self, arguments):
        self.warn(check_variables(self._task_vars, self._task.get_play().hosts))
        if arguments["certificates"]:
            self._check_certificates()
        return {"changed": False}

    def _check_certificates(self):
        """Refuse a host for which nothing is declared, and a play in which no host has a certificate declared.

        :raises OptionError: as said.
        """
        declared = self._task_vars.get(_CERTIFICATES)
        if declared in (None, "", {}, False):
            if self._task_vars.get(_TEMPLATES) is None:
                raise OptionError(
                    f"nothing is declared for this host: neither {_CERTIFICATES} nor {_TEMPLATES} is defined, and "
                    f"nothing was looked at. Define {_CERTIFICATES} in the variables of the group or the host; [] says "
                    "that it is to have none",
                    code="nothing_declared",
                )
            hosts = self._task_vars.get("ansible_play_hosts_all") or ()
            if not any(self._task_vars["hostvars"][name].get(_CERTIFICATES) for name in hosts):
                raise OptionError(
                    f"{_CERTIFICATES} is defined for none of the hosts of this play: nothing was looked at. Define it "
                    "in the variables of the group or of the hosts",
                    code="nothing_declared",
                )
            return
        entries = self._templar.template(declared)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise OptionError(
                f"{_CERTIFICATES} has to be a list, and each of its entries the options of est_certificate: "
                "- {template: ..., certificate_path: ...}"
            )
