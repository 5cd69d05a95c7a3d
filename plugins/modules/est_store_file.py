#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_store_file
short_description: Read or write the files of a template store
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. The actions of the collection run it on a POSIX host; its twin
    M(estfleet.cloud_extender.win_est_store_file) is for Windows. Use M(estfleet.cloud_extender.est_template),
    M(estfleet.cloud_extender.est_templates), or M(estfleet.cloud_extender.est_template_info) instead.
  - It needs the Python standard library only.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.posix
  - estfleet.cloud_extender.private_options.store_file
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The action that runs this module makes the diff.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Read a store (use est_template_info instead)
  estfleet.cloud_extender.est_store_file:
    operation: read
    store_path: /var/lib/cloud_extender/est
"""

RETURN = r"""
exists:
  description: Whether something is in the document's place.
  returned: O(operation=read)
  type: bool
content:
  description: The text of the document.
  returned: O(operation=read)
  type: str
sha256:
  description: The SHA-256 of the document.
  returned: O(operation=read)
  type: str
damage:
  description: Why what is in the document's place is not a document.
  returned: O(operation=read)
  type: str
drift:
  description: What is wrong with modes and owners, or on Windows with access lists, and what killed runs left.
  returned: O(operation=read)
  type: list
  elements: str
key_fingerprint:
  description: The fingerprint of the sealing key.
  returned: O(operation=read)
  type: str
key_damage:
  description: Why the sealing key cannot be used.
  returned: O(operation=read)
  type: str
masked_key:
  description: The sealing key XOR O(key_pad). For O(operation=make_key), the new one.
  returned: O(operation=read) or O(operation=make_key)
  type: str
folder_mode:
  description: The permissions of the folder; an empty text on Windows.
  returned: O(operation=read)
  type: str
document_mode:
  description: The permissions of the document; an empty text on Windows.
  returned: O(operation=read)
  type: str
owner:
  description: The owner of the document, or of the folder.
  returned: O(operation=read)
  type: str
last_tests:
  description: The text of the file that tells what came of the last tests.
  returned: O(operation=read)
  type: str
kept_documents:
  description: The paths of older documents that were kept.
  returned: O(operation=read)
  type: list
  elements: str
conflict:
  description: Whether nothing was written, because the document or the key has changed since it was read.
  returned: O(operation=write)
  type: bool
kept:
  description: Where the old document was kept.
  returned: O(operation=write)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import (
    as_pad,
    make_key,
    read_store,
    write_store,
)


def perform(module):
    """Do what was asked and return the result."""
    params = module.params
    pad = as_pad(params["key_pad"])
    if params["operation"] == "read":
        return dict(read_store(params["store_path"], pad), changed=False)
    if module.check_mode:
        return {"changed": True, "conflict": False, "kept": "", "masked_key": ""}
    if params["operation"] == "make_key":
        masked = make_key(params["store_path"], pad, params["replaced_key"])
        return {"changed": masked != "", "masked_key": masked}
    written = write_store(
        params["store_path"],
        params["content"],
        expected_sha256=params["expected_sha256"],
        expected_key=params["expected_key"],
        use_new_key=params["use_new_key"],
        replaced_key=params["replaced_key"],
        keep_old=params["keep_old"],
    )
    return dict(written, changed=not written["conflict"])


def main():
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "required": True, "choices": ["read", "write", "make_key"]},
            "store_path": {"type": "str", "required": True},
            "key_pad": {"type": "str", "no_log": True},
            "content": {"type": "str", "no_log": True},
            "expected_sha256": {"type": "str", "default": ""},
            "expected_key": {"type": "str", "default": "", "no_log": False},
            "use_new_key": {"type": "bool", "default": False, "no_log": False},
            "replaced_key": {"type": "str", "default": "", "no_log": False},
            "keep_old": {"type": "bool", "default": False},
        },
        required_if=[("operation", "write", ["content"]), ("operation", "make_key", ["key_pad"])],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**perform(module))
    except StoreError as error:
        module.fail_json(**failure_of(error))


if __name__ == "__main__":
    main()
