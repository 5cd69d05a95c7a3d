# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of every module that asks for a certificate: whom it is for. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  identity:
    description:
      - Whom the certificate is for, the values of the variables of the template.
      - The account at the EST server is another thing; the template has it, as C(username) and C(password).
    type: dict
    suboptions:
      user:
        description: The value of the variable C(%uname%).
        type: str
      domain:
        description: The value of the variable C(%domain%), a fully qualified domain name.
        type: str
      email:
        description: The value of the variable C(%email%).
        type: str
      variables:
        description:
          - Values of other variables, by name without percent signs. An empty value leaves out the attribute or entry
            that has the variable.
        type: dict
        default: {}
"""
