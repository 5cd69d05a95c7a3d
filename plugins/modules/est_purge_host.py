#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_purge_host
short_description: Remove for est_certificates what it has made on a POSIX host and that is not declared any more
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. M(estfleet.cloud_extender.est_certificates) runs it on the host,
    with O(estfleet.cloud_extender.est_certificates#module:purge=true), where there is something to remove or to note.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The action says what changed.
  idempotent:
    support: full
options:
  store_path:
    description: The folder of the template store, in which it is noted what was made.
    type: str
    required: true
  declared:
    description:
      - The certificates that the host is to have, each with C(certificate_path), C(versioned_folder) and C(files).
    type: list
    elements: dict
    required: true
  folders:
    description: Folders with the certificates of identities, in which nothing is touched.
    type: list
    elements: str
    default: []
  purge_keep:
    description: Paths of certificates that are never removed.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Remove what is not declared any more (use est_certificates with purge instead)
  estfleet.cloud_extender.est_purge_host:
    store_path: /var/lib/cloud_extender/est
    declared: []
"""

RETURN = r"""
purged:
  description: What became of each certificate that is not declared; see M(estfleet.cloud_extender.est_certificates).
  type: list
  elements: dict
  returned: success
error_code:
  description: Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.purge import REMOVED, purge
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.record import Made
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError


def argument_spec() -> dict[str, Any]:
    """A new argument spec of this module."""
    return {
        "store_path": {"type": "str", "required": True},
        "declared": {"type": "list", "elements": "dict", "required": True},
        "folders": {"type": "list", "elements": "str", "default": []},
        "purge_keep": {"type": "list", "elements": "str", "default": []},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    outcome = perform(module)
    if outcome.get("failed"):
        module.fail_json(**outcome)
    module.exit_json(**outcome)


def perform(module: AnsibleModule) -> dict[str, Any]:
    """Remove them, and return what became of each."""
    given = module.params
    declared = [Made.from_data(each) for each in given["declared"]]
    try:
        found = purge(given["store_path"], declared, given["purge_keep"], given["folders"], check=module.check_mode)
    except StoreError as error:
        return failure_of(error)
    changed = any(each.action == REMOVED or each.files for each in found)
    return {"changed": changed, "purged": [each.as_result() for each in found]}


if __name__ == "__main__":
    main()
