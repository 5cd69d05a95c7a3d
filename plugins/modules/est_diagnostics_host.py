#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_diagnostics_host
short_description: Collect what can be found out on a POSIX host for est_diagnostics
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. M(estfleet.cloud_extender.est_diagnostics) runs it on the host.
  - It needs the Python standard library only, reads, and changes nothing. What it returns can hold secrets, such as
    passwords in logs. M(estfleet.cloud_extender.est_diagnostics) takes them out, and lets nothing print it before.
  - M(estfleet.cloud_extender.win_est_diagnostics_host) is the same for Windows hosts.
extends_documentation_fragment:
  - estfleet.cloud_extender.private_options.diagnostics_host
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Collect (use est_diagnostics instead)
  estfleet.cloud_extender.est_diagnostics_host:
    store_path: /var/lib/cloud_extender/est
    output_path: /var/lib/cloud_extender/est/tests
    max_log_size: 1048576
    time_limit: 60
"""

RETURN = r"""
started:
  description: When the collection began, in seconds since the epoch, by the clock of the host.
  type: float
  returned: success
ended:
  description: When it ended.
  type: float
  returned: success
sections:
  description:
    - What was found out, or why it was not, by name. C(system), C(proxy), C(tests) and C(logs), of a Windows host
      C(services) and C(windows_proxy) too.
    - Each has C(ok), C(seconds) and C(data), or C(error_code), C(reason) and C(hint) in its place. C(logs) has C(data)
      always, with what was read in time.
  type: dict
  returned: success
relays:
  description:
    - The same for each entry of O(relays). Its C(data) is what M(estfleet.cloud_extender.est_relay) returns, with
      C(started) and C(ended).
  type: list
  elements: dict
  returned: success
"""

import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "relays": {"type": "json", "default": "[]"},
            "store_path": {"type": "str", "required": True},
            "output_path": {"type": "str", "required": True},
            "log_paths": {"type": "list", "elements": "str", "default": []},
            "max_log_size": {"type": "int", "required": True},
            "time_limit": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    given["relays"] = tuple(json.loads(given["relays"]))
    given["log_paths"] = tuple(given["log_paths"])
    module.exit_json(changed=False, **collect(Order(**given)))


if __name__ == "__main__":
    main()
