# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet report as one HTML file that needs nothing else: no network, no other file, no library.

Everything that comes from hosts and servers is hostile input. It is in the page as JSON, in which no character can end
the element that holds it, and the script only ever makes text of it. The policy of the page lets nothing run but the
page's own script, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from typing import Any, Mapping

from .compact import compact
from .printable import visible
from .summary import summary_lines

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")

#: The files of the script, in the order in which they run; each uses what those before it declare.
_SCRIPTS = ("base.js", "overview.js", "attention.js", "matrix.js", "certificates.js", "start.js")


def render_page(document: Mapping[str, Any], *, json_name: str = "") -> str:
    """Return the HTML text of a report.

    :param json_name: the name of the JSON file beside it, told in the page; empty where there is none.
    """
    style = _source("page.css")
    # One block, so that nothing in it becomes a name of the page.
    script = '"use strict";\n{\n' + "\n".join(map(_source, _SCRIPTS)) + "}\n"
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    pieces = {
        "policy": html.escape(policy),
        "style": style,
        "script": script,
        "data": in_script({**compact(document), "json_name": json_name}),
        "noscript": "\n".join(f"<li>{html.escape(visible(line))}</li>" for line in summary_lines(document)),
    }
    page = []
    # Piece by piece, so that nothing in one of them can be taken for the place of another.
    for number, part in enumerate(_source("page.html").split("%%")):
        page.append(pieces[part] if number % 2 else part)
    return "".join(page)


def in_script(data: Any) -> str:
    """Return data as JSON that can stand in a ``script`` element: only ASCII, and nothing that HTML would read."""
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _source(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        text = file.read()
    # The licence header is for those who read the sources.
    return text.split("*/\n", 1)[1] if text.startswith("/*") else text.split("-->\n", 1)[1]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
