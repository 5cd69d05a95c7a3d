#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_test_files
short_description: Read and write the files of a test enrolment on a host
version_added: 0.1.0
description:
  - This module is private. M(estfleet.cloud_extender.est_test_enroll) runs it on the host when the EST exchange itself
    is not made there.
  - It needs nothing on the host but Python. Its twin M(estfleet.cloud_extender.win_est_test_files) is for Windows.
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.posix
  - estfleet.cloud_extender.private_options.test_files
attributes:
  check_mode:
    support: none
    description: Its caller does not run it in check mode.
  diff_mode:
    support: none
    description: Its caller makes the diff.
  idempotent:
    support: none
    details:
      - Files are replaced whenever it is run.
"""

EXAMPLES = r"""
- name: Read what is kept of a pending enrolment
  estfleet.cloud_extender.est_test_files:
    operation: read
    output_path: /var/lib/cloud_extender/est/tests
    template: wifi
    certificate_name: wifi-test
    pad: "{{ lookup('ansible.builtin.password', '/dev/null', length=32768) | b64encode }}"
"""

RETURN = r"""
document:
  description: What M(estfleet.cloud_extender.est_store_file) reads.
  type: dict
  returned: when it reads and O(store_path) is given
files:
  description: The other files of a pending enrolment by name.
  type: dict
  returned: when something is pending
masked_key:
  description: The private key of the pending enrolment XORed with O(pad), in base64.
  type: str
  returned: when something is pending
masked_request:
  description: The request of the pending enrolment XORed with what of O(pad) the private key left, in base64.
  type: str
  returned: when something is pending
path:
  description: The folder that was read or written.
  type: str
  returned: when something is pending, and when files were saved
not_noted:
  description: Why it could not be noted what came of the test; an empty text where it was, or was not to be.
  type: str
  returned: when files were saved
"""

import base64
import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import (
    PRIVATE_KEY_FILE,
    REQUEST_FILE,
    TestFolder,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure, failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.paths import in_words
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import record_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import as_pad, read_store

SAVES = ("save_pending", "save_issued", "save_unusable")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "required": True, "choices": ["read", *SAVES, "note"]},
            "output_path": {"type": "str", "required": True},
            "template": {"type": "str", "required": True},
            "certificate_name": {"type": "str", "required": True},
            "files": {"type": "json", "no_log": True},
            "pad": {"type": "str", "no_log": True},
            "store_path": {"type": "str"},
            "key_pad": {"type": "str", "no_log": True},
            "came": {"type": "json"},
        },
        required_if=[
            ("operation", "read", ["pad"]),
            *(("operation", operation, ["files"]) for operation in SAVES),
            ("operation", "note", ["store_path", "came"]),
        ],
        required_by={"came": ["store_path"], "key_pad": ["store_path"]},
    )
    folder = TestFolder(module.params["output_path"], module.params["template"], module.params["certificate_name"])
    try:
        if module.params["operation"] == "read":
            pending = _pending(folder, base64.b64decode(module.params["pad"]))
            module.exit_json(changed=False, **_document(module.params), **pending)
        if module.params["operation"] == "note":
            _note(module.params)
            module.exit_json(changed=True)
        save = getattr(folder, module.params["operation"])
        path = save(json.loads(module.params["files"]))
        module.exit_json(changed=True, path=path, not_noted=_try_to_note(module.params))
    except OSError as error:
        module.fail_json(**failure(in_words(error), "not_saved", in_words(error)))
    except StoreError as error:
        module.fail_json(**failure_of(error))


def _document(params: dict[str, Any]) -> dict[str, object]:
    """What of the template store is read along."""
    if not params["store_path"]:
        return {}
    return {"document": read_store(params["store_path"], as_pad(params["key_pad"]))}


def _note(params: dict[str, Any]) -> None:
    record_test(params["store_path"], params["template"], json.loads(params["came"]))


def _try_to_note(params: dict[str, Any]) -> str:
    """Note what came of the test, where that is given; return why that could not be done."""
    try:
        if params["came"]:
            _note(params)
    except StoreError as error:
        return str(error)
    return ""


def _pending(folder: TestFolder, pad: bytes) -> dict[str, object]:
    files = folder.read_pending()
    if files is None:
        return {}
    key, request = (files.pop(name).encode() for name in (PRIVATE_KEY_FILE, REQUEST_FILE))
    return {
        "files": files,
        "masked_key": base64.b64encode(mask(key, pad)).decode(),
        # No octet of a one-time pad is used twice.
        "masked_request": base64.b64encode(mask(request, pad[len(key) :])).decode(),
        "path": folder.pending_path,
    }


if __name__ == "__main__":
    main()
