# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subject of a template: a distinguished name with variables, in the slash form or in that of RFC 4514.

The canonical form is the slash form, so two templates that say the same in different forms are equal. The name is taken
apart before its variables are filled in: what a variable holds ends in its attribute, whatever characters it has.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..names.attributes import ATTRIBUTE_NAMES, SubjectAttribute, check_attribute
from ..names.distinguished_names import is_slash_form, parse_distinguished_name
from ..names.errors import NameSyntaxError
from ..names.slash_dn import format_slash_dn, parse_slash_dn
from .errors import TemplateError, from_name_error, show
from .possible import check_possible
from .variables import Part, parse_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION = "subject"

_STAND_INS = ("1", "")
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
    :raises TemplateError: with what is wrong, and where there is one the likely intended text.
    """
    return read_directory_name(OPTION, text, text, custom)


def read_directory_name(option: str, whole: str, text: str, custom: Sequence[str]) -> str:
    """Check a distinguished name with variables, and return it as :func:`read_subject` does.

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
            _STAND_INS_OF.get(name, _STAND_INS),
            lambda value: check_attribute(SubjectAttribute(attribute.oid, value)),
        )
    except NameSyntaxError as exc:
        reason = exc.reason
        if any(part.is_variable for part in parts):
            reason = f"has a value of {name} that {reason}"
        raise TemplateError(option, reason, value=show(whole), allowed=exc.allowed, suggestion=exc.suggestion) from None
