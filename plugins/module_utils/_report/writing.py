# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a fleet report is written: the two files, whether they can be written, and writing them whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from typing import Any, Mapping, Tuple

from .._files.folder import Folder
from .._files.paths import open_folder
from .causes import visible
from .compact import compact
from .counts import FORMAT, ReportError
from .document import serialise
from .summary import summary_lines

# ----------------------------------------------------------------------------------------------------------------------
# The fleet report as one HTML file that needs nothing else: no network, no other file, no library.
#
# Everything that comes from hosts and servers is hostile input. It is in the page as JSON, in which no character can
# end the element that holds it, and the script only ever makes text of it. The policy of the page lets nothing run but
# the page's own script, by its hash.

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


# ----------------------------------------------------------------------------------------------------------------------

_START_OCTETS = 400
_FORMAT = re.compile(rb'"format"\s*:\s*"' + re.escape(FORMAT.encode("ascii")) + b'"')

#: Of folders that are made for a report: it tells of all hosts.
_FOLDER_MODE = 0o700

#: Their name where only a folder is given.
DEFAULT_NAME = "est-fleet-report"


def report_files(dest: str) -> Tuple[str, str]:
    """Return the JSON file and the HTML file of a report.

    :param dest: their common path without ending; one of both files; or a folder, which is there or ends in a slash.
    """
    whole = os.path.abspath(os.path.expanduser(dest))
    if dest.endswith("/") or os.path.isdir(whole):
        whole = os.path.join(whole, DEFAULT_NAME)
    stem, ending = os.path.splitext(whole)
    if ending.lower() not in (".html", ".json"):
        stem = whole
    return f"{stem}.json", f"{stem}.html"


def check_writable(dest: str) -> None:
    """Look whether a report can be written, before anything is done that would be told in it; makes its folder.

    :raises ReportError: it could not.
    """
    for file in report_files(dest):
        if os.path.isdir(file):
            raise ReportError(f"the fleet report cannot be written to {file}: it is a folder")
    _refuse_others(report_files(dest)[0])
    folder = os.path.dirname(report_files(dest)[0])
    # Only trying tells: the superuser may do what the file system does not let him do.
    try:
        with open_folder(folder, make=_FOLDER_MODE, parents=_FOLDER_MODE) as opened:
            opened.try_to_write()
    except OSError as error:
        raise ReportError(
            f"the fleet report cannot be written to {folder}: {error.strerror}; give a place that the user who runs "
            "ansible-playbook may write into"
        ) from None


def write_report(dest: str, document: Mapping[str, Any]) -> Tuple[str, str]:
    """Write both files of a report, each atomically, and return them.

    A new file can be read by its owner only; one that is there keeps the mode that it was given.

    :raises ReportError: a file cannot be written, or would replace something else; the old one is still there then.
    """
    json_file, html_file = report_files(dest)
    _refuse_others(json_file)
    try:
        with open_folder(os.path.dirname(json_file), make=_FOLDER_MODE, parents=_FOLDER_MODE) as folder:
            json_name, html_name = map(os.path.basename, (json_file, html_file))
            _replace(folder, json_name, serialise(dict(document)))
            _replace(folder, html_name, render_page(document, json_name=json_name))
    except OSError as error:
        where = error.filename or json_file
        raise ReportError(f"the fleet report cannot be written to {where}: {error.strerror}") from None
    return json_file, html_file


def _refuse_others(path: str) -> None:
    """Refuse to replace a file that is not a fleet report, by its first line or two: it may be many megabytes long.

    :raises ReportError: what is there would be lost.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(_START_OCTETS)
    except OSError:  # there is none; or whoever writes it finds out
        return
    if start.strip() and not _FORMAT.search(start):
        raise ReportError(
            f"the fleet report cannot be written to {path}: what is there is not a fleet report, and would be lost; "
            "give another place, or remove it"
        )


def _replace(folder: Folder, name: str, text: str) -> None:
    folder.write(name, text.encode("utf-8"), like=name)
