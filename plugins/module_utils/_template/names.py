# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and paths in the options of a template; its subject and subject alternative name, with variables in them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .._names.attributes import ATTRIBUTE_NAMES, SubjectAttribute, check_attribute
from .._names.distinguished_names import format_slash_dn, is_slash_form, parse_distinguished_name, parse_slash_dn
from .._names.errors import NameSyntaxError, find_unprintable, normalized
from .._names.general_names import KINDS, GeneralName, parse_general_name, validate_general_name
from .errors import TemplateError, from_name_error, show
from .variables import Part, check_possible, parse_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

# ----------------------------------------------------------------------------------------------------------------------
# Checks of plain text options: names and paths.

_LONGEST_NAME = 64
_ABSOLUTE_PATH = re.compile(r"/|[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/]+")


def check_text(option: str, value: str) -> None:
    """Refuse a text that has control characters or is surrounded by spaces, and one that is empty.

    :raises TemplateError: with the value, so never call this with a secret.
    """
    unprintable = find_unprintable(value)
    if unprintable:
        raise TemplateError(
            option, f"has a control character ({unprintable}) in it", value=show(value), allowed="printable characters"
        )
    stripped = value.strip()
    if not value:
        raise TemplateError(option, "is empty", allowed="a string")
    if not stripped:
        raise TemplateError(option, "has only spaces in it", value=show(value), allowed="a string")
    if stripped != value:
        raise TemplateError(option, "begins or ends with a space", value=show(value), suggestion=stripped)


def template_name(value: str) -> str:
    """Return the name of a template in Unicode normal form C, so that the same name is always the same text.

    :raises TemplateError: unless it has 1 to 64 characters, none of them a control character, and no spaces around it.
    """
    check_text("name", value)
    name = normalized(value)
    if len(name) > _LONGEST_NAME:
        raise TemplateError(
            "name", f"has {len(name)} characters", value=show(value), allowed=f"1 to {_LONGEST_NAME} characters"
        )
    return name


def check_path(option: str, value: str) -> None:
    """Refuse a path on the host that is absolute neither on POSIX nor on Windows.

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


# ----------------------------------------------------------------------------------------------------------------------
# The subject of a template: a distinguished name with variables, in the slash form or in that of RFC 4514.
#
# The canonical form is the slash form, so two templates that say the same in different forms are equal. The name is
# split before its variables are filled in: what a variable holds stays in its attribute, whatever characters it has.

SUBJECT = "subject"

_SUBJECT_STAND_INS = ("1", "")
_STAND_INS_OF: dict[str, Sequence[str]] = {"C": ("US", "U", ""), "emailAddress": ("a@a.example", "a", "a.example", "")}


class AttributeTemplate(NamedTuple):
    """One attribute of a distinguished name with variables: an object identifier and the parts of the value."""

    oid: str
    parts: tuple[Part, ...]


@lru_cache(maxsize=64)  # the templates of a fleet mostly have the same subject
def read_subject(text: str, custom: tuple[str, ...]) -> str:
    """Check the subject of a template, and return it in the slash form with IBM's spelling of the attribute names.

    A value is checked as far as its variables let it be.

    :param custom: the custom user attributes that the template declares.
    :raises TemplateError: with what is wrong, and with the text that was probably meant.
    """
    return read_directory_name(SUBJECT, text, text, custom)


def read_directory_name(option: str, whole: str, text: str, custom: Sequence[str]) -> str:
    """Check a distinguished name with variables, and return it as ``read_subject()`` does.

    :param whole: the whole value of the option, to be shown in an error.
    :param text: the distinguished name in it.
    """
    if is_slash_form(text):
        # Before the name is taken apart, for the better error. In the other form the name of a variable can have
        # escapes in it, so the variables are looked at in each value.
        parse_variables(option, whole, custom)
    try:
        attributes = parse_distinguished_name(text)
    except NameSyntaxError as exc:
        raise from_name_error(option, whole, exc) from None
    for attribute in attributes:
        _check_value(option, whole, attribute, custom)
    return format_slash_dn(attributes)


def split_directory_name(option: str, text: str, custom: Sequence[str]) -> tuple[AttributeTemplate, ...]:
    """Return the attributes of a checked distinguished name in the slash form, each with the parts of its value."""
    return _split(option, text, tuple(custom))


@lru_cache(maxsize=256)
def _split(option: str, text: str, custom: tuple[str, ...]) -> tuple[AttributeTemplate, ...]:
    return tuple(
        AttributeTemplate(attribute.oid, parse_variables(option, attribute.value, custom))
        for attribute in parse_slash_dn(text)
    )


def _check_value(option: str, whole: str, attribute: SubjectAttribute, custom: Sequence[str]) -> None:
    parts = parse_variables(option, attribute.value, custom)
    name = ATTRIBUTE_NAMES.get(attribute.oid, attribute.oid)
    try:
        check_possible(
            parts,
            _STAND_INS_OF.get(name, _SUBJECT_STAND_INS),
            lambda value: check_attribute(SubjectAttribute(attribute.oid, value)),
        )
    except NameSyntaxError as exc:
        reason = exc.reason
        if any(part.is_variable for part in parts):
            reason = f"has a value of {name} that {reason}"
        raise TemplateError(option, reason, value=show(whole), allowed=exc.allowed, suggestion=exc.suggestion) from None


# ----------------------------------------------------------------------------------------------------------------------

SUBJECT_ALTERNATIVE_NAME = "subject_alternative_name"
OPTION_OTHER = "subject_alternative_name_other"

#: The choices of the wizard that are entries by themselves.
ENTRIES_OF_CHOICE: dict[str, tuple[str, ...]] = {
    "none": (),
    "upn": ("UPN:%uname%@%domain%",),
    "upn_and_email": ("UPN:%uname%@%domain%", "email:%email%"),
}


@lru_cache(maxsize=64)  # the templates of a fleet mostly have the same entries
def read_entries(choice: str, entries: tuple[str, ...], custom: tuple[str, ...]) -> tuple[str, ...]:
    """Check the entries of ``subject_alternative_name_other`` and return them in canonical spelling.

    A value is checked as far as its variables let it be.

    :param choice: the option ``subject_alternative_name``; ``other`` needs entries, and entries need ``other``.
    :param custom: the custom user attributes that the template declares.
    :raises TemplateError: it names the entry that is wrong.
    """
    if choice == "other" and not entries:
        raise TemplateError(
            OPTION_OTHER,
            f"is missing, and {SUBJECT_ALTERNATIVE_NAME} is 'other'",
            allowed=f"a list of TYPE:value, TYPE one of {', '.join(KINDS)}",
        )
    if choice != "other" and entries:
        raise TemplateError(
            SUBJECT_ALTERNATIVE_NAME,
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
    """Return the entries that a checked template asks for, with the variables in them."""
    texts = other if choice == "other" else ENTRIES_OF_CHOICE[choice]
    return tuple(parse_general_name(text) for text in texts)


def is_one_variable(value: str) -> bool:
    """Tell whether a value is a single variable, which may hold anything."""
    return len(value) > 2 and value[0] == value[-1] == "%" and value.count("%") == 2


def _read_entry(option: str, entry: str, custom: Sequence[str]) -> str:
    try:
        name = parse_general_name(entry)
        if name.type == "dirName" and not is_one_variable(name.value):
            return f"{name.type}:{read_directory_name(option, entry, name.value, custom)}"
        parse_variables(option, entry, custom)  # for the error, which shows the whole entry
        check_possible(
            parse_variables(option, name.value, custom),
            KINDS[name.type].stand_ins,
            lambda value: validate_general_name(GeneralName(name.type, value)),
        )
    except NameSyntaxError as exc:
        raise from_name_error(option, entry, exc) from None
    return str(name)
