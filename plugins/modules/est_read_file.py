#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_read_file
short_description: Read a file of a POSIX host
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. M(estfleet.cloud_extender.est_test_enroll) and
    M(estfleet.cloud_extender.est_server_info) read the file of C(ca_path) with it, where not the host checks the EST
    server's answers.
  - A file that cannot be read is not a failed task. RV(problem) tells why in a code, never in a sentence.
  - M(estfleet.cloud_extender.win_est_read_file) is the same for Windows hosts.
extends_documentation_fragment:
  - estfleet.cloud_extender.private_options.read_file
"""

EXAMPLES = r"""
- name: Read the CA certificate of an EST server (use est_server_info instead)
  estfleet.cloud_extender.est_read_file:
    path: /etc/ssl/est-ca.pem
    max_size: 1048576
"""

RETURN = r"""
content:
  description: The octets of the file in base64; empty where it was not read.
  type: str
  returned: always
problem:
  description:
    - Empty, or why it was not read. V(not_found), V(not_permitted), V(not_a_file), V(too_large), or V(failed) for
      anything else.
  type: str
  returned: always
  sample: not_found
"""

import base64
import os
import stat

from ansible.module_utils.basic import AnsibleModule


def read(path: str, max_size: int) -> tuple[bytes, str]:
    """Return the octets of a file, and the code of the problem where there is one."""
    try:
        # Whoever puts a pipe there does not make anybody wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return b"", "not_found"
    except PermissionError:
        return b"", "not_permitted"
    except (OSError, ValueError):
        return b"", "failed"
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b"", "not_a_file"
        with open(descriptor, "rb", closefd=False) as file:
            octets = file.read(max_size + 1)
    except OSError:
        return b"", "failed"
    finally:
        os.close(descriptor)
    return (b"", "too_large") if len(octets) > max_size else (octets, "")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "max_size": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    octets, problem = read(module.params["path"], module.params["max_size"])
    module.exit_json(changed=False, content=base64.b64encode(octets).decode("ascii"), problem=problem)


if __name__ == "__main__":
    main()
