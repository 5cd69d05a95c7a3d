# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user accepts of a certificate that is not what was asked for: the options ``on_lost`` and ``allowed_lost``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._names.attributes import ATTRIBUTE_OIDS, SubjectAttribute, attribute_oid
from .._names.comparison import comparable_attribute
from .._names.errors import NameSyntaxError
from .._names.general_names import (
    KINDS,
    canonical_general_name,
    comparable_general_name,
    find_type,
    parse_general_name,
)
from .._template.errors import TemplateError, closest, show
from .._value import Value
from .compare import ADDED, NAME, NOW, SUBJECT

#: What happens where a certificate is not what was asked for: it is told, it is a failure, or nothing.
WARN, FAIL, ACCEPT = "warn", "fail", "accept"
CHOICES = (WARN, FAIL, ACCEPT)
#: The options that ``Acceptance.read()`` checks, whatever type they have.
ACCEPTANCE_OPTIONS = ("on_lost", "allowed_lost")

_ALLOWED = (
    "an attribute of the subject such as emailAddress, a type of alternative name such as UPN, or one value such as "
    "emailAddress=jdoe@example.com or UPN:jdoe@example.com"
)


class _Name(Value):
    """A name that was asked for, or all of its kind.

    :param kind: ``subject`` or ``subject_alternative_name``.
    :param type: the object identifier of the attribute, or the type of the alternative name.
    :param value: in the form in which equal values are equal; ``None`` for every value.
    """

    kind: str
    type: str
    value: Optional[str] = None


class Acceptance(Value):
    """What is accepted.

    :param on_lost: one of ``CHOICES``.
    :param allowed_lost: names that may be lost, changed or added, as ``read()`` has checked them.
    """

    on_lost: str = WARN
    allowed_lost: Tuple[str, ...] = ()

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Acceptance:
        """Check the values of the two options. One that is missing, or None, has its default.

        :param options: with ``on_lost`` and ``allowed_lost`` of any type. A text is a list separated by commas,
            as in Ansible.
        :raises TemplateError: a value that cannot be used; it names the option.
        """
        on_lost = options.get("on_lost")
        if on_lost is None:
            on_lost = WARN
        if on_lost not in CHOICES:
            raise TemplateError(
                "on_lost",
                "is not allowed",
                value=show(on_lost),
                allowed=", ".join(CHOICES),
                suggestion=closest(on_lost, CHOICES),
            )
        given = options.get("allowed_lost")
        if given is None:
            given = []
        if isinstance(given, str):
            given = given.split(",")
        if not isinstance(given, (list, tuple)):
            raise TemplateError(
                "allowed_lost", "is not a list of names", value=show(given), allowed=f"a list; each entry {_ALLOWED}"
            )
        # Ansible turns an empty text, such as that of an empty variable, into a list with an empty text.
        given = [entry for entry in given if not isinstance(entry, str) or entry.strip()]
        for entry in given:
            _read_entry(entry)
        return cls(on_lost, tuple(given))

    @property
    def fails(self) -> bool:
        """Whether what is not accepted is a failure."""
        return self.on_lost == FAIL

    def accepted(self, entries: Sequence[str]) -> List[str]:
        """Those of the entries of ``lost`` or ``differs`` that are accepted.

        A name that may be lost may have another value as well, or be added. Another key, or a certificate of a CA, is
        accepted only by ``ACCEPT``.
        """
        if self.on_lost == ACCEPT:
            return list(entries)
        allowed = [_read_entry(entry) for entry in self.allowed_lost]
        return [entry for entry in entries if _is_allowed(_read_told(entry), allowed)]

    def unaccepted(self, entries: Sequence[str]) -> List[str]:
        """Those of the entries of ``lost`` or ``differs`` that are not accepted."""
        accepted = self.accepted(entries)
        return [entry for entry in entries if entry not in accepted]


def acceptance_argument_spec() -> Dict[str, Any]:
    """A new argument spec of the two options."""
    return {
        "on_lost": {"type": "str", "choices": list(CHOICES), "default": WARN},
        "allowed_lost": {"type": "list", "elements": "str", "default": []},
    }


def _is_allowed(told: Optional[_Name], allowed: Sequence[_Name]) -> bool:
    return told is not None and any(
        (name.kind, name.type) == (told.kind, told.type) and name.value in (None, told.value) for name in allowed
    )


def _read_told(text: str) -> Optional[_Name]:
    """The name that an entry of ``lost`` or ``differs`` is about; ``None`` where it is about no name."""
    kind, _space, rest = text.partition(" ")
    if kind not in (SUBJECT, NAME):
        return None
    # A value can have the words in it that follow a value: the last ones count where they end the line.
    name = rest[: -len(ADDED)] if rest.endswith(ADDED) else rest.partition(NOW)[0]
    try:
        return _read_name(kind, name)
    except NameSyntaxError:
        return None


def _read_entry(entry: Any) -> _Name:
    """Read an entry of ``allowed_lost``.

    :raises TemplateError: it is not a name that a CA can leave out.
    """
    if not isinstance(entry, str):
        raise TemplateError("allowed_lost", "is not a string", value=show(entry), allowed=_ALLOWED)
    first, _space, rest = entry.strip().partition(" ")
    kind = first.lower() if first.lower() in (SUBJECT, NAME) and rest.strip() else ""
    text = rest.strip() if kind else entry.strip()
    try:
        return _read_name(kind or _kind_of(text), text)
    except NameSyntaxError as error:
        suggestion = error.suggestion or _suggested(text)
        written, equals, value = text.partition("=")
        if error.suggestion and equals and ":" not in written:  # an attribute, whose name alone is suggested
            suggestion = f"{suggestion}={value}"
        raise TemplateError(
            "allowed_lost",
            "is not a name that a CA can leave out",
            value=show(entry),
            allowed=_ALLOWED,
            suggestion=suggestion,
        ) from None


def _kind_of(text: str) -> str:
    """The kind of a name: an alternative name has a colon after its type, an attribute an equals sign, if anything."""
    name = text.partition(":")[0]
    return NAME if find_type(name.strip()) or ("=" not in name and ":" in text) else SUBJECT


def _read_name(kind: str, text: str) -> _Name:
    """Read a name with or without a value.

    :raises NameSyntaxError: there is no such name.
    """
    if kind == NAME:
        if find_type(text):
            return _Name(kind, find_type(text))
        name = parse_general_name(text)
        try:
            name = canonical_general_name(name)
        except NameSyntaxError:  # a value that no certificate has, and that is equal to none
            pass
        name = comparable_general_name(name)
        return _Name(kind, name.type, name.value)
    written, equals, value = text.partition("=")
    oid = attribute_oid(written.strip())
    if not equals:
        return _Name(kind, oid)
    if not value:
        raise NameSyntaxError(f"has no value after '{written}='")
    return _Name(kind, oid, comparable_attribute(SubjectAttribute(oid, value)).value)


def _suggested(text: str) -> str:
    """What was probably meant, of both kinds of names, each with the sign that it has before its value."""
    written, sign, value = text.partition(min("=:", key=lambda sign: (text + sign).index(sign)))
    name = closest(written, (*ATTRIBUTE_OIDS, *KINDS))
    if not name or not sign:
        return name
    return f"{name}{'=' if name in ATTRIBUTE_OIDS else ':'}{value.strip()}" if value.strip() else name
