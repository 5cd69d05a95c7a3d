#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_check_variables
short_description: Refuse mistyped variables of this collection
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private. The playbooks of this collection begin with it.
  - A variable that begins like those of this collection, is none of them, and is at most two letters away from one of
    them is an error, wherever it was set.
  - It works on the controller, and asks the host for nothing.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options: {}
notes:
  - Do not use it in playbooks; its options may change in any release.
"""

EXAMPLES = r"""
- name: Check the variables of the host
  estfleet.cloud_extender.est_check_variables:
"""

RETURN = r"""
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: invalid_option
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
