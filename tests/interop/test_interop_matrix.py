# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of README.md: every cell is tried out, one that says yes must work and one that says no must not."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest
from interop import est_ca_server, go_programs
from interop.exchanges import SUBJECT, line_to
from interop.operations import EC, OPERATIONS, Server
from support.lab import PROGRAM, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import encode_body
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import generate_key

sys.path.append(str(Path(PROGRAM).parent))
from est_lab_server.authority.profiles import PROFILES

README = Path(__file__).with_name("README.md")
GLOBALSIGN = "GlobalSign 1.0.6"
EST_CA = "est-ca 0.2.0"
#: The real servers: the fixture that starts each, and why it cannot be built.
REAL = {GLOBALSIGN: ("globalsign", go_programs.missing_toolchain), EST_CA: ("est_ca", est_ca_server.missing_toolchain)}
COLUMNS = (*REAL, *(f"lab, {profile}" for profile in PROFILES))

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
    if column in REAL:
        server = real(column, request)
        special = SPECIAL.get(operation, {}) if column == GLOBALSIGN else {}
        attempt(Server(server.url, server.ca_pem, **special), operation, column, tmp_path)
    else:
        with LabServer("--intermediate", "--profile", column.split()[1], *FLAGS.get(operation, ())) as lab:
            attempt(Server(lab.url, lab.ca_pem), operation, column, tmp_path)


def real(column, request):
    """Return a real server that is running; skip the test where it cannot be built."""
    fixture, missing_toolchain = REAL[column]
    reason = missing_toolchain()
    if reason:
        pytest.skip(reason)
    return request.getfixturevalue(fixture)


@pytest.mark.parametrize(("body", "status"), [(encode_body, 400), (base64.b64encode, 200)], ids=["lines", "one line"])
def test_est_ca_takes_base64_in_one_line_only(body, status, request):
    """So each enrolment there is one that the client sends once more in the other form."""
    server = real(EST_CA, request)
    line = line_to(server)
    headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    request_body = body(build_csr(generate_key(EC), SUBJECT).der)
    url = EstUrl.build(server.url).operation("simpleenroll")
    assert line.request("POST", url, headers, request_body, authenticate=True).status == status
    line.close()


def attempt(server, operation, column, folder):
    """Do it, and compare what comes of it with what the table says."""
    cell = CELLS[operation, column]
    try:
        OPERATIONS[operation](server, folder)
    except (EstError, AssertionError) as error:
        assert cell != "yes", f"{error} {getattr(error, 'server_message', '')}"
    else:
        assert cell == "yes", f"it works, and the table says {cell}"
