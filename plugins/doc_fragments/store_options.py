# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that says which template store. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store_path:
    description:
      - The folder of the template store on the host, an absolute path. It is made where it does not exist, with
        permissions V(0700). On a Windows host only SYSTEM and Administrators may have it, and the path can begin with a
        variable, as in V(%ProgramData%\\est).
      - If it is not given, it is V(/var/lib/cloud_extender/est), and on a Windows host
        V(C:\\ProgramData\\CloudExtenderEST).
      - The store is this collection's own and documented. It is not the private store of the IBM product, whose
        format is not public.
    type: str
notes:
  - The templates are compared on the controller. The host needs Python with its standard library, nothing else.
    Only to seal a new or changed password, the Python library C(cryptography) (3.4.8 or newer) is needed, on the
    controller.
  - A Windows host needs nothing but PowerShell, 5.1 or 7; see C(docs/windows.md).
  - The store belongs to the user that the task runs as on the host. Use C(become) where that has to be another one.
"""
