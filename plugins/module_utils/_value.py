# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values: objects that are nothing but their fields and never change, as those of a frozen dataclass are.

``dataclasses`` writes and compiles source text for every class, half a millisecond each, and loads ``inspect`` to do
so: that was two fifths of what the client took to start, beyond its libraries. Here nothing is generated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, NoReturn, Optional, Tuple, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options):
        """Tell a type checker that subclasses are made as dataclasses are; do nothing at run time."""
        return lambda decorated: decorated


_REQUIRED = object()
Self = TypeVar("Self", bound="Value")


class _Field:
    def __init__(
        self,
        default: Any = _REQUIRED,
        default_factory: Optional[Callable[[], Any]] = None,
        repr: bool = True,
        compare: bool = True,
    ) -> None:
        self.default, self.default_factory, self.repr, self.compare = default, default_factory, repr, compare


def field(
    *,
    default: Any = _REQUIRED,
    default_factory: Optional[Callable[[], Any]] = None,
    repr: bool = True,
    compare: bool = True,
) -> Any:
    """A field with more to say than a default value; the options are those of ``dataclasses.field()``.

    :param repr: False for a secret, or what would drown the rest: ``repr()`` leaves it out.
    :param compare: False for what makes no difference between two values.
    """
    return _Field(default, default_factory, repr, compare)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value:
    """A value. Its class names the fields as a dataclass does, and objects are made and compared in the same way::

        class Credentials(Value):
            username: str
            password: str = field(repr=False)

    Where a class has ``__post_init__()``, it is called when all fields are there.
    """

    _fields: Dict[str, _Field] = {}  # noqa: RUF012 (never changed)
    #: What fields have that are left out, and what makes that anew for each object.
    _defaults: Dict[str, Any] = {}  # noqa: RUF012
    _factories: Tuple[Tuple[str, Callable[[], Any]], ...] = ()

    def __init_subclass__(cls) -> None:
        fields = dict(cls._fields)
        for name, annotation in cls.__annotations__.items():
            # An older Python shows a class without annotations those of its parent, whose fields are there already.
            if not str(annotation).startswith("ClassVar") and (name in cls.__dict__ or name not in fields):
                default = cls.__dict__.get(name, _REQUIRED)
                fields[name] = default if isinstance(default, _Field) else _Field(default)
        cls._fields = fields
        cls._defaults = {
            name: one.default
            for name, one in fields.items()
            if one.default_factory is None and one.default is not _REQUIRED
        }
        cls._factories = tuple(
            (name, one.default_factory) for name, one in fields.items() if one.default_factory is not None
        )

    def __init__(self, *values: Any, **named: Any) -> None:
        """:raises TypeError: a field is missing, unknown, or given twice."""
        fields, given = self._fields, named
        if not named and len(values) == len(fields):
            self.__dict__.update(zip(fields, values))
            self.__post_init__()
            return
        right = True
        if values:
            given = dict(zip(fields, values))
            right = len(values) <= len(fields) and given.keys().isdisjoint(named)
            given.update(named)
        if len(given) != len(fields):
            given = {**self._defaults, **given}
            for name, make in self._factories:
                if name not in given:
                    given[name] = make()
        if not right or given.keys() != fields.keys():
            raise TypeError(f"{type(self).__name__} is made of these fields, each once: {', '.join(fields)}")
        self.__dict__.update(given)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; for classes that have something to check."""

    def replace(self: Self, **changes: Any) -> Self:
        """The same with other values in some fields."""
        return type(self)(**{**self.__dict__, **changes})

    def as_dict(self) -> Dict[str, Any]:
        """The fields by name, in their order."""
        return {name: self.__dict__[name] for name in self._fields}

    def _compared(self) -> Tuple[Any, ...]:
        return tuple(self.__dict__[name] for name, one in self._fields.items() if one.compare)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} never changes: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} never changes: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *self._compared()))

    def __repr__(self) -> str:
        shown = (f"{name}={self.__dict__[name]!r}" for name, one in self._fields.items() if one.repr)
        return f"{type(self).__name__}({', '.join(shown)})"
