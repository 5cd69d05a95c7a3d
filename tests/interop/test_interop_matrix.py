# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of README.md: every cell is tried out, one that says yes must work and one that says no must not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from interop.go_programs import missing_toolchain
from interop.operations import OPERATIONS, Server
from support.lab import PROGRAM, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

sys.path.append(str(Path(PROGRAM).parent))
from est_lab_server.authority.profiles import PROFILES

README = Path(__file__).with_name("README.md")
GLOBALSIGN = "GlobalSign 1.0.6"
COLUMNS = (GLOBALSIGN, *(f"lab, {profile}" for profile in PROFILES))

# What the lab's server is told to want or to do for a row.
FLAGS = {
    "csrattrs": ("--csrattrs", "rfc7030-example"),
    "pending": ("--manual-approval", "1"),
    "digest": ("--authentication", "digest-sha256"),
    "proof_of_possession": ("--pop", "required"),
}
# The labels and names with which the mock CA of GlobalSign's does something else than issue.
SPECIAL = {
    "csrattrs": {"label": "csrattrs"},
    "pending": {"label": "triggererrors", "subject": "/CN=Trigger Error Deferred"},
    "serverkeygen_encrypted": {"label": "pkcs7"},
}


def matrix() -> dict[tuple[str, str], str]:
    """The cells of the table, by operation and server."""
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    head, _rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert tuple(head[1:]) == COLUMNS
    return {
        (re.sub(r"[`*]", "", row[0]).split(":")[0], name): cell for row in rows for name, cell in zip(head[1:], row[1:])
    }


CELLS = matrix()


def test_the_matrix_has_every_operation_and_every_server():
    assert list(CELLS) == [(operation, name) for operation in OPERATIONS for name in COLUMNS]
    assert all(cell == "yes" or re.match(r"no: \S", cell) for cell in CELLS.values())


@pytest.mark.parametrize(("operation", "column"), CELLS, ids=lambda value: value.replace(" ", "-").replace(",", ""))
def test_matrix(operation, column, request, tmp_path):
    if column == GLOBALSIGN:
        reason = missing_toolchain()
        if reason:
            pytest.skip(reason)
        globalsign = request.getfixturevalue("globalsign")
        attempt(Server(globalsign.url, globalsign.ca_pem, **SPECIAL.get(operation, {})), operation, column, tmp_path)
    else:
        with LabServer("--intermediate", "--profile", column.split()[1], *FLAGS.get(operation, ())) as lab:
            attempt(Server(lab.url, lab.ca_pem), operation, column, tmp_path)


def attempt(server, operation, column, folder):
    """Do it, and compare what comes of it with what the table says."""
    cell = CELLS[operation, column]
    try:
        OPERATIONS[operation](server, folder)
    except (EstError, AssertionError) as error:
        assert cell != "yes", f"{error} {getattr(error, 'server_message', '')}"
    else:
        assert cell == "yes", f"it works, and the table says {cell}"
