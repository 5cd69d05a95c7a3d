# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a template: what Cloud Extender fills in for each device and user.

A variable is written ``%name%``, a percent sign ``%%``. A custom user attribute of the portal is a variable too, under
any name: a template declares those it uses in ``custom_attributes``, so that a mistyped variable is not taken for one.
"""

from __future__ import annotations

import functools
import re
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from .._names.errors import NameSyntaxError, find_unprintable
from .._value import Value
from .errors import TemplateError, show
from .fields import SECRET_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# ----------------------------------------------------------------------------------------------------------------------
# Whether a text with variables can be valid at all.
#
# What a variable will hold is not known when a template is checked. So stand-ins are tried: a text is refused where
# none of them makes it valid, as ``300.1.1.%x%`` can never be an IP address.

# With more variables than this there are too many combinations to try, and almost anything is possible.
_MOST_VARIABLES = 3


def check_possible(parts: Sequence[Part], stand_ins: Sequence[str], check: Callable[[str], None]) -> None:
    """Refuse a text that its check refuses whatever its variables hold; without variables, simply check it.

    :param stand_ins: values to try, the likeliest first.
    :param check: raises ``NameSyntaxError`` for a text that is not valid.
    :raises NameSyntaxError: that of the check; for a text with variables, one that does not mention a stand-in.
    """
    names = variables_in(parts)
    if not names:
        check(fill_in(parts, {}))
        return
    if len(names) > _MOST_VARIABLES:
        return
    allowed = ""
    for values in product(stand_ins, repeat=len(names)):
        try:
            check(fill_in(parts, dict(zip(names, values))))
        except NameSyntaxError as exc:
            allowed = allowed or exc.allowed
        else:
            return
    raise NameSyntaxError("cannot be valid, whatever its variables hold", allowed=allowed)


# ----------------------------------------------------------------------------------------------------------------------


class Variable(Value):
    """A variable that Cloud Extender has by itself.

    ``needs_user_visibility`` says that it is filled in only where the User Visibility module is configured.
    """

    name: str
    meaning: str
    needs_user_visibility: bool = False


class Part(NamedTuple):
    """A part of a text: the name of a variable, or plain text."""

    text: str
    is_variable: bool


#: The variables of IBM's documentation, by name.
VARIABLES: dict[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable("udid", "UDID of the device"),
        Variable("csn", "MaaS360 device ID"),
        Variable("uname", "user name of the device owner"),
        Variable("domain", "domain of the user"),
        Variable("email", "e-mail address of the user"),
        Variable("imei", "IMEI of the device"),
        Variable("model", "model of the device"),
        Variable("sim", "SIM number of the device"),
        Variable("phnumber", "phone number of the device"),
        Variable("ou", "organizational unit of the user", True),
        Variable("cn", "common name of the user", True),
        Variable("dc", "domain component of the user", True),
        Variable("dn", "distinguished name of the user", True),
    )
}

#: A portal defines at most this many custom user attributes.
MOST_CUSTOM_ATTRIBUTES = 30

#: The portal's wildcards, a different list, and what a template writes for each.
PORTAL_WILDCARDS: dict[str, str] = {"upn": "%uname%@%domain%", "username": "%uname%", "deviceid": "%csn%"}

_PLACEHOLDER = "%replace%"
_LONGEST_NAME = 64
_NOT_IN_A_NAME = re.compile(r"[%/\\=+]")
_UNIT = re.compile(r"%%|%([^%]+)%|[^%]+|%")


def parse_variables(option: str, text: str, custom: Sequence[str]) -> tuple[Part, ...]:
    """Split a text into variables and plain text, in which ``%%`` has become ``%``.

    :param option: the option that holds the text, for the error.
    :param custom: the custom user attributes that the template declares.
    :raises TemplateError: a variable is unknown, or a percent sign is neither part of one nor doubled.
    """
    return (Part(text, False),) if "%" not in text else _parsed(option, text, tuple(custom))


@functools.lru_cache(maxsize=256)
def _parsed(option: str, text: str, custom: tuple[str, ...]) -> tuple[Part, ...]:
    """See ``parse_variables()``: a template is filled in for thousands of identities."""
    parts: list[Part] = []
    for unit in _UNIT.finditer(text):
        written, name = unit.group(), unit.group(1)
        if name is not None:
            if name not in VARIABLES and name not in custom:
                raise _unknown_variable(option, text, name, custom)
            parts.append(Part(name, True))
        elif written == "%":
            raise TemplateError(
                option,
                f"has an unbalanced '%' at character {unit.start() + 1}",
                value=show(text),
                allowed="%name% for a variable, %% for a percent sign",
            )
        else:
            parts.append(Part("%" if written == "%%" else written, False))
    if "%%" in text:
        _refuse_doubled(option, text, parts, custom)
    return tuple(parts)


def fill_in(parts: Sequence[Part], values: Mapping[str, str]) -> str:
    """Put a value in the place of each variable."""
    return "".join(values[part.text] if part.is_variable else part.text for part in parts)


def variables_in(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the names of the variables, each once, in the order of their first use."""
    return tuple(dict.fromkeys(part.text for part in parts if part.is_variable))


def check_custom_attributes(names: Sequence[str]) -> None:
    """Check the declared custom user attributes.

    :raises TemplateError: there are more than 30, one is there twice, is not the name of an attribute, or is that of a
        variable.
    """
    if len(names) > MOST_CUSTOM_ATTRIBUTES:
        raise TemplateError(
            "custom_attributes",
            f"has {len(names)} names",
            allowed=f"at most {MOST_CUSTOM_ATTRIBUTES}, the most that a portal defines",
        )
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        option = f"custom_attributes[{index}]"
        _check_custom_attribute(option, name)
        if seen.setdefault(name.casefold(), index) != index:
            first = seen[name.casefold()]
            raise TemplateError(option, f"is in the list twice (custom_attributes[{first}])", value=show(name))


def refuse_placeholder(values: Mapping[str, Any]) -> None:
    """Refuse a template that still holds ``%REPLACE%``, which an administrator must edit, in any of its options.

    :raises TemplateError: naming the option; a secret's value is not shown.
    """
    for option, value in values.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and "%" in text and _PLACEHOLDER in text.lower():
                raise TemplateError(
                    option,
                    "still holds the placeholder %REPLACE%, which an administrator must replace with the real value",
                    value="" if option in SECRET_FIELDS else show(text),
                )


def close_variable(name: str, custom: Sequence[str] = ()) -> str:
    """Return the variable (``%uname%``) that was probably meant by one that does not exist, or an empty string."""
    folded = name.strip().casefold()
    if folded in PORTAL_WILDCARDS:
        return PORTAL_WILDCARDS[folded]
    by_folded = {known.casefold(): known for known in (*VARIABLES, *custom)}
    if folded in by_folded:
        return f"%{by_folded[folded]}%"
    import difflib  # here, because only an error needs it

    close = difflib.get_close_matches(folded.replace("-", "").replace("_", ""), by_folded, n=1, cutoff=0.72)
    return f"%{by_folded[close[0]]}%" if close else ""


def _unknown_variable(option: str, text: str, name: str, custom: Sequence[str]) -> TemplateError:
    if name != name.strip() or find_unprintable(name):
        return TemplateError(
            option,
            f"has {show('%' + name + '%')}, which is not a variable",
            value=show(text),
            allowed="%name% for a variable, %% for a percent sign",
            suggestion=close_variable(name, custom),
        )
    if name.casefold() in PORTAL_WILDCARDS:
        reason = f"has %{name}%, which is a wildcard of the portal and no variable of a template"
        return TemplateError(option, reason, value=show(text), suggestion=close_variable(name, custom))
    known = ", ".join(f"%{known}%" for known in (*VARIABLES, *custom))
    return TemplateError(
        option,
        f"has the unknown variable %{name}%",
        value=show(text),
        allowed=f"{known}; and a custom user attribute, where custom_attributes lists {show(name)}",
        suggestion=close_variable(name, custom),
    )


def _refuse_doubled(option: str, text: str, parts: Sequence[Part], custom: Sequence[str]) -> None:
    """Refuse ``%%uname%%``: it would be the text ``%uname%``, and it is always meant to be the variable."""
    percent = Part("%", False)
    for before, (name, is_variable), after in zip(parts, parts[1:], parts[2:]):
        if is_variable or before != percent or after != percent:
            continue
        if name in VARIABLES or name in custom or name.casefold() in PORTAL_WILDCARDS:
            raise TemplateError(
                option,
                f"has %%{name}%%, which is the text %{name}% and not a variable",
                value=show(text),
                suggestion=close_variable(name, custom),
            )


def _check_custom_attribute(option: str, name: str) -> None:
    unprintable = find_unprintable(name)
    if unprintable:
        raise TemplateError(option, f"has a control character ({unprintable}) in it", value=show(name))
    stripped = name.strip().strip("%").strip()
    if stripped != name and not _NOT_IN_A_NAME.search(stripped):
        raise TemplateError(
            option, "is not the plain name of an attribute", value=show(name), allowed="Any Name", suggestion=stripped
        )
    if _NOT_IN_A_NAME.search(name):
        raise TemplateError(
            option, "has a character that no attribute's name has", value=show(name), allowed=r"no %, /, \, = and +"
        )
    if len(name) > _LONGEST_NAME:
        raise TemplateError(option, f"has {len(name)} characters", value=show(name), allowed=f"at most {_LONGEST_NAME}")
    folded = name.casefold()
    if folded in VARIABLES:
        raise TemplateError(
            option,
            f"is the name of the variable %{folded}%, which needs no declaration",
            value=show(name),
            allowed="names of custom user attributes",
        )
    if folded in PORTAL_WILDCARDS:
        raise TemplateError(
            option,
            f"is a wildcard of the portal: write {PORTAL_WILDCARDS[folded]} in the template",
            value=show(name),
            allowed="names of custom user attributes",
        )
