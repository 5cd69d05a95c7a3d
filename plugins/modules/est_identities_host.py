#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_identities_host
short_description: See to some of the certificates of many identities for est_certificates
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. M(estfleet.cloud_extender.est_certificates) runs it on the host,
    once for some of the identities of an entry.
  - It needs the Python libraries C(cryptography) and C(requests).
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Says what would be asked for, and asks nobody.
  diff_mode:
    support: none
    details:
      - The action says what changed.
  idempotent:
    support: full
options:
  order:
    description:
      - What is asked for, as JSON, with the template and its password. So all of it is a secret.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: See to some certificates (use est_certificates instead)
  estfleet.cloud_extender.est_identities_host:
    order: "{{ order | to_json }}"
"""

RETURN = r"""
identities:
  description: What became of each, in the order that was given; without C(failed), it is as it has to be or waits.
  type: list
  elements: dict
  returned: success
stopped:
  description: Whether the rest was left alone, since too many failed, or the EST server cannot be used.
  type: bool
  returned: success
reloaded:
  description: The services that were reloaded, or would be in check mode.
  type: list
  elements: str
  returned: success
not_reloaded:
  description: Why a service could not be reloaded, as a failed result; empty where none failed.
  type: dict
  returned: success
"""

import json
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import wave


def main() -> None:
    module = AnsibleModule(
        argument_spec={"order": {"type": "str", "required": True, "no_log": True}}, supports_check_mode=True
    )
    outcome = perform(module)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    if outcome.get("failed"):
        module.fail_json(**outcome)
    module.exit_json(clock=time.time(), **outcome)


def perform(module: AnsibleModule) -> dict[str, Any]:
    """See to the certificates, and return what became of each."""
    return wave.keep(json.loads(module.params["order"]), check_mode=module.check_mode)


if __name__ == "__main__":
    main()
