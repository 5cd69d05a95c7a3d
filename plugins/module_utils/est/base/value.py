# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values: objects that are nothing but their fields and never change, as those of a frozen dataclass are.

``dataclasses`` writes and compiles source text for every class, half a millisecond each, and loads ``inspect`` to do
so: that was two fifths of what the client took to start, beyond its libraries. Here nothing is generated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, NoReturn, Tuple, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options):
        """What tells a type checker that subclasses are made as dataclasses are; at run time nothing."""
        return lambda decorated: decorated


_REQUIRED = object()
Self = TypeVar("Self", bound="Value")


class _Hidden:
    def __init__(self, default: Any) -> None:
        self.default = default


def not_shown(*, default: Any = _REQUIRED) -> Any:
    """A field that ``repr()`` leaves out: a secret, or what would drown the rest."""
    return _Hidden(default)


@dataclass_transform(frozen_default=True, field_specifiers=(not_shown,))
class Value:
    """A value. Its class names the fields as a dataclass does, and objects are made and compared in the same way::

    class Credentials(Value):
        username: str
        password: str = not_shown()
    """

    _names: Tuple[str, ...] = ()
    _known: FrozenSet[str] = frozenset()
    _hidden: FrozenSet[str] = frozenset()
    _defaults: Dict[str, Any] = {}  # noqa: RUF012 (never changed)

    def __init_subclass__(cls) -> None:
        given = {name: cls.__dict__.get(name, _REQUIRED) for name in cls.__annotations__}
        cls._names = tuple(given)
        cls._known = frozenset(given)
        cls._hidden = frozenset(name for name, default in given.items() if isinstance(default, _Hidden))
        given.update((name, given[name].default) for name in cls._hidden)
        cls._defaults = {name: default for name, default in given.items() if default is not _REQUIRED}

    def __init__(self, *values: Any, **named: Any) -> None:
        """:raises TypeError: a field is missing, unknown, or given twice."""
        fields = {**self._defaults, **dict(zip(self._names, values)), **named}
        once = not named or named.keys().isdisjoint(self._names[: len(values)])
        if fields.keys() != self._known or len(values) > len(self._names) or not once:
            raise TypeError(f"{type(self).__name__} is made of these fields, each once: {', '.join(self._names)}")
        self.__dict__.update(fields)

    def replace(self: Self, **changes: Any) -> Self:
        """The same with other values in some fields."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} never changes: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} never changes: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__[name] for name in self._names)))

    def __repr__(self) -> str:
        shown = (f"{name}={self.__dict__[name]!r}" for name in self._names if name not in self._hidden)
        return f"{type(self).__name__}({', '.join(shown)})"
