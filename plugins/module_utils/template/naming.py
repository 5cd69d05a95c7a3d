# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of plain text options: names and paths."""

from __future__ import annotations

import re
import unicodedata

from ..names.text import find_unprintable
from .errors import TemplateError, show

_LONGEST_NAME = 64
_ABSOLUTE_PATH = re.compile(r"/|[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/]+")


def check_text(option: str, value: str) -> None:
    """Refuse a text with control characters, of spaces only, or with spaces around it.

    :raises TemplateError: with the value, so never call it with a secret.
    """
    unprintable = find_unprintable(value)
    if unprintable:
        raise TemplateError(
            option, f"has a control character ({unprintable}) in it", value=show(value), allowed="printable characters"
        )
    stripped = value.strip()
    if not value:
        raise TemplateError(option, "is empty", allowed="a text")
    if not stripped:
        raise TemplateError(option, "has only spaces in it", value=show(value), allowed="a text")
    if stripped != value:
        raise TemplateError(option, "begins or ends with a space", value=show(value), suggestion=stripped)


def template_name(value: str) -> str:
    """Return the name of a template in Unicode normal form C, so that the same name is always the same text.

    :raises TemplateError: unless it has 1 to 64 characters, none of them a control character, and no spaces around it.
    """
    check_text("name", value)
    name = value if value.isascii() else unicodedata.normalize("NFC", value)
    if len(name) > _LONGEST_NAME:
        raise TemplateError(
            "name", f"has {len(name)} characters", value=show(value), allowed=f"1 to {_LONGEST_NAME} characters"
        )
    return name


def check_path(option: str, value: str) -> None:
    """Refuse a path on the host that is not absolute, neither as POSIX nor as Windows writes it.

    :raises TemplateError: with the path.
    """
    check_text(option, value)
    if not _ABSOLUTE_PATH.match(value):
        raise TemplateError(
            option,
            "is not an absolute path",
            value=show(value),
            allowed=r"/folder/file, C:\folder\file or \\host\share\file",
        )
