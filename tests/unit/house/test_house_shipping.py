# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends to a host together with each module: whatever its import statements name, and theirs.

Ansible takes statements within functions and under TYPE_CHECKING as well, so this looks at all of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.imports import PLUGINS, files, imports

MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))

# The folders of module_utils that a module may bring to a host. Modules that are no more than documentation have none:
# their action plugins work on the controller.
FILES, EST = {"_files", "_answer", "_store"}, {"_files", "_names", "_value", "est"}
SHIPPED = {
    "est_store_file": FILES | {"_failure", "_value"},
    "est_test_files": FILES | {"_exchange", "_failure", "_value"},
    "est_diagnostics_host": EST | {"_diagnostics", "_exchange", "_answer", "_store", "_template"},
    "est_relay": EST | {"_exchange"},
    "est_certificate_info": EST | {"_answer", "_certificate", "_exchange", "_failure", "_store", "_template"},
    "est_server_info": EST | {"_exchange", "_failure", "_answer", "_store", "_template"},
    "est_test_enroll": EST | {"_exchange", "_failure", "_answer", "_store", "_template"},
    "est_certificate": EST | {"_certificate", "_exchange", "_failure", "_answer", "_store", "_template"},
    "est_identities_host": EST
    | {"_certificate", "_identities", "_exchange", "_failure", "_answer", "_store", "_template"},
    "est_purge_host": EST | {"_certificate", "_exchange", "_failure", "_answer", "_store", "_template"},
    "est_certificates": EST | {"_certificate", "_exchange", "_failure", "_answer", "_store", "_template"},
}


def shipped(module: str) -> set[Path]:
    """The files of module_utils that a module brings to a host."""
    here = {".".join(path.relative_to(PLUGINS).with_suffix("").parts): path for path in files()}
    found: set[Path] = set()
    todo = [PLUGINS / "modules" / f"{module}.py"]
    while todo:
        path = todo.pop()
        for name, _line in imports(path, path.read_text(encoding="utf-8")):
            # The package of a file comes along; a name that is imported is in the file before its last dot.
            parts = name.split(".")
            places = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
            reached = {here[one] for place in places for one in (place, f"{place}.__init__") if one in here}
            todo += reached - found
            found |= reached
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_brings_to_a_host_what_it_needs_there(module: str) -> None:
    folders = {path.relative_to(PLUGINS / "module_utils").parts[0].removesuffix(".py") for path in shipped(module)}
    assert folders <= SHIPPED.get(module, set())


def test_the_public_face_of_the_client_brings_nothing_along() -> None:
    face = PLUGINS / "module_utils" / "est" / "api.py"
    assert list(imports(face, face.read_text(encoding="utf-8"))) == []
