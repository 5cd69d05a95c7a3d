# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between a template as it is declared and as it is on the host, for a program and in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

#: What is told of a secret, in place of its value.
SET = "(set)"
SET_DIFFERENT = "(set, different)"
NOT_SET = "(not set)"
UNUSABLE = "(cannot be opened)"
#: Stands for the value of a field that no template has: it was written by hand, and may be a secret in clear.
UNKNOWN_FIELD = "(unknown field)"

_LONGEST_NAME = 64


@dataclass(frozen=True)
class Difference:
    """One field that differs.

    :param field: its name.
    :param want: its value as it is declared, short and safe to show; of a secret :data:`SET` and so on.
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
            return f"{_quoted(self.field)} is no field of a template"
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
