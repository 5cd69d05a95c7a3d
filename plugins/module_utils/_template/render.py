# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that a test of a template asks for: its subject and subject alternative name, the variables filled in.

"Cloud Extender substitutes template values that are not collected with Test or Blank." IBM does not say which variable
gets which. Here it is ``Test`` where the value is valid with it, as in most attributes of a subject and in free text.
Elsewhere, as in an IP address or an e-mail address, it is blank, and the whole attribute or entry is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._names.attributes import ATTRIBUTE_NAMES, Subject, SubjectAttribute, check_attribute
from .._names.distinguished_names import format_slash_dn
from .._names.errors import NameSyntaxError, normalized
from .._names.general_names import KINDS, GeneralName, canonical_general_name, validate_general_name
from .._value import Value
from .errors import TemplateError, show
from .identity import IDENTITY, OPTION_OF_VARIABLE
from .names import (
    OPTION_OTHER,
    SUBJECT,
    SUBJECT_ALTERNATIVE_NAME,
    AttributeTemplate,
    entries_of,
    is_one_variable,
    split_directory_name,
)
from .variables import VARIABLES, Part, close_variable, fill_in, parse_variables, variables_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .identity import TestIdentity
    from .model import Template

_BLANK = ""


class Rendered(Value):
    """What a test asks the certificate authority for.

    :param subject: the attributes of the subject, in order; may be empty when there is a subject alternative name.
    :param subject_alternative_names: the entries of the subject alternative name, in order.
    :param substitutions: each variable that was not collected, with what stands for it; empty for blank.
    :param left_out: the attributes and entries that were left out for it, as the template has them
        (``emailAddress=%email%``, ``IP:%Address%``).
    """

    subject: Subject
    subject_alternative_names: tuple[GeneralName, ...]
    substitutions: dict[str, str]
    left_out: tuple[str, ...]


def render(template: Template, identity: TestIdentity) -> Rendered:
    """Fill in a template's variables for a test.

    Values go into the attributes one by one, so a slash, comma or plus sign in a value stays text. They come out in
    Unicode normal form C, and entries as they are read back from a certificate.

    :raises TemplateError: a collected value is not valid where the template puts it (its type, its length), a variable
        of the identity does not exist, or nothing is left to ask for.
    """
    _check_names(identity, template)
    filler = _Filler(identity)
    attributes = filler.directory_name(
        SUBJECT, split_directory_name(SUBJECT, template.subject, template.custom_attributes)
    )
    names = filler.general_names(template)
    if not attributes and not names:
        raise TemplateError(
            SUBJECT,
            "has nothing left in it when the variables that are not collected are blank, and there is no subject"
            " alternative name either",
            value=show(template.subject),
            allowed="a value for one of its variables in the test identity",
        )
    return Rendered(attributes, names, filler.substitutions, tuple(filler.left_out))


class _Filler:
    """Fills in values, and remembers which were not collected and what was left out for it."""

    def __init__(self, identity: TestIdentity) -> None:
        self._values = identity.values()
        self._test_value = identity.test_value
        self.substitutions: dict[str, str] = {}
        self.left_out: list[str] = []

    def directory_name(self, option: str, attributes: Sequence[AttributeTemplate], start: str = "") -> Subject:
        """Fill in the attributes of a distinguished name."""
        filled: list[SubjectAttribute] = []
        for oid, parts in attributes:

            def check(text: str, oid: str = oid) -> None:
                check_attribute(SubjectAttribute(oid, normalized(text)))

            name = ATTRIBUTE_NAMES.get(oid, oid)
            value = self._text(option, f"{start}{name}=", parts, check, has_domain=name == "emailAddress")
            if value is not None:
                filled.append(SubjectAttribute(oid, normalized(value)))
        return tuple(filled)

    def general_names(self, template: Template) -> tuple[GeneralName, ...]:
        """Fill in the entries of a subject alternative name; equal ones are kept once."""
        filled: list[GeneralName] = []
        choice = template.subject_alternative_name
        for index, name in enumerate(entries_of(choice, template.subject_alternative_name_other)):
            option = f"{OPTION_OTHER}[{index}]" if choice == "other" else SUBJECT_ALTERNATIVE_NAME
            value = self._general_name(option, name, template.custom_attributes)
            if value is not None:
                filled.append(canonical_general_name(GeneralName(name.type, value)))
        return tuple(dict.fromkeys(filled))

    def _general_name(self, option: str, name: GeneralName, custom: Sequence[str]) -> str | None:
        if name.type == "dirName" and not is_one_variable(name.value):
            attributes = self.directory_name(option, split_directory_name(option, name.value, custom), "dirName:/")
            return format_slash_dn(attributes) or None
        return self._text(
            option,
            f"{name.type}:",
            parse_variables(option, name.value, custom),
            lambda text: validate_general_name(GeneralName(name.type, text)),
            has_domain=KINDS[name.type].has_domain,
        )

    def _text(
        self, option: str, start: str, parts: Sequence[Part], check: Callable[[str], None], *, has_domain: bool
    ) -> str | None:
        """Fill in one value; None when it is left out."""
        names = variables_in(parts)
        missing = [name for name in names if not self._values.get(name)]
        blank = [name for name in missing if name in self._values or not self._test_value]
        guesses = [name for name in missing if name not in blank]
        values = {**self._values, **dict.fromkeys(guesses, self._test_value), **dict.fromkeys(blank, _BLANK)}
        text = fill_in(parts, values)
        text = text.strip() if blank else text
        try:
            check(text)
        except NameSyntaxError as exc:
            if not missing:
                raise _wrong_value(option, start + text, names, exc) from None
            valid = False
        else:
            valid = not (has_domain and _ends_in(parts, guesses, self._values))
        if not valid:
            self.left_out.append(start + "".join(f"%{p.text}%" if p.is_variable else p.text for p in parts))
        for name in missing:
            if valid and name in guesses:
                self.substitutions[name] = self._test_value
            else:
                self.substitutions.setdefault(name, _BLANK)
        return text if valid else None


def _ends_in(parts: Sequence[Part], guesses: Sequence[str], values: dict[str, str]) -> bool:
    """Tell whether a variable that was not collected is behind the last ``@``: no domain is made up for an address."""
    for part in reversed(parts):
        if part.is_variable and part.text in guesses:
            return True
        if "@" in (values[part.text] if part.is_variable else part.text):
            return False
    return False


def _check_names(identity: TestIdentity, template: Template) -> None:
    """Refuse a variable of the identity that looks mistyped; other templates may use any other one."""
    for name in identity.variables:
        if name in VARIABLES or name in template.custom_attributes:
            continue
        close = close_variable(name, template.custom_attributes)
        if close:
            meant = close.split("%")[1]
            raise TemplateError(
                "variables",
                "is not a variable",
                value=show(name),
                suggestion=OPTION_OF_VARIABLE.get(meant, meant),
                where=IDENTITY,
            )


def _wrong_value(option: str, text: str, names: Sequence[str], error: NameSyntaxError) -> TemplateError:
    source = ", ".join(f"%{name}%" for name in names)
    reason = f"{error.reason}, with {source} filled in" if names else error.reason
    return TemplateError(option, reason, value=show(text), allowed=error.allowed)
