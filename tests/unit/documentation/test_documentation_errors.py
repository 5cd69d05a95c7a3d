# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/errors.md against the lists of codes, which another test holds against the code, and against its sentences."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES as EST_CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.codes import CODES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) \| (.+?) \|$", TEXT.partition("## Codes")[2], re.MULTILINE)
#: Those whose sentence is another program's: the server's, Ansible's, the operating system's, PowerShell's; or made of
#: several.
WORDS_OF_OTHERS = {
    "key_failed",
    "refused",
    "server_warning",
    "unknown_account",
    "unknown_service",
    "unreachable",
    "untrusted_issuer",
    "unusable_bundle",
}


def sentences() -> set[str]:
    """The texts in the code of the collection, with an ellipsis for what is put into them at run time."""
    found = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        if path.name == "codes.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.add(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "\u2026" for part in node.values)
                )
    return found


SENTENCES = sentences()


def test_the_page_has_every_code_with_its_meaning_and_what_to_do() -> None:
    meanings = {code: meaning.rstrip(".") for code, meaning in {**EST_CODES, **CODES}.items()}
    assert [(code, meaning) for code, meaning, _reads, _advice in ROWS] == list(meanings.items())
    assert {code for code, _meaning, reads, _advice in ROWS if not reads} == WORDS_OF_OTHERS


@pytest.mark.parametrize("row", [row for row in ROWS if row[2]], ids=lambda row: row[0])
def test_what_a_message_reads_like_is_in_the_code(row: tuple[str, str, str, str]) -> None:
    assert any(row[2] in sentence for sentence in SENTENCES)


def test_a_code_that_the_first_table_sends_to_is_on_the_page() -> None:
    first = TEXT.partition("## By what one sees")[2].partition("## Codes")[0]
    sent = set(
        re.findall(r"`([a-z_]+)`", "".join(row.split("|")[3] for row in re.findall(r"^\| .*$", first, re.MULTILINE)))
    )
    assert sent - {"causes", "est_server_info"} <= {row[0] for row in ROWS}
