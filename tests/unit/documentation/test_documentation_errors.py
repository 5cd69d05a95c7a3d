# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/errors.md against the lists of codes, which another test holds against what the code gives."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES as EST_CODES
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.codes import CODES

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"


def test_the_page_has_every_code_with_its_meaning_and_what_to_do() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    meanings = {code: meaning.rstrip(".") for code, meaning in {**EST_CODES, **CODES}.items()}
    assert [(code, meaning) for code, meaning, _advice in rows] == list(meanings.items())
    assert all(advice for _code, _meaning, advice in rows)
