# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subject alternative name of a template: none, UPN, UPN and Email, or entries of one's own, with variables."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..names.errors import NameSyntaxError
from ..names.general_names import GENERAL_NAME_TYPES, GeneralName, parse_general_name, validate_general_name
from .errors import TemplateError, from_name_error, show
from .possible import check_possible
from .subject import read_directory_name
from .variables import parse_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION = "subject_alternative_name"
OPTION_OTHER = "subject_alternative_name_other"

#: The choices of the wizard that are entries by themselves.
ENTRIES_OF_CHOICE: dict[str, tuple[str, ...]] = {
    "none": (),
    "upn": ("UPN:%uname%@%domain%",),
    "upn_and_email": ("UPN:%uname%@%domain%", "email:%email%"),
}

_ADDRESS = ("a", "a.example", "a@a.example")
_STAND_INS: dict[str, Sequence[str]] = {
    "UPN": _ADDRESS,
    "email": _ADDRESS,
    "DNS": ("a", "a.example", "*.a"),
    "IP": ("1", "1.1", "1.1.1", "192.0.2.1", "::1", "1::1", ""),
    "URI": ("a", "https://a", "a:a", "1", "::1"),
    "RID": ("1", "1.3.6.1"),
    "SID": ("1", "S-1-5-21-1-1-1-1", "1-5-21-1-1-1-1", "5-21-1-1-1-1", "21-1-1-1-1", "1-1-1-1", "1-1-1", "1-1"),
}


@lru_cache(maxsize=64)  # the templates of a fleet mostly have the same entries
def read_entries(choice: str, entries: tuple[str, ...], custom: tuple[str, ...]) -> tuple[str, ...]:
    """Check the entries of ``subject_alternative_name_other`` and return them in canonical spelling.

    A value is checked as far as its variables let it be.

    :param choice: the option ``subject_alternative_name``; ``other`` needs entries, and entries need ``other``.
    :param custom: the custom user attributes that the template declares.
    :raises TemplateError: with the place of the entry that is wrong.
    """
    if choice == "other" and not entries:
        raise TemplateError(
            OPTION_OTHER,
            f"is missing, and {OPTION} is 'other'",
            allowed=f"a list of TYPE:value, TYPE one of {', '.join(GENERAL_NAME_TYPES)}",
        )
    if choice != "other" and entries:
        raise TemplateError(
            OPTION,
            f"uses no entries, and {OPTION_OTHER} has {len(entries)}",
            value=show(choice),
            allowed=f"'other', or no {OPTION_OTHER}",
            suggestion="other",
        )
    canonical: dict[str, int] = {}
    for index, entry in enumerate(entries):
        text = _read_entry(f"{OPTION_OTHER}[{index}]", entry, custom)
        first = canonical.setdefault(text, index)
        if first != index:
            raise TemplateError(
                f"{OPTION_OTHER}[{index}]", f"is in the list twice ({OPTION_OTHER}[{first}])", value=show(entry)
            )
    return tuple(canonical)


def entries_of(choice: str, other: Sequence[str]) -> tuple[GeneralName, ...]:
    """Return the entries that a checked template asks for, variables still in them."""
    texts = other if choice == "other" else ENTRIES_OF_CHOICE[choice]
    return tuple(parse_general_name(text) for text in texts)


def is_one_variable(value: str) -> bool:
    """Tell whether a value is a single variable, which may hold anything."""
    return len(value) > 2 and value[0] == value[-1] == "%" and value.count("%") == 2


def _read_entry(option: str, entry: str, custom: Sequence[str]) -> str:
    try:
        name = parse_general_name(entry)
        if name.type != "dirName" or is_one_variable(name.value):
            parse_variables(option, entry, custom)
        if name.type == "dirName":
            if not is_one_variable(name.value):
                name = GeneralName(name.type, read_directory_name(option, entry, name.value, custom))
        else:
            check_possible(
                parse_variables(option, name.value, custom),
                _STAND_INS[name.type],
                lambda value: validate_general_name(GeneralName(name.type, value)),
            )
    except NameSyntaxError as exc:
        raise from_name_error(option, entry, exc) from None
    return str(name)
