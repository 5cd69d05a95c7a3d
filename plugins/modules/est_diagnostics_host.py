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
  - It needs the Python standard library only, reads, and changes nothing. What it returns holds no secrets.
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It changes nothing.
options:
  targets:
    description: The EST servers to look at, each as the fields of a template without account and secrets.
    type: list
    elements: dict
    default: []
  store_path:
    description: The folder of the template store.
    type: str
    required: true
  output_path:
    description: The folder of the test certificates.
    type: str
    required: true
  log_paths:
    description: Folders, files and globs of logs.
    type: list
    elements: str
    default: []
  max_log_size:
    description: The most octets of logs in all.
    type: int
    required: true
  secrets:
    description:
      - A JSON list of texts that are taken out of the logs.
      - As one text, since Ansible censors values of C(no_log) options in all that a module returns, and a short
        password is found anywhere in base64.
    type: str
  connect_timeout:
    description: Seconds for each of name resolution, connection and handshake.
    type: int
    required: true
  time_limit:
    description: Seconds for all of it.
    type: int
    required: true
notes:
  - Do not use it in playbooks; its options may change in any release.
"""

EXAMPLES = r"""
- name: Collect (use est_diagnostics instead)
  estfleet.cloud_extender.est_diagnostics_host:
    store_path: /var/lib/cloud_extender/est
    output_path: /var/lib/cloud_extender/est/tests
    max_log_size: 1048576
    connect_timeout: 10
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
  description: What was found out, or why it was not, by name.
  type: dict
  returned: success
servers:
  description: The same for each entry of O(targets).
  type: list
  elements: dict
  returned: success
logs:
  description: The same for the logs, each log in gzip and base64.
  type: dict
  returned: success
"""

import functools
import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Order, collect


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "dict", "default": []},
            "store_path": {"type": "str", "required": True},
            "output_path": {"type": "str", "required": True},
            "log_paths": {"type": "list", "elements": "str", "default": []},
            "max_log_size": {"type": "int", "required": True},
            "secrets": {"type": "str", "no_log": True},
            "connect_timeout": {"type": "int", "required": True},
            "time_limit": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    for name in ("targets", "log_paths"):
        given[name] = tuple(given[name])
    given["secrets"] = tuple(json.loads(given["secrets"] or "[]"))
    run_command = functools.partial(module.run_command, handle_exceptions=False)
    module.exit_json(changed=False, **collect(Order(**given), run_command))


if __name__ == "__main__":
    main()
