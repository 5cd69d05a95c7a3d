# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this package: a template, or the identity of a test, that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._names.errors import NameSyntaxError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_SHOWN = 120


class TemplateError(ValueError):
    """A wrong option of a template, told in one or two sentences.

    :param option: the option that is wrong.
    :param reason: what is wrong, as a predicate: it reads after the value (``"is not a port number"``).
    :param value: the value as ``show()`` gives it, so safe to be seen; empty for a secret, and where there is none.
    :param allowed: what is allowed instead, or an empty string.
    :param suggestion: the likely intended value, or an empty string.
    :param where: where the option is, such as ``templates[2]``, or an empty string.
    :param template: the name of the template as ``show()`` gives it, or an empty string.
    """

    code = "invalid_option"

    def __init__(
        self,
        option: str,
        reason: str,
        *,
        value: str = "",
        allowed: str = "",
        suggestion: str = "",
        where: str = "",
        template: str = "",
    ) -> None:
        super().__init__(option, reason, value, allowed, suggestion, where, template)
        self.option = option
        self.reason = reason
        self.value = value
        self.allowed = allowed
        self.suggestion = suggestion
        self.where = where
        self.template = template

    def at(self, where: str, template: str = "") -> TemplateError:
        """Return the same error with its place: ``where`` before the option, and the name of the template."""
        return TemplateError(
            self.option,
            self.reason,
            value=self.value,
            allowed=self.allowed,
            suggestion=self.suggestion,
            where=f"{where}.{self.where}" if self.where else where,
            template=template or self.template,
        )

    @property
    def sentence(self) -> str:
        """What is wrong, without a full stop and without the suggestion."""
        option = f"{self.where}.{self.option}" if self.where and self.option else self.where or self.option
        text = f"{option} of template {self.template}: " if self.template else f"{option}: "
        text += f"{self.value} {self.reason}" if self.value else self.reason
        if self.allowed:
            text += f" (allowed: {self.allowed})"
        return text

    @property
    def hint(self) -> str:
        """What was probably meant, or an empty string."""
        return f"Did you mean {show(self.suggestion)}?" if self.suggestion else ""

    def __str__(self) -> str:
        return f"{self.sentence}. {self.hint}".rstrip()


def show(value: object) -> str:
    """Return a value as it may stand in an error: quoted, on one line, and not longer than a line or two.

    Never call it with a secret.
    """
    if isinstance(value, str):
        return quote(value)
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 4]}...'"


def closest(value: object, choices: Iterable[str]) -> str:
    """Return the one of several names that a wrong value was probably meant to be, or an empty string."""
    wanted = _plain(str(value))
    by_plain = {_plain(choice): choice for choice in choices}
    if wanted in by_plain:
        return by_plain[wanted]
    import difflib  # here, because only an error needs it

    found = difflib.get_close_matches(wanted, by_plain, n=1, cutoff=0.65)
    return by_plain[found[0]] if found else ""


def from_name_error(option: str, value: str, error: NameSyntaxError) -> TemplateError:
    """Turn an error about a name into one about the option that holds it."""
    return TemplateError(option, error.reason, value=show(value), allowed=error.allowed, suggestion=error.suggestion)


def _plain(text: str) -> str:
    return text.strip().lower().replace("-", "_").replace(" ", "_")
