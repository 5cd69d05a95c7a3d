# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities in a CSV file, as spreadsheets and directories export them.

The first line names the columns: ``user``, ``domain``, ``email``, ``pkcs12_passphrase``, and variables without percent
signs. A byte order mark and empty lines count for nothing. Columns are separated by commas, semicolons or tabs,
whichever the first line has.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, List, Sequence, Tuple

from .._certificate.list_parameters import IDENTITIES_CSV as CSV
from .._certificate.outputs import PKCS12_PASSPHRASE
from .._template.errors import TemplateError, show

#: Octets of a file at most.
LONGEST = 64 * 1024 * 1024
_COLUMNS = ("user", "domain", "email")
_OWN_COLUMNS = (*_COLUMNS, PKCS12_PASSPHRASE)
_SEPARATORS = ",;\t"


def read_csv(content: bytes) -> List[Tuple[str, Dict[str, Any]]]:
    """The identities of a file, each with its place.

    :raises TemplateError: it is no such file; it names the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TemplateError(CSV, f"is not UTF-8 text, in line {line}", allowed="a CSV file in UTF-8") from None
    if "\0" in text:
        raise TemplateError(CSV, "has an octet 0 in it", allowed="a CSV file in UTF-8")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: Sequence[str] = ()
    found: List[Tuple[str, Dict[str, Any]]] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"{CSV}, line {reader.line_num}"
            if not columns:
                columns = _columns([cell.strip() for cell in cells])
            elif len(cells) != len(columns):
                raise TemplateError(
                    place,
                    f"has {len(cells)} columns, and the first line has {len(columns)}",
                    allowed=", ".join(columns),
                )
            else:
                row = dict(zip(columns, cells))
                values = {name: cell if name == PKCS12_PASSPHRASE else cell.strip() for name, cell in row.items()}
                found.append((place, _identity(values)))
    except csv.Error as error:
        raise TemplateError(CSV, f"cannot be read in line {reader.line_num}: {error}") from None
    if not found:
        raise TemplateError(CSV, "has no identity in it", allowed="a line with the names of columns, then identities")
    return found


def _columns(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if not name:
            raise TemplateError(CSV, "has a column without a name in its first line", allowed=", ".join(_COLUMNS))
        if names.count(name) > 1:
            raise TemplateError(CSV, "has a column twice in its first line", value=show(name))
    if not set(names) & set(_COLUMNS):
        raise TemplateError(
            CSV,
            "has no line with the names of columns",
            value=show(", ".join(names)),
            allowed=f"{', '.join(_COLUMNS)} (at least one of them), and names of variables",
        )
    return names


def _identity(row: Dict[str, str]) -> Dict[str, Any]:
    """An empty cell of user, domain or email is none; one of a variable leaves out what has that variable. An empty
    passphrase stays one, and is refused."""
    own = {column: value for column, value in row.items() if value and column in _COLUMNS}
    if PKCS12_PASSPHRASE in row:
        own[PKCS12_PASSPHRASE] = row[PKCS12_PASSPHRASE]
    return {**own, "variables": {column: value for column, value in row.items() if column not in _OWN_COLUMNS}}
