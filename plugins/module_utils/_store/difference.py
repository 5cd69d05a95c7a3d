# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a template as it is declared and as it is on the host, for a program and in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._template.fields import FIELDS, SECRET_FIELDS
from .._value import Value
from .reading import can_be_opened, safe_value, short_value

if TYPE_CHECKING:
    from .adapter import Observed
    from .decision import PlannedTemplate
    from .document import StoredTemplate

#: What is told of a secret, in place of its value.
SET = "(set)"
SET_DIFFERENT = "(set, different)"
NOT_SET = "(not set)"
UNUSABLE = "(cannot be opened)"
#: Stands for the value of a field that no template has: it was written by hand, and may be a secret in clear.
UNKNOWN_FIELD = "(unknown field)"

_LONGEST_NAME = 64


class Difference(Value):
    """One field that differs.

    :param field: its name.
    :param want: its value as it is declared, short and safe to show; of a secret ``SET`` and so on.
    :param have: its value as it is on the host, in the same way.
    :param secret: whether the field is a secret.
    """

    field: str
    want: Any
    have: Any
    secret: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as a result holds it."""
        found = {"field": self.field, "want": self.want, "have": self.have}
        return {**found, "secret": True} if self.secret else found

    def __str__(self) -> str:
        if self.secret:
            return f"{self.field} {self._secret_in_words()}"
        if self.have == UNKNOWN_FIELD:
            return f"{_quoted(self.field)} is not a field of a template"
        if not is_set(self.have):
            return f"{self.field} is not set, and should be {_in_words(self.want)}"
        if not is_set(self.want):
            return f"{self.field} is {_in_words(self.have)}, and should not be set"
        return f"{self.field} is {_in_words(self.have)}, not {_in_words(self.want)}"

    def _secret_in_words(self) -> str:
        if self.have == UNUSABLE:
            return "cannot be opened"
        if self.have == self.want:
            return "was written into the fields by hand"
        if self.have == NOT_SET:
            return "is not set"
        return "is set, and should not be" if self.want == NOT_SET else "is another one"


def is_set(value: Any) -> bool:
    """Say whether a field has a value: neither None nor an empty list."""
    return value is not None and value != []


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(entry) for entry in value)
    if isinstance(value, str):
        return value if value.startswith(("certificate with ", "certificates with ", "(")) else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    shown = f"'{text}'" if text.isprintable() else repr(text)
    return shown if len(shown) <= 2 * _LONGEST_NAME else f"{shown[: 2 * _LONGEST_NAME - 4]}...'"


# ----------------------------------------------------------------------------------------------------------------------
# What a plan changes, as plain data without secrets: of a secret it only says that it is set, or differs.

_PLAIN_FIELDS = tuple(field.name for field in FIELDS if not field.secret)


class Diff:
    """Before and after, only with what changes.

    :param problems: what is wrong with the store now and will be put right, in words.
    :param of_store: what changes of the store as a whole: before and after by name.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.of_store: dict[str, tuple[Any, Any]] = {}
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}

    def add(self, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Add one template; None where it does not exist, and nothing when nothing changes."""
        if before:
            self._before[name] = dict(before)
        if after:
            self._after[name] = dict(after)

    def before(self) -> dict[str, Any]:
        """Return what is there now."""
        result: dict[str, Any] = {"store_problems": list(self.problems)} if self.problems else {}
        result.update((name, before) for name, (before, _after) in self.of_store.items())
        if self._before:
            result["templates"] = self._before
        return result

    def after(self) -> dict[str, Any]:
        """Return what will be there."""
        result = {name: after for name, (_before, after) in self.of_store.items()}
        return {**result, "templates": self._after} if self._after else result


def plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored template that may be shown: those that a template has and that are not secret."""
    return {name: safe_value(fields.get(name)) for name in _PLAIN_FIELDS if name in fields}


def describe_template(fields: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """Return the fields that are set, and that the secrets are set."""
    described = {name: value for name, value in plain_fields(fields).items() if is_set(value)}
    described.update((name, SET) for name in secrets)
    return described


def describe_change(
    changed: Iterable[str], stored: StoredTemplate, planned: PlannedTemplate, observed: Observed
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return before and after of the fields and secrets that change."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in changed:
        if name in _PLAIN_FIELDS:
            before[name], after[name] = (safe_value(entry.fields.get(name)) for entry in (stored, planned))
        elif name in SECRET_FIELDS:
            before[name], after[name] = _describe_secret(name, stored, planned, observed)
        else:
            before[name] = UNKNOWN_FIELD
    return before, after


def find_differences(
    changed: Iterable[str], stored: StoredTemplate, planned: PlannedTemplate, observed: Observed
) -> tuple[Difference, ...]:
    """Return what differs in the fields and secrets that change."""
    before, after = describe_change(changed, stored, planned, observed)
    return tuple(
        Difference(name, short_value(after.get(name)), short_value(have), secret=name in SECRET_FIELDS)
        for name, have in before.items()
    )


def _describe_secret(
    name: str, stored: StoredTemplate, planned: PlannedTemplate, observed: Observed
) -> tuple[str, str]:
    before = NOT_SET
    if name in stored.secrets:
        before = SET if can_be_opened(stored, name, observed) else UNUSABLE
    if name in planned.seal:
        return before, SET_DIFFERENT if before == SET else SET
    return before, SET if name in planned.keep else NOT_SET
