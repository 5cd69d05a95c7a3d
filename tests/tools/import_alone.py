# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import every module of the named module_utils packages where Ansible is not installed.

The EST client is meant to be of use on its own; this fails when a package has begun to need Ansible.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys

BASE = "ansible_collections.estfleet.cloud_extender.plugins.module_utils"


def main() -> int:
    """Import everything below the packages given on the command line."""
    if importlib.util.find_spec("ansible") is not None:
        print("Ansible is installed here, so nothing would be proven")
        return 1
    imported = 0
    for name in sys.argv[1:]:
        package = importlib.import_module(f"{BASE}.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
            imported += 1
    print(f"imported {imported} modules without Ansible")
    return 0 if imported else 1


if __name__ == "__main__":
    sys.exit(main())
